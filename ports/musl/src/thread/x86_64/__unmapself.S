/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * void __unmapself(void *base, size_t size): unmap the stack we stand on and end the thread. Only the kernel, which
 * has a stack of its own, can do both.
 */
.text
.global __unmapself
.hidden kiln_unmapself
.type __unmapself, @function
__unmapself:
	jmp kiln_unmapself
.size __unmapself, . - __unmapself
