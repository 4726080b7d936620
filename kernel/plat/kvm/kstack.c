/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Kernel stacks, in an area of their own with a guard page below each. Those of threads all have
 * one size, so a freed one serves the next thread as it is: it is kept in a list through its first
 * word. When many are in the list, some of them cool down, KSTACK_BATCH at once, since all CPUs
 * must be told: only the page of that word is kept. The area itself grows to the largest number of
 * threads that ever lived at once.
 */
#include "base/atomic.h"
#include "core/page.h"
#include "plat/kvm/kvm.h"

/* So many stay warm, and up to KSTACK_BATCH more. */
#define KSTACK_WARM 8u
#define KSTACK_BATCH 24u

static struct spinlock kstack_lock = SPINLOCK_INIT(LOCK_KSTACK); /* guards all that follows */
static vaddr_t kstack_next;
/* The first free ones; the next one's base is the first word of each, 0 in the last. */
static vaddr_t kstack_warm, kstack_cold;
static unsigned kstack_warm_count;

/* Put the pages that are missing; what is there was left by kstack_free(), or by an attempt that
 * ran out of memory. */
static bool kstack_fill(vaddr_t base, size_t bytes)
{
	for (size_t off = 0; off < bytes; off += PAGE_SIZE) {
		pte_t *pte = paging_entry(base + off, true);
		void *page;

		if (!pte)
			return false;
		if (atomic_load_explicit(pte, memory_order_relaxed))
			continue;
		page = page_alloc(0);
		if (!page)
			return false;
		atomic_store_explicit(pte, virt_to_phys(page) | PTE_KERNEL_DATA,
				      memory_order_relaxed);
	}
	return true;
}

static bool kstack_take_locked(unsigned n, const size_t bytes[], vaddr_t bases[])
{
	vaddr_t next = kstack_next ? kstack_next : KSTACK_AREA;

	for (unsigned i = 0; i < n; i++) {
		next += PAGE_SIZE; /* the guard page stays unmapped */
		if (next + bytes[i] > KSTACK_AREA + KSTACK_AREA_SIZE ||
		    !kstack_fill(next, bytes[i]))
			return false;
		bases[i] = next;
		next += bytes[i];
	}
	kstack_next = next;
	return true;
}

bool kstack_take(unsigned n, const size_t bytes[], vaddr_t bases[])
{
	bool taken;

	spin_lock(&kstack_lock);
	taken = kstack_take_locked(n, bytes, bases);
	spin_unlock(&kstack_lock);
	return taken;
}

static ALWAYS_INLINE vaddr_t kstack_pop(vaddr_t *list)
{
	vaddr_t base = *list;

	*list = *(vaddr_t *)base;
	return base;
}

static ALWAYS_INLINE void kstack_push(vaddr_t *list, vaddr_t base)
{
	*(vaddr_t *)base = *list;
	*list = base;
}

static vaddr_t kstack_alloc_slow(size_t bytes)
{
	vaddr_t base = kstack_cold;

	if (!base)
		return kstack_take_locked(1, &bytes, &base) ? base : 0;
	if (!kstack_fill(base, bytes))
		return 0;
	return kstack_pop(&kstack_cold);
}

vaddr_t kstack_alloc(size_t bytes)
{
	vaddr_t base;

	spin_lock(&kstack_lock);
	if (kstack_warm) {
		base = kstack_pop(&kstack_warm);
		kstack_warm_count--;
	} else {
		base = kstack_alloc_slow(bytes);
	}
	spin_unlock(&kstack_lock);
	return base;
}

static NOINLINE void kstack_cool(size_t bytes)
{
	struct paging_removal r = PAGING_REMOVAL_INIT;
	vaddr_t base = kstack_warm;

	for (unsigned i = 0; i < KSTACK_BATCH; i++, base = *(vaddr_t *)base)
		paging_hide(&r, base + PAGE_SIZE, base + bytes);
	paging_hidden(&r);
	for (unsigned i = 0; i < KSTACK_BATCH; i++) {
		base = kstack_pop(&kstack_warm);
		paging_drop(&r, base + PAGE_SIZE, base + bytes);
		kstack_push(&kstack_cold, base);
	}
	kstack_warm_count -= KSTACK_BATCH;
}

void kstack_free(vaddr_t base, size_t bytes)
{
	spin_lock(&kstack_lock);
	kstack_push(&kstack_warm, base);
	if (++kstack_warm_count > KSTACK_WARM + KSTACK_BATCH)
		kstack_cool(bytes);
	spin_unlock(&kstack_lock);
}
