/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Offsets that assembly shares with C; arch/x86_64/cpu.c asserts that they are right.
 */
#ifndef ARCH_X86_64_LAYOUT_H
#define ARCH_X86_64_LAYOUT_H

#define CPU_CURRENT 8
#define CPU_KSTACK_TOP 16
#define CPU_PENDING 24
#define CPU_SCRATCH 32
#define CPU_CANARY 40 /* -mstack-protector-guard-offset in tools/build/kernel.mk */

#define THREAD_FPU_LIVE 24 /* arch.fpu_live in struct thread */

#define FRAME_SIZE 184
#define FRAME_R9 (8 * 8)
#define FRAME_RAX (10 * 8)
#define FRAME_CR2 (15 * 8)
#define FRAME_VECTOR (16 * 8)
#define FRAME_RSP (21 * 8)

#define KILN_SYSCALL_STACK 48 /* what kiln_syscall keeps on the program's stack */

#define TRAP_VECTOR_GATE 257
#define TRAP_VECTOR_SYSCALL 256

#define NR_sigreturn 15

#endif
