/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Where another CPU begins (smp.c): in real mode, at the physical address 0, to which this is copied. It goes straight
 * to long mode on temporary page tables, in which this page is where it is and the kernel where it always is, takes its
 * struct kvm_cpu from the queue, and goes on in C on the stack that is named there.
 */
#include "arch/x86_64/layout.h"
#include "plat/kvm/start.h"

#if CONFIG_NR_CPUS > 1

	.section .rodata.kvm_trampoline, "a", @progbits
	.globl kvm_trampoline, kvm_trampoline_end, kvm_trampoline_entry, kvm_trampoline_pml4
	.hidden kvm_trampoline, kvm_trampoline_end, kvm_trampoline_entry, kvm_trampoline_pml4
	.balign 8
	.code16
kvm_trampoline:
	cli
	xor %eax, %eax
	mov %ax, %ds
	lgdtl gdt_pointer - kvm_trampoline
	mov kvm_trampoline_pml4 - kvm_trampoline, %eax
	mov %eax, %cr3
	mov $CR4_PAE_OSFXSR_OSXMMEXCPT, %eax
	mov %eax, %cr4
	mov $MSR_EFER, %ecx
	mov $EFER_NXE_LME_SCE, %eax
	xor %edx, %edx
	wrmsr
	mov $CR0_PG_WP_NE_MP_PE, %eax
	mov %eax, %cr0
	ljmpl $SELECTOR_CODE, $(1f - kvm_trampoline)
	.code64
1:	mov $SELECTOR_DATA, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	xor %eax, %eax
	mov %eax, %fs
	mov %eax, %gs
	jmp *kvm_trampoline_entry(%rip)

	.balign 8
gdt:
	.quad 0, GDT_CODE64, GDT_DATA
kvm_trampoline_entry:
	.quad 0
kvm_trampoline_pml4:
	.long 0
gdt_pointer:
	.word 3 * 8 - 1
	.long gdt - kvm_trampoline
kvm_trampoline_end:

	/* At the kernel's address. CPUs that come at the same time draw different numbers. */
	.text
	.globl kvm_cpu_entry
	.hidden kvm_cpu_entry
kvm_cpu_entry:
	mov $1, %eax
	lock xadd %eax, smp_arrived(%rip)
	lea smp_queue(%rip), %rdx
	mov (%rdx, %rax, 8), %rdi
	mov CPU_KSTACK_TOP(%rdi), %rsp
	xor %ebp, %ebp
	call smp_cpu_begin
	ud2

#endif
	.section .note.GNU-stack, "", @progbits
