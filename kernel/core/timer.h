/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * One-shot timers in CLOCK_MONOTONIC. Each CPU has a tree of those that were started on it; its
 * platform timer is set to the earliest of them and the scheduler's next tick. No periodic tick.
 */
#ifndef CORE_TIMER_H
#define CORE_TIMER_H

#include "base/atomic.h"
#include "base/rbtree.h"
#include "base/types.h"

struct timer {
	struct rb_node node;
	uint64_t deadline_ns;          /* NEVER: in no tree */
	void (*fire)(struct timer *t); /* in the kernel, may wake threads and add timers; must not
					  sleep */
	/* The queue it is in or was in last, NULL: it was never started. Changed by who starts it.
	 */
	struct timer_queue *_Atomic queue;
};

/* A CPU's timers. */
struct timer_queue {
	struct spinlock lock; /* guards the tree, every timer in it, and running */
	struct rb_root tree;
	struct timer *first;   /* the tree's leftmost node; NULL: it is empty */
	struct timer *running; /* whose fire() is being called */
	/* Used by this CPU only; 0 is "not in use yet", so that boot has nothing to initialise. */
	uint64_t armed_ns; /* what the platform's timer is set to; 0: not set */
	uint64_t tick_ns;  /* the scheduler's next tick; 0: none */
};

void timer_queue_init(struct timer_queue *q);

void timer_init(struct timer *t, void (*fire)(struct timer *t));
/* (Re)start t on this CPU. Calls for one timer are not made by two CPUs at once. */
void timer_start(struct timer *t, uint64_t deadline_ns);
/*
 * The same without setting the platform's timer: for a caller that calls timers_program() or goes
 * idle before the program runs again.
 */
void timer_enqueue(struct timer *t, uint64_t deadline_ns);
/* Stop t, on whatever CPU: when this returns its fire() is not running and will not be called
 * (unless it is fire() that calls this). Harmless if t does not run. No lock that fire() takes may
 * be held. */
void timer_stop(struct timer *t);
/* Fire what is due at now_ns on this CPU. */
void timers_run(uint64_t now_ns);
/* The earliest deadline of this CPU, or NEVER. */
uint64_t timers_next(void);
/* Has a CPU no timers? What changes meanwhile is not seen. */
bool timers_are_none(const struct timer_queue *q);
/*
 * Set the platform's timer for the earliest deadline and the tick. A timer that is set for an
 * earlier time already stays: it fires, finds nothing due and is set again.
 */
void timers_program(void);

/* This CPU's timer fired, or idling has changed it: what it was set to does not count any more. */
void timers_disarmed(void);
/* When the scheduler wants to be called next on this CPU (PENDING_TIMER); NEVER: not at all. */
void timers_set_tick(uint64_t tick_ns);

#endif
