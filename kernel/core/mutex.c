/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The sleeping lock's slow path. One sleeper is woken at a time; it takes the lock as MUTEX_WANTED,
 * because it cannot know whether it was the last one, so that its own unlock wakes the next.
 */
#include "core/mutex.h"

#define MUTEX_SPINS 100u

/* True if m was taken. Only a holder on another CPU gives it back meanwhile. */
static bool mutex_spin(struct mutex *m)
{
	for (unsigned i = 0; i < MUTEX_SPINS; i++) {
		if (atomic_load_explicit(&m->state, memory_order_relaxed) == MUTEX_FREE &&
		    mutex_trylock(m))
			return true;
		arch_pause();
	}
	return false;
}

int mutex_lock_contended(struct mutex *m, unsigned flags)
{
	int err;

	if (CONFIG_NR_CPUS > 1 && mutex_spin(m))
		return 0;
	err = waitq_wait(&m->waiters,
			 atomic_exchange_explicit(&m->state, MUTEX_WANTED, memory_order_acquire) ==
				 MUTEX_FREE,
			 NEVER, flags, "a lock of the kernel");
	/* If a wake-up came too, it is somebody else's. */
	if (err != 0 && atomic_load_explicit(&m->state, memory_order_relaxed) == MUTEX_FREE)
		waitq_wake(&m->waiters, 1);
	return err;
}
