/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The slow paths of the readers' and writers' lock. Who has to wait sets RWMUTEX_WANTED before it
 * sleeps; whoever leaves the lock empty then clears it and wakes all of them to try again.
 */
#include "core/rwmutex.h"

/* Add `mine` (1: a reader, or RWMUTEX_WRITER) if no state in `against` stands against it; else set
 * RWMUTEX_WANTED. */
static bool rwmutex_try(struct rwmutex *m, uint32_t mine, uint32_t against)
{
	uint32_t state = atomic_load_explicit(&m->state, memory_order_relaxed), new;

	do
		new = (state & against) == 0 ? state + mine : state | RWMUTEX_WANTED;
	while (!atomic_compare_exchange_weak_explicit(&m->state, &state, new, memory_order_acquire,
						      memory_order_relaxed));
	return (state & against) == 0;
}

void rwmutex_read_lock_contended(struct rwmutex *m)
{
	(void)waitq_wait(&m->waiters, rwmutex_try(m, 1, RWMUTEX_WRITER | RWMUTEX_WANTED), NEVER, 0,
			 "a lock of the kernel");
}

void rwmutex_write_lock_contended(struct rwmutex *m)
{
	(void)waitq_wait(&m->waiters, rwmutex_try(m, RWMUTEX_WRITER, ~RWMUTEX_WANTED), NEVER, 0,
			 "a lock of the kernel");
}

void rwmutex_wake(struct rwmutex *m)
{
	uint32_t state = RWMUTEX_WANTED;

	/* Fails if somebody has taken it meanwhile: then that one wakes them. */
	if (atomic_compare_exchange_strong_explicit(&m->state, &state, 0, memory_order_relaxed,
						    memory_order_relaxed))
		waitq_wake(&m->waiters, UINT32_MAX);
}
