/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The vDSO's page, and in it the clock that the kernel reads too. */
#include "plat/vdso.h"

union vdso_page vdso_page ALIGNED(PAGE_SIZE);
extern struct plat_cycle_clock plat_cycle_clock __attribute__((alias("vdso_page")));

_Static_assert(offsetof(struct vdso_data, clock) == 0, "plat_cycle_clock is the page's begin");
