/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The least that boots by PVH: writes to the serial port and ends the machine. What a boot cannot be faster than. */
	.section .note.pvh, "a", @note
	.long	4, 4, 18
	.asciz	"Xen"
	.long	_start

	.text
	.code32
	.globl	_start
_start:
	mov	$text, %esi
	mov	$0x3f8, %edx
1:	lodsb
	test	%al, %al
	jz	2f
	outb	%al, %dx
	jmp	1b
2:	mov	$0xf4, %edx
	xor	%eax, %eax
	outb	%al, %dx
3:	hlt
	jmp	3b

	.section .rodata
text:	.asciz	"Hello, world!\n"

	.section .note.GNU-stack, "", @progbits
