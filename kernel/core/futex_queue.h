/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The waiters of futexes, as futex.c and futex_pi.c share them. */
#ifndef CORE_FUTEX_QUEUE_H
#define CORE_FUTEX_QUEUE_H

#include "base/atomic.h"
#include "base/list.h"
#include "core/futex.h"

#define FUTEX_BUCKETS 64u /* a power of two */

struct futex_bucket {
	struct spinlock lock; /* program memory may be touched while it is held */
	struct list waiters;  /* struct futex_waiter; all zero until first locked */
};

struct futex_waiter {
	struct list link;
	struct thread *thread;
	vaddr_t addr;
	uint32_t bitset; /* 0: waits for a PI lock, and no wake-up or requeue concerns it */
	int32_t owner;   /* of that lock, as far as the kernel has been told */
	/* NULL: woken. Changed under the lock of the bucket that the waiter is in. */
	struct futex_bucket *_Atomic bucket;
};

extern struct futex_bucket futex_buckets[FUTEX_BUCKETS];

/* The bucket of an address. */
struct futex_bucket *futex_bucket(vaddr_t addr);

static ALWAYS_INLINE void futex_lock(struct futex_bucket *b)
{
	spin_rank(&b->lock, LOCK_FUTEX);
	spin_lock(&b->lock);
	if (unlikely(!b->waiters.next))
		list_init(&b->waiters);
}

/* Wake w's thread, w having been taken out of its bucket, which is locked; w is gone behind. */
void futex_waiter_release(struct futex_waiter *w);

/*
 * Sleep in w->bucket, where w and the thread's sleep have been prepared, until somebody takes w
 * out: 0. Else w is taken out, and the result is -ETIMEDOUT or -ERESTARTSYS. No bucket is locked.
 */
int futex_sleep(struct futex_waiter *w, uint64_t deadline_ns);

#endif
