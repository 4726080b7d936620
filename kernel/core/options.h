/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The kernel's own options on the command line, and in KILN_OPTS on linuxu (docs/ARCHITECTURE.md,
 * section 3). */
#ifndef CORE_OPTIONS_H
#define CORE_OPTIONS_H

/* Take the tokens before "--". What is not understood is named in the log and otherwise ignored. */
void options_init(const char *cmdline);

#endif
