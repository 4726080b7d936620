/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The platform in use, as the start code of one of them has set it, and the boot's stages. */
#include "plat/plat.h"
#include "base/cmdline.h"

/* How long the cycle counter is compared with the clock, where its rate is not known. */
#define RATE_NS 1000000u

const struct plat_ops *plat;

uint64_t plat_stages[PLAT_STAGES];

/* Both clocks at one moment: again if something has come in between. */
static uint64_t clocks_read(uint64_t *cycles)
{
	uint64_t before, after;
	unsigned tries = 0;

	do {
		before = plat->clock_monotonic_ns();
		*cycles = arch_cycles();
		after = plat->clock_monotonic_ns();
	} while (after - before > RATE_NS / 1000 && ++tries < 100);
	return before;
}

uint64_t plat_cycles_to_ns(uint64_t cycles)
{
	static uint64_t measured;
	uint64_t mult = atomic_load_explicit(&plat_cycle_clock.mult, memory_order_relaxed);
	uint64_t begin_ns, end_ns, begin, end;

	if (mult == 0 && measured == 0) {
		begin_ns = clocks_read(&begin);
		do
			end_ns = clocks_read(&end);
		while (end_ns < begin_ns + RATE_NS);
		measured = ((end_ns - begin_ns) << 32) / (end - begin);
	}
	return (uint64_t)((unsigned __int128)cycles * (mult != 0 ? mult : measured) >> 32);
}

unsigned plat_trace_wanted(const char *cmdline)
{
	struct cmdline_token token;
	unsigned what = 0;

	if (!IS_ENABLED(CONFIG_TRACE))
		return 0;
	while (cmdline_next(&cmdline, &token) && !cmdline_is(&token, "--"))
		if (cmdline_is(&token, "trace"))
			what |= ARCH_TRACE_RECORDS;
		else if (IS_ENABLED(CONFIG_STATS) && cmdline_is(&token, "stats"))
			what |= ARCH_TRACE_COUNTS;
	return what;
}
