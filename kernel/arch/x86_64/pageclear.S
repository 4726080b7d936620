/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Zeros for a page, the bulk of a page fault's work. With AVX it takes 32 bytes a store; one vector register is
 * borrowed from the program and given back as it was. Without, rep stosq.
 *
 * If the upper halves of the vector registers are not in use (XINUSE, SDM vol. 1, 13.6) they are left so, for code
 * that uses the lower halves only runs slower beside stale upper ones.
 */
#define XSTATE_AVX 4
#define XSTATE_ZMM_HI256 0x40

	.text
	.globl arch_page_clear
	.hidden arch_page_clear
	.type arch_page_clear, @function
arch_page_clear:
	cmpb $0, page_clear_avx(%rip)
	je 4f
	mov $1, %ecx
	xgetbv
	test $XSTATE_ZMM_HI256, %al
	jnz 4f /* what is above the 32 bytes would be lost */
	lea 4096(%rdi), %rcx
	sub $40, %rsp
	test $XSTATE_AVX, %al
	jz 2f
	vmovdqu %ymm0, (%rsp)
	call page_clear_stores
	vmovdqu (%rsp), %ymm0
	add $40, %rsp
	ret
2:	vmovdqu %xmm0, (%rsp)
	call page_clear_stores
	vmovdqu (%rsp), %xmm0
	vzeroupper
	add $40, %rsp
	ret
4:	xor %eax, %eax
	mov $512, %ecx
	rep stosq
	ret

/* %rdi up to %rcx */
	.balign 16
page_clear_stores:
	vpxor %xmm0, %xmm0, %xmm0
1:
	.set offset, 0
	.rept 32
	vmovdqa %ymm0, offset(%rdi)
	.set offset, offset + 32
	.endr
	add $1024, %rdi
	cmp %rcx, %rdi
	jne 1b
	ret

	.section .note.GNU-stack, "", @progbits
