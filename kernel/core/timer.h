/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * One-shot timers in CLOCK_MONOTONIC, kept in a tree; the platform's timer is set to the earliest
 * of them and the end of the running thread's time slice. No periodic tick.
 */
#ifndef CORE_TIMER_H
#define CORE_TIMER_H

#include "base/rbtree.h"
#include "base/types.h"

struct timer {
	struct rb_node node;
	uint64_t deadline_ns;          /* NEVER: not in the tree */
	void (*fire)(struct timer *t); /* in the kernel, may wake threads and add timers; must not
					  sleep */
};

void timer_init(struct timer *t, void (*fire)(struct timer *t));
/* (Re)start t. */
void timer_start(struct timer *t, uint64_t deadline_ns);
/*
 * The same without setting the platform's timer: for a caller that calls timers_program() or goes
 * idle before the program runs again.
 */
void timer_enqueue(struct timer *t, uint64_t deadline_ns);
/* Stop t; harmless if it does not run. */
void timer_stop(struct timer *t);
/* Fire what is due at now_ns. */
void timers_run(uint64_t now_ns);
/* The earliest deadline, or NEVER. */
uint64_t timers_next(void);
/*
 * Set the platform's timer for the earliest deadline and the slice's end. A timer that is set for
 * an earlier time already stays: it fires, finds nothing due and is set again.
 */
void timers_program(void);

/* This CPU's timer fired, or idling has changed it: what it was set to does not count any more. */
void timers_disarmed(void);
/* When the scheduler wants to be called next on this CPU (PENDING_TIMER); NEVER: not at all. */
void timers_set_slice(uint64_t end_ns);

#endif
