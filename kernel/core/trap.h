/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Where a trap frame goes: system calls, exceptions, interrupts. */
#ifndef CORE_TRAP_H
#define CORE_TRAP_H

#include "arch/trap_frame.h"
#include "base/types.h"

/* A thread of the program came in by a trap; frame is on its kernel stack. Returns to leave through
 * arch_trap_return(). */
void trap_dispatch(struct trap_frame *frame);

/*
 * An exception that vma_fault() has not resolved: is it of kernel code that expects faults? Then
 * frame->rip is where that goes on. Interrupt context (IST or signal stack).
 */
bool trap_fixup(struct trap_frame *frame);

/*
 * An exception hit the kernel: is it only that the program steps through itself (TF) and has called
 * the kernel? Then the stepping ends here, and the kernel goes on.
 */
bool trap_step_over(struct trap_frame *frame);

/* An exception in kernel code that nothing resolves: report and end. */
NORETURN void trap_kernel_fault(struct trap_frame *frame);

/* A way out of the kernel found cpu->pending not 0 (entry.S calls it until it is). frame is
 * complete. */
void trap_leave_pending(struct trap_frame *frame);

/* The system call that an inline instruction made: its result (abi/dispatch.c, an upcall). */
long syscall_trap(struct trap_frame *frame);

/* Write the crash report of the program for a fatal signal; behind process_exit_begin() (report.c).
 */
void report_crash(const struct trap_frame *frame, int sig, int code, vaddr_t addr);
/* Boot: the program's code is not the image's but lies in [start, end); bias is added to the
 * addresses in its file. */
void report_program(vaddr_t start, vaddr_t end, vaddr_t bias);

#endif
