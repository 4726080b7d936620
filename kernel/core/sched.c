/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The scheduler: round robin, one run queue per CPU, slices of 10 ms.
 *
 * A switch reads no clock and sets no timer. While several threads are runnable the timer is set to
 * a slice's end (slice_end_ns); when it fires and the same thread has run since it was set, that
 * thread gives way, else it is set once more. So a slice lasts between one and two times SLICE_NS.
 *
 * A thread whose sleep ends by the clock goes to the queue `urgent`, which is served first, and the
 * running thread gives way to it at once: sleeping is as exact beside busy threads as alone.
 *
 * There is no idle thread: the thread that gives the CPU away when nobody wants it waits on its own
 * kernel stack (sched_wait), and needs no switch at all if it is itself the next to run. A thread
 * that has ended idles there too; its stack is reused only by a thread that runs (thread.c).
 */
#include "base/errno.h"
#include "base/string.h"
#include "core/log.h"
#include "core/sched.h"

#define SLICE_NS 10000000u

/* Runnable threads that do not run, first come first served, by run_next. */
struct run_list {
	struct thread *first, **last_next; /* last_next: where the next one to come is hung up */
};

/* Queues are per CPU and, as long as a CPU serves only its own, touched by that CPU only. */
struct runq {
	struct run_list queue;
	struct run_list urgent;  /* served first */
	uint64_t switches;       /* since boot */
	uint64_t slice_end_ns;   /* NEVER: no slice is timed; the next thread to wait begins one */
	uint64_t slice_switches; /* `switches` when the slice began */
	uint64_t idle_ns;        /* since boot */
	uint64_t start_ns;       /* CLOCK_MONOTONIC when the system started */
};

static struct runq runqs[CONFIG_NR_CPUS];
/* Somebody asked for a thread's run time: keep them from now on. Set once, any CPU. */
static bool sched_accounting;

static ALWAYS_INLINE struct runq *runq_self(void)
{
	return &runqs[CONFIG_NR_CPUS > 1 ? cpu_self()->id : 0];
}

static ALWAYS_INLINE void run_list_init(struct run_list *l)
{
	l->first = NULL;
	l->last_next = &l->first;
}

static ALWAYS_INLINE void run_list_push(struct run_list *l, struct thread *t)
{
	t->run_next = NULL;
	*l->last_next = t;
	l->last_next = &t->run_next;
}

/* NULL if the list is empty. */
static ALWAYS_INLINE struct thread *run_list_pop(struct run_list *l)
{
	struct thread *t = l->first;

	if (!t)
		return NULL;
	l->first = t->run_next;
	if (!l->first)
		l->last_next = &l->first;
	return t;
}

static ALWAYS_INLINE bool runq_empty(const struct runq *rq)
{
	return !rq->queue.first && !rq->urgent.first;
}

static ALWAYS_INLINE struct thread *runq_pop(struct runq *rq)
{
	struct thread *t = run_list_pop(&rq->urgent);

	return unlikely(t) ? t : run_list_pop(&rq->queue);
}

static NOINLINE void slice_begin(struct runq *rq, uint64_t now_ns)
{
	rq->slice_end_ns = now_ns + SLICE_NS;
	rq->slice_switches = rq->switches;
	timers_set_slice(rq->slice_end_ns);
}

/* Every queueing goes through here, but for a thread that changes places with one that was queued:
 * so a slice is timed whenever a thread waits. */
static ALWAYS_INLINE void runq_push(struct runq *rq, struct run_list *queue, struct thread *t)
{
	run_list_push(queue, t);
	if (unlikely(rq->slice_end_ns == NEVER)) {
		slice_begin(rq, plat->clock_monotonic_ns());
		timers_program();
	}
}

/* Charge the thread that leaves, start the clock of the one that comes. */
static void sched_account(struct thread *prev, struct thread *next)
{
	uint64_t now = plat->clock_monotonic_ns();

	prev->cpu_time_ns += now - prev->run_start_ns;
	next->run_start_ns = now;
}

/* t is about to run: what is pending for it, and for nobody else. */
static ALWAYS_INLINE void pend_for(const struct thread *t)
{
	cpu_unpend(PENDING_SIGNAL | PENDING_RESCHED);
	if (unlikely(thread_has_signal(t)))
		cpu_pend(PENDING_SIGNAL);
}

static NOINLINE void switch_careful(struct cpu *cpu, struct thread *prev, struct thread *next)
{
	if (sched_accounting)
		sched_account(prev, next);
	cpu->current = next;
	cpu->kstack_top = next->kstack_top;
	pend_for(next);
	arch_switch(&prev->arch, &next->arch);
}

static ALWAYS_INLINE void switch_to(struct cpu *cpu, struct runq *rq, struct thread *prev,
				    struct thread *next)
{
	rq->switches++;
	if (unlikely(sched_accounting || signal_pending_count)) {
		switch_careful(cpu, prev, next);
		return;
	}
	/* The same without what there is not to do: a yield is to cost less than 100 instructions.
	 */
	cpu->current = next;
	cpu->kstack_top = next->kstack_top;
	cpu_unpend(PENDING_SIGNAL | PENDING_RESCHED);
	arch_switch(&prev->arch, &next->arch);
}

/* The clock says that a slice is over: whose? */
static void slice_check(struct runq *rq, uint64_t now_ns)
{
	if (now_ns < rq->slice_end_ns)
		return;
	if (runq_empty(rq)) {
		rq->slice_end_ns = NEVER;
		timers_set_slice(NEVER);
		return;
	}
	if (rq->switches == rq->slice_switches) {
		cpu_pend(PENDING_RESCHED);
		slice_begin(rq, now_ns);
		rq->slice_switches++; /* the switch that is about to come begins it */
	} else {
		slice_begin(rq, now_ns);
	}
}

/* What interrupts have left to do, but for switching. */
static void sched_interrupts(struct cpu *cpu, struct runq *rq)
{
	uint32_t pending = atomic_load_explicit(&cpu->pending, memory_order_relaxed);

	if (pending & PENDING_TIMER) {
		uint64_t now;

		cpu_unpend(PENDING_TIMER);
		timers_disarmed();
		now = plat->clock_monotonic_ns();
		timers_run(now);
		slice_check(rq, now);
		timers_program();
	}
	if (pending & PENDING_CONSOLE) {
		cpu_unpend(PENDING_CONSOLE);
		console_input_pending();
	}
}

/* Nobody will come by the clock: say so once if it is not the console that is waited for either. */
static void sched_report_stuck(void)
{
	static bool reported;

	if (reported || log_level < LOG_INFO)
		return;
	list_for_each(l, &thread_all) {
		const struct thread *t = list_entry(l, struct thread, all_link);

		if (t->wait_reason && str_prefix(t->wait_reason, "console", NULL))
			return;
	}
	reported = true;
	log_line(LOG_INFO, "every thread waits for another one:");
	thread_report();
}

/* Idle once. cur is the thread on whose stack that happens; the time is not its own. */
static void sched_idle(struct cpu *cpu, struct runq *rq, struct thread *cur)
{
	uint64_t begin = plat->clock_monotonic_ns(), end;
	uint64_t deadline = timers_next();

	/* What is pending for the thread that idles here is looked at when it goes on. */
	cpu_unpend(PENDING_RESCHED | PENDING_SIGNAL);
	rq->slice_end_ns = NEVER;
	timers_set_slice(NEVER);
	if (deadline == NEVER)
		sched_report_stuck();
	plat->idle(deadline);
	timers_disarmed();
	end = plat->clock_monotonic_ns();
	rq->idle_ns += end - begin;
	if (sched_accounting) {
		cur->cpu_time_ns += begin - cur->run_start_ns;
		cur->run_start_ns = end;
	}
	sched_interrupts(cpu, rq);
	timers_program();
}

/* The thread that runs when cur, which cannot go on, has given the CPU away; cur itself if it is
 * woken first. */
static struct thread *sched_wait(struct cpu *cpu, struct runq *rq, struct thread *cur)
{
	struct thread *next;

	for (;;) {
		if (cur->state == THREAD_RUNNABLE) {
			pend_for(cur);
			return cur;
		}
		next = runq_pop(rq);
		if (next)
			return next;
		sched_idle(cpu, rq, cur);
	}
}

void sched_switch(void)
{
	struct cpu *cpu = cpu_self();
	struct runq *rq = runq_self();
	struct thread *cur = cpu->current, *next;

	if (cur->state == THREAD_RUNNABLE) {
		next = runq_pop(rq);
		if (!next)
			return;
		run_list_push(&rq->queue, cur);
	} else {
		next = sched_wait(cpu, rq, cur);
		if (next == cur)
			return;
	}
	switch_to(cpu, rq, cur, next);
}

long sched_yield(void)
{
	struct cpu *cpu = cpu_self();
	struct runq *rq = runq_self();
	struct thread *cur = cpu->current;
	struct thread *next = run_list_pop(&rq->urgent);

	if (likely(!next)) {
		next = rq->queue.first;
		if (!next)
			return 0;
		/* Behind next comes cur at least, so the list does not become empty. */
		run_list_push(&rq->queue, cur);
		rq->queue.first = next->run_next;
	} else {
		run_list_push(&rq->queue, cur);
	}
	switch_to(cpu, rq, cur, next);
	return 0;
}

void sched_pending(void)
{
	struct cpu *cpu = cpu_self();

	sched_interrupts(cpu, runq_self());
	if (atomic_load_explicit(&cpu->pending, memory_order_relaxed) & PENDING_RESCHED) {
		cpu_unpend(PENDING_RESCHED);
		sched_switch();
	}
}

void sched_init(struct thread *boot)
{
	struct runq *rq = runq_self();

	run_list_init(&rq->queue);
	run_list_init(&rq->urgent);
	rq->slice_end_ns = 0; /* not NEVER: the first thread does not wait for another one */
	rq->idle_ns = 0;
	cpu_self()->current = boot;
}

NORETURN void sched_start(uint64_t start_ns)
{
	struct cpu *cpu = cpu_self();
	struct runq *rq = runq_self();
	struct thread *first = runq_pop(rq);

	ASSERT(first);
	cpu->kstack_base = UINTPTR_MAX; /* the boot stack is no kernel stack any more */
	rq->slice_end_ns = NEVER;
	rq->start_ns = start_ns;
	if (!runq_empty(rq)) {
		slice_begin(rq, plat->clock_monotonic_ns());
		timers_program();
	}
	switch_to(cpu, rq, cpu->current, first);
	panic("the boot stack was switched to");
}

void thread_start(struct thread *t)
{
	struct runq *rq = runq_self();

	t->state = THREAD_RUNNABLE;
	runq_push(rq, &rq->queue, t);
}

void thread_sleep_prepare(const char *reason)
{
	struct thread *t = thread_current();

	t->wait_reason = reason;
	t->timed_out = false;
	t->interruptible = false;
	t->state = THREAD_SLEEPING;
}

void thread_sleep_cancel(void)
{
	struct thread *t = thread_current();

	t->state = THREAD_RUNNABLE;
	t->wait_reason = NULL;
}

int thread_sleep(uint64_t deadline_ns, unsigned flags)
{
	struct thread *t = thread_current();
	bool interruptible = flags & SLEEP_INTERRUPTIBLE;

	if (t->state == THREAD_SLEEPING && !(interruptible && thread_has_signal(t))) {
		t->interruptible = interruptible;
		if (deadline_ns != NEVER) {
			timer_enqueue(&t->sleep_timer, deadline_ns);
			/* Idling looks at the timers itself. */
			if (!runq_empty(runq_self()))
				timers_program();
		}
		sched_switch();
		if (deadline_ns != NEVER)
			timer_stop(&t->sleep_timer);
	}
	t->state = THREAD_RUNNABLE;
	t->wait_reason = NULL;
	if (t->timed_out)
		return -ETIMEDOUT;
	if (interruptible && thread_has_signal(t)) {
		signal_claim();
		return -ERESTARTSYS;
	}
	return 0;
}

/* t is no longer asleep; put it on queue unless it is the one that runs (or idles) here. */
static ALWAYS_INLINE bool thread_unsleep(struct thread *t)
{
	if (t->state != THREAD_SLEEPING)
		return false;
	t->state = THREAD_RUNNABLE;
	return t != thread_current();
}

void thread_wake(struct thread *t)
{
	struct runq *rq = runq_self();

	if (thread_unsleep(t))
		runq_push(rq, &rq->queue, t);
}

void thread_sleep_expired(struct timer *timer)
{
	struct thread *t = container_of(timer, struct thread, sleep_timer);
	struct runq *rq = runq_self();

	t->timed_out = true;
	if (thread_unsleep(t)) {
		runq_push(rq, &rq->urgent, t);
		cpu_pend(PENDING_RESCHED);
	}
}

uint64_t sched_process_time_ns(void)
{
	const volatile struct runq *rq = &runqs[0];
	uint64_t idle, now;

	/* The caller may be preempted and the CPU idle between the two readings. */
	do {
		idle = rq->idle_ns;
		now = plat->clock_monotonic_ns();
	} while (rq->idle_ns != idle);
	return now - rq->start_ns - idle;
}

uint64_t sched_thread_time_ns(void)
{
	volatile struct thread *t = thread_current();
	uint64_t used, start, now;

	if (!sched_accounting) {
		/* The main thread is the one that can have run for long: as if it had been alone.
		 */
		t->cpu_time_ns = t->tid == PROCESS_ID ? sched_process_time_ns() : 0;
		t->run_start_ns = plat->clock_monotonic_ns();
		sched_accounting = true;
	}
	/* Preemption between the readings changes run_start_ns. */
	do {
		used = t->cpu_time_ns;
		start = t->run_start_ns;
		now = plat->clock_monotonic_ns();
	} while (t->run_start_ns != start);
	return used + now - start;
}

uint64_t sched_switch_count(void)
{
	return runqs[0].switches;
}
