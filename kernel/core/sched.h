/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What thread.c and sched.c share, and the run queue; everybody else uses thread.h. */
#ifndef CORE_SCHED_H
#define CORE_SCHED_H

#include "core/thread.h"

/* Policies (Linux, include/uapi/linux/sched.h). BATCH is the same as OTHER here. */
#define SCHED_OTHER 0
#define SCHED_BATCH 3
#define SCHED_IDLE 5

/* Runnable threads that do not run, first come first served, by run_next. */
struct run_list {
	struct thread *first, **last_next; /* last_next: where the next one to come is hung up */
};

/*
 * A CPU's run queue. lock guards the lists, and for threads whose `cpu` is this one: cpu, affinity,
 * state, and being on a list or current. It is held across a switch: who takes it sees a thread
 * that is neither current nor half saved. The other fields, but for *_told, are written by this
 * CPU only.
 */
struct runq {
	struct spinlock lock;
	struct run_list queue;
	struct run_list urgent; /* served first, unless queue_first */
	unsigned waiting;       /* threads on both */
	unsigned ticks_waited;  /* ticks in a row that found some */
	unsigned ticks_vain;    /* ticks in a row, with tick_helps, that nobody needed */
	bool tick_helps;        /* CPUs halted when the next one was set, or one was called */
	unsigned helper;        /* 1 + the CPU called, while it may still come; 0: none */
	unsigned helper_ticks;  /* since then */
	struct cpu *cpu;
	uint64_t switches;       /* since boot */
	uint64_t slice_end_ns;   /* when the running thread is to give way */
	uint64_t slice_cycles;   /* when the slice began; unless tick_ns is NEVER not long ago */
	uint64_t tick_ns;        /* when the clock wants to be looked at; NEVER: nobody waits */
	uint64_t slice_switches; /* `switches` when the slice began */
	bool slice_cut;          /* this one is in place of one that the host has cut short */
	uint64_t tick_switches;  /* `switches` at the last tick */
	uint64_t queue_served, urgent_served; /* threads taken from the lists, but for yields */
	uint64_t slice_queue, slice_urgent;   /* the same when the slice began … */
	const struct thread *slice_head; /* … and who was the first on `queue`; to compare only */
	bool queue_first; /* until the slice's end: those on `urgent` have starved the others */
	/* What the CPU has worked, as a stopwatch: while it idles, RUNQ_IDLES and the ns; while it
	 * works, CLOCK_MONOTONIC less them. One word, or others would see half of a change. */
	_Atomic uint64_t worked;
	/* The most that was told of what it has worked and idled; written by who asks. */
	_Atomic uint64_t worked_told, idled_told;
};

#define RUNQ_IDLES (1UL << 63)

/* The current thread sleeps or is dead: run another one. Returns when it is runnable again. */
void sched_block(void);

/* The first step of a thread that has been switched to; arch calls it for new ones (entry.S). */
void sched_switched(void);

/* The fire function of thread.sleep_timer. */
void thread_sleep_expired(struct timer *timer);

/* Start the other CPUs: called when the program makes its second thread. */
void sched_start_cpus(void);

#endif
