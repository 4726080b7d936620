/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What each processor has of its own, and what processors tell each other. With CONFIG_NR_CPUS = 1,
 * or as long as no other CPU was started, nothing here costs anything.
 */
#ifndef PLAT_KVM_SMP_H
#define PLAT_KVM_SMP_H

#include <stdatomic.h>
#include "arch/arch.h"
#include "plat/kvm/kvm.h"

/* Intel SDM vol. 3, 7.7: only the interrupt stack table is used. */
struct PACKED tss {
	uint32_t reserved0;
	uint64_t rsp[3], reserved1, ist[7], reserved2;
	uint16_t reserved3, iomap_base;
};
_Static_assert(sizeof(struct tss) == 104, "TSS");

#define GDT_ENTRIES 8 /* trap.c */

/* One for all vectors, since none interrupts another; a second one for double faults and NMIs,
 * which do. */
#define IST_STACKS 2
#define IST_BYTES 8192

#define TABLE_REGION_NONE 1u /* no multiple of 2 MiB */

struct kvm_cpu {
	struct cpu cpu; /* first: %gs points to it */
	uint32_t apic_id;
	bool apic_ready;

	/* paging_fault(): the page table that the last fault was in, and the first address that it
	 * maps. */
	vaddr_t table_region; /* TABLE_REGION_NONE: none yet */
	pte_t *table;

	/* The last TLB shootdown (tlb.c) that this CPU has obeyed. */
	uint64_t tlb_seen;

	_Atomic bool runs;         /* it can be sent interrupts */
	uint64_t start_cycles;     /* cycle counter when it was started */
	uint64_t gdt[GDT_ENTRIES]; /* not of the boot CPU */
	struct tss tss;
};

extern struct kvm_cpu kvm_boot_cpu;

static ALWAYS_INLINE struct kvm_cpu *kvm_cpu_self(void)
{
	return (struct kvm_cpu *)cpu_self();
}

/* --- cpus.c --- */
struct cpu_list {
	uint32_t apic_ids[CONFIG_NR_CPUS]; /* the boot CPU's first */
	unsigned count, ignored;
};
/* Boot CPU only. */
void cpus_find(struct cpu_list *l);

/* --- smp.c: see plat.h --- */
#if CONFIG_NR_CPUS > 1
unsigned smp_cpu_count(void);
int smp_cpu_start(unsigned id);
void smp_cpu_kick(unsigned id);
void smp_cpu_relax(unsigned spins);
#else
static inline unsigned smp_cpu_count(void)
{
	return 1;
}
static inline void smp_cpu_relax(unsigned spins)
{
	(void)spins;
}
#endif

/* More than the boot CPU was started: set before the others run, never reset. */
extern bool smp_started;
static ALWAYS_INLINE bool smp_is_started(void)
{
	return CONFIG_NR_CPUS > 1 && unlikely(smp_started);
}
/* By id; NULL: not started. */
extern struct kvm_cpu *smp_cpus[CONFIG_NR_CPUS];

/* --- tlb.c --- */
/* Forget translations of [va, va + len) on this CPU. */
void tlb_flush_self(vaddr_t va, size_t len);

#if CONFIG_NR_CPUS > 1
/* The same on all CPUs, whose tables have been changed already. Kernel context, interrupts on;
 * locks below LOCK_PMAP may be held. */
void tlb_flush(vaddr_t va, size_t len);
/* Obey another CPU's tlb_flush(), if one waits for this one. Interrupts are off. */
void tlb_serve(void);
/* Is there one that waits? Cheap. */
bool tlb_is_wanted(void);
/* This CPU may have translations from now on: flushes the TLB. */
void tlb_join(void);
/*
 * Between these two the CPU waits for an interrupt and uses no memory of the program: it need not
 * be told of changes, but flushes the TLB afterwards if there were any. Interrupts are off at the
 * first.
 */
void tlb_idle_begin(void);
void tlb_idle_end(void);
#else
static inline void tlb_flush(vaddr_t va, size_t len)
{
	tlb_flush_self(va, len);
}
static inline void tlb_serve(void)
{
}
static inline void tlb_idle_begin(void)
{
}
static inline void tlb_idle_end(void)
{
}
#endif

#endif
