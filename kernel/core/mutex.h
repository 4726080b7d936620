/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The sleeping lock: for what takes long, sleeps, or touches program memory. Who cannot have it
 * spins a little (its holder may be about to give it back on another CPU) and then sleeps.
 *
 * No spin lock may be held where one is taken. Several mutexes are taken in the order that their
 * owner says. A holder that sleeps for something that need not come is waited for interruptibly.
 */
#ifndef CORE_MUTEX_H
#define CORE_MUTEX_H

#include "core/thread.h"

struct mutex {
	_Atomic uint32_t state; /* MUTEX_* */
	struct waitq waiters;
};

#define MUTEX_FREE 0u
#define MUTEX_HELD 1u
#define MUTEX_WANTED 2u /* held, and somebody may sleep on waiters */

#define MUTEX_INIT(name)                                                                           \
	{                                                                                          \
		.waiters = {                                                                       \
			.lock = SPINLOCK_INIT(LOCK_WAITQ),                                         \
			.waiters = LIST_INIT((name).waiters.waiters),                              \
		}                                                                                  \
	}

static inline void mutex_init(struct mutex *m)
{
	atomic_init(&m->state, MUTEX_FREE);
	waitq_init(&m->waiters);
}

/* mutex.c: m is held by somebody else. flags of thread_sleep(): 0, or -ERESTARTSYS. */
int mutex_lock_contended(struct mutex *m, unsigned flags);

static ALWAYS_INLINE bool mutex_trylock(struct mutex *m)
{
	uint32_t expected = MUTEX_FREE;

	/* Acquire: pairs with the release in mutex_unlock(). */
	return atomic_compare_exchange_strong_explicit(&m->state, &expected, MUTEX_HELD,
						       memory_order_acquire, memory_order_relaxed);
}

/* Not interrupted by signals. */
static ALWAYS_INLINE void mutex_lock(struct mutex *m)
{
	if (unlikely(!mutex_trylock(m)))
		(void)mutex_lock_contended(m, 0);
}

/* 0, or -ERESTARTSYS: a signal came first. */
MUST_CHECK static ALWAYS_INLINE int mutex_lock_interruptible(struct mutex *m)
{
	return mutex_trylock(m) ? 0 : mutex_lock_contended(m, SLEEP_INTERRUPTIBLE);
}

static ALWAYS_INLINE void mutex_unlock(struct mutex *m)
{
	/* Release: pairs with the acquire of the next holder. */
	if (unlikely(atomic_exchange_explicit(&m->state, MUTEX_FREE, memory_order_release) ==
		     MUTEX_WANTED))
		waitq_wake(&m->waiters, 1);
}

#endif
