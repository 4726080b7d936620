/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Page tables at run time: the program's pages (pmap). Pages come from the page allocator through
 * the direct map. Tables, once made, stay: the program's mappings grow down from one address, so
 * there are few.
 *
 * Faults put pages on several CPUs at once (the mm lock is held for reading), all else is done by
 * one at a time.
 */
#include "base/errno.h"
#include "base/string.h"
#include "core/page.h"
#include "plat/kvm/kvm.h"
#include "plat/kvm/smp.h"

/*
 * The table that *entry points to; NULL if there is none (create: if there is no memory for one),
 * or a large page. Several CPUs may find it missing at once: the first one's stays.
 */
static pte_t *table_next(pte_t *entry, bool create)
{
	/* A table's contents are read by its address, which comes from here: no acquire is needed.
	 */
	uint64_t e = atomic_load_explicit(entry, memory_order_relaxed);

	if (unlikely(e == 0)) {
		void *t = create ? page_alloc_zero() : NULL;

		if (!t)
			return NULL;
		/* Release: the zeros come before the entry. */
		if (atomic_compare_exchange_strong_explicit(entry, &e, virt_to_phys(t) | PTE_TABLE,
							    memory_order_release,
							    memory_order_relaxed))
			return t;
		page_free(t, 0);
	}
	return likely(!(e & PTE_PS)) ? phys_to_virt(e & PTE_ADDR) : NULL;
}

pte_t *paging_directory_entry(vaddr_t va, bool create)
{
	pte_t *t = table_next((pte_t *)&kvm.pml4[va >> SLOT_SHIFT & 511], create);

	t = t ? table_next(&t[va >> GIB_SHIFT & 511], create) : NULL;
	return t ? &t[va >> LARGE_SHIFT & 511] : NULL;
}

static pte_t *entry_below(pte_t *directory_entry, vaddr_t va, bool create)
{
	pte_t *t = directory_entry ? table_next(directory_entry, create) : NULL;

	return t ? &t[va >> PAGE_SHIFT & 511] : NULL;
}

pte_t *paging_entry(vaddr_t va, bool create)
{
	return entry_below(paging_directory_entry(va, create), va, create);
}

/*
 * As paging_entry(va, true), for the program's pages: most faults are in the same 2 MiB as the one
 * before. What a CPU remembers stays true, for tables are not taken away.
 */
static ALWAYS_INLINE pte_t *entry_near(vaddr_t va)
{
	struct kvm_cpu *c = kvm_cpu_self();
	vaddr_t region = ALIGN_DOWN(va, LARGE_BYTES);

	if (unlikely(region != c->table_region)) {
		pte_t *table = paging_entry(region, true);

		if (!table)
			return NULL;
		c->table_region = region;
		c->table = table;
	}
	return &c->table[va >> PAGE_SHIFT & 511];
}

uint64_t paging_prot_flags(unsigned prot)
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

/* Leaf entries change under the mm lock held for writing (kstack.c: under its lock), so no other
 * CPU does meanwhile; what orders the change for others is the flush. */
static ALWAYS_INLINE uint64_t pte_load(const pte_t *pte)
{
	return atomic_load_explicit(pte, memory_order_relaxed);
}

static ALWAYS_INLINE void pte_store(pte_t *pte, uint64_t v)
{
	atomic_store_explicit(pte, v, memory_order_relaxed);
}

typedef void pte_fn(pte_t *pte, vaddr_t va, size_t bytes, void *arg);

/*
 * Call fn on every entry in the range that has a page, of so many bytes. A page without access
 * (PROT_NONE) keeps its address in a non-present entry: an entry is empty if and only if it is 0.
 * A large page that is in the range with a part only is split.
 */
static void pte_walk(vaddr_t va, vaddr_t end, pte_fn *fn, void *arg)
{
	vaddr_t next;

	for (; va < end; va = next) {
		pte_t *d = paging_directory_entry(va, false), *pte;

		next = MIN(end, ALIGN_DOWN(va, LARGE_BYTES) + LARGE_BYTES);
		if (!d || !pte_load(d))
			continue;
		if (pte_load(d) & PTE_PS) {
			if (next - va == LARGE_BYTES) {
				fn(d, va, LARGE_BYTES, arg);
				continue;
			}
			paging_split(d);
		}
		pte = entry_below(d, va, false);
		for (vaddr_t page = va; page < next; page += PAGE_SIZE, pte++)
			if (pte_load(pte))
				fn(pte, page, PAGE_SIZE, arg);
	}
}

void *paging_map_phys(paddr_t pa, size_t len, uint64_t flags)
{
	vaddr_t va = (vaddr_t)phys_to_virt(ALIGN_DOWN(pa, PAGE_SIZE)),
		end = (vaddr_t)phys_to_virt(pa + len);

	for (; va < end; va += PAGE_SIZE) {
		pte_t *e = table_next((pte_t *)&kvm.pml4[va >> SLOT_SHIFT & 511], true);

		e = &e[va >> GIB_SHIFT & 511];
		if (pte_load(e) & PTE_PS)
			continue;
		e = table_next(e, true);
		if (!e)
			return NULL;
		e = &e[va >> LARGE_SHIFT & 511];
		if (pte_load(e) & PTE_PS)
			continue;
		e = table_next(e, true);
		if (!e)
			return NULL;
		pte_store(&e[va >> PAGE_SHIFT & 511],
			  virt_to_phys((void *)va) | PTE_KERNEL_DATA | flags);
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

static void page_hide(pte_t *pte, vaddr_t va, size_t bytes, void *arg)
{
	struct paging_removal *r = arg;
	uint64_t v = pte_load(pte);

	if (!(v & PTE_P))
		return;
	pte_store(pte, v & ~PTE_P);
	r->lo = MIN(r->lo, va);
	r->hi = MAX(r->hi, va + bytes);
}

static void page_drop(pte_t *pte, vaddr_t va, size_t bytes, void *arg)
{
	char *page = phys_to_virt(pte_load(pte) & PTE_ADDR);
	struct paging_removal *r = arg;

	(void)va;
	pte_store(pte, 0);
	if (bytes == LARGE_BYTES) {
		paging_free_large(page);
		return;
	}
	if (page != r->first + r->count * PAGE_SIZE) {
		page_free_run(r->first, r->count);
		r->first = page;
		r->count = 0;
	}
	r->count++;
}

void paging_hide(struct paging_removal *r, vaddr_t start, vaddr_t end)
{
	if (smp_is_started())
		pte_walk(start, end, page_hide, r);
}

void paging_hidden(const struct paging_removal *r)
{
	if (r->lo < r->hi)
		tlb_flush(r->lo, r->hi - r->lo);
}

void paging_drop(struct paging_removal *r, vaddr_t start, vaddr_t end)
{
	pte_walk(start, end, page_drop, r);
	page_free_run(r->first, r->count);
	r->count = 0;
	if (!smp_is_started())
		tlb_flush_self(start, end - start);
}

void paging_remove(vaddr_t va, size_t len, vaddr_t touched_lo, vaddr_t touched_hi)
{
	vaddr_t start = MAX(va, touched_lo), end = MIN(va + len, touched_hi);
	struct paging_removal r = PAGING_REMOVAL_INIT;

	if (start >= end)
		return;
	paging_hide(&r, start, end);
	paging_hidden(&r);
	paging_drop(&r, start, end);
}

void paging_discard(vaddr_t va, size_t len, vaddr_t touched_lo, vaddr_t touched_hi)
{
	paging_remove(va, len, touched_lo, touched_hi);
}

struct protection {
	uint64_t flags;
	bool less; /* some page lost a right */
};

/* The processor itself changes nothing in an entry: accessed and dirty are set from the start. */
static void page_protect(pte_t *pte, vaddr_t va, size_t bytes, void *arg)
{
	struct protection *p = arg;
	uint64_t old = pte_load(pte);

	(void)va;
	(void)bytes;
	if (old & PTE_P && (old & ~p->flags & (PTE_P | PTE_W) || ~old & p->flags & PTE_NX))
		p->less = true;
	pte_store(pte, (old & (PTE_ADDR | PTE_PS)) | p->flags);
}

/* A CPU that does not know yet that it has more rights than before gets a fault, forgets the old
 * ones by that, and finds that all is well. */
int paging_protect(vaddr_t va, size_t len, unsigned prot, vaddr_t touched_lo, vaddr_t touched_hi)
{
	vaddr_t start = MAX(va, touched_lo), end = MIN(va + len, touched_hi);
	struct protection p = {paging_prot_flags(prot), false};

	if (start >= end)
		return 0;
	pte_walk(start, end, page_protect, &p);
	if (p.less)
		tlb_flush(start, end - start);
	else
		tlb_flush_self(start, end - start);
	return 0;
}

static bool is_large(vaddr_t va)
{
	const pte_t *d = paging_directory_entry(va, false);

	return d && pte_load(d) & PTE_PS;
}

int paging_fault(vaddr_t va, unsigned prot)
{
	pte_t *pte = entry_near(va);
	uint64_t empty = 0;
	void *page;

	if (unlikely(!pte))
		return is_large(va) ? 0 : -ENOMEM;
	if (pte_load(pte))
		return 0;
	page = page_alloc_zero();
	if (!page)
		return -ENOMEM;
	/* Release: the zeros come before the entry. Another CPU may have been first. */
	if (!atomic_compare_exchange_strong_explicit(pte, &empty,
						     virt_to_phys(page) | paging_prot_flags(prot),
						     memory_order_release, memory_order_relaxed))
		page_free(page, 0);
	return 0;
}

bool paging_map_page(vaddr_t va, paddr_t page, unsigned prot)
{
	pte_t *pte = entry_near(va);

	if (pte)
		pte_store(pte, page | paging_prot_flags(prot));
	return pte != NULL;
}

int paging_populate(vaddr_t va, size_t len, unsigned prot)
{
	const vaddr_t end = va + len;

	while (va < end) {
		int r;

		if (IS_ALIGNED(va, LARGE_BYTES) && end - va >= LARGE_BYTES &&
		    paging_fault_large(va, prot)) {
			va += LARGE_BYTES;
			continue;
		}
		r = paging_fault(va, prot);
		if (r)
			return r;
		va += PAGE_SIZE;
	}
	return 0;
}

/* The entry of the page at va, which is split off if it is a part of a large one; NULL or 0 in it:
 * there is none. */
static pte_t *entry_of_small(vaddr_t va)
{
	pte_t *d = paging_directory_entry(va, false);

	if (d && pte_load(d) & PTE_PS)
		paging_split(d);
	return entry_below(d, va, false);
}

int paging_move(vaddr_t old, vaddr_t new_va, size_t len, unsigned prot)
{
	(void)prot;
	/* Tables first, so that nothing has been moved if there is no memory for them. */
	for (vaddr_t va = ALIGN_DOWN(new_va, LARGE_BYTES); va < new_va + len; va += LARGE_BYTES)
		if (!paging_entry(va, true))
			return -ENOMEM;
	for (size_t off = 0; off < len; off += PAGE_SIZE) {
		pte_t *from = entry_of_small(old + off);

		if (!from || !pte_load(from))
			continue;
		pte_store(paging_entry(new_va + off, true), pte_load(from));
		pte_store(from, 0);
	}
	tlb_flush(old, len);
	return 0;
}
