/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The syscall instructions of the running kernel (start.S has one more). The seccomp filter lets host calls
 * through from exactly these three addresses (it sees the address behind the instruction), so they share one
 * aligned block: the upper halves of their addresses are equal.
 */
#define NR_RT_SIGRETURN 15
#define NR_PPOLL 271
#define EINTR 4
#define SIGSET_BYTES 8

#include "arch/x86_64/layout.h"

	.macro HIDDEN name
	.globl \name
	.hidden \name
	.endm

	.section .kiln.hostcall, "ax", @progbits
	.balign 64
HIDDEN linuxu_hostcall_start
linuxu_hostcall_start:

/* All registers as the host wants them; called from host.h. */
HIDDEN linuxu_hostcall
	.type linuxu_hostcall, @function
linuxu_hostcall:
	syscall
HIDDEN linuxu_hostcall_ip
linuxu_hostcall_ip:
	ret
	.size linuxu_hostcall, . - linuxu_hostcall

/* Where signal handlers return to; these very bytes tell debuggers that this is a signal frame. */
HIDDEN linuxu_sigreturn
	.type linuxu_sigreturn, @function
linuxu_sigreturn:
	mov $NR_RT_SIGRETURN, %rax
	syscall
HIDDEN linuxu_sigreturn_ip
linuxu_sigreturn_ip:
	ud2
	.size linuxu_sigreturn, . - linuxu_sigreturn

/*
 * long linuxu_ppoll_unless_pending(fds, n, timeout). A signal between the look at cpu->pending and the system
 * call makes it look again (signal.c); one that comes later ends the system call.
 */
HIDDEN linuxu_ppoll_unless_pending
	.type linuxu_ppoll_unless_pending, @function
linuxu_ppoll_unless_pending:
	xor %r10d, %r10d        /* no signal mask */
	mov $SIGSET_BYTES, %r8d
HIDDEN linuxu_ppoll_check
linuxu_ppoll_check:
	mov $-EINTR, %rax
	cmpl $0, %gs:CPU_PENDING
	jne 1f
	mov $NR_PPOLL, %eax
	syscall
HIDDEN linuxu_ppoll_ip
linuxu_ppoll_ip:
1:	ret
	.size linuxu_ppoll_unless_pending, . - linuxu_ppoll_unless_pending

HIDDEN linuxu_hostcall_end
linuxu_hostcall_end:
	/* An error here: they do not fit into one aligned block. */
	.org linuxu_hostcall_start + 64

	.section .note.GNU-stack, "", @progbits
