/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A machine with one CPU for the scheduler and what stands on it: threads are host contexts, the
 * clock stands still unless a thread spends time or all of them sleep, program memory is the
 * host's.
 */
#ifndef FAKE_MACHINE_H
#define FAKE_MACHINE_H

#include "core/thread.h"

#define MACHINE_STUCK (-1) /* machine_run(): all threads sleep and there is no timer */

extern uint64_t machine_now_ns;
extern uint64_t machine_armed_ns;   /* what the platform's timer is set to, NEVER: not */
extern unsigned machine_timer_sets; /* calls of plat->timer_set() */
extern unsigned machine_idles;      /* calls of plat->idle() */
extern unsigned machine_kicks; /* calls of plat->cpu_kick(), for a CPU that is only said to halt */
extern unsigned machine_lates; /* calls of plat->cpu_late() */
extern unsigned machine_kstacks; /* kernel stacks in use or in the cache */

/* What arch_signal_frame_push() was called with last, and how many handlers were entered. */
extern struct machine_handler {
	unsigned entered;
	int sig;
	uintptr_t sp, handler;
	uint64_t mask;
	struct k_siginfo info;
	struct k_stack altstack;
} machine_handler;
extern unsigned machine_restarts; /* calls of arch_syscall_restart() */
extern int machine_crash_signal;  /* what report_crash() was called with, 0: not */

extern bool machine_out_of_memory; /* faults of the program find no page */

/* Begin anew: no threads, time 1 s, nothing armed. */
void machine_reset(void);
/* A thread that runs fn(arg) and ends with status 0. Before machine_run() or from a thread. */
struct thread *machine_thread(void (*fn)(void *arg), void *arg);
/* Run until the process ends: its exit status, or MACHINE_STUCK. */
int machine_run(void);

/* In a thread: use the CPU for ns. The timer may fire, other threads run, handlers be entered. */
void machine_spend(uint64_t ns);
/* In a thread: the way out of the kernel, with the result of a system call. Returns what the
 * program sees; 0 if the call is to be made once more. */
long machine_leave(long result);

#endif
