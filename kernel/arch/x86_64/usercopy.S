/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Program memory as the kernel touches it. Leaf functions without a stack frame: a page fault that cannot be resolved
 * at any instruction between user_access_start and user_access_end goes on at user_access_fault, which returns -EFAULT.
 *
 * A word of 4 or 8 bytes is written in one piece: other threads may look at it meanwhile, or write as soon as it is 0
 * (a thread's id, which its end clears).
 */
#define EFAULT 14

	.text
	.globl user_access_start, user_access_end, user_access_fault
	.hidden user_access_start, user_access_end, user_access_fault
user_access_start:

/* int user_copy_raw(void *dst, const void *src, size_t n) */
	.globl user_copy_raw
	.hidden user_copy_raw
	.type user_copy_raw, @function
user_copy_raw:
	mov %rdx, %rcx
	shr $3, %rcx
	jz 2f
	cmp $32, %rcx
	jae 4f
1:	mov (%rsi), %rax
	mov %rax, (%rdi)
	add $8, %rsi
	add $8, %rdi
	dec %rcx
	jnz 1b
2:	and $7, %edx
	jz 5f
	test $4, %dl
	jz 3f
	mov (%rsi), %eax
	mov %eax, (%rdi)
	add $4, %rsi
	add $4, %rdi
	and $3, %edx
	jz 5f
3:	mov (%rsi), %al
	mov %al, (%rdi)
	inc %rsi
	inc %rdi
	dec %edx
	jnz 3b
5:	xor %eax, %eax
	ret
4:	rep movsq
	jmp 2b
	.size user_copy_raw, . - user_copy_raw

/* int user_clear_raw(void *dst, size_t n) */
	.globl user_clear_raw
	.hidden user_clear_raw
	.type user_clear_raw, @function
user_clear_raw:
	xor %eax, %eax
	mov %rsi, %rcx
	shr $3, %rcx
	rep stosq
	test $4, %sil
	jz 1f
	mov %eax, (%rdi)
	add $4, %rdi
1:	mov %esi, %ecx
	and $3, %ecx
	rep stosb
	ret
	.size user_clear_raw, . - user_clear_raw

/* long user_strlen_raw(const char *s, size_t max): the length, or max if there is no 0 in max bytes. */
	.globl user_strlen_raw
	.hidden user_strlen_raw
	.type user_strlen_raw, @function
user_strlen_raw:
	xor %eax, %eax
1:	cmp %rsi, %rax
	je 2f
	cmpb $0, (%rdi, %rax)
	je 2f
	inc %rax
	jmp 1b
2:	ret
	.size user_strlen_raw, . - user_strlen_raw

/* int user_load_u32_raw(uint32_t *value, const void *addr) */
	.globl user_load_u32_raw
	.hidden user_load_u32_raw
	.type user_load_u32_raw, @function
user_load_u32_raw:
	mov (%rsi), %eax
	mov %eax, (%rdi)
	xor %eax, %eax
	ret
	.size user_load_u32_raw, . - user_load_u32_raw

/* int user_cmpxchg_u32_raw(void *addr, uint32_t expected, uint32_t desired, uint32_t *seen) */
	.globl user_cmpxchg_u32_raw
	.hidden user_cmpxchg_u32_raw
	.type user_cmpxchg_u32_raw, @function
user_cmpxchg_u32_raw:
	mov %esi, %eax
	lock cmpxchg %edx, (%rdi)
	mov %eax, (%rcx)
	xor %eax, %eax
	ret
	.size user_cmpxchg_u32_raw, . - user_cmpxchg_u32_raw

/* long user_store_pair(vaddr_t dst, uint64_t a, uint64_t b): behind arch_user_end is nothing for a page. */
	.globl user_store_pair
	.hidden user_store_pair
	.type user_store_pair, @function
user_store_pair:
	cmp arch_user_end(%rip), %rdi
	jae user_access_fault
	xor %eax, %eax
	mov %rsi, (%rdi)
	mov %rdx, 8(%rdi)
	ret
	.size user_store_pair, . - user_store_pair

user_access_end:
user_access_fault:
	mov $-EFAULT, %rax
	ret

	.section .note.GNU-stack, "", @progbits
