/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Where Linux enters the image (e_entry): %rsp points to argc, argv, envp and the auxiliary vector. */
#define HOST_NR_ARCH_PRCTL 158
#define HOST_ARCH_SET_GS 0x1001

	.section .text.kiln_start, "ax", @progbits
	.globl kiln_start
	.type kiln_start, @function
kiln_start:
	xor %ebp, %ebp
	mov %rsp, %rbx
	and $-16, %rsp
	/* %gs first: compiled code compares the stack protector's canary through it. */
	mov $HOST_ARCH_SET_GS, %edi
	lea linuxu_boot_cpu(%rip), %rsi
	mov $HOST_NR_ARCH_PRCTL, %eax
	syscall
	mov %rbx, %rdi
	call linuxu_start
	ud2
	.size kiln_start, . - kiln_start

/* void linuxu_stack_call(uintptr_t sp, void (*fn)(const void *), const void *arg): does not return. */
	.section .text.linuxu_stack_call, "ax", @progbits
	.globl linuxu_stack_call
	.hidden linuxu_stack_call
	.type linuxu_stack_call, @function
linuxu_stack_call:
	mov %rdi, %rsp
	xor %ebp, %ebp
	mov %rdx, %rdi
	call *%rsi
	ud2
	.size linuxu_stack_call, . - linuxu_stack_call

/*
 * A new host thread: its stack pointer was at this address, which the return from linuxu_hostcall took. Compiled code
 * needs %gs first; signals are blocked. (struct cpu_start_frame, cpus.c)
 */
	.section .text.linuxu_cpu_begin, "ax", @progbits
	.globl linuxu_cpu_begin
	.hidden linuxu_cpu_begin
	.type linuxu_cpu_begin, @function
linuxu_cpu_begin:
	xor %ebp, %ebp
	mov $HOST_ARCH_SET_GS, %edi
	pop %rsi
	mov $HOST_NR_ARCH_PRCTL, %eax
	call linuxu_hostcall
	pop %rdi
	pop %rsi
	call linuxu_cpu_enter
	ud2
	.size linuxu_cpu_begin, . - linuxu_cpu_begin

	.section .note.GNU-stack, "", @progbits
