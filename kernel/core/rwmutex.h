/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The sleeping lock for many readers or one writer. Who finds that somebody waits gets behind him,
 * so that readers that come and go do not keep a writer out.
 *
 * No spin lock may be held where one is taken; see mutex.h.
 */
#ifndef CORE_RWMUTEX_H
#define CORE_RWMUTEX_H

#include "core/thread.h"

struct rwmutex {
	_Atomic uint32_t state; /* readers in it, and RWMUTEX_* */
	struct waitq waiters;
};

#define RWMUTEX_WRITER (1u << 30)
#define RWMUTEX_WANTED (1u << 31) /* somebody may sleep on waiters */

static inline void rwmutex_init(struct rwmutex *m)
{
	atomic_init(&m->state, 0);
	waitq_init(&m->waiters);
}

/* rwmutex.c: the lock is not to be had at once. */
void rwmutex_read_lock_contended(struct rwmutex *m);
void rwmutex_write_lock_contended(struct rwmutex *m);
/* rwmutex.c: nobody is in it any more, and somebody waits. */
void rwmutex_wake(struct rwmutex *m);

static ALWAYS_INLINE void rwmutex_read_lock(struct rwmutex *m)
{
	uint32_t state = atomic_load_explicit(&m->state, memory_order_relaxed);

	/* Acquire: pairs with the release of the writer before. */
	if (unlikely(state >= RWMUTEX_WRITER ||
		     !atomic_compare_exchange_strong_explicit(&m->state, &state, state + 1,
							      memory_order_acquire,
							      memory_order_relaxed)))
		rwmutex_read_lock_contended(m);
}

static ALWAYS_INLINE void rwmutex_read_unlock(struct rwmutex *m)
{
	/* Release: a writer does not change what is still being read. */
	if (unlikely(atomic_fetch_sub_explicit(&m->state, 1, memory_order_release) ==
		     (RWMUTEX_WANTED | 1)))
		rwmutex_wake(m);
}

static ALWAYS_INLINE void rwmutex_write_lock(struct rwmutex *m)
{
	uint32_t free = 0;

	if (unlikely(!atomic_compare_exchange_strong_explicit(
		    &m->state, &free, RWMUTEX_WRITER, memory_order_acquire, memory_order_relaxed)))
		rwmutex_write_lock_contended(m);
}

static ALWAYS_INLINE void rwmutex_write_unlock(struct rwmutex *m)
{
	if (unlikely(atomic_fetch_and_explicit(&m->state, ~RWMUTEX_WRITER, memory_order_release) ==
		     (RWMUTEX_WANTED | RWMUTEX_WRITER)))
		rwmutex_wake(m);
}

#endif
