/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The ways into the kernel and out of it (docs/ARCHITECTURE.md, section 4): the gate for system calls
 * that are C calls, the common tail of all traps, and the stack switch.
 *
 * A thread that is in the kernel has at most one trap frame, always at the top of its kernel stack:
 * kstack_top - FRAME_SIZE. The gate keeps its arguments in the places they have in that frame, so its slow way
 * out only has to fill in the rest, and an interrupted way out can always be begun again.
 */
#include "arch/x86_64/frame.S"
#include "arch/x86_64/layout.h"

	.text

/*
 * kiln_gate: %rax = handler, C arguments, on the program's stack. The caller expects what any C call
 * leaves alone, and that is left alone; vector registers happen to survive too unless another thread ran.
 */
	.globl kiln_gate
	.hidden kiln_gate
	.type kiln_gate, @function
	.balign 16
kiln_gate:
	push %rbp
	mov %rsp, %rbp
	mov %gs:CPU_KSTACK_TOP, %rsp
	.globl kiln_gate_inside
	.hidden kiln_gate_inside
kiln_gate_inside:
	sub $(FRAME_SIZE - FRAME_CR2), %rsp
	mov %rbp, FRAME_RSP - FRAME_CR2(%rsp) /* for arch_user_sp() */
	push %rdi
	push %rsi
	push %rdx
	push %rcx
	push %rax
	push %r8
	push %r9
	sub $(FRAME_R9 + 8), %rsp
	call *%rax
	.globl kiln_gate_check, kiln_gate_done
	.hidden kiln_gate_check, kiln_gate_done
kiln_gate_check:
	cmpl $0, %gs:CPU_PENDING
	jne gate_slow
	mov %rbp, %rsp
kiln_gate_done:
	pop %rbp
	ret
	.size kiln_gate, . - kiln_gate

/* Something is pending: complete the trap frame as if the caller had trapped just behind its call. */
gate_slow:
	mov %gs:CPU_KSTACK_TOP, %rsp
	mov %ss, %ecx
	push %rcx
	lea 16(%rbp), %rcx
	push %rcx
	pushfq
	mov %cs, %ecx
	push %rcx
	push 8(%rbp)
	mov 5 * 8 - (FRAME_SIZE - FRAME_RAX)(%rsp), %rcx /* the handler, where the gate pushed it */
	push %rcx
	push $TRAP_VECTOR_GATE
	push $0
	sub $(4 * 8), %rsp     /* rdi rsi rdx rcx stand already */
	push %rax
	sub $(2 * 8), %rsp     /* r8 r9 */
	push %r10
	push %r11
	push %rbx
	push (%rbp)
	push %r12
	push %r13
	push %r14
	push %r15
	jmp trap_leave

/*
 * arch_trap_entry: %rsp = a complete trap frame at the top of the current thread's kernel stack, FPU registers are
 * the program's.
 */
	.globl arch_trap_entry
	.hidden arch_trap_entry
	.type arch_trap_entry, @function
arch_trap_entry:
	mov %gs:CPU_CURRENT, %rax
	movb $1, THREAD_FPU_LIVE(%rax)
	mov %rsp, %rdi
	cld
	sub $8, %rsp
	call trap_dispatch
	add $8, %rsp
	jmp trap_leave
	.size arch_trap_entry, . - arch_trap_entry

/* The same for a syscall instruction, which needs no dispatch. The direction flag is clear. */
	.globl arch_syscall_entry
	.hidden arch_syscall_entry
	.type arch_syscall_entry, @function
arch_syscall_entry:
	mov %gs:CPU_CURRENT, %rax
	movb $1, THREAD_FPU_LIVE(%rax)
	mov %rsp, %rdi
	sub $8, %rsp
	call syscall_trap
	add $8, %rsp
	mov %rax, FRAME_RAX(%rsp)
	jmp trap_leave
	.size arch_syscall_entry, . - arch_syscall_entry

	.globl arch_trap_return
	.hidden arch_trap_return
	.type arch_trap_return, @function
arch_trap_return:
	mov %rdi, %rsp
trap_leave:
	.globl kiln_trap_check, kiln_trap_done
	.hidden kiln_trap_check, kiln_trap_done
kiln_trap_check:
	cmpl $0, %gs:CPU_PENDING
	jne 1f
	mov %gs:CPU_CURRENT, %rax
	movb $0, THREAD_FPU_LIVE(%rax)
	FRAME_POP_KEPT
	FRAME_POP_SCRATCH_IRET
kiln_trap_done:
1:	mov %rsp, %rdi
	sub $8, %rsp
	call trap_leave_pending
	add $8, %rsp
	jmp trap_leave
	.size arch_trap_return, . - arch_trap_return

/* arch_stack_switch(uintptr_t *save_sp, uintptr_t load_sp): the C calling convention's registers change hands. */
	.globl arch_stack_switch
	.hidden arch_stack_switch
	.type arch_stack_switch, @function
arch_stack_switch:
	push %rbp
	push %rbx
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, (%rdi)
	mov %rsi, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbx
	pop %rbp
	ret
	.size arch_stack_switch, . - arch_stack_switch

/* First steps of a new thread: its trap frame is on top of the stack; of a kernel thread: entry in rbx, arg in r12. */
	.globl arch_thread_begin, arch_kthread_begin
	.hidden arch_thread_begin, arch_kthread_begin
arch_thread_begin:
	sub $8, %rsp
	call sched_switched
	add $8, %rsp
	jmp trap_leave
arch_kthread_begin:
	mov %r12, %rdi
	call *%rbx
	ud2

/*
 * long kiln_clone(int (*fn)(void *), void *stack, int flags, void *arg, pid_t *ptid, void *tls, pid_t *ctid):
 * what musl's __clone() calls. The child finds fn and arg on its stack.
 */
	.globl kiln_clone
	.type kiln_clone, @function
kiln_clone:
	and $-16, %rsi
	sub $16, %rsi
	mov %rdi, (%rsi)
	mov %rcx, 8(%rsi)
	mov %rdx, %rdi         /* flags; rsi = stack */
	mov %r8, %rdx          /* ptid */
	mov 8(%rsp), %rcx      /* ctid */
	mov %r9, %r8           /* tls */
	lea clone_child(%rip), %r9
	lea thread_clone_call(%rip), %rax
	jmp kiln_gate
	.size kiln_clone, . - kiln_clone
clone_child:
	xor %ebp, %ebp
	pop %rax
	pop %rdi
	call *%rax
	mov %eax, %edi
	call kiln_sys_exit
	ud2

	.globl kiln_unmapself
	.type kiln_unmapself, @function
kiln_unmapself:
	lea sys_unmapself(%rip), %rax
	jmp kiln_gate
	.size kiln_unmapself, . - kiln_unmapself

/*
 * long kiln_syscall(long nr, long a1, ..., long a6): a system call whose number is not a constant; and one whose
 * number is among those that Rust's std uses. In sections of their own: they keep tables of calls in the image.
 */
	.macro SYSCALL_VARIABLE name handler
	.pushsection .text.\name, "ax", @progbits
	.globl \name
	.type \name, @function
\name:
	lea \handler(%rip), %rax
	jmp syscall_variable
	.size \name, . - \name
	.popsection
	.endm
	SYSCALL_VARIABLE kiln_syscall kiln_syscall_by_number
	SYSCALL_VARIABLE kiln_syscall_std syscall_std_by_number

syscall_variable:
	push 8(%rsp)
	push %r9
	push %r8
	push %rcx
	push %rdx
	push %rsi
	mov %rsp, %rsi
	call kiln_gate
	.globl kiln_syscall_back
	.hidden kiln_syscall_back
kiln_syscall_back:
	add $KILN_SYSCALL_STACK, %rsp
	ret

/*
 * long kiln_syscall_args(long nr, const long args[6]): the same for musl's cancellation points. A signal that
 * finds the program between its call and the kernel, or interrupts it there, sees it at the call (arch_signal_rewind).
 * The word before args is kiln_syscall_by_number: the kernel names this code, and the code so does not name the handler,
 * which keeps a table of calls in the image.
 */
	.globl kiln_syscall_args, kiln_syscall_args_end
	.hidden kiln_syscall_args_end
	.type kiln_syscall_args, @function
kiln_syscall_args:
	mov -8(%rsi), %rax
	jmp kiln_gate
kiln_syscall_args_end:
	.size kiln_syscall_args, . - kiln_syscall_args

/* The end of a signal handler: %rsp points where it would at the syscall instruction of rt_sigreturn. */
	.globl kiln_rt_sigreturn
	.type kiln_rt_sigreturn, @function
kiln_rt_sigreturn:
	mov %rsp, %rcx
	mov %gs:CPU_KSTACK_TOP, %rsp
	mov %ss, %eax
	push %rax
	push %rcx
	pushfq
	mov %cs, %eax
	push %rax
	push $0
	push $NR_sigreturn
	push $TRAP_VECTOR_SYSCALL
	sub $(FRAME_SIZE - 7 * 8), %rsp
	movq $NR_sigreturn, 10 * 8(%rsp)
	jmp arch_trap_entry
	.size kiln_rt_sigreturn, . - kiln_rt_sigreturn

#ifdef CONFIG_TRACE
/*
 * What a stub calls that tracing has rewritten (trace.c). What the stub was is found by the address behind the call.
 */
	.globl kiln_trace_gate, kiln_trace_back
	.hidden kiln_trace_gate, kiln_trace_back
	.type kiln_trace_gate, @function
kiln_trace_gate:
	pop %r11
	lea trace_stub_call(%rip), %rax
	push %r9
	push %r8
	push %rcx
	push %rdx
	push %rsi
	push %rdi
	mov %r11, %rdi
	mov %rsp, %rsi
	call kiln_gate
kiln_trace_back:
	add $KILN_SYSCALL_STACK, %rsp
	ret
	.size kiln_trace_gate, . - kiln_trace_gate
#endif

missing_gate:
	lea syscall_missing(%rip), %rax
	jmp kiln_gate

/*
 * One symbol kiln_sys_NAME per system call, each in a section of its own so that the link keeps what is used. They are of
 * one size and end with the call's number: trace.c goes through them.
 */
	.macro STUB_BEGIN name
	.section .text.kiln_sys_\name, "ax", @progbits
	.balign 16
	.globl kiln_sys_\name
	.type kiln_sys_\name, @function
kiln_sys_\name:
	.endm

	.macro STUB_END nr, name
	.org kiln_sys_\name + 14, 0xcc
	.word \nr
	.size kiln_sys_\name, . - kiln_sys_\name
	.endm

	.macro STUB_GATE nr, name
	STUB_BEGIN \name
	lea sys_\name(%rip), %rax
	jmp kiln_gate
	STUB_END \nr, \name
	.endm

	.macro STUB_MISSING nr, name
	STUB_BEGIN \name
	mov $\nr, %edi
	jmp missing_gate
	STUB_END \nr, \name
	.endm

	.macro STUB_DIRECT nr, name
	STUB_BEGIN \name
	jmp sys_\name
	STUB_END \nr, \name
	.endm

#define STUB_ROW_GATE(nr, name) STUB_GATE nr, name
#define STUB_ROW_DIRECT(nr, name) STUB_DIRECT nr, name
#define STUB_ROW_FRAME(nr, name) STUB_MISSING nr, name
#define STUB_ROW_NONE(nr, name) STUB_MISSING nr, name
#define SYSCALL(nr, name, nargs, status, mode, note) STUB_ROW_##mode(nr, name)
#include "abi/syscalls.def"
#undef SYSCALL

	.section .note.GNU-stack, "", @progbits
