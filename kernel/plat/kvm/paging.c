/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Page tables at run time: the program's pages (pmap), kernel stacks. Pages come from the page
 * allocator through the direct map. Tables of the program's half, once made, stay: its mappings
 * grow down from one address, so there are few.
 */
#include "base/errno.h"
#include "base/string.h"
#include "core/page.h"
#include "plat/kvm/kvm.h"

/* Where it is cheaper to flush the whole TLB than page by page. */
#define INVLPG_MAX 32

static uint64_t *table_next(uint64_t *entry, bool create)
{
	if (!(*entry & PTE_P)) {
		uint64_t *t = create ? page_alloc_zero() : NULL;

		if (!t)
			return NULL;
		*entry = virt_to_phys(t) | PTE_TABLE;
	}
	return phys_to_virt(*entry & PTE_ADDR);
}

/* The entry that maps va; NULL if there is no table (create: if there is no memory for one). */
static uint64_t *pte_get(vaddr_t va, bool create)
{
	uint64_t *t = table_next(&kvm.pml4[va >> SLOT_SHIFT & 511], create);

	t = t ? table_next(&t[va >> GIB_SHIFT & 511], create) : NULL;
	t = t ? table_next(&t[va >> LARGE_SHIFT & 511], create) : NULL;
	return t ? &t[va >> PAGE_SHIFT & 511] : NULL;
}

/*
 * As pte_get(), for the program's pages, under the mm lock: most faults are in the same 2 MiB as
 * the one before. What is remembered stays true, for tables are not taken away.
 */
static ALWAYS_INLINE uint64_t *pte_get_near(vaddr_t va)
{
	static vaddr_t last = 1; /* no multiple of 2 MiB */
	static uint64_t *last_table;
	vaddr_t region = ALIGN_DOWN(va, 1UL << LARGE_SHIFT);

	if (unlikely(region != last)) {
		uint64_t *pte = pte_get(region, true);

		if (!pte)
			return NULL;
		last = region;
		last_table = pte;
	}
	return &last_table[va >> PAGE_SHIFT & 511];
}

static ALWAYS_INLINE void invlpg(vaddr_t va)
{
	__asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

static void tlb_flush(vaddr_t va, size_t len)
{
	uint64_t cr3;

	if (len <= INVLPG_MAX * PAGE_SIZE) {
		for (size_t off = 0; off < len; off += PAGE_SIZE)
			invlpg(va + off);
		return;
	}
	__asm__ volatile("mov %%cr3, %0; mov %0, %%cr3" : "=r"(cr3) : : "memory");
}

static uint64_t prot_flags(unsigned prot)
{
	uint64_t flags = PTE_U | PTE_A | PTE_D;

	if (prot != PROT_NONE)
		flags |= PTE_P;
	if (prot & PROT_WRITE)
		flags |= PTE_W;
	if (!(prot & PROT_EXEC))
		flags |= PTE_NX;
	return flags;
}

/*
 * Call fn on every entry in the range that has a page. A page without access (PROT_NONE) keeps its
 * address in a non-present entry: an entry is empty if and only if it is 0.
 */
static void pte_walk(vaddr_t va, vaddr_t end, void (*fn)(uint64_t *pte, vaddr_t va, void *arg),
		     void *arg)
{
	uint64_t *pte = NULL;

	for (; va < end; va += PAGE_SIZE) {
		if (!pte || IS_ALIGNED(va, 1UL << LARGE_SHIFT)) {
			pte = pte_get(va, false);
			if (!pte) {
				va = ALIGN_DOWN(va, 1UL << LARGE_SHIFT) + (1UL << LARGE_SHIFT) -
				     PAGE_SIZE;
				continue;
			}
		}
		if (*pte)
			fn(pte, va, arg);
		pte++;
	}
}

void *paging_map_phys(paddr_t pa, size_t len, uint64_t flags)
{
	vaddr_t va = (vaddr_t)phys_to_virt(ALIGN_DOWN(pa, PAGE_SIZE)),
		end = (vaddr_t)phys_to_virt(pa + len);

	for (; va < end; va += PAGE_SIZE) {
		uint64_t *e = table_next(&kvm.pml4[va >> SLOT_SHIFT & 511], true);

		e = &e[va >> GIB_SHIFT & 511];
		if (*e & PTE_PS)
			continue;
		e = table_next(e, true);
		if (!e)
			return NULL;
		e = &e[va >> LARGE_SHIFT & 511];
		if (*e & PTE_PS)
			continue;
		e = table_next(e, true);
		if (!e)
			return NULL;
		e[va >> PAGE_SHIFT & 511] = virt_to_phys((void *)va) | PTE_KERNEL_DATA | flags;
		invlpg(va);
	}
	return phys_to_virt(pa);
}

int paging_reserve(vaddr_t va, size_t len, unsigned prot)
{
	(void)va;
	(void)len;
	(void)prot;
	return 0; /* faults fill it */
}

/* Pages that were taken away and lie in a row in RAM: they go back together. */
struct page_run {
	char *first;
	size_t count;
};

static void page_drop(uint64_t *pte, vaddr_t va, void *arg)
{
	char *page = phys_to_virt(*pte & PTE_ADDR);
	struct page_run *run = arg;

	*pte = 0;
	invlpg(va);
	if (page != run->first + run->count * PAGE_SIZE) {
		page_free_run(run->first, run->count);
		run->first = page;
		run->count = 0;
	}
	run->count++;
}

void paging_remove(vaddr_t va, size_t len, vaddr_t touched_lo, vaddr_t touched_hi)
{
	struct page_run run = {NULL, 0};

	pte_walk(MAX(va, touched_lo), MIN(va + len, touched_hi), page_drop, &run);
	page_free_run(run.first, run.count);
}

void paging_discard(vaddr_t va, size_t len, vaddr_t touched_lo, vaddr_t touched_hi)
{
	paging_remove(va, len, touched_lo, touched_hi);
}

static void page_protect(uint64_t *pte, vaddr_t va, void *arg)
{
	(void)va;
	*pte = (*pte & PTE_ADDR) | *(const uint64_t *)arg;
}

int paging_protect(vaddr_t va, size_t len, unsigned prot, vaddr_t touched_lo, vaddr_t touched_hi)
{
	vaddr_t start = MAX(va, touched_lo), end = MIN(va + len, touched_hi);
	uint64_t flags = prot_flags(prot);

	if (start < end) {
		pte_walk(start, end, page_protect, &flags);
		tlb_flush(start, end - start);
	}
	return 0;
}

int paging_fault(vaddr_t va, unsigned prot)
{
	uint64_t *pte = pte_get_near(va);
	void *page;

	if (unlikely(!pte))
		return -ENOMEM;
	if (*pte)
		return 0;
	page = page_alloc_zero();
	if (!page)
		return -ENOMEM;
	*pte = virt_to_phys(page) | prot_flags(prot);
	return 0;
}

bool paging_map_page(vaddr_t va, paddr_t page, unsigned prot)
{
	uint64_t *pte = pte_get_near(va);

	if (pte)
		*pte = page | prot_flags(prot);
	return pte != NULL;
}

int paging_populate(vaddr_t va, size_t len, unsigned prot)
{
	for (size_t off = 0; off < len; off += PAGE_SIZE) {
		int r = paging_fault(va + off, prot);

		if (r)
			return r;
	}
	return 0;
}

int paging_move(vaddr_t old, vaddr_t new_va, size_t len, unsigned prot)
{
	(void)prot;
	/* Tables first, so that nothing has been moved if there is no memory for them. */
	for (vaddr_t va = ALIGN_DOWN(new_va, 1UL << LARGE_SHIFT); va < new_va + len;
	     va += 1UL << LARGE_SHIFT)
		if (!pte_get(va, true))
			return -ENOMEM;
	for (size_t off = 0; off < len; off += PAGE_SIZE) {
		uint64_t *from = pte_get(old + off, false);

		if (!from || !*from)
			continue;
		*pte_get(new_va + off, true) = *from;
		*from = 0;
	}
	tlb_flush(old, len);
	return 0;
}

/*
 * Kernel stacks all have one size, so a freed one serves the next thread as it is: they are kept in
 * a list through their first word. Of more than KSTACK_WARM_MAX only that word's page is kept; the
 * area itself grows to the largest number of threads that ever lived at once.
 */
#define KSTACK_WARM_MAX 32u

static vaddr_t kstack_next, kstack_free_list;
static unsigned kstack_free_count;

/* Put the pages that are missing; what is there was left by kstack_free(), or by an attempt that
 * ran out of memory. */
static bool kstack_fill(vaddr_t base, size_t bytes)
{
	for (size_t off = 0; off < bytes; off += PAGE_SIZE) {
		uint64_t *pte = pte_get(base + off, true);
		void *page;

		if (!pte)
			return false;
		if (*pte)
			continue;
		page = page_alloc(0);
		if (!page)
			return false;
		*pte = virt_to_phys(page) | PTE_KERNEL_DATA;
	}
	return true;
}

vaddr_t kstack_alloc(size_t bytes)
{
	vaddr_t base = kstack_free_list;

	if (base) {
		if (kstack_free_count > KSTACK_WARM_MAX && !kstack_fill(base, bytes))
			return 0;
		kstack_free_count--;
		kstack_free_list = *(vaddr_t *)base;
		return base;
	}
	if (!kstack_next)
		kstack_next = KSTACK_AREA;
	if (kstack_next + PAGE_SIZE + bytes > KSTACK_AREA + KSTACK_AREA_SIZE)
		return 0;
	base = kstack_next + PAGE_SIZE; /* the guard page stays unmapped */
	if (!kstack_fill(base, bytes))
		return 0;
	kstack_next = base + bytes;
	return base;
}

void kstack_free(vaddr_t base, size_t bytes)
{
	*(vaddr_t *)base = kstack_free_list;
	kstack_free_list = base;
	/* The list is served from its head, so the warm ones are the first that came. */
	if (++kstack_free_count > KSTACK_WARM_MAX)
		paging_remove(base + PAGE_SIZE, bytes - PAGE_SIZE, base + PAGE_SIZE, base + bytes);
}
