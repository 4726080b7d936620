/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a run took: `kiln run --stats`.
 */
#ifndef KILN_STATS_H
#define KILN_STATS_H

#include "relay.h"

/*
 * Take the kernel's line `kiln: stats ...` out of r->log_text, and print it as a table to standard
 * error, with what kiln itself has measured. To be called behind relay_run() and relay_take_exit().
 */
void stats_print(struct relay *r);

#endif
