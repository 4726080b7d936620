/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* int __set_thread_area(void *tp) is arch_prctl(ARCH_SET_FS, tp). */
.text
.global __set_thread_area
.hidden __set_thread_area
.hidden kiln_sys_arch_prctl
.type __set_thread_area, @function
__set_thread_area:
	mov %rdi, %rsi
	mov $0x1002, %edi
	jmp kiln_sys_arch_prctl
.size __set_thread_area, . - __set_thread_area
