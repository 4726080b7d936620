/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The address space, call by call, over the fake platform; and every call with each of its
 * allocations failing. test_vma_model.c has the random sequences.
 *
 * sources: base/rbtree.c core/vma.c core/vma_resize.c core/vma_tree.c
 * fakes: cpu lock fail heap log page plat random
 */
#include "fake/fake.h"

#include "base/errno.h"
#include "core/vma.h"
#include "core/vma_tree.h"
#include "fake/plat.h"

#define PAGES(n) ((size_t)(n)*PAGE_SIZE)
#define RW (PROT_READ | PROT_WRITE)
#define PLACE (FAKE_WINDOW_START + PAGES(100)) /* for fixed mappings */

/* A fresh address space; a leak or an error of the test before shows as VMAs left over. */
static int setup(void **state)
{
	struct vma v;

	fake_plat_reset(false);
	fake_seed(1);
	vma_init();
	assert_false(vma_find(0, true, &v));
	return 0;
}

static int teardown(void **state)
{
	fake_fail_at(0);
	assert_int_equal(vma_unmap(FAKE_WINDOW_START, FAKE_WINDOW_END - FAKE_WINDOW_START), 0);
	assert_int_equal(fake_heap_objects, 0);
	return 0;
}

static vaddr_t map_at(vaddr_t at, size_t pages, unsigned prot)
{
	vaddr_t got;

	assert_int_equal(vma_map(at, PAGES(pages), prot, MAP_FLAG_FIXED, NULL, &got), 0);
	assert_int_equal(got, at);
	return got;
}

static vaddr_t map_any(size_t pages)
{
	vaddr_t got = 0;

	assert_int_equal(vma_map(0, PAGES(pages), RW, 0, NULL, &got), 0);
	return got;
}

static unsigned vma_count(void)
{
	struct vma v = {0};
	unsigned n = 0;

	while (vma_find(v.end, true, &v))
		n++;
	return n;
}

static void write_page(vaddr_t addr, uint32_t value)
{
	assert_true(vma_fault(addr, true, false));
	fake_pte_of(addr)->value = value;
}

static uint32_t read_page(vaddr_t addr)
{
	assert_true(vma_fault(addr, false, false));
	return fake_pte_of(addr)->value;
}

static void vma_map_fills_downwards_and_merges(void **state)
{
	vaddr_t a = map_any(4), b;

	assert_int_equal(a + PAGES(4), vma_window.top);
	for (unsigned i = 1; i < 100; i++) {
		b = map_any(4);
		assert_int_equal(b, a - PAGES(4));
		a = b;
	}
	assert_int_equal(vma_count(), 1);
}

static void vma_map_takes_the_highest_gap_that_fits(void **state)
{
	vaddr_t base = map_any(100);

	assert_int_equal(vma_unmap(base + PAGES(10), PAGES(3)), 0);
	assert_int_equal(vma_unmap(base + PAGES(50), PAGES(2)), 0);
	assert_int_equal(map_any(3), base + PAGES(10));
	assert_int_equal(map_any(1), base + PAGES(51));
	assert_int_equal(map_any(2), base - PAGES(2));
	assert_int_equal(map_any(1), base + PAGES(50));
	assert_int_equal(vma_count(), 1);
}

static void vma_map_goes_above_top_when_the_area_is_full(void **state)
{
	vaddr_t got;

	map_at(FAKE_WINDOW_START, (vma_window.top - FAKE_WINDOW_START) / PAGE_SIZE, PROT_READ);
	assert_int_equal(map_any(1), FAKE_WINDOW_END - PAGE_SIZE);
	assert_int_equal(map_any(1), FAKE_WINDOW_END - PAGES(2));
	got = map_any((FAKE_WINDOW_END - vma_window.top) / PAGE_SIZE - 2);
	assert_int_equal(got, vma_window.top);
	assert_int_equal(vma_map(0, PAGE_SIZE, RW, 0, NULL, &got), -ENOMEM);
}

static void vma_map_checks_its_arguments(void **state)
{
	vaddr_t got = 77;

	assert_int_equal(vma_map(0, 0, RW, 0, NULL, &got), -EINVAL);
	assert_int_equal(vma_map(0, SIZE_MAX, RW, 0, NULL, &got), -ENOMEM);
	assert_int_equal(vma_map(0, SIZE_MAX - 5000, RW, 0, NULL, &got), -ENOMEM);
	assert_int_equal(vma_map(0, FAKE_WINDOW_END - FAKE_WINDOW_START, RW, 0, NULL, &got),
			 -ENOMEM);
	assert_int_equal(vma_map(PLACE + 1, 1, RW, MAP_FLAG_FIXED, NULL, &got), -EINVAL);
	assert_int_equal(vma_map(FAKE_WINDOW_END, 1, RW, MAP_FLAG_FIXED, NULL, &got), -ENOMEM);
	assert_int_equal(vma_map(0, 1, RW, MAP_FLAG_FIXED, NULL, &got), -ENOMEM);
	assert_int_equal(vma_map(0, 1, RW | PROT_EXEC, 0, NULL, &got), -EACCES);
	assert_int_equal(got, 77);
	map_at(PLACE, 2, RW);
	assert_int_equal(vma_map(PLACE - PAGE_SIZE, PAGES(2), RW, MAP_FLAG_FIXED_NOREPLACE, NULL,
				 &got),
			 -EEXIST);
	assert_int_equal(
		vma_map(PLACE - PAGE_SIZE, PAGES(1), RW, MAP_FLAG_FIXED_NOREPLACE, NULL, &got), 0);
	/* A hint is taken if it is free, rounded down; else the mapping goes elsewhere. */
	assert_int_equal(vma_map(PLACE + PAGES(9) + 5, 1, RW, 0, NULL, &got), 0);
	assert_int_equal(got, PLACE + PAGES(9));
	assert_int_equal(vma_map(PLACE, 1, RW, 0, NULL, &got), 0);
	assert_int_equal(got, vma_window.top - PAGE_SIZE);
}

static void vma_unmap_takes_the_middle_out(void **state)
{
	struct vma v;

	map_at(PLACE, 10, RW);
	write_page(PLACE + PAGES(1), 11);
	write_page(PLACE + PAGES(5), 15);
	write_page(PLACE + PAGES(8), 18);
	assert_int_equal(vma_unmap(PLACE + PAGES(4), PAGES(2)), 0);
	assert_int_equal(vma_count(), 2);
	assert_false(vma_find(PLACE + PAGES(5), false, &v));
	assert_true(vma_find(PLACE + PAGES(5), true, &v));
	assert_int_equal(v.start, PLACE + PAGES(6));
	assert_int_equal(v.touched_lo,
			 PLACE + PAGES(6)); /* between two touched pages counts as touched */
	assert_false(vma_fault(PLACE + PAGES(5), false, false));
	assert_int_equal(read_page(PLACE + PAGES(1)), 11);
	assert_int_equal(read_page(PLACE + PAGES(8)), 18);
	/* Nothing there: fine. */
	assert_int_equal(vma_unmap(PLACE + PAGES(4), PAGES(2)), 0);
	assert_int_equal(vma_unmap(PLACE + 1, PAGES(2)), -EINVAL);
	assert_int_equal(vma_unmap(PLACE, 0), -EINVAL);
	assert_int_equal(vma_unmap(PLACE, SIZE_MAX - PAGES(1)), -EINVAL);
}

static void vma_fault_obeys_protection(void **state)
{
	map_at(PLACE, 1, PROT_READ);
	map_at(PLACE + PAGES(1), 1, RW);
	map_at(PLACE + PAGES(2), 1, PROT_NONE);
	map_at(PLACE + PAGES(3), 1, PROT_READ | PROT_EXEC);
	assert_true(vma_fault(PLACE, false, false));
	assert_false(vma_fault(PLACE, true, false));
	assert_false(vma_fault(PLACE, false, true));
	assert_true(vma_fault(PLACE + PAGES(1) + 5, true, false));
	assert_false(vma_fault(PLACE + PAGES(2), false, false));
	assert_true(vma_fault(PLACE + PAGES(3), false, true));
	assert_false(vma_fault(PLACE + PAGES(4), false, false));
	assert_false(vma_fault_was_oom());
}

static void vma_fault_without_memory_says_so(void **state)
{
	map_at(PLACE, 2, RW);
	fake_pages_left = 1;
	assert_true(vma_fault(PLACE, true, false));
	assert_false(vma_fault(PLACE + PAGES(1), true, false));
	assert_true(vma_fault_was_oom());
	assert_false(vma_fault(PLACE + PAGES(2), true, false));
	assert_false(vma_fault_was_oom());
	fake_pages_left = FAKE_WINDOW_PAGES - 1;
}

static void vma_protect_splits_and_unites(void **state)
{
	map_at(PLACE, 10, PROT_NONE);
	assert_int_equal(vma_protect(PLACE + PAGES(1), PAGES(9), RW), 0);
	assert_int_equal(vma_count(), 2);
	write_page(PLACE + PAGES(4), 4);
	assert_int_equal(vma_protect(PLACE + PAGES(3), PAGES(3), PROT_READ), 0);
	assert_int_equal(vma_count(), 4);
	assert_int_equal(read_page(PLACE + PAGES(4)), 4);
	assert_false(vma_fault(PLACE + PAGES(4), true, false));
	assert_int_equal(vma_protect(PLACE + PAGES(3), PAGES(3), RW), 0);
	assert_int_equal(vma_count(), 2);
	assert_int_equal(vma_protect(PLACE, PAGES(10), RW), 0);
	assert_int_equal(vma_count(), 1);
	assert_int_equal(vma_protect(PLACE, PAGES(11), PROT_READ), -ENOMEM);
	assert_int_equal(vma_protect(PLACE, PAGES(1), RW | PROT_EXEC), -EACCES);
	assert_int_equal(vma_count(), 1);
}

static void vma_image_can_only_be_tightened(void **state)
{
	vaddr_t got;

	assert_int_equal(vma_insert_fixed(PLACE, PLACE + PAGES(4), PROT_READ | PROT_EXEC, VMA_IMAGE,
					  "image"),
			 0);
	assert_int_equal(
		vma_insert_fixed(PLACE + PAGES(4), PLACE + PAGES(8), RW, VMA_IMAGE, "image"), 0);
	assert_int_equal(vma_insert_fixed(PLACE + PAGES(7), PLACE + PAGES(9), RW, VMA_IMAGE,
					  "image"),
			 -EEXIST);
	assert_int_equal(vma_protect(PLACE, PAGES(1), RW), -EACCES);
	assert_int_equal(vma_protect(PLACE + PAGES(4), PAGES(2), PROT_READ), 0);
	assert_int_equal(vma_protect(PLACE + PAGES(4), PAGES(2), RW), -EACCES);
	assert_int_equal(vma_unmap(PLACE, PAGES(1)), -EINVAL);
	assert_int_equal(vma_map(PLACE, 1, RW, MAP_FLAG_FIXED, NULL, &got), -EINVAL);
	assert_int_equal(vma_discard(PLACE + PAGES(6), PAGES(1)), -EINVAL);
	assert_int_equal(vma_remap(PLACE, PAGES(1), PAGES(2), MREMAP_MAYMOVE, 0, &got), -EINVAL);
	assert_int_equal(vma_count(), 3);
	mm_lock();
	while (vma_above(0) != NULL)
		vma_tree_erase(vma_above(0));
	mm_unlock();
}

static void vma_discard_reads_zero_again(void **state)
{
	struct vma v;

	map_at(PLACE, 10, RW);
	for (unsigned i = 0; i < 10; i++)
		write_page(PLACE + PAGES(i), 100 + i);
	assert_int_equal(vma_discard(PLACE + PAGES(2), PAGES(3)), 0);
	assert_int_equal(read_page(PLACE + PAGES(1)), 101);
	assert_int_equal(read_page(PLACE + PAGES(2)), 0);
	assert_int_equal(read_page(PLACE + PAGES(4)), 0);
	assert_int_equal(read_page(PLACE + PAGES(5)), 105);
	assert_int_equal(vma_discard(PLACE, PAGES(6)), 0);
	assert_true(vma_find(PLACE, false, &v));
	assert_int_equal(v.touched_lo, PLACE + PAGES(6));
	assert_int_equal(vma_discard(PLACE, PAGES(10)), 0);
	assert_true(vma_find(PLACE, false, &v));
	assert_true(v.touched_lo >= v.touched_hi);
	assert_int_equal(vma_discard(PLACE, PAGES(11)), -ENOMEM);
}

static void vma_populate_puts_pages(void **state)
{
	vaddr_t got;
	struct vma v;

	assert_int_equal(
		vma_map(PLACE, PAGES(4), RW, MAP_FLAG_FIXED | MAP_FLAG_POPULATE, NULL, &got), 0);
	assert_true(fake_pte_of(PLACE)->present && fake_pte_of(PLACE + PAGES(3))->present);
	assert_true(vma_find(PLACE, false, &v));
	assert_int_equal(v.touched_hi - v.touched_lo, PAGES(4));
	assert_int_equal(vma_populate(PLACE, PAGES(5)), -ENOMEM);
	map_at(PLACE + PAGES(4), 1, PROT_NONE);
	assert_int_equal(vma_populate(PLACE + PAGES(4), PAGES(1)), -ENOMEM);
}

static void vma_stack_grows_to_its_limit(void **state)
{
	vaddr_t stack, below;
	struct vma v;

	assert_int_equal(vma_map(0, PAGES(3), RW, MAP_FLAG_GROWSDOWN, "[stack]", &stack), 0);
	/* Small mappings go above it; the others leave it the room to grow and a gap below that. */
	assert_int_equal(map_any(250) + PAGES(250), vma_window.top);
	assert_true(vma_window.top - PAGES(250) > stack + PAGES(3));
	below = map_any(10) + PAGES(9);
	assert_int_equal(below + PAGE_SIZE, stack + PAGES(3) - VMA_STACK_MAX - VMA_STACK_GUARD);
	assert_true(vma_fault(stack - PAGES(5), true, false));
	assert_true(vma_find(stack, false, &v));
	assert_int_equal(v.start, stack - PAGES(5));
	assert_false(vma_fault(stack - PAGES(6), false, true)); /* no PROT_EXEC */
	assert_true(vma_fault(stack + PAGES(3) - VMA_STACK_MAX, true, false));
	assert_false(vma_fault(stack + PAGES(3) - VMA_STACK_MAX - 1, true, false));
}

static void vma_fault_runs_ahead_of_a_walk(void **state)
{
	unsigned faults = 0;

	map_at(PLACE, 200, RW);
	for (unsigned i = 0; i < 200; i++) {
		if (fake_pte_of(PLACE + PAGES(i))->present)
			continue;
		assert_true(vma_fault(PLACE + PAGES(i), true, false));
		faults++;
	}
	assert_in_range(faults, 10, 20);
	assert_false(fake_pte_of(PLACE + PAGES(200))->present);
	/* Not for a walk the other way. */
	map_at(PLACE, 200, RW);
	for (unsigned i = 199; i > 100; i--)
		assert_true(vma_fault(PLACE + PAGES(i), true, false));
	assert_false(fake_pte_of(PLACE + PAGES(100))->present);
}

static void walk_pages(vaddr_t at, unsigned n)
{
	for (; n > 0; n--, at += PAGE_SIZE)
		if (!fake_pte_of(at)->present)
			assert_true(vma_fault(at, true, false));
}

static void vma_fault_puts_large_pages_before_a_walk(void **state)
{
	const unsigned pages = PMAP_LARGE / PAGE_SIZE;
	const vaddr_t large = ALIGN_UP(PLACE, PMAP_LARGE) + PMAP_LARGE;

	/* Two of them fit, and a part of a third. */
	map_at(large - PAGES(5), 5 + 2 * pages + 7, RW);
	walk_pages(large - PAGES(5), 6);
	assert_true(fake_pte_of(large + PMAP_LARGE - PAGE_SIZE)->present);
	assert_false(fake_pte_of(large + PMAP_LARGE)->present);
	assert_true(vma_fault(large + PMAP_LARGE, true, false));
	assert_true(fake_pte_of(large + 2 * PMAP_LARGE - PAGE_SIZE)->present);
	/* Small ones at the end. */
	assert_true(vma_fault(large + 2 * PMAP_LARGE, true, false));
	assert_false(fake_pte_of(large + 2 * PMAP_LARGE + PAGES(7))->present);
	/* Any page may be taken away again. */
	assert_int_equal(vma_unmap(large + PAGES(3), PAGES(1)), 0);
	assert_false(fake_pte_of(large + PAGES(3))->present);
	assert_true(fake_pte_of(large + PAGES(4))->present);
}

static void vma_fault_puts_no_large_pages_when_memory_is_short(void **state)
{
	const vaddr_t large = ALIGN_UP(PLACE, PMAP_LARGE) + PMAP_LARGE;

	fake_pages_total = 2048;
	map_at(large - PAGES(5), 5 + PMAP_LARGE / PAGE_SIZE, RW);
	walk_pages(large - PAGES(5), 6);
	assert_false(fake_pte_of(large + PMAP_LARGE - PAGE_SIZE)->present);
	fake_pages_total = 1 << 20;
}

static void vma_stack_keeps_its_distance(void **state)
{
	vaddr_t stack, other;

	assert_int_equal(vma_map(0, PAGES(3), RW, MAP_FLAG_GROWSDOWN, "[stack]", &stack), 0);
	other = map_at(stack - PAGES(300), 1, RW);
	assert_true(vma_fault(stack - PAGES(40), true, false));
	assert_false(vma_fault(stack - PAGES(44), true, false));
	/* What is inaccessible is a guard by itself. */
	assert_int_equal(vma_protect(other, PAGES(1), PROT_NONE), 0);
	assert_true(vma_fault(stack - PAGES(44), true, false));
	assert_true(vma_fault(stack - PAGES(299), true, false));
	assert_false(vma_fault(stack - PAGES(300), true, false));
}

/* musl's pthread_getattr_np() finds the main stack's size like this. */
static void vma_remap_tells_mapped_from_unmapped(void **state)
{
	vaddr_t stack, got;
	unsigned size = 1;

	assert_int_equal(vma_map(0, PAGES(5), RW, MAP_FLAG_GROWSDOWN, "[stack]", &stack), 0);
	vaddr_t top = stack + PAGES(5);

	while (vma_remap(top - PAGES(size + 1), PAGE_SIZE, PAGES(2), 0, 0, &got) == -ENOMEM)
		size++;
	assert_int_equal(size, 5);
	assert_int_equal(vma_remap(top - PAGES(6), PAGE_SIZE, PAGES(2), 0, 0, &got), -EFAULT);
}

static void vma_remap_resizes_in_place(void **state)
{
	vaddr_t got = 0;

	map_at(PLACE, 4, RW);
	write_page(PLACE + PAGES(3), 33);
	assert_int_equal(vma_remap(PLACE, PAGES(4), PAGES(10), 0, 0, &got), 0);
	assert_int_equal(got, PLACE);
	assert_int_equal(read_page(PLACE + PAGES(3)), 33);
	assert_int_equal(read_page(PLACE + PAGES(9)), 0);
	assert_int_equal(vma_remap(PLACE, PAGES(10), PAGES(2), 0, 0, &got), 0);
	assert_false(vma_fault(PLACE + PAGES(2), false, false));
	map_at(PLACE + PAGES(2), 1, PROT_READ);
	assert_int_equal(vma_remap(PLACE, PAGES(2), PAGES(3), 0, 0, &got), -ENOMEM);
	assert_int_equal(vma_remap(PLACE, PAGES(3), PAGES(4), MREMAP_MAYMOVE, 0, &got), -EFAULT);
	assert_int_equal(vma_remap(PLACE, PAGES(2), 0, 0, 0, &got), -EINVAL);
	assert_int_equal(vma_remap(PLACE, 0, PAGES(2), MREMAP_MAYMOVE, 0, &got), -EINVAL);
	assert_int_equal(vma_remap(PLACE, PAGES(2), PAGES(2), 4, 0, &got), -EINVAL);
	assert_int_equal(vma_remap(PLACE, PAGES(2), PAGES(2), MREMAP_FIXED, PLACE, &got), -EINVAL);
	assert_int_equal(vma_remap(PLACE, PAGES(2), SIZE_MAX, MREMAP_MAYMOVE, 0, &got), -ENOMEM);
}

static void vma_remap_moves_pages(void **state)
{
	vaddr_t got = 0, to = PLACE + PAGES(50);

	map_at(PLACE, 6, RW);
	map_at(PLACE + PAGES(6), 1, PROT_READ);
	for (unsigned i = 0; i < 6; i++)
		write_page(PLACE + PAGES(i), 200 + i);
	assert_int_equal(vma_remap(PLACE + PAGES(2), PAGES(4), PAGES(8), MREMAP_MAYMOVE, 0, &got),
			 0);
	assert_int_equal(got, vma_window.top - PAGES(8));
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(read_page(got + PAGES(i)), 202 + i);
	assert_int_equal(read_page(got + PAGES(7)), 0);
	assert_false(vma_fault(PLACE + PAGES(2), false, false));
	assert_int_equal(read_page(PLACE + PAGES(1)), 201);
	/* To a fixed place, over what is there. */
	map_at(to, 3, PROT_READ);
	assert_int_equal(
		vma_remap(got, PAGES(8), PAGES(2), MREMAP_MAYMOVE | MREMAP_FIXED, to, &got), 0);
	assert_int_equal(got, to);
	assert_int_equal(read_page(to + PAGES(1)), 203);
	assert_true(vma_fault(to + PAGES(1), true, false));
	assert_false(vma_fault(vma_window.top - PAGES(8), false, false));
	assert_int_equal(vma_remap(to, PAGES(2), PAGES(2), MREMAP_MAYMOVE | MREMAP_FIXED,
				   to + PAGES(1), &got),
			 -EINVAL);
}

static void vma_brk_moves_the_break(void **state)
{
	vaddr_t base = vma_brk(0), got;

	assert_true(base > vma_window.top);
	assert_int_equal(vma_brk(base + 100), base + 100);
	write_page(base, 9);
	assert_int_equal(vma_brk(base + PAGES(20)), base + PAGES(20));
	assert_int_equal(read_page(base), 9);
	assert_int_equal(vma_count(), 1);
	assert_int_equal(vma_brk(base + 1), base + 1);
	assert_false(vma_fault(base + PAGES(1), false, false));
	assert_int_equal(vma_brk(base - 1), base + 1);
	assert_int_equal(vma_brk(UINT64_MAX), base + 1);
	assert_int_equal(vma_brk(FAKE_WINDOW_END + 1), base + 1);
	/* musl's malloc guards the first page. */
	assert_int_equal(vma_map(base, PAGE_SIZE, PROT_NONE, MAP_FLAG_FIXED, NULL, &got), 0);
	/* Something in the way. */
	map_at(base + PAGES(5), 1, RW);
	assert_int_equal(vma_brk(base + PAGES(5)), base + PAGES(5));
	assert_int_equal(vma_brk(base + PAGES(6)), base + PAGES(5));
	assert_int_equal(vma_brk(base), base);
}

static void vma_lock_held_while_faulting_is_a_bug(void **state)
{
	map_at(PLACE, 1, RW);
	mm_lock();
	EXPECT_PANIC(vma_fault(PLACE, true, false));
	mm_lock(); /* EXPECT_PANIC has given it back half */
	mm_unlock();
}

/* --- every allocation of every call fails once: an error leaves things as they were --- */

static bool as_linuxu;

static uint64_t space_hash(void)
{
	struct vma v = {0};
	uint64_t h = 1;

	while (vma_find(v.end, true, &v))
		h = h * 1000003 + (v.start ^ v.end << 20 ^ (uint64_t)v.prot << 60);
	for (unsigned i = 0; i < FAKE_WINDOW_PAGES; i++)
		if (fake_ptes[i].present)
			h = h * 31 + i + fake_ptes[i].value;
	return h;
}

/* The fake is told by hand what the program writes: on linuxu no fault tells us. */
static void prepare(void)
{
	assert_int_equal(vma_unmap(FAKE_WINDOW_START, FAKE_WINDOW_END - FAKE_WINDOW_START), 0);
	map_at(PLACE, 20, RW);
	for (unsigned i = 5; i < 7; i++) {
		assert_true(as_linuxu || vma_fault(PLACE + PAGES(i), true, false));
		fake_pte_of(PLACE + PAGES(i))->value = i;
	}
	map_at(PLACE + PAGES(20), 1, PROT_READ);
}

#define UNCHANGED_ON_FAILURE(call)                                                                 \
	FOR_EACH_FAILURE({                                                                         \
		fake_fail_at(0);                                                                   \
		prepare();                                                                         \
		uint64_t before = space_hash();                                                    \
		fake_fail_at(fail_n);                                                              \
		int rc = (call);                                                                   \
		assert_true(rc == 0 || rc == -ENOMEM);                                             \
		assert_int_equal(rc == -ENOMEM, fake_has_failed());                                \
		if (rc != 0)                                                                       \
			assert_int_equal(space_hash(), before);                                    \
	})

static void calls_with_failures(void)
{
	vaddr_t got, base = vma_brk(0);

	UNCHANGED_ON_FAILURE(vma_map(0, PAGES(3), RW, 0, NULL, &got));
	UNCHANGED_ON_FAILURE(vma_unmap(PLACE + PAGES(3), PAGES(4)));
	UNCHANGED_ON_FAILURE(vma_unmap(PLACE + PAGES(3), PAGES(40)));
	UNCHANGED_ON_FAILURE(vma_protect(PLACE + PAGES(3), PAGES(4), PROT_READ));
	UNCHANGED_ON_FAILURE(
		vma_remap(PLACE + PAGES(2), PAGES(8), PAGES(12), MREMAP_MAYMOVE, 0, &got));
	UNCHANGED_ON_FAILURE(vma_remap(PLACE, PAGES(20), PAGES(22), MREMAP_MAYMOVE, 0, &got));
	FOR_EACH_FAILURE({
		vaddr_t end = vma_brk(base + PAGES(2));

		assert_int_equal(end, fake_has_failed() ? base : base + PAGES(2));
	});
	assert_int_equal(vma_brk(base), base);
}

static void vma_calls_change_nothing_when_they_fail(void **state)
{
	as_linuxu = false;
	calls_with_failures();
}

static void vma_calls_change_nothing_when_they_fail_on_linuxu(void **state)
{
	fake_plat_reset(true);
	as_linuxu = true;
	calls_with_failures();
}

int main(void)
{
#define VMA_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		VMA_TEST(vma_map_fills_downwards_and_merges),
		VMA_TEST(vma_map_takes_the_highest_gap_that_fits),
		VMA_TEST(vma_map_goes_above_top_when_the_area_is_full),
		VMA_TEST(vma_map_checks_its_arguments),
		VMA_TEST(vma_unmap_takes_the_middle_out),
		VMA_TEST(vma_fault_obeys_protection),
		VMA_TEST(vma_fault_without_memory_says_so),
		VMA_TEST(vma_protect_splits_and_unites),
		VMA_TEST(vma_image_can_only_be_tightened),
		VMA_TEST(vma_discard_reads_zero_again),
		VMA_TEST(vma_populate_puts_pages),
		VMA_TEST(vma_stack_grows_to_its_limit),
		VMA_TEST(vma_fault_runs_ahead_of_a_walk),
		VMA_TEST(vma_fault_puts_large_pages_before_a_walk),
		VMA_TEST(vma_fault_puts_no_large_pages_when_memory_is_short),
		VMA_TEST(vma_stack_keeps_its_distance),
		VMA_TEST(vma_remap_tells_mapped_from_unmapped),
		VMA_TEST(vma_remap_resizes_in_place),
		VMA_TEST(vma_remap_moves_pages),
		VMA_TEST(vma_brk_moves_the_break),
		VMA_TEST(vma_lock_held_while_faulting_is_a_bug),
		VMA_TEST(vma_calls_change_nothing_when_they_fail),
		VMA_TEST(vma_calls_change_nothing_when_they_fail_on_linuxu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
