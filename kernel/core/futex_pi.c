/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Futex locks with an owner in their word (FUTEX_LOCK_PI). The program takes and frees them by
 * itself as long as nobody waits; FUTEX_WAITERS in the word makes it come here. The kernel then
 * hands the lock to the first waiter: the word names its tid before it wakes.
 */
#include "base/errno.h"
#include "core/futex_queue.h"
#include "core/thread.h"

/*
 * Calls of FUTEX_LOCK_PI under way: with none, futex_pi_exit() has nothing to look for.
 */
static _Atomic unsigned pi_waiters;

/* The first waiter for the lock at addr. Bucket locked. */
static struct futex_waiter *pi_first_locked(struct futex_bucket *b, vaddr_t addr)
{
	list_for_each(l, &b->waiters) {
		struct futex_waiter *w = list_entry(l, struct futex_waiter, link);

		if (w->addr == addr && w->bitset == 0)
			return w;
	}
	return NULL;
}

/* The lock at addr has a new owner: note that for those who wait for it. Bucket locked. */
static void pi_owner_set_locked(struct futex_bucket *b, vaddr_t addr, int32_t tid)
{
	list_for_each(l, &b->waiters) {
		struct futex_waiter *w = list_entry(l, struct futex_waiter, link);

		if (w->addr == addr && w->bitset == 0)
			w->owner = tid;
	}
}

/*
 * Take the lock if it is free; else mark it as waited for. Bucket locked. 0: taken. -EAGAIN: marked
 * (or, with try, only looked at), and *owner has it.
 */
static int pi_take_locked(struct futex_bucket *b, vaddr_t addr, bool try, int32_t *owner)
{
	const int32_t self = thread_current()->tid;
	uint32_t value, wanted, seen;
	int err = user_load_u32(&value, addr);

	while (err == 0) {
		*owner = (int32_t)(value & FUTEX_TID_MASK);
		if (*owner == self)
			return -EDEADLK;
		if (*owner != 0 && try)
			return -EAGAIN;
		if (*owner != 0 && !thread_exists(*owner)) {
			/* It may have given the lock back and ended since the word was read. */
			err = user_load_u32(&seen, addr);
			if (err == 0 && seen == value)
				return -ESRCH;
			value = seen;
			continue;
		}
		wanted = value | FUTEX_WAITERS;
		if (*owner == 0)
			wanted = (uint32_t)self | (value & FUTEX_OWNER_DIED) |
				 (pi_first_locked(b, addr) ? FUTEX_WAITERS : 0);
		err = user_cmpxchg_u32(addr, value, wanted, &seen);
		if (err == 0 && seen == value) {
			if (*owner != 0)
				return -EAGAIN;
			pi_owner_set_locked(b, addr, self);
			return 0;
		}
		value = seen;
	}
	return err;
}

int futex_lock_pi(vaddr_t addr, uint64_t deadline_ns, bool try)
{
	struct futex_bucket *b = futex_bucket(addr);
	struct futex_waiter w = {.thread = thread_current(), .addr = addr, .bucket = b};
	int err;

	if (!IS_ALIGNED(addr, 4))
		return -EINVAL;
	/* First this, then the look whether the owner lives: futex_pi_exit() does it the other way
	 * round. */
	atomic_fetch_add_explicit(&pi_waiters, 1, memory_order_seq_cst);
	futex_lock(b);
	err = pi_take_locked(b, addr, try, &w.owner);
	if (err != -EAGAIN || try) {
		spin_unlock(&b->lock);
	} else {
		list_push_back(&b->waiters, &w.link);
		thread_sleep_prepare_locked("futex lock");
		spin_unlock(&b->lock);
		err = futex_sleep(&w, deadline_ns);
	}
	atomic_fetch_sub_explicit(&pi_waiters, 1, memory_order_relaxed);
	/* FUTEX_WAITERS may stay behind: then the owner comes here in vain. */
	return err == -ERESTARTSYS ? -ERESTARTNOINTR : err;
}

/*
 * Give the lock, whose word is value, to w or, w NULL, to nobody. Bucket locked. -EAGAIN: the word
 * has changed.
 */
static int pi_give_locked(struct futex_bucket *b, vaddr_t addr, uint32_t value,
			  struct futex_waiter *w, uint32_t died)
{
	struct thread *t = w ? w->thread : NULL;
	uint32_t wanted = 0, seen;
	int err;

	if (w) {
		list_remove(&w->link);
		wanted = (uint32_t)t->tid | died;
		if (pi_first_locked(b, addr))
			wanted |= FUTEX_WAITERS;
	}
	err = user_cmpxchg_u32(addr, value, wanted, &seen);
	if (err == 0 && seen != value)
		err = -EAGAIN;
	if (!w)
		return err;
	if (err) {
		list_push_front(&b->waiters, &w->link); /* still the first for this lock */
		return err;
	}
	pi_owner_set_locked(b, addr, t->tid);
	futex_waiter_release(w);
	return 0;
}

int futex_unlock_pi(vaddr_t addr)
{
	struct futex_bucket *b = futex_bucket(addr);
	const uint32_t self = (uint32_t)thread_current()->tid;
	uint32_t value;
	int err;

	if (!IS_ALIGNED(addr, 4))
		return -EINVAL;
	futex_lock(b);
	do {
		err = user_load_u32(&value, addr);
		if (err == 0 && (value & FUTEX_TID_MASK) != self)
			err = -EPERM;
		if (err == 0)
			err = pi_give_locked(b, addr, value, pi_first_locked(b, addr), 0);
	} while (err == -EAGAIN);
	spin_unlock(&b->lock);
	return err;
}

/*
 * w waits for a lock whose owner, tid, has died. It gets the lock, unless somebody has taken that
 * in between, as is possible if the dying thread gave it up without the kernel (musl does). Bucket
 * locked.
 */
static void pi_owner_died_locked(struct futex_bucket *b, struct futex_waiter *w, int32_t tid)
{
	uint32_t value, seen;
	int32_t owner;
	int err;

	do {
		if (user_load_u32(&value, w->addr))
			return;
		owner = (int32_t)(value & FUTEX_TID_MASK);
		if (owner == 0 || owner == tid || !thread_exists(owner)) {
			err = pi_give_locked(b, w->addr, value, w, FUTEX_OWNER_DIED);
			continue;
		}
		err = user_cmpxchg_u32(w->addr, value, value | FUTEX_WAITERS, &seen);
		if (err == 0 && seen != value)
			err = -EAGAIN;
		if (err == 0)
			pi_owner_set_locked(b, w->addr, owner);
	} while (err == -EAGAIN);
}

/* The first waiter in b for a lock of thread tid. Bucket locked. */
static struct futex_waiter *pi_find_owned_locked(struct futex_bucket *b, int32_t tid)
{
	list_for_each(l, &b->waiters) {
		struct futex_waiter *w = list_entry(l, struct futex_waiter, link);

		if (w->bitset == 0 && w->owner == tid)
			return w;
	}
	return NULL;
}

void futex_pi_exit(const struct thread *t)
{
	if (likely(atomic_load_explicit(&pi_waiters, memory_order_seq_cst) == 0))
		return;
	for (unsigned i = 0; i < FUTEX_BUCKETS; i++) {
		struct futex_bucket *b = &futex_buckets[i];
		struct futex_waiter *w;

		if (!READ_ONCE(b->waiters.next))
			continue;
		futex_lock(b);
		while ((w = pi_find_owned_locked(b, t->tid)) != NULL) {
			w->owner = 0; /* looked at once, whatever becomes of it */
			pi_owner_died_locked(b, w, t->tid);
		}
		spin_unlock(&b->lock);
	}
}
