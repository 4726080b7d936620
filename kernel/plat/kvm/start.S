/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Where a VMM enters the image: 32-bit protected mode, flat segments, paging off, interrupts off, %ebx = the physical
 * address of hvm_start_info (Xen's PVH boot protocol). Goes to long mode on a small identity map, lets
 * kvm_start() build the real page tables, and calls kvm_main() at the image's random virtual address.
 */
#include "plat/kvm/start.h"

#define PTE_TABLE 0x23          /* present, writable, accessed */
#define PTE_LARGE 0xe3          /* and dirty, 2 MiB */
#define LARGE_SHIFT 21
#define BOOT_STACK_SIZE 8192

	.text
	.code32
	.globl _pvh_start
	.type _pvh_start, @function
_pvh_start:
	cld
#ifdef CONFIG_THREAD_DUMP
	/* Input 1 of the APIC, where a VMM's NMI comes in. Here it is at hand without a page table. */
	movl $(APIC_SVR_ENABLE | TRAP_VECTOR_SPURIOUS), APIC_PADDR + APIC_SVR
	movl $APIC_LVT_NMI, APIC_PADDR + APIC_LVT_LINT1
#endif
	lea 12(%ebx), %esp      /* one word of stack: the flags field, which nothing else needs */
	call 1f
1:	pop %ebp                /* %ebp = where label 1 was loaded */
	lea (boot_stack - 1b + BOOT_STACK_SIZE)(%ebp), %esp

	/* The identity map: as many 2 MiB pages as the image needs, and behind it the tables of a large one: two for each
	 * 2 MiB and a few. kvm_start() refuses what is too large for one GiB. */
	lea (boot_identity - 1b)(%ebp), %edi
	lea (0x1000 + PTE_TABLE)(%edi), %eax
	mov %eax, (%edi)
	add $0x1000, %eax
	mov %eax, 0x1000(%edi)
	lea (kiln_image_end - 1b)(%ebp), %eax
	mov %eax, %ecx
	shr $(LARGE_SHIFT - 13), %ecx
	lea (1 << LARGE_SHIFT)(%eax, %ecx), %ecx
	shr $LARGE_SHIFT, %ecx
	cmp $511, %ecx
	jbe 2f
	mov $511, %ecx
2:	mov %ecx, %eax
	shl $LARGE_SHIFT, %eax
	or $PTE_LARGE, %eax
	mov %eax, 0x2000(%edi, %ecx, 8)
	dec %ecx
	jns 2b

	mov %edi, %cr3
	mov %cr4, %eax
	or $CR4_PAE_OSFXSR_OSXMMEXCPT, %eax
	mov %eax, %cr4
	mov $MSR_EFER, %ecx
	rdmsr
	or $EFER_NXE_LME_SCE, %eax
	wrmsr
	mov $CR0_PG_WP_NE_MP_PE, %eax
	mov %eax, %cr0

	/* A descriptor table pointer on the stack, and a far return to 64-bit code. */
	lea (kvm_gdt - 1b)(%ebp), %eax
	push $0
	push %eax
	pushw $(5 * 8 - 1)
	lgdt (%esp)
	lea (3f - 1b)(%ebp), %eax
	push $0x08
	push %eax
	lret

	.code64
3:	mov $0x10, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	xor %eax, %eax
	mov %eax, %fs
	mov %eax, %gs
	lea boot_stack + BOOT_STACK_SIZE(%rip), %rsp
	sub $16, %rsp
	mov %ebx, %edi
	mov %rsp, %rsi
	call kvm_start
	test %rax, %rax
	jz 5f                   /* a broken link: nothing works yet that could say so */
	/* %rax = the image's virtual base, on the stack the new tables, which hold the identity map too. */
	mov (%rsp), %rcx
	mov %rcx, %cr3
	lea kiln_image_base(%rip), %rcx
	sub %rcx, %rax          /* from physical to virtual */
	lea 4f(%rip), %rcx
	add %rax, %rcx
	lea boot_stack + BOOT_STACK_SIZE(%rip), %rsp
	add %rax, %rsp
	jmp *%rcx
4:	call kvm_main
5:	ud2
	.size _pvh_start, . - _pvh_start

	.section .bss.boot_stack, "aw", @nobits
	.balign 4096
	.globl boot_stack
	.hidden boot_stack
	.globl boot_identity
	.hidden boot_identity
boot_identity:
	.skip 3 * 4096
boot_stack:
	.skip BOOT_STACK_SIZE
	.globl boot_stack_end
	.hidden boot_stack_end
boot_stack_end:

	.section .note.GNU-stack, "", @progbits
