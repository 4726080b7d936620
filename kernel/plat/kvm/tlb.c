/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * TLB shootdown. A CPU that takes pages or rights away changes the tables, posts a request (one at
 * a time, under tlb_lock), interrupts the CPUs that are active, and waits until each has flushed. A
 * CPU that has interrupts off because it waits for a lock in a page fault obeys by polling
 * (smp_cpu_relax).
 *
 * A CPU that idles is not active and not interrupted. When it becomes active again it compares the
 * number of requests made with those it has seen. It first says that it is active and then looks at
 * the number; a requester first counts and then looks who is active: so one of them sees the other.
 */
#include "base/atomic.h"
#include "plat/kvm/smp.h"

/* Where it is cheaper to flush the whole TLB than page by page. */
#define INVLPG_MAX 32
/* How often it is looked whether the others are done, before this CPU halts meanwhile. */
#define SPINS_MAX 2000u

static void tlb_flush_whole(void)
{
	uint64_t cr3;

	__asm__ volatile("mov %%cr3, %0; mov %0, %%cr3" : "=r"(cr3) : : "memory");
}

void tlb_flush_self(vaddr_t va, size_t len)
{
	if (len > INVLPG_MAX * PAGE_SIZE) {
		tlb_flush_whole();
		return;
	}
	for (size_t off = 0; off < len; off += PAGE_SIZE)
		invlpg(va + off);
}

#if CONFIG_NR_CPUS > 1

_Static_assert(CONFIG_NR_CPUS <= 64, "a bit for each CPU");

static struct spinlock tlb_lock = SPINLOCK_INIT(LOCK_PMAP); /* guards making requests */
/* The request: valid for those who are waited for. */
static vaddr_t tlb_va;
static size_t tlb_len;
static _Atomic uint64_t tlb_waiting; /* CPUs that have not flushed yet, a bit each */
static uint32_t tlb_requester;       /* its local APIC's number */
static _Atomic bool tlb_halted;      /* it waits for an interrupt */
static _Atomic uint64_t tlb_count;   /* requests since boot */
static _Atomic uint64_t tlb_active;  /* CPUs that may have translations */

static ALWAYS_INLINE uint64_t cpu_bit(void)
{
	return 1UL << cpu_self()->id;
}

/* Post the request and tell whom it concerns. tlb_lock is held. */
static void tlb_request(vaddr_t va, size_t len)
{
	uint64_t others;

	tlb_va = va;
	tlb_len = len;
	tlb_requester = kvm_cpu_self()->apic_id;
	/* The exchange also orders the changes of the tables before the reading of tlb_active.
	 * Pairs with tlb_idle_end() and tlb_join(). */
	kvm_cpu_self()->tlb_seen = 1 +
				   atomic_fetch_add_explicit(&tlb_count, 1, memory_order_seq_cst);
	others = atomic_load_explicit(&tlb_active, memory_order_seq_cst) & ~cpu_bit();
	/* Release: pairs with the acquire in tlb_serve(). */
	atomic_store_explicit(&tlb_waiting, others, memory_order_release);
	for (; others; others &= others - 1)
		apic_interrupt(smp_cpus[__builtin_ctzl(others)]->apic_id, TRAP_SHOOTDOWN);
}

/* Others take so long that their host may have nobody to run them: this CPU gives its own up. */
static void tlb_halt(void)
{
	/* First this, then a look at tlb_waiting; tlb_serve() does it the other way round. */
	atomic_store_explicit(&tlb_halted, true, memory_order_seq_cst);
	(void)interrupts_off();
	if (atomic_load_explicit(&tlb_waiting, memory_order_seq_cst))
		__asm__ volatile("sti; hlt" : : : "memory");
	else
		__asm__ volatile("sti" : : : "memory");
	atomic_store_explicit(&tlb_halted, false, memory_order_relaxed);
}

void tlb_flush(vaddr_t va, size_t len)
{
	unsigned spins = 0;

	if (!smp_is_started()) {
		tlb_flush_self(va, len);
		return;
	}
	spin_lock(&tlb_lock);
	tlb_request(va, len);
	tlb_flush_self(va, len);
	/* Acquire: the pages are free only when all have flushed. Pairs with tlb_serve(). Nobody
	 * waits for this CPU meanwhile, for requests are made under the lock. */
	while (atomic_load_explicit(&tlb_waiting, memory_order_acquire)) {
		if (spins < SPINS_MAX)
			smp_cpu_relax(spins++);
		else
			tlb_halt();
	}
	spin_unlock(&tlb_lock);
}

bool tlb_is_wanted(void)
{
	return atomic_load_explicit(&tlb_waiting, memory_order_relaxed) & cpu_bit();
}

void tlb_serve(void)
{
	uint64_t bit = cpu_bit();
	uint32_t requester;

	if (!(atomic_load_explicit(&tlb_waiting, memory_order_acquire) & bit))
		return;
	tlb_flush_self(tlb_va, tlb_len);
	kvm_cpu_self()->tlb_seen = atomic_load_explicit(&tlb_count, memory_order_relaxed);
	/* Once the last bit is gone the next request may be made. */
	requester = tlb_requester;
	if (atomic_fetch_and_explicit(&tlb_waiting, ~bit, memory_order_seq_cst) == bit &&
	    atomic_load_explicit(&tlb_halted, memory_order_seq_cst))
		apic_interrupt(requester, TRAP_SHOOTDOWN);
}

void tlb_join(void)
{
	atomic_fetch_or_explicit(&tlb_active, cpu_bit(), memory_order_seq_cst);
	kvm_cpu_self()->tlb_seen = atomic_load_explicit(&tlb_count, memory_order_seq_cst);
	tlb_flush_whole();
}

void tlb_idle_begin(void)
{
	if (smp_is_started())
		atomic_fetch_and_explicit(&tlb_active, ~cpu_bit(), memory_order_seq_cst);
}

void tlb_idle_end(void)
{
	struct kvm_cpu *c = kvm_cpu_self();
	uint64_t count;

	if (!smp_is_started())
		return;
	atomic_fetch_or_explicit(&tlb_active, cpu_bit(), memory_order_seq_cst);
	count = atomic_load_explicit(&tlb_count, memory_order_seq_cst);
	if (count == c->tlb_seen)
		return;
	c->tlb_seen = count;
	tlb_flush_whole();
}

#endif
