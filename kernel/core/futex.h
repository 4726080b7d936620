/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* futex(2): hashed buckets with a lock each, keyed by address (there is one address space). */
#ifndef CORE_FUTEX_H
#define CORE_FUTEX_H

#include "base/types.h"

struct thread;

void futex_init(void);
/* 0 woken, -EAGAIN (*addr != val), -ETIMEDOUT, -ERESTARTSYS, -EFAULT. */
int futex_wait(vaddr_t addr, uint32_t val, uint32_t bitset, uint64_t deadline_ns);
/* Number woken, or -errno. */
long futex_wake(vaddr_t addr, uint32_t count, uint32_t bitset);
/* Wake count, requeue up to requeue to addr2; with cmp, only if *addr == *cmp (-EAGAIN). Number woken + requeued. */
long futex_requeue(vaddr_t addr, vaddr_t addr2, uint32_t count, uint32_t requeue, const uint32_t *cmp);
long futex_wake_op(vaddr_t addr, vaddr_t addr2, uint32_t count, uint32_t count2, uint32_t op);
/* Walk t's robust list as the kernel does when a thread dies (robust_futexes(7)). */
void futex_robust_exit(struct thread *t);

#endif
