/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Macros for those who build a trap frame or leave through one: included by entry.S and plat/kvm/trap.S. */

/*
 * The registers of a struct trap_frame, in its order: those that C code may change, then those that it keeps. The way back
 * takes them off, skips cr2, vector and error, and leaves with iretq.
 */
	.macro FRAME_PUSH_SCRATCH
	push %rdi
	push %rsi
	push %rdx
	push %rcx
	push %rax
	push %r8
	push %r9
	push %r10
	push %r11
	.endm

	.macro FRAME_PUSH_KEPT
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	.endm

	.macro FRAME_POP_KEPT
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	.endm

	.macro FRAME_POP_SCRATCH_IRET
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rax
	pop %rcx
	pop %rdx
	pop %rsi
	pop %rdi
	add $24, %rsp
	iretq
	.endm
