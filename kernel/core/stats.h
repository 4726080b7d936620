/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a run took, for `kiln run --stats`. */
#ifndef CORE_STATS_H
#define CORE_STATS_H

#include "base/types.h"

/* The token `stats`. */
extern bool stats_wanted;

/* The program ends: one line of the log, "kiln: stats NAME=NUMBER ...", as `kiln run` reads it. */
void stats_report(void);

/* Upcall into abi: "kiln: calls NR=NUMBER ...", how often each system call was made. */
void trace_report_counts(void);

#endif
