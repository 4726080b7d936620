/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Large pages: one entry of a page directory maps 2 MiB (Intel SDM vol. 3, 4.5). They are put where
 * there is no page table yet, and are split when a part of one is taken away or protected. Taking
 * away cannot fail, so the table that a split needs is kept from the start.
 */
#include "base/atomic.h"
#include "core/page.h"
#include "plat/kvm/kvm.h"

#define LARGE_ORDER (LARGE_SHIFT - PAGE_SHIFT)

/* A page that waits to become a table. */
struct spare {
	struct spare *next;
};

/* One for each large page. */
static struct spinlock spare_lock = SPINLOCK_INIT(LOCK_PMAP); /* guards them */
static struct spare *spares;

static void spare_put(struct spare *s)
{
	spin_lock(&spare_lock);
	s->next = spares;
	spares = s;
	spin_unlock(&spare_lock);
}

static void *spare_take(void)
{
	struct spare *s;

	spin_lock(&spare_lock);
	s = spares;
	spares = s->next;
	spin_unlock(&spare_lock);
	return s;
}

bool paging_fault_large(vaddr_t va, unsigned prot)
{
	pte_t *entry = paging_directory_entry(va, true);
	uint64_t empty = 0;
	char *page;
	void *spare;

	if (!entry || atomic_load_explicit(entry, memory_order_relaxed))
		return false;
	page = page_alloc(LARGE_ORDER);
	if (!page)
		return false;
	spare = page_alloc(0);
	if (!spare)
		goto free_page;
	for (size_t off = 0; off < LARGE_BYTES; off += PAGE_SIZE)
		arch_page_clear(page + off);
	spare_put(spare);
	/* Release: the zeros come before the entry. */
	if (atomic_compare_exchange_strong_explicit(
		    entry, &empty, virt_to_phys(page) | paging_prot_flags(prot) | PTE_PS,
		    memory_order_release, memory_order_relaxed))
		return true;
	/* Another CPU was first: with a table, or with this. */
	page_free(spare_take(), 0);
free_page:
	page_free(page, LARGE_ORDER);
	return false;
}

pte_t *paging_split(pte_t *entry)
{
	uint64_t large = atomic_load_explicit(entry, memory_order_relaxed);
	pte_t *table = spare_take();

	for (unsigned i = 0; i < LARGE_BYTES / PAGE_SIZE; i++)
		atomic_store_explicit(&table[i], (large & ~PTE_PS) + i * PAGE_SIZE,
				      memory_order_relaxed);
	/* Release: the table's contents come before the entry. */
	atomic_store_explicit(entry, virt_to_phys(table) | PTE_TABLE, memory_order_release);
	return table;
}

void paging_free_large(void *page)
{
	page_free(page, LARGE_ORDER);
	page_free(spare_take(), 0);
}
