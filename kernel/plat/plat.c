/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The platform in use, as the start code of one of them has set it, and the boot's stages. */
#include "plat/plat.h"

/* How long the cycle counter is compared with the clock, where its rate is not known. */
#define RATE_NS 1000000u

const struct plat_ops *plat;

uint64_t plat_stages[PLAT_STAGES];

uint64_t plat_cycles_to_ns(uint64_t cycles)
{
	static uint64_t measured;
	uint64_t mult = atomic_load_explicit(&plat_cycle_clock.mult, memory_order_relaxed);
	uint64_t begin_ns, begin, now_ns;

	if (mult == 0 && measured == 0) {
		begin_ns = plat->clock_monotonic_ns();
		begin = arch_cycles();
		do
			now_ns = plat->clock_monotonic_ns();
		while (now_ns < begin_ns + RATE_NS);
		measured = ((now_ns - begin_ns) << 32) / (arch_cycles() - begin);
	}
	return (uint64_t)((unsigned __int128)cycles * (mult != 0 ? mult : measured) >> 32);
}
