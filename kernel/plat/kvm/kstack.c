/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Kernel stacks, in an area of their own with a guard page below each. Those of threads all have
 * one size, so a freed one serves the next thread as it is: they are kept in a list through their
 * first words. Of more than KSTACK_WARM_MAX only the page of these words is kept; the area itself
 * grows to the largest number of threads that ever lived at once.
 */
#include "base/atomic.h"
#include "core/page.h"
#include "plat/kvm/kvm.h"

#define KSTACK_WARM_MAX 32u

/* Lies at the base of a free stack. */
struct kstack_free {
	vaddr_t next; /* 0: the last */
	bool cold;    /* all pages but this one were given back */
};

static struct spinlock kstack_lock = SPINLOCK_INIT(LOCK_KSTACK); /* guards all that follows */
static vaddr_t kstack_next, kstack_free_list;
static unsigned kstack_free_count;

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

vaddr_t kstack_alloc(size_t bytes)
{
	struct kstack_free *f;
	vaddr_t base;

	spin_lock(&kstack_lock);
	base = kstack_free_list;
	f = (struct kstack_free *)base;
	if (!base) {
		if (!kstack_take_locked(1, &bytes, &base))
			base = 0;
	} else if (f->cold && !kstack_fill(base, bytes)) {
		base = 0;
	} else {
		kstack_free_list = f->next;
		kstack_free_count--;
	}
	spin_unlock(&kstack_lock);
	return base;
}

void kstack_free(vaddr_t base, size_t bytes)
{
	struct kstack_free *f = (struct kstack_free *)base;

	spin_lock(&kstack_lock);
	f->next = kstack_free_list;
	f->cold = kstack_free_count >= KSTACK_WARM_MAX;
	if (f->cold)
		paging_remove(base + PAGE_SIZE, bytes - PAGE_SIZE, base + PAGE_SIZE, base + bytes);
	kstack_free_list = base;
	kstack_free_count++;
	spin_unlock(&kstack_lock);
}
