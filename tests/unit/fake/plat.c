/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The pmap part of a platform, see plat.h. */
#include "fake/fake.h"

#include "base/errno.h"
#include "core/log.h"
#include "fake/plat.h"

struct fake_pte fake_ptes[FAKE_WINDOW_PAGES];
uint64_t fake_pages_left;
static bool fake_linuxu;

struct fake_pte *fake_pte_of(vaddr_t addr)
{
	assert_in_range(addr, FAKE_WINDOW_START, FAKE_WINDOW_END - 1);
	return &fake_ptes[(addr - FAKE_WINDOW_START) >> PAGE_SHIFT];
}

static void check_range(vaddr_t va, size_t len)
{
	assert_true(IS_ALIGNED(va | len, PAGE_SIZE));
	assert_true(len > 0);
	assert_in_range(va, FAKE_WINDOW_START, FAKE_WINDOW_END);
	assert_in_range(len, 0, FAKE_WINDOW_END - va);
}

/* No page lies outside of what was said to be touched. */
static void check_touched(vaddr_t va, size_t len, vaddr_t lo, vaddr_t hi)
{
	for (vaddr_t a = va; a < va + len; a += PAGE_SIZE)
		if (a < lo || a >= hi)
			assert_false(fake_pte_of(a)->present);
	if (lo < hi) {
		assert_true(lo >= va);
		assert_true(hi <= va + len);
	}
}

static void check_reserved(const struct fake_pte *p)
{
	if (fake_linuxu)
		assert_true(p->reserved);
}

static void page_drop(struct fake_pte *p)
{
	if (p->present)
		fake_pages_left++;
	p->present = false;
	p->value = 0;
}

static int fake_reserve(vaddr_t va, size_t len, unsigned prot)
{
	check_range(va, len);
	if (fake_fails())
		return -ENOMEM;
	for (vaddr_t a = va; a < va + len; a += PAGE_SIZE) {
		struct fake_pte *p = fake_pte_of(a);

		assert_false(p->reserved);
		assert_false(p->present);
		p->reserved = fake_linuxu;
		p->prot = prot & ~PMAP_LAZY;
		p->present = fake_linuxu;
		p->value = 0;
	}
	return 0;
}

static void fake_remove(vaddr_t va, size_t len, vaddr_t lo, vaddr_t hi)
{
	check_range(va, len);
	check_touched(va, len, lo, hi);
	for (vaddr_t a = va; a < va + len; a += PAGE_SIZE) {
		check_reserved(fake_pte_of(a));
		page_drop(fake_pte_of(a));
		fake_pte_of(a)->reserved = false;
	}
}

static int fake_protect(vaddr_t va, size_t len, unsigned prot, vaddr_t lo, vaddr_t hi)
{
	check_range(va, len);
	check_touched(va, len, lo, hi);
	if (fake_fails())
		return -ENOMEM;
	for (vaddr_t a = va; a < va + len; a += PAGE_SIZE) {
		check_reserved(fake_pte_of(a));
		fake_pte_of(a)->prot = prot;
	}
	return 0;
}

static void fake_discard(vaddr_t va, size_t len, vaddr_t lo, vaddr_t hi)
{
	check_range(va, len);
	check_touched(va, len, lo, hi);
	for (vaddr_t a = va; a < va + len; a += PAGE_SIZE) {
		check_reserved(fake_pte_of(a));
		page_drop(fake_pte_of(a));
		fake_pte_of(a)->present = fake_linuxu;
	}
}

static int fake_put(struct fake_pte *p, unsigned prot)
{
	check_reserved(p);
	if (p->present) {
		assert_int_equal(p->prot, prot);
		return 0;
	}
	if (fake_pages_left == 0 || fake_fails())
		return -ENOMEM;
	fake_pages_left--;
	p->present = true;
	p->prot = prot;
	p->value = 0;
	return 0;
}

static int fake_populate(vaddr_t va, size_t len, unsigned prot)
{
	check_range(va, len);
	for (vaddr_t a = va; a < va + len; a += PAGE_SIZE) {
		int rc = fake_put(fake_pte_of(a), prot);

		if (rc != 0)
			return rc;
	}
	return 0;
}

static int fake_move(vaddr_t old, vaddr_t new_va, size_t len, unsigned prot)
{
	check_range(old, len);
	check_range(new_va, len);
	if (fake_fails())
		return -ENOMEM;
	for (size_t off = 0; off < len; off += PAGE_SIZE) {
		struct fake_pte *from = fake_pte_of(old + off), *to = fake_pte_of(new_va + off);

		check_reserved(from);
		if (from->present)
			assert_int_equal(from->prot, prot);
		assert_false(to->present);
		*to = *from;
		*from = (struct fake_pte){0};
	}
	return 0;
}

static int fake_fault(vaddr_t va, unsigned prot)
{
	check_range(va, PAGE_SIZE);
	return fake_put(fake_pte_of(va), prot);
}

static bool fake_fault_large(vaddr_t va, unsigned prot)
{
	const unsigned pages = PMAP_LARGE / PAGE_SIZE;

	check_range(va, PMAP_LARGE);
	assert_true(IS_ALIGNED(va, PMAP_LARGE));
	for (unsigned i = 0; i < pages; i++)
		if (fake_pte_of(va + i * PAGE_SIZE)->present)
			return false;
	if (fake_pages_left < pages || fake_fails())
		return false;
	for (unsigned i = 0; i < pages; i++)
		*fake_pte_of(va + i * PAGE_SIZE) = (struct fake_pte){.present = true, .prot = prot};
	fake_pages_left -= pages;
	return true;
}

static void fake_window(vaddr_t *min, vaddr_t *max)
{
	*min = FAKE_WINDOW_START;
	*max = FAKE_WINDOW_END;
}

static void fake_cpu_relax(unsigned spins)
{
	panic("the only CPU waits for another one");
}

static struct plat_ops fake_ops = {
	.name = "fake",
	.pmap_reserve = fake_reserve,
	.pmap_remove = fake_remove,
	.pmap_protect = fake_protect,
	.pmap_discard = fake_discard,
	.pmap_populate = fake_populate,
	.pmap_move = fake_move,
	.pmap_window = fake_window,
	.cpu_relax = fake_cpu_relax,
};
const struct plat_ops *plat = &fake_ops;

void fake_plat_reset(bool linuxu)
{
	fake_linuxu = linuxu;
	fake_ops.pmap_fault = linuxu ? NULL : fake_fault;
	fake_ops.pmap_fault_large = linuxu ? NULL : fake_fault_large;
	memset(fake_ptes, 0, sizeof(fake_ptes));
	fake_pages_left = linuxu ? 0 : FAKE_WINDOW_PAGES;
}
