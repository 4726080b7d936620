/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * long __syscall_cp_asm(volatile int *cancel, long nr, long u, long v, long w, long x, long y, long z)
 *
 * A system call that is a cancellation point. musl's cancellation signal acts when it interrupts the code
 * between __cp_begin and __cp_end, by going on at __cp_cancel; so %rsp does not move in between, and
 * the kernel is entered by a jump. The last argument of kiln_syscall() is passed where our own
 * argument y was: stack arguments belong to the callee.
 */
.text
.global __cp_begin
.hidden __cp_begin
.global __cp_end
.hidden __cp_end
.global __cp_cancel
.hidden __cp_cancel
.hidden __cancel
.hidden kiln_syscall
.global __syscall_cp_asm
.hidden __syscall_cp_asm
.type __syscall_cp_asm, @function
/* Linked with pthread_cancel() only, and what syscall_arch.h looks for. */
.global kiln_cancel_linked
.hidden kiln_cancel_linked
kiln_cancel_linked:
__syscall_cp_asm:
__cp_begin:
	mov (%rdi), %eax
	test %eax, %eax
	jnz __cp_cancel
	mov %rsi, %rdi
	mov %rdx, %rsi
	mov %rcx, %rdx
	mov %r8, %rcx
	mov %r9, %r8
	mov 8(%rsp), %r9
	mov 16(%rsp), %rax
	mov %rax, 8(%rsp)
	jmp kiln_syscall
__cp_end:
__cp_cancel:
	jmp __cancel
.size __syscall_cp_asm, . - __syscall_cp_asm
