/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The scheduler: round robin, one run queue per CPU, slices of some ms, work stealing.
 *
 * A switch reads no clock and sets no timer. While a thread waits for the CPU the timer is set to
 * the slice's end; when it fires and the same thread has run since it was set, that thread gives
 * way, else it is set once more. So a slice lasts between one and two times the platform's
 * slice_ns. Where the host had the CPU for itself when a slice ended, the slice begins again, once.
 *
 * A thread whose sleep ends by the clock goes to the queue `urgent`, which is served first, and the
 * running thread gives way to it at once: sleeping is as exact beside busy threads as alone. Such
 * threads may leave nothing to the others; then those come first for every other slice.
 *
 * A thread that is woken goes to the queue of the CPU that wakes it: often that one is about to
 * sleep, and the two share data. A CPU without work looks for some for a short time, on the stack
 * of the thread that gave it away (sched_wait), so that what comes soon needs neither an interrupt
 * nor a switch; it takes a thread from another CPU that is not served there at once. Then it halts,
 * in its idle thread. While CPUs halt, one with threads waiting looks after TICK_NS whether they
 * still wait, and calls another CPU for help. Where it looks in vain again and again, as two
 * threads wake each other in turn, it looks less often, until help is needed.
 *
 * A thread is on the queue of a CPU only if its affinity allows that one: it is put there and its
 * affinity is changed under the queue's lock.
 */
#include "base/errno.h"
#include "core/dump.h"
#include "core/lock.h"
#include "core/percpu.h"
#include "core/runq.h"

/* While CPUs halt: how long a thread waits for one that runs before another CPU is woken, unless
 * ticks have been in vain: nobody waited, and so many threads had had the CPU meanwhile, for each
 * TICK_NS, that nobody can have waited for long. After TICKS_VAIN of them in a row the time is
 * doubled, at most TICK_SHIFT_MAX times. */
#define TICK_NS 100000u
#define SWITCHES_VAIN 16u
#define TICKS_VAIN 8u
#define TICK_SHIFT_MAX 3u
/* … or how many ticks in a row may find threads waiting, though not always the same ones. */
#define TICKS_WAITED_MAX 4u
/* How long a CPU looks for work before it halts: what halting and being woken cost, or less. */
#define SPIN_CYCLES 60000u
/* How many threads of a list are looked at to find out where they may run. */
#define LOOK_MAX 16u
/* A thread that has waited so long for a CPU that has not switched meanwhile may be stolen. */
#define STEAL_CYCLES 12000u

_Atomic uint64_t sched_idle_cpus;
_Atomic unsigned sched_attention;

/* Take the first thread that may run on a CPU of mask, or, if it is on the list, t. */
static struct thread *run_list_take(struct run_list *l, uint64_t mask, const struct thread *wanted)
{
	for (struct thread **link = &l->first; *link; link = &(*link)->run_next) {
		struct thread *t = *link;

		if (wanted ? t != wanted : !(t->affinity & mask))
			continue;
		WRITE_ONCE(*link, t->run_next);
		if (l->last_next == &t->run_next)
			l->last_next = link;
		return t;
	}
	return NULL;
}

struct thread *runq_take(struct runq *rq, uint64_t mask, const struct thread *wanted)
{
	struct thread *t = run_list_take(&rq->urgent, mask, wanted);

	if (!t)
		t = run_list_take(&rq->queue, mask, wanted);
	if (t)
		COUNT_ADD(rq->waiting, -1u);
	return t;
}

/* The CPUs that the first few threads of a list may run on. */
static uint64_t run_list_wanted(const struct run_list *l)
{
	const struct thread *t = l->first;
	uint64_t mask = 0;

	for (unsigned n = 0; t && n < LOOK_MAX; n++, t = t->run_next)
		mask |= t->affinity;
	return mask;
}

/* CPUs that could take over a thread that waits here. rq is locked. */
static uint64_t runq_wanted(const struct runq *rq)
{
	if (likely(!(sched_attention_load() & SCHED_RESTRICTED)))
		return UINT64_MAX;
	return run_list_wanted(&rq->urgent) | run_list_wanted(&rq->queue);
}

/* --- slices and ticks --- */

/* At nice 0 the platform's, a quarter more or less for each step (Linux's weights), 0.05 to 260 ms.
 */
static uint64_t slice_ns(const struct thread *t)
{
	uint64_t ns = t->policy == SCHED_IDLE ? 0 : plat->slice_ns;

	for (int n = t->nice; n < 0; n++)
		ns += ns / 4;
	for (int n = t->nice; n > 0; n--)
		ns -= ns / 5;
	return MAX(ns, 50000u);
}

/* How often the time to a tick is doubled. */
static unsigned tick_shift(const struct runq *rq)
{
	return rq->ticks_waited > 0 ? 0 : rq->ticks_vain / TICKS_VAIN;
}

/* Is there a CPU that could take over what waits here, halted or called? */
static bool help_may_come(const struct runq *rq)
{
	return CONFIG_NR_CPUS > 1 &&
	       (atomic_load_explicit(&sched_idle_cpus, memory_order_relaxed) != 0 ||
		rq->helper != 0);
}

static void tick_set(struct runq *rq, uint64_t now_ns)
{
	rq->tick_ns = rq->slice_end_ns;
	rq->tick_helps = help_may_come(rq);
	if (rq->tick_helps)
		rq->tick_ns = MIN(rq->tick_ns, now_ns + ((uint64_t)TICK_NS << tick_shift(rq)));
	rq->tick_switches = rq->switches;
	timers_set_tick(rq->tick_ns);
}

/* The slice of the running thread begins. */
static NOINLINE void slice_begin(struct runq *rq, uint64_t now_ns)
{
	rq->slice_end_ns = now_ns + slice_ns(rq->cpu->current);
	if (IS_ENABLED(CONFIG_THREAD_DUMP))
		rq->slice_cycles = plat_cycles();
	rq->slice_switches = rq->switches;
	rq->slice_head = READ_ONCE(rq->queue.first);
	rq->slice_queue = rq->queue_served;
	rq->slice_urgent = rq->urgent_served;
	rq->slice_cut = false;
	tick_set(rq, now_ns);
}

/* Nobody on the queue had the CPU in this slice, but threads whose sleep had ended. */
static bool queue_is_starved(const struct runq *rq)
{
	return rq->urgent_served != rq->slice_urgent && rq->queue_served == rq->slice_queue &&
	       rq->slice_head && READ_ONCE(rq->queue.first) == rq->slice_head;
}

/* Wake a CPU that halts, if there is one that could take a thread over. rq is locked. */
static void sched_call_help(struct runq *rq)
{
	uint64_t idle = atomic_load_explicit(&sched_idle_cpus, memory_order_relaxed);

	if (idle)
		idle &= runq_wanted(rq);

	while (CONFIG_NR_CPUS > 1 && idle) {
		uint64_t bit = idle & -idle;

		if (atomic_fetch_and_explicit(&sched_idle_cpus, ~bit, memory_order_relaxed) & bit) {
			unsigned id = (unsigned)__builtin_ctzl(bit);

			plat->cpu_kick(id);
			if (plat->cpu_late && rq->helper == 0) {
				rq->helper = id + 1;
				rq->helper_ticks = 0;
			}
			return;
		}
		idle &= ~bit;
	}
}

NOINLINE void runq_pushed(struct runq *rq)
{
	if (rq->tick_ns == NEVER) {
		slice_begin(rq, plat->clock_monotonic_ns());
		timers_program();
	} else if (!rq->tick_helps) {
		tick_set(rq, plat->clock_monotonic_ns());
		timers_program();
	}
	/* Two that wait: the running thread is not likely to give way to both at once. */
	if (rq->waiting > 1)
		sched_call_help(rq);
}

/* A slice is over: if another CPU has two threads less to run, it gets one of those that wait here.
 */
static void sched_balance(struct runq *rq)
{
	const unsigned here = runq_waiting(rq);
	unsigned least = here, to = rq->cpu->id;
	struct thread *t;

	for (unsigned i = 0; i < percpu_count(); i++) {
		unsigned there = runq_waiting(&percpu_table[i]->rq);

		if (there < least) {
			least = there;
			to = i;
		}
	}
	if (least + 2 > here)
		return;
	spin_lock(&rq->lock);
	t = runq_take(rq, 1UL << to, NULL);
	if (t)
		thread_place_on(t, rq, to);
	else
		spin_unlock(&rq->lock);
}

/* A thread waits here. Was a CPU called for it a tick ago, or longer? */
static void help_is_late(struct runq *rq)
{
	if (CONFIG_NR_CPUS == 1 || rq->helper == 0 || rq->helper_ticks++ == 0)
		return;
	plat->cpu_late(rq->helper - 1);
	rq->helper = 0;
}

/* The tick that was set for CPUs that halt has found nobody waiting. */
static void tick_vain(struct runq *rq)
{
	if (rq->switches - rq->tick_switches < (uint64_t)SWITCHES_VAIN << tick_shift(rq))
		rq->ticks_vain = 0;
	else if (rq->ticks_vain < TICK_SHIFT_MAX * TICKS_VAIN)
		rq->ticks_vain++;
}

/* The tick comes so late that the host must have had the CPU for itself: the thread has not had its
 * slice. One gets another slice once, or the same threads might lose by it again and again, as the
 * host's slices are about as long. */
static bool slice_was_cut(const struct runq *rq, uint64_t now_ns)
{
	return !rq->slice_cut && now_ns - rq->slice_end_ns > plat->slice_ns / 4;
}

/* The clock says that it is time to look: is a slice over, does somebody wait for too long? */
static void sched_tick(struct runq *rq, uint64_t now_ns)
{
	if (now_ns < rq->tick_ns)
		return;
	if (runq_waiting(rq) == 0) {
		if (rq->tick_helps)
			tick_vain(rq);
		rq->tick_ns = NEVER;
		rq->ticks_waited = 0;
		rq->helper = 0;
		rq->queue_first = false;
		timers_set_tick(NEVER);
		return;
	}
	help_is_late(rq);
	/* Some thread always waits, or this one waits in vain. */
	if (rq->switches == rq->tick_switches || ++rq->ticks_waited > TICKS_WAITED_MAX) {
		spin_lock(&rq->lock);
		sched_call_help(rq);
		spin_unlock(&rq->lock);
		rq->ticks_vain = 0;
	}
	if (now_ns < rq->slice_end_ns) {
		tick_set(rq, now_ns);
		return;
	}
	if (slice_was_cut(rq, now_ns)) {
		slice_begin(rq, now_ns);
		rq->slice_cut = true;
		return;
	}
	sched_balance(rq);
	rq->queue_first = queue_is_starved(rq);
	if (rq->queue_first || rq->switches == rq->slice_switches) {
		cpu_pend(PENDING_RESCHED);
		slice_begin(rq, now_ns);
		rq->slice_switches++; /* the switch that is about to come begins it */
	} else {
		slice_begin(rq, now_ns);
	}
}

/* --- switching --- */

/* Charge the thread that leaves, start the clock of the one that comes. */
static void sched_account(struct thread *prev, struct thread *next, uint64_t now)
{
	if (prev->run_start_ns != 0) /* 0: it has run since before times were kept */
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

void sched_switched(void)
{
	spin_unlock(&runq_self()->lock);
}

static NOINLINE void switch_careful(struct runq *rq, struct thread *prev, struct thread *next)
{
	struct cpu *cpu = rq->cpu;
	unsigned attention = sched_attention_load();

	COUNT_ADD(rq->switches, 1);
	cpu->current = next;
	if (attention & SCHED_TIMED) {
		uint64_t now = plat->clock_monotonic_ns();

		if (attention & SCHED_ACCOUNTING)
			sched_account(prev, next, now);
		if (rq->waiting > 0) {
			slice_begin(rq, now);
			timers_program();
		}
	}
	cpu->kstack_top = next->kstack_top;
	pend_for(next);
	arch_switch(&prev->arch, &next->arch);
	sched_switched();
}

/* The same without what there is not to do as long as sched_attention is 0: a yield is to cost less
 * than 100 instructions. */
static ALWAYS_INLINE void switch_quick(struct runq *rq, struct thread *prev, struct thread *next)
{
	COUNT_ADD(rq->switches, 1);
	cpu_current_set(next, next->kstack_top);
	cpu_unpend(PENDING_SIGNAL | PENDING_RESCHED);
	arch_switch(&prev->arch, &next->arch);
	sched_switched();
}

/* rq, this CPU's, is locked, and unlocked when somebody switches back. */
static ALWAYS_INLINE void switch_to(struct runq *rq, struct thread *prev, struct thread *next)
{
	if (likely(sched_attention_load() == 0))
		switch_quick(rq, prev, next);
	else
		switch_careful(rq, prev, next);
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
		sched_tick(rq, now);
		timers_program();
	}
	if (pending & PENDING_KICK) {
		cpu_unpend(PENDING_KICK);
		if (IS_ENABLED(CONFIG_THREAD_DUMP) && dump_is_waiting())
			dump_wait();
		spin_lock(&rq->lock);
		if (!(cpu->current->affinity & cpu_bit(cpu)))
			cpu_pend(PENDING_RESCHED); /* it has to leave */
		/* Another CPU has queued a thread here, or is going to halt. */
		if (rq->waiting > 0)
			runq_pushed(rq);
		spin_unlock(&rq->lock);
	}
	if (pending & PENDING_CONSOLE) {
		cpu_unpend(PENDING_CONSOLE);
		console_input_pending();
	}
	if (IS_ENABLED(CONFIG_THREAD_DUMP) && pending & PENDING_DUMP) {
		cpu_unpend(PENDING_DUMP);
		dump_threads();
	}
}

/* --- a CPU without work --- */

/* Take a thread from another CPU on which at least `least` threads wait. This CPU's run queue is
 * locked. */
static struct thread *sched_steal(const struct cpu *cpu, unsigned least)
{
	unsigned n = percpu_count();

	for (unsigned i = 1; i < n; i++) {
		struct runq *victim = &percpu_table[(cpu->id + i) % n]->rq;
		struct thread *t;

		if (runq_waiting(victim) < least || !spin_trylock(&victim->lock))
			continue;
		t = runq_take(victim, cpu_bit(cpu), NULL);
		if (t)
			atomic_store_explicit(&t->cpu, cpu->id, memory_order_release);
		spin_unlock(&victim->lock);
		if (t)
			return t;
	}
	return NULL;
}

/* A CPU with threads waiting that has not switched while it was watched. */
struct steal_watch {
	const struct runq *rq;
	uint64_t switches, since;
};

/* Is there a thread that waits in vain? Looked at again and again by a CPU that has nothing to do.
 */
static bool steal_is_due(struct steal_watch *w, const struct cpu *cpu, uint64_t now)
{
	unsigned n = percpu_count();

	if (w->rq && runq_waiting(w->rq) > 0 && READ_ONCE(w->rq->switches) == w->switches)
		return now - w->since > STEAL_CYCLES;
	w->rq = NULL;
	for (unsigned i = 1; i < n && !w->rq; i++) {
		const struct runq *rq = &percpu_table[(cpu->id + i) % n]->rq;

		if (runq_waiting(rq) == 0)
			continue;
		w->rq = rq;
		w->switches = READ_ONCE(rq->switches);
		w->since = now;
	}
	return false;
}

/* Does any other CPU do something, so that work may come from it soon? */
static bool others_are_busy(const struct cpu *cpu)
{
	return (sched_started_cpus() &
		~atomic_load_explicit(&sched_idle_cpus, memory_order_relaxed) & ~cpu_bit(cpu)) != 0;
}

/* Look for work for a short time: until cur is woken, something is queued here, or (then true) a
 * thread waits in vain elsewhere. No lock is held. */
static bool sched_spin(struct cpu *cpu, struct runq *rq, const struct thread *cur)
{
	struct steal_watch watch = {0};
	const uint64_t begin = plat_cycles();
	uint64_t now = begin;

	for (unsigned spins = 0; now - begin < SPIN_CYCLES; now = plat_cycles()) {
		if (atomic_load_explicit(&cur->state, memory_order_relaxed) == THREAD_RUNNABLE ||
		    runq_waiting(rq) > 0)
			return false;
		if (steal_is_due(&watch, cpu, now))
			return true;
		if (atomic_load_explicit(&cpu->pending, memory_order_relaxed) &
		    ~(PENDING_RESCHED | PENDING_SIGNAL))
			sched_interrupts(cpu, rq);
		plat->cpu_relax(spins++);
	}
	return false;
}

/*
 * The thread that runs when cur, which cannot go on, has given the CPU away and nobody is queued:
 * one from another CPU, cur itself if it is woken first, or the idle thread. rq is locked, before
 * and behind.
 */
static NOINLINE struct thread *sched_wait(struct cpu *cpu, struct runq *rq, struct thread *cur)
{
	struct thread *next = NULL;
	bool due;

	if (others_are_busy(cpu)) {
		spin_unlock(&rq->lock);
		/* Whoever sleeps here until a time must be woken at it. */
		timers_program();
		due = sched_spin(cpu, rq, cur);
		spin_lock(&rq->lock);
		if (atomic_load_explicit(&cur->state, memory_order_relaxed) == THREAD_RUNNABLE)
			return cur;
		next = runq_pop(rq);
		if (!next)
			next = sched_steal(cpu, due ? 1 : 2);
	}
	return next ? next : &percpu_self()->idle;
}

/* This CPU is about to halt, and the others can see that. Is there something to do after all? One
 * that has a thread waiting is told, so that it looks after it and calls if need be. */
static bool sched_last_look(const struct cpu *cpu)
{
	unsigned n = percpu_count();

	for (unsigned i = 0; i < n; i++) {
		struct runq *rq = &percpu_table[(cpu->id + i) % n]->rq;
		uint64_t wanted;

		if (likely(runq_waiting(rq) == 0))
			continue;
		if (i == 0)
			return true;
		spin_lock(&rq->lock);
		wanted = runq_wanted(rq) & cpu_bit(cpu);
		spin_unlock(&rq->lock);
		if (!wanted)
			continue;
		if (runq_waiting(rq) > 1)
			return true;
		plat->cpu_kick((cpu->id + i) % n);
	}
	return false;
}

/* Halt until there may be something to do. No lock is held. */
static void sched_halt(struct cpu *cpu, struct runq *rq)
{
	const uint64_t bit = cpu_bit(cpu);
	uint64_t deadline;

	rq->tick_ns = NEVER;
	rq->helper = 0;
	rq->queue_first = false;
	timers_set_tick(NEVER);
	/* First the bit, then the look: who queues a thread does it the other way round. */
	atomic_fetch_or_explicit(&sched_idle_cpus, bit, memory_order_seq_cst);
	cpu_unpend(PENDING_RESCHED | PENDING_SIGNAL);
	if (!sched_last_look(cpu)) {
		deadline = timers_next();
		if (IS_ENABLED(CONFIG_THREAD_DUMP) && deadline == NEVER)
			dump_if_stuck();
		plat->idle(deadline);
		timers_disarmed();
	}
	atomic_fetch_and_explicit(&sched_idle_cpus, ~bit, memory_order_relaxed);
	sched_interrupts(cpu, rq);
}

/* This CPU, which has idled, works. */
static void work_begins(struct runq *rq)
{
	uint64_t worked = atomic_load_explicit(&rq->worked, memory_order_relaxed);

	/* At boot nobody has idled yet, and reading the clock is dear. */
	if (worked & RUNQ_IDLES)
		atomic_store_explicit(&rq->worked,
				      plat->clock_monotonic_ns() - (worked & ~RUNQ_IDLES),
				      memory_order_relaxed);
}

static void work_ends(struct runq *rq)
{
	uint64_t worked = atomic_load_explicit(&rq->worked, memory_order_relaxed);
	uint64_t now = plat->clock_monotonic_ns();

	atomic_store_explicit(&rq->worked, RUNQ_IDLES | (now - MIN(worked, now)),
			      memory_order_relaxed);
}

NORETURN void sched_idle(struct cpu *cpu, struct percpu *pc)
{
	struct runq *rq = &pc->rq;

	for (;;) {
		struct thread *next;

		spin_lock(&rq->lock);
		next = runq_pop(rq);
		if (!next)
			next = sched_steal(cpu, 1);
		if (next) {
			work_begins(rq);
			if (rq->waiting > 0)
				runq_pushed(rq);
			timers_program();
			switch_to(rq, &pc->idle, next);
			work_ends(rq);
			if (pc->leaving) {
				spin_lock(&rq->lock);
				thread_place(pc->leaving, rq);
				pc->leaving = NULL;
			}
			continue;
		}
		spin_unlock(&rq->lock);
		sched_halt(cpu, rq);
	}
}

/* --- giving the CPU away --- */

static ALWAYS_INLINE bool may_stay(const struct cpu *cpu, const struct thread *t)
{
	return likely(!(sched_attention_load() & SCHED_RESTRICTED)) || (t->affinity & cpu_bit(cpu));
}

/* Has nobody woken cur, which is about to leave the CPU, or sent it a signal that is to wake it?
 * Its run queue is locked. */
static ALWAYS_INLINE bool sleep_goes_on(const struct thread *cur)
{
	unsigned state = atomic_load_explicit(&cur->state, memory_order_relaxed);

	if (state == THREAD_RUNNABLE)
		return false;
	return likely(!thread_has_signal(cur)) || state != THREAD_SLEEPING ||
	       !atomic_load_explicit(&cur->interruptible, memory_order_relaxed);
}

void sched_block(void)
{
	struct cpu *cpu = cpu_self();
	struct runq *rq = runq_self();
	struct thread *cur = cpu->current, *next;

	spin_check_none_held();
	spin_lock(&rq->lock);
	if (!sleep_goes_on(cur)) {
		/* Who sends the next signal has to see that nobody looks for it any more. */
		atomic_store_explicit(&cur->state, THREAD_RUNNABLE, memory_order_relaxed);
		spin_unlock(&rq->lock);
		return;
	}
	next = runq_pop(rq);
	if (IS_ENABLED(CONFIG_THREAD_DUMP))
		cur->sleep_cycles = next && rq->tick_ns != NEVER ? rq->slice_cycles : plat_cycles();
	if (!next) {
		next = sched_wait(cpu, rq, cur);
		if (next == cur) {
			pend_for(cur);
			/* A sleep may have ended meanwhile, and it comes first. */
			if (unlikely(!may_stay(cpu, cur)) ||
			    unlikely(rq->urgent.first && !rq->queue_first))
				cpu_pend(PENDING_RESCHED);
			spin_unlock(&rq->lock);
			return;
		}
	} else if (cur->sleep_timer.deadline_ns != NEVER) {
		/* Waiting for work would have done it. */
		timers_program();
	}
	switch_to(rq, cur, next);
}

/* The current thread, which is runnable, gives way if somebody waits. */
static void sched_preempt(void)
{
	struct cpu *cpu = cpu_self();
	struct runq *rq = runq_self();
	struct thread *cur = cpu->current, *next;

	spin_lock(&rq->lock);
	if (unlikely(!may_stay(cpu, cur))) {
		/* The idle thread sends it to where it may be: then it is off its stack. */
		percpu_self()->leaving = cur;
		switch_to(rq, cur, &percpu_self()->idle);
		return;
	}
	next = runq_pop(rq);
	if (!next) {
		spin_unlock(&rq->lock);
		return;
	}
	run_list_push(&rq->queue, cur);
	COUNT_ADD(rq->waiting, 1);
	switch_to(rq, cur, next);
}

long sched_yield(void)
{
	struct runq *rq = runq_self();
	struct thread *cur = thread_current(), *next;

	if (unlikely(READ_ONCE(rq->urgent.first) || !spin_trylock(&rq->lock))) {
		sched_preempt();
		return 0;
	}
	/* With the lock: from then on nobody changes where cur may run. */
	if (unlikely(sched_attention_load() != 0)) {
		spin_unlock(&rq->lock);
		sched_preempt();
		return 0;
	}
	next = rq->queue.first;
	if (!next) {
		spin_unlock(&rq->lock);
		return 0;
	}
	/* Behind next comes cur at least, so the list does not become empty. */
	run_list_push(&rq->queue, cur);
	rq->queue.first = next->run_next;
	switch_quick(rq, cur, next);
	return 0;
}

void sched_pending(void)
{
	struct cpu *cpu = cpu_self();

	sched_interrupts(cpu, runq_self());
	if (atomic_load_explicit(&cpu->pending, memory_order_relaxed) & PENDING_RESCHED) {
		cpu_unpend(PENDING_RESCHED);
		sched_preempt();
	}
}
