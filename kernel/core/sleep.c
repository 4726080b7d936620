/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Sleeping and waking, and which CPU a thread that is woken goes to: that of the thread that wakes
 * it, unless its affinity forbids. Often the one is about to sleep, and the two share data; if not,
 * a CPU without work will come for one of them (sched.c).
 */
#include "base/errno.h"
#include "core/runq.h"

/* While others wait for the CPU a sleep takes so long at least (Linux's timer slack): they are to
 * get on before they have to give way again. */
#define SLEEP_NS_MIN 50000u

/* The CPU for a thread that is to run: this one if it may be there. */
static unsigned cpu_choose(const struct thread *t)
{
	const struct cpu *cpu = cpu_self();
	uint64_t mask = t->affinity, idle;

	if (likely(mask & cpu_bit(cpu)))
		return cpu->id;
	/* One that halts rather than one that works. */
	mask &= sched_started_cpus();
	idle = atomic_load_explicit(&sched_idle_cpus, memory_order_relaxed);
	if (mask & idle)
		mask &= idle;
	return (unsigned)__builtin_ctzl(mask);
}

void thread_place_on(struct thread *t, struct runq *rq, unsigned id)
{
	for (;; id = cpu_choose(t)) {
		/* Under the old queue's lock: from here on it is the new one's that guards t.
		 * Release: pairs with thread_rq_lock(). */
		atomic_store_explicit(&t->cpu, id, memory_order_release);
		spin_unlock(&rq->lock);
		rq = &percpu_table[id]->rq;
		spin_lock(&rq->lock);
		/* Its affinity may have changed in between. */
		if (likely(t->affinity & 1UL << id))
			break;
	}
	if (id == cpu_self()->id) {
		runq_push(rq, &rq->queue, t);
		spin_unlock(&rq->lock);
		return;
	}
	run_list_push(&rq->queue, t);
	COUNT_ADD(rq->waiting, 1);
	spin_unlock(&rq->lock);
	atomic_fetch_and_explicit(&sched_idle_cpus, ~(1UL << id), memory_order_relaxed);
	plat->cpu_kick(id);
}

void thread_place(struct thread *t, struct runq *rq)
{
	thread_place_on(t, rq, cpu_choose(t));
}

/* The run queue of the CPU that t is on, locked; NULL: it went to another one meanwhile. */
static ALWAYS_INLINE struct runq *rq_lock_once(const struct thread *t)
{
	unsigned id = atomic_load_explicit(&t->cpu, memory_order_relaxed);
	struct runq *rq = &percpu_table[id]->rq;

	spin_lock(&rq->lock);
	if (likely(atomic_load_explicit(&t->cpu, memory_order_acquire) == id))
		return rq;
	spin_unlock(&rq->lock);
	return NULL;
}

struct runq *thread_rq_lock(const struct thread *t)
{
	struct runq *rq;

	while (!(rq = rq_lock_once(t)))
		;
	return rq;
}

/* t, which sleeps, shall run. rq, its CPU's, is locked, and unlocked behind. */
static ALWAYS_INLINE void thread_unsleep(struct thread *t, struct runq *rq)
{
	atomic_store_explicit(&t->state, THREAD_RUNNABLE, memory_order_relaxed);
	if (rq->cpu->current == t) {
		/* It has not given the CPU away yet, or looks for work itself: it will see. */
		spin_unlock(&rq->lock);
	} else if (likely(rq == runq_self() && (t->affinity & cpu_bit(rq->cpu)))) {
		runq_push(rq, &rq->queue, t);
		spin_unlock(&rq->lock);
	} else {
		thread_place(t, rq);
	}
}

bool thread_wake(struct thread *t)
{
	struct runq *rq = rq_lock_once(t);

	if (unlikely(!rq))
		rq = thread_rq_lock(t);
	if (unlikely(atomic_load_explicit(&t->state, memory_order_relaxed) != THREAD_SLEEPING)) {
		spin_unlock(&rq->lock);
		return false;
	}
	thread_unsleep(t, rq);
	return true;
}

void thread_signal(struct thread *t)
{
	struct runq *rq = thread_rq_lock(t);
	bool runs = rq->cpu && rq->cpu->current == t;

	if (atomic_load_explicit(&t->state, memory_order_relaxed) == THREAD_SLEEPING &&
	    atomic_load_explicit(&t->interruptible, memory_order_relaxed)) {
		thread_unsleep(t, rq);
		return;
	}
	spin_unlock(&rq->lock);
	if (runs && rq != runq_self())
		plat->cpu_kick(rq->cpu->id);
}

void thread_sleep_expired(struct timer *timer)
{
	struct thread *t = container_of(timer, struct thread, sleep_timer);
	struct runq *rq = thread_rq_lock(t);

	if (atomic_load_explicit(&t->state, memory_order_relaxed) != THREAD_SLEEPING) {
		spin_unlock(&rq->lock);
		return;
	}
	t->timed_out = true;
	if (rq != runq_self() || rq->cpu->current == t || !(t->affinity & cpu_bit(rq->cpu))) {
		thread_unsleep(t, rq);
		return;
	}
	atomic_store_explicit(&t->state, THREAD_RUNNABLE, memory_order_relaxed);
	runq_push(rq, &rq->urgent, t);
	spin_unlock(&rq->lock);
	if (!rq->queue_first)
		cpu_pend(PENDING_RESCHED);
}

void thread_start(struct thread *t)
{
	sched_start_cpus();
	thread_unsleep(t, thread_rq_lock(t));
}

void thread_start_first(struct thread *t)
{
	struct runq *rq = runq_self();

	atomic_store_explicit(&t->state, THREAD_RUNNABLE, memory_order_relaxed);
	run_list_push(&rq->queue, t);
	COUNT_ADD(rq->waiting, 1);
}

void thread_sleep_prepare(const char *reason)
{
	/* Before the condition is looked at: pairs with the lock in thread_wake(). */
	thread_sleep_mark(reason, memory_order_seq_cst);
}

void thread_sleep_cancel(void)
{
	struct thread *t = thread_current();

	atomic_store_explicit(&t->state, THREAD_RUNNABLE, memory_order_relaxed);
	t->wait_reason = NULL;
}

/* Give the CPU away until the deadline, a wake-up, or (interruptible) a signal. */
static NOINLINE void thread_sleep_until(struct thread *t, uint64_t deadline_ns)
{
	if (runq_waiting(runq_self()) > 0)
		deadline_ns = MAX(deadline_ns, plat->clock_monotonic_ns() + SLEEP_NS_MIN);
	timer_enqueue(&t->sleep_timer, deadline_ns);
	sched_block(); /* sees to the platform's timer */
	timer_stop(&t->sleep_timer);
}

int thread_sleep(uint64_t deadline_ns, unsigned flags)
{
	struct thread *t = thread_current();
	bool interruptible = flags & SLEEP_INTERRUPTIBLE;

	/* sched_block() looks for signals, with the lock that who sends one takes. */
	atomic_store_explicit(&t->interruptible, interruptible, memory_order_relaxed);
	if (likely(atomic_load_explicit(&t->state, memory_order_relaxed) == THREAD_SLEEPING)) {
		if (likely(deadline_ns == NEVER))
			sched_block();
		else
			thread_sleep_until(t, deadline_ns);
	}
	t->wait_reason = NULL;
	if (unlikely(t->timed_out))
		return -ETIMEDOUT;
	return interruptible && thread_has_signal(t) && signal_claim() ? -ERESTARTSYS : 0;
}
