/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The thread dump. The CPU that makes it stops the others first: each comes to dump_wait() with no
 * lock held and the frame of its thread complete on that one's kernel stack. So nothing changes
 * while all threads are looked at, and what they wait for is found where it is, not recorded when
 * they begin to wait.
 */
#include "core/dump.h"
#include "base/string.h"
#include "core/backtrace.h"
#include "core/futex.h"
#include "core/log.h"
#include "core/runq.h"

/* How long another CPU may take to stop. */
#define STOP_NS 2000000000u
/* timeout(1)'s status for a command that did not end. */
#define WATCHDOG_STATUS 124
#define MS 1000000u

bool dump_watchdog;

static _Atomic bool stopping;         /* CPUs come to dump_wait() */
static _Atomic uint64_t stopped_cpus; /* those that are there */

bool dump_is_waiting(void)
{
	return unlikely(atomic_load_explicit(&stopping, memory_order_relaxed));
}

void dump_wait(void)
{
	const uint64_t bit = cpu_bit(cpu_self());

	/* Release: pairs with others_stop(); frames are seen there. */
	atomic_fetch_or_explicit(&stopped_cpus, bit, memory_order_release);
	for (unsigned spins = 0; atomic_load_explicit(&stopping, memory_order_acquire);)
		plat->cpu_relax(spins++);
	atomic_fetch_and_explicit(&stopped_cpus, ~bit, memory_order_relaxed);
}

/* True if all other CPUs have stopped. */
static bool others_stop(void)
{
	const uint64_t end = plat->clock_monotonic_ns() + STOP_NS;
	uint64_t wanted = 0;

	for (unsigned id = 0; id < percpu_count(); id++) {
		const struct cpu *cpu = percpu_table[id]->rq.cpu;

		if (CONFIG_NR_CPUS == 1 || !cpu || cpu == cpu_self())
			continue;
		wanted |= 1UL << id;
		plat->cpu_kick(id);
	}
	for (unsigned spins = 0;
	     (atomic_load_explicit(&stopped_cpus, memory_order_acquire) & wanted) != wanted;) {
		if (plat->clock_monotonic_ns() > end)
			return false;
		plat->cpu_relax(spins++);
	}
	return true;
}

/* " NUMBER.NNN s" and the text behind. */
static void print_seconds(const char *before, uint64_t ns, const char *behind)
{
	log_print("%s%lu.%03lu s%s", before, (unsigned long)(ns / (1000 * MS)),
		  (unsigned long)(ns / MS % 1000), behind);
}

static uint64_t slept_ns(const struct thread *t)
{
	uint64_t cycles = plat_cycles() - t->sleep_cycles;

	/* In the deterministic mode they are nanoseconds. */
	return plat_is_deterministic() ? cycles : plat_cycles_to_ns(cycles);
}

static void print_wait(const struct thread *t, uint64_t now_ns)
{
	uint64_t deadline_ns = t->sleep_timer.deadline_ns;
	vaddr_t futex;
	uint32_t value;

	log_print("waits: %s", t->wait_reason ? t->wait_reason : "?");
	futex = futex_waited_for(t);
	if (futex) {
		log_print(" 0x%lx", (unsigned long)futex);
		if (user_load_u32(&value, futex) == 0)
			log_print(" (value 0x%x)", value);
	}
	print_seconds(", for ", slept_ns(t), "");
	if (deadline_ns != NEVER)
		print_seconds(", at most ", deadline_ns > now_ns ? deadline_ns - now_ns : 0,
			      " more");
	log_print("\n");
}

/* all_stopped: its stack stands still. */
static void print_thread(const struct thread *t, bool all_stopped, uint64_t now_ns)
{
	unsigned id = atomic_load_explicit(&t->cpu, memory_order_relaxed);
	struct trap_frame frame;

	log_print("thread %d '%s', CPU %u, ", t->tid, t->name, id);
	if (atomic_load_explicit(&t->state, memory_order_relaxed) == THREAD_SLEEPING && all_stopped)
		print_wait(t, now_ns);
	else if (percpu_table[id]->rq.cpu->current == t)
		log_print("runs\n");
	else
		log_print("is ready to run\n");
	if (!all_stopped)
		return;
	arch_program_frame(t->kstack_top, &frame);
	backtrace_print(&frame);
}

void dump_threads(void)
{
	struct arch_thread *self = &thread_current()->arch;
	uint64_t now_ns;
	bool all;

	if (atomic_exchange_explicit(&stopping, true, memory_order_seq_cst)) {
		dump_wait(); /* another CPU is at it */
		return;
	}
	all = others_stop();
	now_ns = plat->clock_monotonic_ns();
	arch_fpu_keep(self);
	/* `kiln run` knows the first and the last line. */
	log_print("kiln: threads: %u\n", thread_count());
	if (!all)
		log_print("  (a CPU does not stop: no backtraces)\n");
	list_for_each(l, &thread_all)
		print_thread(list_entry(l, struct thread, all_link), all, now_ns);
	log_print("kiln: end of threads\n");
	arch_fpu_give_back(self);
	atomic_store_explicit(&stopping, false, memory_order_release);
}

/* Can none of the threads go on unless another one does? */
static bool all_are_stuck(void)
{
	bool stuck = true;

	for (unsigned id = 0; id < percpu_count(); id++)
		stuck &= runq_waiting(&percpu_table[id]->rq) == 0 &&
			 timers_are_none(&percpu_table[id]->timers);
	threads_lock();
	list_for_each(l, &thread_all) {
		const struct thread *t = list_entry(l, struct thread, all_link);

		stuck &= atomic_load_explicit(&t->state, memory_order_relaxed) == THREAD_SLEEPING;
	}
	threads_unlock();
	return stuck && !console_is_watched();
}

static bool all_halt(void)
{
	return atomic_load(&sched_idle_cpus) == sched_started_cpus();
}

void dump_if_stuck(void)
{
	static _Atomic bool reported;
	uint64_t switches;

	if ((!dump_watchdog && log_level < LOG_INFO) || !all_halt())
		return;
	switches = sched_switch_count();
	if (!all_are_stuck())
		return;
	/* That was looked at one after the other: no CPU may have woken meanwhile, for its timer
	 * say. */
	if (!all_halt() || sched_switch_count() != switches || atomic_exchange(&reported, true))
		return;
	log_line(LOG_ERROR, "every thread waits for another one");
	dump_threads();
	if (dump_watchdog)
		process_exit(WATCHDOG_STATUS);
}
