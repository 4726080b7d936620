/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * void *memmove(void *to, const void *from, size_t n), and memcpy(), which is the same.
 *
 * musl's own use string instructions, which take some thirty cycles to start, and backwards copy a word at a time.
 * Here up to 128 bytes are loaded completely before the first one is stored, so that it does not matter how the two
 * overlap, and sizes between two powers of two are handled as two halves that overlap. Longer ones go in
 * steps of 64 bytes, in the direction in which nothing is overwritten before it is read; both ends are loaded
 * before the loop and stored after it.
 */
	.section .text.memmove, "ax", @progbits
	.globl memmove, memcpy, __memcpy_fwd
	.hidden __memcpy_fwd
	.type memmove, @function
	.type memcpy, @function
	.type __memcpy_fwd, @function
memmove:
memcpy:
__memcpy_fwd:
	mov %rdi, %rax
	cmp $16, %rdx
	jb .Lbelow_16
	movups (%rsi), %xmm0
	movups -16(%rsi, %rdx), %xmm1
	cmp $32, %rdx
	ja .Labove_32
	movups %xmm0, (%rdi)
	movups %xmm1, -16(%rdi, %rdx)
	ret

.Labove_32:
	movups 16(%rsi), %xmm2
	movups -32(%rsi, %rdx), %xmm3
	cmp $64, %rdx
	ja .Labove_64
.Lstore_64:
	movups %xmm0, (%rdi)
	movups %xmm2, 16(%rdi)
	movups %xmm3, -32(%rdi, %rdx)
	movups %xmm1, -16(%rdi, %rdx)
	ret

.Labove_64:
	movups 32(%rsi), %xmm4
	movups 48(%rsi), %xmm5
	movups -64(%rsi, %rdx), %xmm6
	movups -48(%rsi, %rdx), %xmm7
	cmp $128, %rdx
	ja .Labove_128
.Lstore_128:
	movups %xmm4, 32(%rdi)
	movups %xmm5, 48(%rdi)
	movups %xmm6, -64(%rdi, %rdx)
	movups %xmm7, -48(%rdi, %rdx)
	jmp .Lstore_64

	/* Both ends are in registers: what is left are the bytes from 64 to n - 64. */
.Labove_128:
	mov %rdi, %rcx
	sub %rsi, %rcx
	cmp %rdx, %rcx
	jb .Lbackwards
	/* From the first aligned place in what is to be written. */
	mov %rdi, %rcx
	neg %rcx
	and $15, %ecx
	add $48, %rcx
.Lforwards_64:
	movups (%rsi, %rcx), %xmm8
	movups 16(%rsi, %rcx), %xmm9
	movups 32(%rsi, %rcx), %xmm10
	movups 48(%rsi, %rcx), %xmm11
	movaps %xmm8, (%rdi, %rcx)
	movaps %xmm9, 16(%rdi, %rcx)
	movaps %xmm10, 32(%rdi, %rcx)
	movaps %xmm11, 48(%rdi, %rcx)
	add $64, %rcx
	lea 64(%rcx), %r8
	cmp %rdx, %r8
	jb .Lforwards_64
	jmp .Lstore_128

	/* Down from the last aligned place. */
.Lbackwards:
	lea (%rdi, %rdx), %rcx
	and $15, %ecx
	neg %rcx
	lea -48(%rdx, %rcx), %rcx
.Lbackwards_64:
	movups -16(%rsi, %rcx), %xmm8
	movups -32(%rsi, %rcx), %xmm9
	movups -48(%rsi, %rcx), %xmm10
	movups -64(%rsi, %rcx), %xmm11
	movaps %xmm8, -16(%rdi, %rcx)
	movaps %xmm9, -32(%rdi, %rcx)
	movaps %xmm10, -48(%rdi, %rcx)
	movaps %xmm11, -64(%rdi, %rcx)
	sub $64, %rcx
	cmp $64, %rcx
	ja .Lbackwards_64
	jmp .Lstore_128

.Lbelow_16:
	cmp $8, %edx
	jb .Lbelow_8
	mov (%rsi), %rcx
	mov -8(%rsi, %rdx), %r8
	mov %rcx, (%rdi)
	mov %r8, -8(%rdi, %rdx)
	ret

.Lbelow_8:
	cmp $4, %edx
	jb .Lbelow_4
	mov (%rsi), %ecx
	mov -4(%rsi, %rdx), %r8d
	mov %ecx, (%rdi)
	mov %r8d, -4(%rdi, %rdx)
	ret

	/* Up to three: the first, the middle and the last. */
.Lbelow_4:
	test %edx, %edx
	jz .Ldone
	movzbl (%rsi), %ecx
	movzbl -1(%rsi, %rdx), %r8d
	mov %edx, %r9d
	shr %r9d
	movzbl (%rsi, %r9), %r10d
	mov %r10b, (%rdi, %r9)
	mov %cl, (%rdi)
	mov %r8b, -1(%rdi, %rdx)
.Ldone:
	ret
	.size memmove, . - memmove
	.size memcpy, . - memcpy
	.section .note.GNU-stack, "", @progbits
