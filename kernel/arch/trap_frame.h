/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The registers of a thread that came into the kernel by a trap, as they lie on its kernel stack.
 * The same on both platforms: arch/x86_64/entry.S builds it on kvm, plat/linuxu/signal.c from a
 * ucontext.
 */
#ifndef ARCH_TRAP_FRAME_H
#define ARCH_TRAP_FRAME_H

#include "base/types.h"

struct trap_frame {
	uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	uint64_t cr2;    /* fault address of a page fault */
	uint64_t vector; /* TRAP_* */
	uint64_t error;  /* the exception's error code; TRAP_SYSCALL: the system call
			  * number; TRAP_GATE: the handler's address */
	uint64_t rip, cs, rflags, rsp, ss; /* what iretq takes */
};

_Static_assert(sizeof(struct trap_frame) == 184, "entry.S knows this layout");

/* 0-31 are the processor's exceptions (Intel SDM vol. 3, 6.3.1). */
#define TRAP_DIVIDE 0
#define TRAP_DEBUG 1
#define TRAP_NMI 2
#define TRAP_BREAKPOINT 3
#define TRAP_INVALID_OPCODE 6
#define TRAP_DOUBLE_FAULT 8
#define TRAP_STACK_SEGMENT 12
#define TRAP_GENERAL_PROTECTION 13
#define TRAP_PAGE_FAULT 14
#define TRAP_X87 16
#define TRAP_ALIGNMENT 17
#define TRAP_SIMD 19
#define TRAP_TIMER 32     /* the CPU's one-shot timer */
#define TRAP_CONSOLE 33   /* console input arrived */
#define TRAP_KICK 34      /* another CPU wants this one to look at its run queue and signals */
#define TRAP_SHOOTDOWN 35 /* another CPU has changed the page tables */
#define TRAP_SPURIOUS 63
#define TRAP_SYSCALL 256 /* an inline syscall instruction */
#define TRAP_GATE 257    /* built on the gate's way out, when a signal is to be delivered */
#define TRAP_START 258   /* a thread that has not run yet */

/* Page fault error code bits (Intel SDM vol. 3, 4.7). */
#define PF_PRESENT 1
#define PF_WRITE 2
#define PF_USER 4
#define PF_FETCH 16

#define RFLAGS_TF 0x100u /* one step, then TRAP_DEBUG */

#endif
