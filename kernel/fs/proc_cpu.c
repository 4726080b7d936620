/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The texts of /proc that tell of processors and their time. */
#include "arch/arch.h"
#include "core/thread.h"
#include "fs/load.h"
#include "fs/text.h"
#include "plat/plat.h"

#define NS_PER_SECOND 1000000000u
#define NS_PER_TICK 10000000u /* USER_HZ is 100 */

/* CPUs that there are; their numbers begin with 0 and have no gaps. */
static unsigned cpu_total(void)
{
	return 64u - (unsigned)__builtin_clzl(sched_cpus());
}

/* Time that a CPU has worked, and has not, since CLOCK_MONOTONIC was 0. */
static void cpu_times(unsigned id, uint64_t *busy_ns, uint64_t *idle_ns)
{
	sched_cpu_times(id, busy_ns, idle_ns);
	*idle_ns += sched_start_ns();
}

static void cpu_times_all(uint64_t *busy_ns, uint64_t *idle_ns)
{
	unsigned n = cpu_total();

	*busy_ns = 0;
	*idle_ns = 0;
	for (unsigned i = 0; i < n; i++) {
		uint64_t busy, idle;

		cpu_times(i, &busy, &idle);
		*busy_ns += busy;
		*idle_ns += idle;
	}
}

void proc_print_cpuinfo(struct text *t)
{
	struct arch_cpu_name name;
	unsigned n = cpu_total();

	arch_cpu_name(&name);
	for (unsigned i = 0; i < n; i++) {
		text_print(t, "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\n", i,
			   name.vendor, name.family);
		text_print(t, "model\t\t: %u\nmodel name\t: %s\nstepping\t: %u\n", name.model,
			   name.brand, name.stepping);
		text_print(t, "physical id\t: 0\nsiblings\t: %u\ncore id\t\t: %u\n", n, i);
		text_print(t, "cpu cores\t: %u\napicid\t\t: %u\n\n", n, i);
	}
}

/* Kernel and program are one: all time is user time, or idle. */
static void stat_print_line(struct text *t, uint64_t busy_ns, uint64_t idle_ns)
{
	text_print(t, " %lu 0 0 %lu 0 0 0 0 0 0\n", busy_ns / NS_PER_TICK, idle_ns / NS_PER_TICK);
}

/* Threads that run or wait for a CPU, and the greatest id there is. */
static unsigned threads_runnable(int32_t *last)
{
	unsigned running = 0;

	*last = PROCESS_ID;
	threads_lock();
	list_for_each(l, &thread_all) {
		const struct thread *t = list_entry(l, struct thread, all_link);

		*last = MAX(*last, t->tid);
		running += atomic_load_explicit(&t->state, memory_order_relaxed) == THREAD_RUNNABLE;
	}
	threads_unlock();
	return running;
}

void proc_print_stat(struct text *t)
{
	unsigned n = cpu_total();
	uint64_t busy, idle;
	int32_t last;

	cpu_times_all(&busy, &idle);
	text_print(t, "cpu ");
	stat_print_line(t, busy, idle);
	for (unsigned i = 0; i < n; i++) {
		cpu_times(i, &busy, &idle);
		text_print(t, "cpu%u", i);
		stat_print_line(t, busy, idle);
	}
	text_print(t, "intr 0\nctxt %lu\nbtime %lu\n", sched_switch_count(),
		   (plat->clock_realtime_ns() - plat->clock_monotonic_ns()) / NS_PER_SECOND);
	text_print(t, "processes 1\nprocs_running %u\nprocs_blocked 0\nsoftirq 0\n",
		   threads_runnable(&last));
}

void proc_print_loadavg(struct text *t)
{
	uint64_t loads[3];
	int32_t last;

	load_averages(loads);
	for (unsigned i = 0; i < 3; i++) {
		/* Hundredths, rounded. */
		uint64_t load = (loads[i] * 100 + (1u << (LOAD_SHIFT - 1))) >> LOAD_SHIFT;

		text_print(t, "%lu.%02lu ", load / 100, load % 100);
	}
	text_print(t, "%u/%u ", threads_runnable(&last), thread_count());
	text_print(t, "%d\n", last);
}

void proc_print_uptime(struct text *t)
{
	uint64_t now = plat->clock_monotonic_ns(), busy, idle;

	cpu_times_all(&busy, &idle);
	now /= NS_PER_TICK;
	idle /= NS_PER_TICK;
	text_print(t, "%lu.%02lu %lu.%02lu\n", now / 100, now % 100, idle / 100, idle % 100);
}

void proc_print_cpu_mask(struct text *t, uint64_t mask)
{
	unsigned n = cpu_total();

	if (n > 32)
		text_print(t, "%0*lx,", (int)(n - 32 + 3) / 4, mask >> 32);
	text_print(t, "%0*lx\n", (int)(MIN(n, 32u) + 3) / 4, mask & UINT32_MAX);
}

void proc_print_cpu_list(struct text *t, uint64_t mask)
{
	const char *comma = "";

	for (unsigned i = 0; i < 64; i++) {
		unsigned first = i;

		if ((mask >> i & 1) == 0)
			continue;
		while (i < 63 && (mask >> (i + 1) & 1) != 0)
			i++;
		text_print(t, "%s%u", comma, first);
		if (i > first)
			text_print(t, "-%u", i);
		comma = ",";
	}
	text_print(t, "\n");
}
