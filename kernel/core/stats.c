/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Numbers of a whole run. All of them are counted anyway, or where it costs next to nothing; what
 * is made of them, and how they are shown, is `kiln run`'s affair.
 */
#include "core/stats.h"
#include "core/log.h"
#include "core/percpu.h"
#include "plat/plat.h"

bool stats_wanted;

static unsigned long stage_ns(enum plat_stage from, uint64_t until)
{
	return plat_cycles_to_ns(until - plat_stages[from]);
}

void stats_report(void)
{
	unsigned n = percpu_count();
	uint64_t faults = 0, busy = 0, idle = 0;
	const uint64_t now = arch_cycles();

	if (IS_ENABLED(CONFIG_TRACE))
		trace_report_counts();
	for (unsigned id = 0; id < n; id++) {
		uint64_t cpu_busy, cpu_idle;

		sched_cpu_times(id, &cpu_busy, &cpu_idle);
		faults += READ_ONCE(percpu_table[id]->faults);
		busy += cpu_busy;
		idle += cpu_idle;
	}
	log_print(
		"kiln: stats start_ns=%lu kernel_ns=%lu program_ns=%lu run_ns=%lu image_bytes=%lu "
		"peak_bytes=%lu faults=%lu switches=%lu threads=%u cpus=%u busy_ns=%lu "
		"idle_ns=%lu\n",
		stage_ns(PLAT_STAGE_START, plat_stages[PLAT_STAGE_KERNEL]),
		stage_ns(PLAT_STAGE_KERNEL, plat_stages[PLAT_STAGE_PROGRAM]),
		stage_ns(PLAT_STAGE_PROGRAM, plat_stages[PLAT_STAGE_ENTRY]),
		stage_ns(PLAT_STAGE_ENTRY, now), (unsigned long)(kiln_image_end - kiln_image_base),
		(unsigned long)(page_peak_count() * PAGE_SIZE), faults, sched_switch_count(),
		thread_total(), n, busy, idle);
}
