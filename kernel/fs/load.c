/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Load averages fade in steps of 5 s, as Linux's do (kernel/sched/loadavg.c), but all steps since
 * the last reading are made at once: no timer runs for them.
 */
#include "fs/load.h"
#include "base/atomic.h"
#include "core/thread.h"
#include "plat/plat.h"

#define STEP_NS 5000000000u
#define FIXED_SHIFT 11
#define FIXED_1 (1u << FIXED_SHIFT)

static struct {
	struct spinlock lock; /* guards all */
	uint64_t now_ns;      /* up to when they are made; 0: nobody has asked yet */
	uint64_t busy_ns;     /* of the process by then */
	uint64_t loads[3];    /* times FIXED_1 */
} load = {.lock = SPINLOCK_INIT(LOCK_LOAD)};

/* x to the power of n; x times FIXED_1. */
static uint64_t load_power(uint64_t x, uint64_t n)
{
	uint64_t result = FIXED_1;

	for (; n > 0 && result > 0; n >>= 1, x = x * x >> FIXED_SHIFT)
		if ((n & 1) != 0)
			result = result * x >> FIXED_SHIFT;
	return result;
}

void load_averages(uint64_t out[3])
{
	static const uint16_t fade[3] = {1884, 2014, 2037}; /* exp(-5 s / 1, 5, 15 min) */
	uint64_t now = plat->clock_monotonic_ns(), busy = sched_process_time_ns();
	uint64_t steps, active;

	spin_lock(&load.lock);
	load.now_ns = MAX(load.now_ns, sched_start_ns());
	steps = (now - MIN(load.now_ns, now)) / STEP_NS;
	if (steps > 0) {
		/* Times FIXED_1, in a way that does not overflow after some months of work. */
		active = (busy - MIN(load.busy_ns, busy)) / ((now - load.now_ns) >> FIXED_SHIFT);
		for (unsigned i = 0; i < 3; i++) {
			uint64_t old = load_power(fade[i], steps);

			load.loads[i] = (load.loads[i] * old + active * (FIXED_1 - old)) >>
					FIXED_SHIFT;
		}
		load.now_ns = now;
		load.busy_ns = busy;
	}
	for (unsigned i = 0; i < 3; i++)
		out[i] = load.loads[i] << (LOAD_SHIFT - FIXED_SHIFT);
	spin_unlock(&load.lock);
}
