/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * int __clone(int (*fn)(void *), void *stack, int flags, void *arg, pid_t *ptid, void *tls, pid_t *ctid)
 * The kernel's kiln_clone() has the same arguments and starts fn(arg) on the stack by itself.
 */
.text
.global __clone
.hidden __clone
.hidden kiln_clone
.type __clone, @function
__clone:
	jmp kiln_clone
.size __clone, . - __clone
