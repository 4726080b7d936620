/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * void *memset(void *to, int byte, size_t n), without string instructions, as memmove.S: sizes between two powers of
 * two are two halves that overlap.
 */
	.section .text.memset, "ax", @progbits
	.globl memset
	.type memset, @function
memset:
	movzbl %sil, %ecx
	mov $0x0101010101010101, %r8
	mov %rdi, %rax
	imul %r8, %rcx
	cmp $16, %rdx
	jb .Lbelow_16
	movq %rcx, %xmm0
	punpcklqdq %xmm0, %xmm0
	movups %xmm0, (%rdi)
	movups %xmm0, -16(%rdi, %rdx)
	cmp $32, %rdx
	jbe .Ldone
	movups %xmm0, 16(%rdi)
	movups %xmm0, -32(%rdi, %rdx)
	cmp $64, %rdx
	jbe .Ldone
	movups %xmm0, 32(%rdi)
	movups %xmm0, 48(%rdi)
	movups %xmm0, -64(%rdi, %rdx)
	movups %xmm0, -48(%rdi, %rdx)
	cmp $128, %rdx
	jbe .Ldone
	/* What is left are the bytes from 64 to n - 64. */
	lea 64(%rdi), %rcx
	lea -64(%rdi, %rdx), %r8
	and $-16, %rcx
.Lnext_64:
	movaps %xmm0, (%rcx)
	movaps %xmm0, 16(%rcx)
	movaps %xmm0, 32(%rcx)
	movaps %xmm0, 48(%rcx)
	add $64, %rcx
	cmp %r8, %rcx
	jb .Lnext_64
.Ldone:
	ret

.Lbelow_16:
	cmp $8, %edx
	jb .Lbelow_8
	mov %rcx, (%rdi)
	mov %rcx, -8(%rdi, %rdx)
	ret

.Lbelow_8:
	cmp $4, %edx
	jb .Lbelow_4
	mov %ecx, (%rdi)
	mov %ecx, -4(%rdi, %rdx)
	ret

.Lbelow_4:
	test %edx, %edx
	jz .Ldone
	mov %cl, (%rdi)
	mov %cl, -1(%rdi, %rdx)
	shr %edx
	mov %cl, (%rdi, %rdx)
	ret
	.size memset, . - memset
	.section .note.GNU-stack, "", @progbits
