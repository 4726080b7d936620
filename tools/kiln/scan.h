/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What is to be linked is searched for system calls. */
#ifndef KILN_SCAN_H
#define KILN_SCAN_H

#include "util.h"

/* Does any of the files among the linker's arguments contain the syscall instruction? True also if
 * one of them cannot be read. */
bool scan_for_syscalls(const struct strv *items);

#endif
