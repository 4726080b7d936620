/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The other CPUs. One is started by INIT and a start-up interrupt, which let it begin in real mode
 * at a page of the first MiB (Intel SDM vol. 3, 8.4): page 0, which no memory map gives to anybody
 * else here. Nobody waits for it. Its stacks and its struct kvm_cpu are allocated then, so machines
 * pay for what is used. Which of the CPUs under way takes which struct is a matter of who comes
 * first: it writes down its APIC's number in it.
 *
 * On its way it uses the tables of the boot CPU's way to long mode, with the first 2 MiB readable
 * and executable, but not writable, and above all as the kernel has it. It leaves them at once for
 * the real ones.
 */
#include "plat/kvm/smp.h"
#include "arch/x86_64/cpuid.h"
#include "base/errno.h"
#include "base/string.h"
#include "core/log.h"

#if CONFIG_NR_CPUS > 1

#define TRAMPOLINE_PAGE 0
#define KSTACK_BYTES 8192
#define CR4_OSXSAVE (1u << 18)
#define CPUID_HYPERVISOR 0x40000000u
#define TCG_SIGNATURE 0x54474354u /* "TCGT" */
#define PAUSE_EVERY 256u

bool smp_started;
struct kvm_cpu *smp_cpus[CONFIG_NR_CPUS];

/* Written by the one who starts CPUs; those that come take the next one (trampoline.S). */
extern struct kvm_cpu *smp_queue[CONFIG_NR_CPUS];
extern uint32_t smp_arrived;
struct kvm_cpu *smp_queue[CONFIG_NR_CPUS];
uint32_t smp_arrived;
static unsigned smp_queued;

static struct cpu_list found; /* count 0: not looked for yet */
/*
 * QEMU's emulation leaves its loop at each pause and takes the lock of all devices, which a CPU
 * that is to look at an interrupt then has to wait for. A hypervisor on the other hand sees by many
 * of them that a CPU waits for another one.
 */
static bool pause_is_dear;

/* What the boot CPU has in its control registers. */
static uint64_t boot_cr4, boot_xcr0;

extern uint64_t boot_identity[]; /* start.S: PML4, then PDPT, then page directory */
extern char kvm_trampoline[], kvm_trampoline_end[], kvm_trampoline_entry[], kvm_trampoline_pml4[];
void kvm_cpu_entry(void);
NORETURN void smp_cpu_begin(struct kvm_cpu *c);

static bool trampoline_is_ram(void)
{
	for (unsigned i = 0; i < kvm.nr_memmap; i++)
		if (kvm.memmap[i].start <= TRAMPOLINE_PAGE * PAGE_SIZE &&
		    kvm.memmap[i].end >= (TRAMPOLINE_PAGE + 1) * PAGE_SIZE)
			return true;
	return false;
}

unsigned smp_cpu_count(void)
{
	if (found.count == 0) {
		cpus_find(&found);
		if (found.count > 1 && !trampoline_is_ram()) {
			log_line(LOG_WARN, "the machine has no RAM at address 0 to start other "
					   "processors from: "
					   "only one is used");
			found.count = 1;
		}
	}
	return found.count;
}

/* Tables on which page 0 is where it is, for CPUs on their way. Returns the PML4's physical
 * address. */
static paddr_t trampoline_tables(void)
{
	uint64_t *pml4 = boot_identity, *pdpt = pml4 + 512, *pd = pdpt + 512;

	memcpy(pml4, kvm.pml4, PAGE_SIZE);
	/* An image that was linked to a fixed address may be in the same 512 GiB (not in the same
	 * GiB). */
	if (pml4[0] & PTE_P)
		memcpy(pdpt, phys_to_virt(pml4[0] & PTE_ADDR), PAGE_SIZE);
	memset(pd, 0, PAGE_SIZE);
	pd[0] = PTE_P | PTE_A | PTE_PS; /* executable, so not writable */
	pdpt[0] = image_phys(pd) | PTE_TABLE;
	pml4[0] = image_phys(pdpt) | PTE_TABLE;
	return image_phys(pml4);
}

static void trampoline_prepare(void)
{
	char *page = phys_to_virt(TRAMPOLINE_PAGE * PAGE_SIZE);
	uint32_t pml4 = (uint32_t)trampoline_tables();
	uint64_t entry = (uint64_t)kvm_cpu_entry;

	memcpy(page, kvm_trampoline, (size_t)(kvm_trampoline_end - kvm_trampoline));
	memcpy(page + (kvm_trampoline_pml4 - kvm_trampoline), &pml4, sizeof(pml4));
	memcpy(page + (kvm_trampoline_entry - kvm_trampoline), &entry, sizeof(entry));
}

/* Before the first other CPU is started. */
static void smp_prepare(void)
{
	(void)clock_monotonic_ns(); /* calibrates the clock, which other CPUs then only read */
	apic_init();
	trap_init_smp();
	trampoline_prepare();
	boot_cr4 = cr4_read();
	if (boot_cr4 & CR4_OSXSAVE)
		boot_xcr0 = xgetbv0();
	pause_is_dear = cpuid(CPUID_HYPERVISOR, 0).ebx == TCG_SIGNATURE;
	smp_cpus[0] = &kvm_boot_cpu;
	atomic_store_explicit(&kvm_boot_cpu.runs, true, memory_order_relaxed);
	tlb_join();
	smp_started = true;
}

/* NULL: no memory. */
static struct kvm_cpu *cpu_create(unsigned id)
{
	static const size_t bytes[1 + IST_STACKS] = {
		ALIGN_UP(KSTACK_BYTES + sizeof(struct kvm_cpu), PAGE_SIZE),
		IST_BYTES,
		IST_BYTES,
	};
	vaddr_t base[1 + IST_STACKS];
	struct kvm_cpu *c;

	if (!kstack_take(1 + IST_STACKS, bytes, base))
		return NULL;
	c = (struct kvm_cpu *)(base[0] + bytes[0] - ALIGN_UP(sizeof(*c), 64UL));
	memset(c, 0, sizeof(*c));
	c->cpu.self = &c->cpu;
	c->cpu.id = id;
	c->cpu.canary = kvm.canary;
	c->cpu.kstack_base = base[0];
	c->cpu.kstack_top = (uintptr_t)c;
	/* Who kicks it before it has come need not send anything. */
	c->cpu.pending = PENDING_KICK;
	c->table_region = TABLE_REGION_NONE;
	c->tss.ist[0] = base[1] + IST_BYTES;
	c->tss.ist[1] = base[2] + IST_BYTES;
	return c;
}

int smp_cpu_start(unsigned id)
{
	struct kvm_cpu *c;

	if (id == 0 || id >= found.count || smp_cpus[id])
		return -EINVAL;
	if (!smp_started)
		smp_prepare();
	if (!apic_can_reach(found.apic_ids[id]))
		return -ENODEV;
	c = cpu_create(id);
	if (!c)
		return -ENOMEM;
	smp_cpus[id] = c;
	smp_queue[smp_queued++] = c;
	c->start_cycles = arch_cycles();
	apic_start_cpu(found.apic_ids[id], TRAMPOLINE_PAGE);
	return 0;
}

/* The first C code of another CPU, on its own stack and still on the trampoline's tables. */
NORETURN NO_STACK_PROTECTOR void smp_cpu_begin(struct kvm_cpu *c)
{
	uint64_t cycles = arch_cycles();

	__asm__ volatile("mov %0, %%cr3" : : "r"(virt_to_phys(kvm.pml4)) : "memory");
	wrmsr(MSR_GS_BASE, (uint64_t)c);
	trap_init_cpu(c);
	__asm__ volatile("mov %0, %%cr4" : : "r"(boot_cr4));
	if (boot_cr4 & CR4_OSXSAVE)
		__asm__ volatile("xsetbv"
				 :
				 : "c"(0), "a"((uint32_t)boot_xcr0),
				   "d"((uint32_t)(boot_xcr0 >> 32)));
	__asm__ volatile("fninit");
	apic_init();
	if (cycles < c->start_cycles)
		log_line(LOG_WARN,
			 "the cycle counter of processor %u is behind that of others: times may go "
			 "back",
			 c->cpu.id);
	tlb_join();
	/* Pairs with smp_cpu_kick(): either it sees this, or cpu_main() what it was kicked for. */
	atomic_store_explicit(&c->runs, true, memory_order_seq_cst);
	__asm__ volatile("sti");
	cpu_main();
}

void smp_cpu_kick(unsigned id)
{
	struct kvm_cpu *c = smp_cpus[id];

	atomic_thread_fence(memory_order_seq_cst);
	if (c && atomic_load_explicit(&c->runs, memory_order_relaxed))
		apic_interrupt(c->apic_id, TRAP_KICK);
}

void smp_cpu_relax(unsigned spins)
{
	uint64_t flags;

	if (!pause_is_dear || spins % PAUSE_EVERY == PAUSE_EVERY - 1)
		arch_pause();
	if (likely(!tlb_is_wanted()))
		return;
	flags = interrupts_off();
	tlb_serve();
	interrupts_restore(flags);
}

#endif
