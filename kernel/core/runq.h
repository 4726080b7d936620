/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the files of the scheduler share: sched.c, sleep.c, cpus.c. */
#ifndef CORE_RUNQ_H
#define CORE_RUNQ_H

#include "core/percpu.h"

/* CPUs that halt or are about to, by id. Who wakes one takes its bit away. */
extern _Atomic uint64_t sched_idle_cpus;
static ALWAYS_INLINE struct runq *runq_self(void)
{
	return &percpu_self()->rq;
}

static ALWAYS_INLINE uint64_t cpu_bit(const struct cpu *cpu)
{
	return 1UL << cpu->id;
}

/* The first n of 64 CPUs, as a mask; n is not 0. */
static ALWAYS_INLINE uint64_t cpus_below(unsigned n)
{
	return UINT64_MAX >> (64 - n);
}

/* CPUs that have a run queue, as a mask. */
static ALWAYS_INLINE uint64_t sched_started_cpus(void)
{
	return cpus_below(percpu_count());
}

/* --- lists of runnable threads; the run queue is locked --- */

static ALWAYS_INLINE void run_list_init(struct run_list *l)
{
	l->first = NULL;
	l->last_next = &l->first;
}

static ALWAYS_INLINE void run_list_push(struct run_list *l, struct thread *t)
{
	t->run_next = NULL;
	WRITE_ONCE(*l->last_next, t);
	l->last_next = &t->run_next;
}

/* NULL if the list is empty. */
static ALWAYS_INLINE struct thread *run_list_pop(struct run_list *l)
{
	struct thread *t = l->first;

	if (!t)
		return NULL;
	WRITE_ONCE(l->first, t->run_next);
	if (!l->first)
		l->last_next = &l->first;
	return t;
}

/* How many threads wait for the CPU; also without the lock, as a hint. */
static ALWAYS_INLINE unsigned runq_waiting(const struct runq *rq)
{
	return READ_ONCE(rq->waiting);
}

static ALWAYS_INLINE struct thread *runq_pop(struct runq *rq)
{
	struct thread *t;

	if (rq->waiting == 0)
		return NULL;
	COUNT_ADD(rq->waiting, -1u);
	if (unlikely(rq->urgent.first) && !rq->queue_first) {
		rq->urgent_served++;
		return run_list_pop(&rq->urgent);
	}
	rq->queue_served++;
	t = run_list_pop(&rq->queue);
	return likely(t) ? t : run_list_pop(&rq->urgent);
}

/* Take t off rq, if it is there, or (t NULL) the first one that may run on a CPU of mask. */
struct thread *runq_take(struct runq *rq, uint64_t mask, const struct thread *wanted);

/* A thread was queued here, and nobody looks at the clock for it, or CPUs halt that could help. */
void runq_pushed(struct runq *rq);

/* Every queueing on this CPU goes through here, but for a thread that changes places with one that
 * was queued: so the clock is looked at whenever a thread waits. rq is locked.
 * A CPU that is about to halt may be missed here, as there is no barrier between the two: then the
 * tick that the waiting thread sets off calls it. */
static ALWAYS_INLINE void runq_push(struct runq *rq, struct run_list *queue, struct thread *t)
{
	run_list_push(queue, t);
	COUNT_ADD(rq->waiting, 1);
	if (unlikely(rq->tick_ns == NEVER) ||
	    unlikely(atomic_load_explicit(&sched_idle_cpus, memory_order_relaxed)))
		runq_pushed(rq);
}

/* t is runnable, on no queue and not current: queue it where it may run. rq, the queue of the CPU
 * that it was on, is locked, and unlocked behind. */
void thread_place(struct thread *t, struct runq *rq);
/* The same, on CPU id if that may be. */
void thread_place_on(struct thread *t, struct runq *rq, unsigned id);

/* The run queue of the CPU that t is on or was on last, locked. */
struct runq *thread_rq_lock(const struct thread *t);

/* The life of a CPU, in its idle thread, which is the calling context. */
NORETURN void sched_idle(struct cpu *cpu, struct percpu *pc);

#endif
