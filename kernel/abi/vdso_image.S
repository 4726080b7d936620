/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The vDSO as the linker made it (abi/vdso), on pages of its own, from which the program runs it. */
	.section .rodata.vdso_image, "a", @progbits
	.balign 4096
	.globl vdso_image, vdso_image_end
	.hidden vdso_image, vdso_image_end
vdso_image:
	.incbin VDSO_FILE
	.balign 4096
vdso_image_end:

	.section .note.GNU-stack, "", @progbits
