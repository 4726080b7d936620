/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The load averages. */
#ifndef FS_LOAD_H
#define FS_LOAD_H

#include "base/types.h"

#define LOAD_SHIFT 16 /* sysinfo(2) has them so: times 65536 */

/*
 * CPUs in use, on average over the last 1, 5 and 15 minutes. Nobody samples them while nobody asks:
 * between two readings the load counts as even. Threads that wait for a CPU are not counted.
 */
void load_averages(uint64_t out[3]);

#endif
