/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Where a signal handler returns to: %rsp points at the ucontext of the signal frame, as at the system call. */
.text
	nop /* Unwinders look for a caller one byte before the return address. */
.global __restore_rt
.hidden __restore_rt
.hidden kiln_rt_sigreturn
.type __restore_rt, @function
__restore_rt:
	jmp kiln_rt_sigreturn
.size __restore_rt, . - __restore_rt
