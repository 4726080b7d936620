/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What core keeps for each CPU. Only CPUs that were started have one; the boot CPU's is static.
 * Kernel code is not preemptible, so what percpu_self() gives stays right until a switch.
 */
#ifndef CORE_PERCPU_H
#define CORE_PERCPU_H

#include "arch/arch.h"
#include "core/heap.h"
#include "core/page.h"
#include "core/sched.h"
#include "core/thread.h"
#include "core/timer.h"

#define THREAD_CACHE_MAX 8u

struct percpu {
	struct runq rq;
	struct timer_queue timers;
	struct page_cache pages;
	struct heap heap;
	/* This CPU reads the address space: vma.c. */
	_Atomic bool mm_reading;
	uint64_t faults; /* pages that vma_fault() has put here, a few at once counting once */
	/* The last vma_fault() here that returned false did so for want of memory. */
	bool fault_oom;
	/* Threads that ended here, for the next ones that are created here: thread.c. */
	unsigned dead_count;
	struct thread *dead[THREAD_CACHE_MAX];
	/* Switched away from, but runnable and not allowed here: the idle thread places it. */
	struct thread *leaving;
	struct thread idle; /* runs when nobody else can; on the stack that the CPU started on */
} ALIGNED(64);

/* By CPU id; NULL: not started. An entry once set stays. */
extern struct percpu *percpu_table[CONFIG_NR_CPUS];

static ALWAYS_INLINE struct percpu *percpu_self(void)
{
#if CONFIG_NR_CPUS > 1
	struct percpu *p;

	__asm__ volatile("mov %%gs:%c1, %0" : "=r"(p) : "i"(offsetof(struct cpu, percpu)));
	return p;
#else
	return percpu_table[0];
#endif
}

/* CPUs that have one, ids 0 to this number - 1. */
extern _Atomic unsigned percpu_started;

static ALWAYS_INLINE unsigned percpu_count(void)
{
	return atomic_load_explicit(&percpu_started, memory_order_acquire);
}

/* Boot: the boot CPU has its data from here on. */
void percpu_init(void);

#endif
