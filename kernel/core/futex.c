/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Futexes. A waiter lies on the kernel stack of the thread that sleeps and is in the bucket of its
 * address, in the order of coming. Whoever wakes it takes it out of the bucket, so that a wake-up
 * is never spent twice.
 *
 * The word is compared and the waiter enqueued under the bucket's lock, and wakers take the same
 * lock: a change of the word followed by a wake-up is never missed.
 */
#include "core/futex.h"
#include "base/errno.h"
#include "core/futex_queue.h"
#include "core/thread.h"

struct futex_bucket futex_buckets[FUTEX_BUCKETS];

/* The waiter's bucket, locked; NULL if it has been woken. A requeue may move it meanwhile. */
static struct futex_bucket *futex_waiter_lock(const struct futex_waiter *w)
{
	for (;;) {
		struct futex_bucket *b = atomic_load_explicit(&w->bucket, memory_order_acquire);

		if (!b)
			return NULL;
		spin_lock(&b->lock);
		if (atomic_load_explicit(&w->bucket, memory_order_relaxed) == b)
			return b;
		spin_unlock(&b->lock);
	}
}

void futex_waiter_release(struct futex_waiter *w)
{
	/* Its thread is not gone before it has seen the NULL. */
	thread_wake(w->thread);
	atomic_store_explicit(&w->bucket, NULL, memory_order_release);
}

static ALWAYS_INLINE bool futex_is_for(const struct futex_waiter *w, vaddr_t addr, uint32_t bitset)
{
	return w->addr == addr && (w->bitset & bitset);
}

/* Take n waiters with a common bit in bitset off the bucket and wake them. Bucket locked. Returns
 * how many. */
static uint32_t futex_wake_locked(struct futex_bucket *b, vaddr_t addr, uint32_t n, uint32_t bitset)
{
	uint32_t woken = 0;

	list_for_each_safe(l, &b->waiters) {
		struct futex_waiter *w = list_entry(l, struct futex_waiter, link);

		if (woken >= n)
			break;
		if (!futex_is_for(w, addr, bitset))
			continue;
		list_remove(l);
		futex_waiter_release(w);
		woken++;
	}
	return woken;
}

int futex_sleep_end(struct futex_waiter *w, uint64_t deadline_ns, int err)
{
	struct futex_bucket *b;

	while ((b = futex_waiter_lock(w))) {
		if (err) {
			list_remove(&w->link);
			spin_unlock(&b->lock);
			return err;
		}
		/* Woken by somebody who meant something else: sleep on. */
		thread_sleep_prepare_locked("futex");
		spin_unlock(&b->lock);
		err = thread_sleep(deadline_ns, SLEEP_INTERRUPTIBLE);
	}
	return 0;
}

long futex_wait(vaddr_t addr, uint32_t val, uint32_t bitset, uint64_t deadline_ns)
{
	struct futex_bucket *b = futex_bucket(addr);
	struct futex_waiter w;
	uint32_t seen;
	int err;

	if (!IS_ALIGNED(addr, 4))
		return -EINVAL;
	futex_lock(b);
	err = user_load_u32(&seen, addr);
	if (err == 0 && seen != val)
		err = -EAGAIN;
	if (err) {
		spin_unlock(&b->lock);
		return err;
	}
	w.thread = thread_current();
	w.addr = addr;
	w.bitset = bitset;
	atomic_init(&w.bucket, b);
	list_push_back(&b->waiters, &w.link);
	thread_sleep_prepare_locked("futex");
	spin_unlock(&b->lock);
	return futex_sleep(&w, deadline_ns);
}

long futex_wake(vaddr_t addr, uint32_t count, uint32_t bitset)
{
	struct futex_bucket *b = futex_bucket(addr);
	struct futex_waiter *first;
	uint32_t woken;

	if (!IS_ALIGNED(addr, 4))
		return -EINVAL;
	futex_lock(b);
	first = list_entry(b->waiters.next, struct futex_waiter, link);
	/* Most often one is to be woken, and it is the first in the bucket. */
	if (!list_empty(&b->waiters) && likely(count == 1 && futex_is_for(first, addr, bitset))) {
		list_remove(&first->link);
		futex_waiter_release(first);
		woken = 1;
	} else {
		woken = futex_wake_locked(b, addr, count, bitset);
	}
	spin_unlock(&b->lock);
	return woken;
}

vaddr_t futex_waited_for(const struct thread *t)
{
	for (unsigned i = 0; i < FUTEX_BUCKETS; i++) {
		const struct list *waiters = &futex_buckets[i].waiters;

		if (!waiters->next)
			continue;
		list_for_each(l, waiters) {
			const struct futex_waiter *w = list_entry(l, struct futex_waiter, link);

			if (w->thread == t)
				return w->addr;
		}
	}
	return 0;
}

/* Two buckets are locked in the order of their addresses. */
static void futex_lock_both(struct futex_bucket *a, struct futex_bucket *b)
{
	futex_lock(a < b ? a : b);
	if (a != b)
		futex_lock(a < b ? b : a);
}

static void futex_unlock_both(struct futex_bucket *a, struct futex_bucket *b)
{
	spin_unlock(&a->lock);
	if (a != b)
		spin_unlock(&b->lock);
}

/* Move up to n waiters from addr in bucket from to the end of addr2's bucket to. Both locked.
 * Returns how many. */
static uint32_t futex_move_locked(struct futex_bucket *from, vaddr_t addr, struct futex_bucket *to,
				  vaddr_t addr2, uint32_t n)
{
	struct list moved = LIST_INIT(moved);
	uint32_t count = 0;

	/* By way of a list of their own: from and to may be the same. */
	list_for_each_safe(l, &from->waiters) {
		struct futex_waiter *w = list_entry(l, struct futex_waiter, link);

		if (count >= n)
			break;
		if (w->addr != addr || w->bitset == 0)
			continue;
		list_remove(l);
		w->addr = addr2;
		atomic_store_explicit(&w->bucket, to, memory_order_relaxed);
		list_push_back(&moved, l);
		count++;
	}
	list_for_each_safe(l, &moved) {
		list_remove(l);
		list_push_back(&to->waiters, l);
	}
	return count;
}

long futex_requeue(vaddr_t addr, vaddr_t addr2, uint32_t count, uint32_t requeue,
		   const uint32_t *cmp)
{
	struct futex_bucket *from = futex_bucket(addr), *to = futex_bucket(addr2);
	uint32_t seen;
	long n = 0;

	if (!IS_ALIGNED(addr, 4) || !IS_ALIGNED(addr2, 4))
		return -EINVAL;
	futex_lock_both(from, to);
	if (cmp) {
		n = user_load_u32(&seen, addr);
		if (n == 0 && seen != *cmp)
			n = -EAGAIN;
	}
	if (n == 0) {
		n = futex_wake_locked(from, addr, count, FUTEX_BITSET_ANY);
		n += futex_move_locked(from, addr, to, addr2, requeue);
	}
	futex_unlock_both(from, to);
	return n;
}

/* Parts of FUTEX_WAKE_OP's operation word (futex(2)). */
#define OP_SHIFT 8u /* in the operation's field: the argument is 1 << argument */
enum { OP_SET, OP_ADD, OP_OR, OP_ANDN, OP_XOR };
enum { OP_CMP_EQ, OP_CMP_NE, OP_CMP_LT, OP_CMP_LE, OP_CMP_GT, OP_CMP_GE };

/* A field of 12 bits with a sign. */
static int32_t futex_op_field(uint32_t op, unsigned shift)
{
	return (int32_t)(op << (20 - shift)) >> 20;
}

/* *addr changed as op says, in one step; *old is what it was. */
static int futex_op_apply(vaddr_t addr, uint32_t op, uint32_t *old)
{
	uint32_t arg = (uint32_t)futex_op_field(op, 12), value, seen;
	unsigned kind = op >> 28;
	int err = user_load_u32(&value, addr);

	if (kind & OP_SHIFT)
		arg = 1u << (arg & 31);
	for (;;) {
		uint32_t changed;

		if (err)
			return err;
		switch (kind & ~OP_SHIFT) {
		case OP_SET:
			changed = arg;
			break;
		case OP_ADD:
			changed = value + arg;
			break;
		case OP_OR:
			changed = value | arg;
			break;
		case OP_ANDN:
			changed = value & ~arg;
			break;
		case OP_XOR:
			changed = value ^ arg;
			break;
		default:
			return -ENOSYS;
		}
		err = user_cmpxchg_u32(addr, value, changed, &seen);
		if (err == 0 && seen == value) {
			*old = value;
			return 0;
		}
		value = seen;
	}
}

static int futex_op_compare(uint32_t op, uint32_t old, bool *result)
{
	int32_t value = (int32_t)old, arg = futex_op_field(op, 0);

	switch (op >> 24 & 15) {
	case OP_CMP_EQ:
		*result = value == arg;
		return 0;
	case OP_CMP_NE:
		*result = value != arg;
		return 0;
	case OP_CMP_LT:
		*result = value < arg;
		return 0;
	case OP_CMP_LE:
		*result = value <= arg;
		return 0;
	case OP_CMP_GT:
		*result = value > arg;
		return 0;
	case OP_CMP_GE:
		*result = value >= arg;
		return 0;
	default:
		return -ENOSYS;
	}
}

long futex_wake_op(vaddr_t addr, vaddr_t addr2, uint32_t count, uint32_t count2, uint32_t op)
{
	struct futex_bucket *b = futex_bucket(addr), *b2 = futex_bucket(addr2);
	bool second = false;
	uint32_t old;
	long n;

	if (!IS_ALIGNED(addr, 4) || !IS_ALIGNED(addr2, 4))
		return -EINVAL;
	futex_lock_both(b, b2);
	n = futex_op_apply(addr2, op, &old);
	if (n == 0)
		n = futex_op_compare(op, old, &second);
	if (n == 0) {
		n = futex_wake_locked(b, addr, count, FUTEX_BITSET_ANY);
		if (second)
			n += futex_wake_locked(b2, addr2, count2, FUTEX_BITSET_ANY);
	}
	futex_unlock_both(b, b2);
	return n;
}

/* --- robust lists --- */

#define ROBUST_LIST_LIMIT 2048u /* as Linux: the program may have made a ring of it */
#define ROBUST_PI 1u            /* low bit of a pointer in the list */

struct robust_list_head { /* struct robust_list_head of linux/futex.h */
	uint64_t next;
	int64_t futex_offset;
	uint64_t pending; /* being locked or unlocked */
};
_Static_assert(sizeof(struct robust_list_head) == 24, "struct robust_list_head");

/* If the dying thread owns the lock at addr, mark that and wake one waiter. */
static void futex_owner_died(vaddr_t addr, int32_t tid, bool pi, bool pending)
{
	uint32_t value, seen;

	if (!IS_ALIGNED(addr, 4) || user_load_u32(&value, addr))
		return;
	/* Unlocked, but perhaps not yet woken: the thread died in between. */
	if (pending && !pi && value == 0) {
		(void)futex_wake(addr, 1, FUTEX_BITSET_ANY);
		return;
	}
	while ((value & FUTEX_TID_MASK) == (uint32_t)tid) {
		if (user_cmpxchg_u32(addr, value, (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED,
				     &seen))
			return;
		if (seen == value) {
			if (value & FUTEX_WAITERS)
				(void)futex_wake(addr, 1, FUTEX_BITSET_ANY);
			return;
		}
		value = seen;
	}
}

void futex_robust_exit(struct thread *t)
{
	const vaddr_t mask = ~(vaddr_t)ROBUST_PI;
	struct robust_list_head head;
	uint64_t entry, next;

	if (user_copy_in(&head, t->robust_list, sizeof(head)))
		return;
	entry = head.next;
	for (unsigned n = 0; n < ROBUST_LIST_LIMIT && (entry & mask) != t->robust_list; n++) {
		/* Before the lock is given away: its owner may free it. */
		int err = user_copy_in(&next, entry & mask, sizeof(next));

		if ((entry & mask) != (head.pending & mask))
			futex_owner_died((entry & mask) + (uint64_t)head.futex_offset, t->tid,
					 entry & ROBUST_PI, false);
		if (err)
			break;
		entry = next;
	}
	if (head.pending & mask)
		futex_owner_died((head.pending & mask) + (uint64_t)head.futex_offset, t->tid,
				 head.pending & ROBUST_PI, true);
}
