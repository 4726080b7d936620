/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Descriptor tables, and the first look at every interrupt and exception, on an IST
 * stack: what can be settled there is, all else goes on with a trap frame on the thread's kernel
 * stack.
 */
#include "core/trap.h"
#include "arch/arch.h"
#include "base/string.h"
#include "plat/kvm/kvm.h"
#include "plat/kvm/smp.h"
#include "plat/kvm/start.h"
#include "plat/vdso.h"

#define NR_VECTORS 64
_Static_assert(TRAP_SPURIOUS == TRAP_VECTOR_SPURIOUS, "start.h");
#define GATE_INTERRUPT 0x8e00u
#define RFLAGS_IF 0x200u
#define RFLAGS_MASKED 0x47700u /* AC NT IOPL DF IF TF: cleared by the syscall instruction */

/* Intel SDM vol. 3, figure 6-8, as two words. */
struct idt_gate {
	uint64_t low, high;
};
#define GATE_IST(n) ((uint64_t)(n) << 32)
#define GATE_DPL3 (3UL << 45)

/* null, 64-bit code, data, TSS (two entries), ring 3's data and code, a segment whose limit is the
 * CPU's number (plat/vdso.h); start.S loads it first at its physical address. Another CPU's is made
 * from it. */
uint64_t kvm_gdt[GDT_ENTRIES] = {
	0, GDT_CODE64, GDT_DATA, 0, 0, GDT_USER_DATA, GDT_USER_CODE64, GDT_USER_CPU,
};

static struct idt_gate idt[NR_VECTORS] ALIGNED(16);
static char ist_stack[IST_STACKS][IST_BYTES] ALIGNED(16); /* the boot CPU's */

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

/* This CPU's descriptors, and what all CPUs have alike. */
static void tables_load(struct kvm_cpu *c, uint64_t *gdt)
{
	struct table_pointer gdtr = {GDT_ENTRIES * sizeof(*gdt) - 1, (uint64_t)gdt};
	struct table_pointer idtr = {sizeof(idt) - 1, (uint64_t)idt};
	uint64_t base = (uint64_t)&c->tss;

	gdt[3] = (sizeof(c->tss) - 1) | (base & 0xffffff) << 16 | 0x89UL << 40 |
		 (base >> 24 & 0xff) << 56;
	gdt[4] = base >> 32;
	c->tss.iomap_base = sizeof(c->tss);
	__asm__ volatile("lgdt %0" : : "m"(gdtr));
	__asm__ volatile("lidt %0" : : "m"(idtr));
	__asm__ volatile("ltr %w0" : : "r"(SELECTOR_TSS));

	wrmsr(MSR_STAR, (uint64_t)SELECTOR_CODE << 32);
	wrmsr(MSR_LSTAR, (uint64_t)kvm_syscall_entry);
	wrmsr(MSR_FMASK, RFLAGS_MASKED);
}

void trap_init(struct kvm_cpu *boot)
{
	boot->tss.ist[0] = (uint64_t)ist_stack[0] + IST_BYTES;
	boot->tss.ist[1] = (uint64_t)ist_stack[1] + IST_BYTES;
	idt_fill(0, TRAP_SIMD);
	idt_fill(TRAP_TIMER, TRAP_CONSOLE);
	idt_fill(TRAP_SPURIOUS, TRAP_SPURIOUS);
	idt[TRAP_DOUBLE_FAULT].low ^= GATE_IST(1 ^ 2);
	idt[TRAP_NMI].low ^= GATE_IST(1 ^ 2);
	/* The int3 instruction is ring 3's as well. */
	idt[TRAP_BREAKPOINT].low |= GATE_DPL3;
	tables_load(boot, kvm_gdt);
}

#if CONFIG_NR_CPUS > 1
void trap_init_cpu(struct kvm_cpu *c)
{
	memcpy(c->gdt, kvm_gdt, sizeof(kvm_gdt));
	c->gdt[VDSO_CPU_SELECTOR / 8] = GDT_USER_CPU | c->cpu.id;
	tables_load(c, c->gdt);
}

void trap_init_smp(void)
{
	idt_fill(TRAP_KICK, TRAP_SHOOTDOWN);
}
#endif

/*
 * Threads' kernel stacks lie in one area, and the interrupt stacks of all CPUs but the boot CPU
 * too, so this is right also in the middle of a switch, when kstack_top is that of one thread and
 * rsp that of another; and when the program has put nonsense into rsp. The boot stack lies in the
 * image, and is gone when there are threads.
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
	if (f->vector == TRAP_SHOOTDOWN) {
		tlb_serve();
		return false;
	}
	if (f->vector == TRAP_TIMER)
		cpu_pend(PENDING_TIMER);
	else if (f->vector == TRAP_KICK)
		cpu_kicked();
	else if (f->vector == TRAP_CONSOLE)
		cpu_pend(PENDING_CONSOLE);
	if (!in_kernel(f))
		return true;
	arch_interrupt_fixup(&f->rip, &f->rsp);
	return false;
}

/*
 * The machine's NMI is how its user asks for a thread dump. It comes at any time, so where
 * interrupts are off, or the kernel runs, it leaves a note only, which is seen at the next way out
 * of the kernel.
 */
static bool dump_request(struct trap_frame *f)
{
	cpu_pend(PENDING_DUMP);
	f->vector = TRAP_SPURIOUS; /* for trap_dispatch(): nothing else to do */
	if (!in_kernel(f))
		return (f->rflags & RFLAGS_IF) != 0;
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
	} else if (IS_ENABLED(CONFIG_THREAD_DUMP) && f->vector == TRAP_NMI) {
		if (!dump_request(f))
			return NULL;
	} else {
		/* trap.S has asked vma_fault() already. */
		if ((f->vector == TRAP_PAGE_FAULT || f->vector == TRAP_GENERAL_PROTECTION) &&
		    trap_fixup(f))
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
