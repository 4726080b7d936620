/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Interrupt and exception entries, and the syscall instruction's. Every vector runs on an IST stack: code compiled
 * for user space keeps data below rsp (the red zone), which an exception in ring 0 would overwrite.
 */
#include "arch/x86_64/frame.S"
#include "arch/x86_64/layout.h"

#define NR_VECTORS 64
/* The error code, with the registers pushed that C may change, and cr2 and vector. */
#define PAGE_FAULT_ERROR (11 * 8)

	.text
	/* One 16-byte stub a vector: error code (0 where the processor pushes none), vector, common tail. */
	.balign 16
	.globl kvm_vectors
	.hidden kvm_vectors
kvm_vectors:
	.set vector, 0
	.rept NR_VECTORS
	.balign 16
	/* 8, 10-14, 17, 21, 29, 30: with error code (Intel SDM vol. 3, table 6-1) */
	.if !((0x60227d00 >> vector) & 1) || vector > 31
	push $0
	.endif
	push $vector
	.if vector == 14
	jmp page_fault
	.else
	jmp trap_common
	.endif
	.set vector, vector + 1
	.endr

	/* A page fault: most are demand-zero pages, for which the registers that C keeps need not be saved. */
page_fault:
	push $0                /* cr2, below */
	FRAME_PUSH_SCRATCH
	sub $8, %rsp           /* 16-aligned for C */
	cld
	mov %cr2, %rdi
	mov 8 + PAGE_FAULT_ERROR(%rsp), %esi
	mov %esi, %edx
	shr $1, %esi
	shr $4, %edx
	and $1, %esi           /* was it a write? */
	and $1, %edx           /* an instruction fetch? */
	call vma_fault
	add $8, %rsp
	test %al, %al
	jz trap_save_rest
	FRAME_POP_SCRATCH_IRET

trap_common:
	push $0                /* cr2, below */
	FRAME_PUSH_SCRATCH
trap_save_rest:
	FRAME_PUSH_KEPT
	cld
	cmpl $14, FRAME_VECTOR(%rsp)
	jne 1f
	mov %cr2, %rax
	mov %rax, FRAME_CR2(%rsp)
1:	mov %rsp, %rdi
	call kvm_trap
	test %rax, %rax
	jnz 2f
	FRAME_POP_KEPT
	FRAME_POP_SCRATCH_IRET
	/* The frame was copied to the thread's kernel stack: leave the IST stack, and go on there interruptibly. */
2:	mov %rax, %rsp
	sti
	jmp arch_trap_entry

/* LSTAR: %rcx = rip, %r11 = rflags, interrupts off (FMASK), everything else as the program left it. */
	.globl kvm_syscall_entry
	.hidden kvm_syscall_entry
kvm_syscall_entry:
	mov %rsp, %gs:CPU_SCRATCH
	mov %gs:CPU_KSTACK_TOP, %rsp
	push arch_program_ss(%rip)
	push %gs:CPU_SCRATCH
	push %r11
	push arch_program_cs(%rip)
	push %rcx
	push %rax
	push $TRAP_VECTOR_SYSCALL
	push $0
	FRAME_PUSH_SCRATCH
	FRAME_PUSH_KEPT
	sti
	jmp arch_syscall_entry

	.section .note.GNU-stack, "", @progbits
