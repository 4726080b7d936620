/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * long __syscall_cp_asm(volatile int *cancel, long nr, long u, long v, long w, long x, long y, long z)
 *
 * A system call that is a cancellation point. musl's cancellation signal acts when it interrupts the code
 * between __cp_begin and __cp_end, by going on at __cp_cancel; so %rsp does not move in between: the arguments lie in the
 * red zone. The kernel sees to it that a handler finds the program at the call instruction until the call
 * has had its effect, as it is with a syscall instruction.
 */
.text
/* Where pthread_cancel() is, this is: include/syscall_arch.h asks for it. */
.global kiln_cancel_linked
.hidden kiln_cancel_linked
.global __cp_begin
.hidden __cp_begin
.global __cp_end
.hidden __cp_end
.global __cp_cancel
.hidden __cp_cancel
.hidden __cancel
.hidden kiln_syscall_args
.hidden kiln_syscall_by_number
.global __syscall_cp_asm
.hidden __syscall_cp_asm
.type __syscall_cp_asm, @function
__syscall_cp_asm:
__cp_begin:
kiln_cancel_linked:
	mov (%rdi), %eax
	test %eax, %eax
	jnz __cp_cancel
	mov %rsi, %rdi
	mov %rdx, -72(%rsp)
	mov %rcx, -64(%rsp)
	mov %r8, -56(%rsp)
	mov %r9, -48(%rsp)
	mov 8(%rsp), %rax
	mov %rax, -40(%rsp)
	mov 16(%rsp), %rax
	mov %rax, -32(%rsp) /* the two words above are the call's */
	lea kiln_syscall_by_number(%rip), %rax
	mov %rax, -80(%rsp)
	lea -72(%rsp), %rsi
	call kiln_syscall_args
__cp_end:
	ret
__cp_cancel:
	jmp __cancel
.size __syscall_cp_asm, . - __syscall_cp_asm
