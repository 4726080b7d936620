/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* futex(2): hashed buckets with a lock each, keyed by address (there is one address space). */
#ifndef CORE_FUTEX_H
#define CORE_FUTEX_H

#include "base/types.h"

struct thread;

#define FUTEX_BITSET_ANY UINT32_MAX

/* The futex word of a lock that the kernel knows of (robust and PI mutexes). */
#define FUTEX_WAITERS 0x80000000u
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_TID_MASK 0x3fffffffu

/* All of them: -EINVAL if an address is not 4-aligned, -EFAULT if it is not the program's. */

/* 0 woken, -EAGAIN (*addr != val), -ETIMEDOUT (CLOCK_MONOTONIC, NEVER for none), -ERESTARTSYS. */
long futex_wait(vaddr_t addr, uint32_t val, uint32_t bitset, uint64_t deadline_ns);
/* Number woken, or -errno. */
long futex_wake(vaddr_t addr, uint32_t count, uint32_t bitset);
/* Wake count, requeue up to requeue to addr2; with cmp, only if *addr == *cmp (-EAGAIN). Number
 * woken + requeued. */
long futex_requeue(vaddr_t addr, vaddr_t addr2, uint32_t count, uint32_t requeue,
		   const uint32_t *cmp);
/* FUTEX_WAKE_OP: change *addr2 as op says, wake count at addr and, if the old *addr2 compares as op
 * says, count2 at addr2. */
long futex_wake_op(vaddr_t addr, vaddr_t addr2, uint32_t count, uint32_t count2, uint32_t op);

/*
 * Locks whose word holds the owner's tid (FUTEX_LOCK_PI and its kin). All threads have one
 * priority, so there is none to inherit; what is left is that the kernel hands the lock over, first
 * come first served. 0; -EDEADLK (the caller owns it), -ESRCH (its owner does not exist),
 * -ETIMEDOUT, -ERESTARTNOINTR; try: -EAGAIN.
 */
int futex_lock_pi(vaddr_t addr, uint64_t deadline_ns, bool try);
/* 0, or -EPERM (the caller does not own it). */
int futex_unlock_pi(vaddr_t addr);
/* What t sleeps for, or 0 if it is no futex. Nothing changes meanwhile (core/dump.c). */
vaddr_t futex_waited_for(const struct thread *t);
/* t ends: the locks of this kind that it holds and others wait for change hands. */
void futex_pi_exit(const struct thread *t);

/* Walk t's robust list as the kernel does when a thread dies (robust_futexes(7)). t is the current
 * thread. */
void futex_robust_exit(struct thread *t);

#endif
