/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Where the program is, in text: code addresses, and backtraces. A code address is written
 * image+0xOFFSET or program+0xOFFSET, for addr2line and for `kiln run`, which completes them.
 */
#ifndef CORE_BACKTRACE_H
#define CORE_BACKTRACE_H

#include "arch/trap_frame.h"
#include "base/types.h"

/* A line: `before` and the address. Any context. */
void backtrace_print_address(const char *before, vaddr_t addr);

/*
 * The functions that the program is in, when *frame holds its registers; a line each. The program
 * does not run meanwhile. Changes FPU registers.
 */
void backtrace_print(const struct trap_frame *frame);

/*
 * An exception hit the kernel on this CPU: was it backtrace_print(), which follows whatever the
 * program's memory holds? Then *frame is changed to go on where it gives up. Interrupt context.
 */
bool backtrace_escape(struct trap_frame *frame);

#endif
