/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The kernel's command line (docs/ARCHITECTURE.md, section 3).
 */
#ifndef KILN_CMDLINE_H
#define KILN_CMDLINE_H

#include "run.h"

/* Append s as (part of) one token: %XX for what would end or begin something else. */
void cmdline_encode(struct buf *b, const char *s);

/* The whole command line for this run; caller frees. */
char *cmdline_build(const struct run *run);

#endif
