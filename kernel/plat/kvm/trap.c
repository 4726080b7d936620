/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The boot CPU's descriptor tables, and the first look at every interrupt and exception, on an IST
 * stack: what can be settled there is, all else goes on with a trap frame on the thread's kernel
 * stack.
 */
#include "core/trap.h"
#include "arch/arch.h"
#include "base/string.h"
#include "plat/kvm/kvm.h"

#define NR_VECTORS 64
#define IST_SIZE 8192
#define SELECTOR_CODE 0x08u
#define SELECTOR_TSS 0x18u
#define GATE_INTERRUPT 0x8e00u
#define RFLAGS_MASKED 0x47700u /* AC NT IOPL DF IF TF: cleared by the syscall instruction */

/* Intel SDM vol. 3, 7.7: only the interrupt stack table is used. */
struct PACKED tss {
	uint32_t reserved0;
	uint64_t rsp[3], reserved1, ist[7], reserved2;
	uint16_t reserved3, iomap_base;
};
_Static_assert(sizeof(struct tss) == 104, "TSS");

/* Intel SDM vol. 3, figure 6-8, as two words. */
struct idt_gate {
	uint64_t low, high;
};
#define GATE_IST(n) ((uint64_t)(n) << 32)
#define GATE_DPL3 (3UL << 45)

/* null, 64-bit code, data, TSS (two entries), ring 3's data and code; start.S loads it first at its
 * physical address. */
uint64_t kvm_gdt[7] = {0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0,
		       0, 0x00cff3000000ffff, 0x00affb000000ffff};

static struct tss tss;
static struct idt_gate idt[NR_VECTORS] ALIGNED(16);
/* One for all vectors, since none interrupts another; a second one for double faults and NMIs,
 * which do. */
static char ist_stack[2][IST_SIZE] ALIGNED(16);

extern char kvm_vectors[], kvm_syscall_entry[], boot_stack[], boot_stack_end[];

/* Vectors first to last on interrupt stack 1. */
static void idt_fill(unsigned first, unsigned last)
{
	uint64_t at = (uint64_t)kvm_vectors + first * 16UL;

	for (struct idt_gate *g = &idt[first]; g <= &idt[last]; g++, at += 16) {
		g->low = (at & 0xffff) | SELECTOR_CODE << 16 |
			 (uint64_t)(GATE_INTERRUPT | 1) << 32 | (at >> 16) << 48;
		g->high = at >> 32;
	}
}

void trap_init(void)
{
	struct table_pointer gdtr = {sizeof(kvm_gdt) - 1, (uint64_t)kvm_gdt};
	struct table_pointer idtr = {sizeof(idt) - 1, (uint64_t)idt};
	uint64_t base = (uint64_t)&tss;

	kvm_gdt[3] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 | 0x89UL << 40 |
		     (base >> 24 & 0xff) << 56;
	kvm_gdt[4] = base >> 32;
	tss.iomap_base = sizeof(tss);
	tss.ist[0] = (uint64_t)ist_stack[0] + IST_SIZE;
	tss.ist[1] = (uint64_t)ist_stack[1] + IST_SIZE;
	idt_fill(0, TRAP_SIMD);
	idt_fill(TRAP_TIMER, TRAP_CONSOLE);
	idt_fill(TRAP_SPURIOUS, TRAP_SPURIOUS);
	idt[TRAP_DOUBLE_FAULT].low ^= GATE_IST(1 ^ 2);
	idt[TRAP_NMI].low ^= GATE_IST(1 ^ 2);
	/* The int3 instruction is ring 3's as well. */
	idt[TRAP_BREAKPOINT].low |= GATE_DPL3;
	__asm__ volatile("lgdt %0" : : "m"(gdtr));
	__asm__ volatile("lidt %0" : : "m"(idtr));
	__asm__ volatile("ltr %w0" : : "r"(SELECTOR_TSS));

	wrmsr(MSR_STAR, (uint64_t)SELECTOR_CODE << 32);
	wrmsr(MSR_LSTAR, (uint64_t)kvm_syscall_entry);
	wrmsr(MSR_FMASK, RFLAGS_MASKED);
}

/*
 * Threads' kernel stacks lie in one area, so this is right also in the middle of a switch, when
 * kstack_top is that of one thread and rsp that of another; and when the program has put nonsense
 * into rsp. The boot stack lies in the image, and is gone when there are threads.
 */
static bool in_kernel(const struct trap_frame *f)
{
	if (f->cs & RING_MASK)
		return false;
	return f->rsp - KSTACK_AREA < KSTACK_AREA_SIZE ||
	       f->rsp - (uintptr_t)ist_stack <= sizeof(ist_stack) ||
	       f->rsp - (uintptr_t)boot_stack <= (uintptr_t)(boot_stack_end - boot_stack);
}

/* An interrupt: note it. True if the thread must look at it now, false if the kernel will on its
 * way out. */
static bool interrupt(struct trap_frame *f)
{
	if (f->vector != TRAP_SPURIOUS)
		apic_eoi();
	if (f->vector == TRAP_TIMER)
		cpu_pend(PENDING_TIMER);
	else if (f->vector == TRAP_CONSOLE)
		cpu_pend(PENDING_CONSOLE);
	if (!in_kernel(f))
		return true;
	arch_interrupt_fixup(&f->rip, &f->rsp);
	return false;
}

/* Returns NULL to go back to where the frame says, or the frame's copy on the thread's kernel stack
 * to go on there. */
struct trap_frame *kvm_trap(struct trap_frame *f)
{
	struct trap_frame *copy;

	if (f->vector >= TRAP_TIMER) {
		if (!interrupt(f))
			return NULL;
	} else {
		/* trap.S has asked vma_fault() already. */
		if (f->vector == TRAP_PAGE_FAULT && trap_fixup(f))
			return NULL;
		if (in_kernel(f) && trap_step_over(f))
			return NULL;
		if (in_kernel(f) || f->vector == TRAP_DOUBLE_FAULT || f->vector == TRAP_NMI)
			trap_kernel_fault(f);
	}
	copy = (struct trap_frame *)(cpu_self()->kstack_top - sizeof(*f));
	memcpy(copy, f, sizeof(*f));
	return copy;
}
