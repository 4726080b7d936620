/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The cycle clock of an image with its program linked in, which asks the kernel for the time. */
#include "plat/plat.h"

struct plat_cycle_clock plat_cycle_clock;
