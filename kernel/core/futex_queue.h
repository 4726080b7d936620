/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The waiters of futexes, as futex.c and futex_pi.c share them. */
#ifndef CORE_FUTEX_QUEUE_H
#define CORE_FUTEX_QUEUE_H

#include "base/atomic.h"
#include "base/list.h"
#include "core/futex.h"
#include "core/thread.h"

#define FUTEX_BUCKETS 64u /* a power of two */

struct futex_bucket {
	struct spinlock lock; /* program memory may be touched while it is held */
	struct list waiters;  /* struct futex_waiter; all zero until first locked */
} __attribute__((aligned(32)));

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
static ALWAYS_INLINE struct futex_bucket *futex_bucket(vaddr_t addr)
{
	/* Fibonacci hashing: the high bits of the product are well mixed. */
	struct futex_bucket *b = &futex_buckets[(addr >> 2) * 0x9e3779b97f4a7c15u >> 58];

	/* The compiler would compute the address anew at each use. */
	__asm__("" : "+r"(b));
	return b;
}
_Static_assert(FUTEX_BUCKETS == 1u << (64 - 58), "futex_bucket() takes 6 bits");

static ALWAYS_INLINE void futex_lock(struct futex_bucket *b)
{
	spin_rank(&b->lock, LOCK_FUTEX);
	spin_lock(&b->lock);
	if (unlikely(!b->waiters.next))
		list_init(&b->waiters);
}

/* Wake w's thread, w having been taken out of its bucket, which is locked; w is gone behind. */
void futex_waiter_release(struct futex_waiter *w);

/* What is left to do when a sleep in w's bucket, until deadline_ns, has ended with err. */
int futex_sleep_end(struct futex_waiter *w, uint64_t deadline_ns, int err);

/*
 * Sleep in w->bucket, where w and the thread's sleep have been prepared, until somebody takes w
 * out: 0. Else w is taken out, and the result is -ETIMEDOUT or -ERESTARTSYS. No bucket is locked.
 */
static ALWAYS_INLINE int futex_sleep(struct futex_waiter *w, uint64_t deadline_ns)
{
	int err = thread_sleep(deadline_ns, SLEEP_INTERRUPTIBLE);

	if (likely(!atomic_load_explicit(&w->bucket, memory_order_acquire)))
		return 0;
	return futex_sleep_end(w, deadline_ns, err);
}

#endif
