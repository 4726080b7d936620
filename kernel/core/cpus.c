/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The CPUs: their data, their start, barriers on all of them, what threads may run on which, and
 * their times. Only the boot CPU runs until the program makes a second thread.
 */
#include "base/errno.h"
#include "base/string.h"
#include "core/log.h"
#include "core/page.h"
#include "core/runq.h"

/* Pages of a struct percpu: 2^n. */
#define PERCPU_ORDER (sizeof(struct percpu) > PAGE_SIZE ? 1u : 0u)

static struct percpu percpu_boot;
struct percpu *percpu_table[CONFIG_NR_CPUS] = {&percpu_boot};
/* The boot CPU and those that are running or being started. Changed by the first call of clone. */
_Atomic unsigned percpu_started = 1;
static uint64_t system_start_ns;

static void percpu_setup(struct percpu *pc, struct cpu *cpu)
{
	struct thread *idle = &pc->idle;

	spin_init(&pc->rq.lock, LOCK_RUNQ);
	run_list_init(&pc->rq.queue);
	run_list_init(&pc->rq.urgent);
	pc->rq.cpu = cpu;
	pc->rq.tick_ns = NEVER;
	atomic_init(&pc->rq.worked, RUNQ_IDLES);
	timer_queue_init(&pc->timers);
	page_cache_init(&pc->pages);
	heap_init(&pc->heap);
	idle->affinity = UINT64_MAX;
	atomic_init(&idle->state, THREAD_SLEEPING);
	atomic_init(&idle->cpu, cpu ? cpu->id : 0);
}

void percpu_init(void)
{
	struct cpu *cpu = cpu_self();

	percpu_setup(&percpu_boot, cpu);
	percpu_boot.rq.tick_ns = 0; /* not NEVER: the first thread does not wait for another one */
	cpu->percpu = &percpu_boot;
	cpu->current = &percpu_boot.idle;
}

NORETURN void sched_start(uint64_t start_ns)
{
	struct runq *rq = &percpu_boot.rq;

	system_start_ns = start_ns;
	rq->tick_ns = NEVER;
	atomic_store_explicit(&rq->worked, start_ns, memory_order_relaxed); /* it works since */
	sched_idle(cpu_self(), &percpu_boot);
}

uint64_t sched_start_ns(void)
{
	return system_start_ns;
}

NORETURN void cpu_main(void)
{
	struct cpu *cpu = cpu_self();
	struct percpu *pc = percpu_table[cpu->id];

	cpu->percpu = pc;
	cpu->current = &pc->idle;
	pc->rq.cpu = cpu;
	atomic_store_explicit(&pc->idle.cpu, cpu->id, memory_order_relaxed);
	sched_idle(cpu, pc);
}

void sched_start_cpus(void)
{
	static _Atomic bool begun;
	unsigned n;

	if (CONFIG_NR_CPUS == 1 || atomic_load_explicit(&begun, memory_order_relaxed) ||
	    atomic_exchange_explicit(&begun, true, memory_order_relaxed))
		return;
	n = plat->cpu_count();
	if (n > 1)
		spin_cpus.alone = false;
	for (unsigned id = 1; id < n; id++) {
		struct percpu *pc = page_alloc(PERCPU_ORDER);
		int err = -ENOMEM;

		if (pc) {
			memset(pc, 0, sizeof(*pc));
			percpu_setup(pc, NULL);
			percpu_table[id] = pc;
			/* Its queue may be looked at from now on. */
			atomic_store_explicit(&percpu_started, id + 1, memory_order_release);
			err = plat->cpu_start(id);
		}
		if (err) {
			/* Nobody can have queued a thread there yet: this CPU does not leave the
			 * kernel. */
			atomic_store_explicit(&percpu_started, id, memory_order_release);
			log_line(LOG_WARN, "only %u of %u CPUs are used: error %d", id, n, -err);
			return;
		}
	}
}

void sched_barrier(void)
{
	unsigned n = percpu_count();
	uint32_t seen[CONFIG_NR_CPUS] = {0};
	uint64_t told = 0;

	atomic_thread_fence(memory_order_seq_cst);
	for (unsigned id = 0; CONFIG_NR_CPUS > 1 && id < n; id++) {
		const struct cpu *cpu = percpu_table[id]->rq.cpu;
		const uint64_t bit = 1UL << id;

		/* One that halts passes barriers before it runs a thread, as one does that has not
		 * come up yet. */
		if (!cpu || cpu == cpu_self() || (atomic_load(&sched_idle_cpus) & bit))
			continue;
		seen[id] = atomic_load(&cpu->kicks);
		told |= bit;
		plat->cpu_kick(id);
	}
	for (; told; told &= told - 1) {
		unsigned id = (unsigned)__builtin_ctzl(told);

		while (atomic_load(&percpu_table[id]->rq.cpu->kicks) == seen[id])
			plat->cpu_relax(0);
	}
}

/* --- affinity and nice --- */

uint64_t sched_cpus(void)
{
	return cpus_below(plat->cpu_count());
}

int sched_set_affinity(struct thread *t, uint64_t mask)
{
	struct runq *rq;
	unsigned id;

	if (mask & sched_cpus() & ~1UL)
		sched_start_cpus();
	if (!(mask & sched_started_cpus()))
		return -EINVAL;
	rq = thread_rq_lock(t);
	if (mask != t->affinity) {
		atomic_fetch_or(&sched_attention, SCHED_RESTRICTED);
		t->affinity = mask;
	}
	id = atomic_load_explicit(&t->cpu, memory_order_relaxed);
	if (mask & 1UL << id) {
		spin_unlock(&rq->lock);
		return 0;
	}
	if (runq_take(rq, 0, t)) {
		thread_place(t, rq);
		return 0;
	}
	spin_unlock(&rq->lock);
	if (t == thread_current())
		cpu_pend(PENDING_RESCHED);
	else if (id != cpu_self()->id)
		plat->cpu_kick(id); /* if it runs there, it has to leave */
	return 0;
}

void sched_set_nice(struct thread *t, int nice)
{
	t->nice = (int8_t)nice;
	atomic_fetch_or(&sched_attention, SCHED_TIMED);
}

void sched_set_policy(struct thread *t, unsigned policy)
{
	t->policy = (uint8_t)policy;
	if (policy == SCHED_IDLE)
		atomic_fetch_or(&sched_attention, SCHED_TIMED);
}

/* --- run times --- */

/* What a CPU has worked, and CLOCK_MONOTONIC when it had. */
static uint64_t cpu_worked_ns(const struct runq *rq, uint64_t *now_ns)
{
	uint64_t worked, now;

	do {
		worked = atomic_load_explicit(&rq->worked, memory_order_acquire);
		now = plat->clock_monotonic_ns();
	} while (atomic_load_explicit(&rq->worked, memory_order_relaxed) != worked);
	*now_ns = now;
	/* It may just have begun to work, its clock a little ahead of this one's. */
	return worked & RUNQ_IDLES ? worked & ~RUNQ_IDLES : now - MIN(worked, now);
}

/* ns, or what was told before if that was more. A CPU that begins to work or to idle reads the
 * clock before it says so: what is told in between may be a little too much. */
static uint64_t tell(_Atomic uint64_t *told, uint64_t ns)
{
	uint64_t old = atomic_load_explicit(told, memory_order_relaxed);

	while (old < ns && !atomic_compare_exchange_weak_explicit(
				   told, &old, ns, memory_order_relaxed, memory_order_relaxed))
		;
	return MAX(old, ns);
}

void sched_cpu_times(unsigned id, uint64_t *busy_ns, uint64_t *idle_ns)
{
	uint64_t now = plat->clock_monotonic_ns(), worked;
	struct runq *rq;

	*busy_ns = 0;
	*idle_ns = now - MIN(system_start_ns, now);
	if (id >= percpu_count())
		return; /* nor had it been started when the clock was read */
	rq = &percpu_table[id]->rq;
	worked = cpu_worked_ns(rq, &now);
	*busy_ns = tell(&rq->worked_told, worked);
	*idle_ns = tell(&rq->idled_told, now - MIN(system_start_ns + worked, now));
}

uint64_t sched_process_time_ns(void)
{
	unsigned n = percpu_count();
	uint64_t sum = 0, now;

	for (unsigned id = 0; id < n; id++) {
		struct runq *rq = &percpu_table[id]->rq;

		sum += tell(&rq->worked_told, cpu_worked_ns(rq, &now));
	}
	return sum;
}

uint64_t sched_thread_time_ns(void)
{
	volatile struct thread *t = thread_current();
	uint64_t used, start, now, never = 0;

	if (!(sched_attention_load() & SCHED_ACCOUNTING)) {
		/* The main thread is the one that can have run for long: as if it had been alone.
		 */
		t->cpu_time_ns = t->tid == PROCESS_ID ? sched_process_time_ns() : 0;
		t->run_start_ns = plat->clock_monotonic_ns();
		atomic_fetch_or(&sched_attention, SCHED_TIMED | SCHED_ACCOUNTING);
	} else if (t->run_start_ns == 0) {
		/* It has run since before that, unless it is preempted right now. */
		now = plat->clock_monotonic_ns();
		__atomic_compare_exchange_n(&t->run_start_ns, &never, now, false, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED);
	}
	/* Preemption between the readings changes run_start_ns. */
	do {
		start = t->run_start_ns;
		used = t->cpu_time_ns;
		now = plat->clock_monotonic_ns();
	} while (t->run_start_ns != start);
	return used + now - start;
}

uint64_t sched_switch_count(void)
{
	unsigned n = percpu_count();
	uint64_t sum = 0;

	for (unsigned id = 0; id < n; id++)
		sum += READ_ONCE(percpu_table[id]->rq.switches);
	return sum;
}
