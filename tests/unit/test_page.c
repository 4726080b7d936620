/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The buddy allocator on RAM of several sizes. It is compiled into this file, so that each test can
 * start it anew.
 *
 * fakes: cpu lock log random
 */
#include "fake/fake.h"

#include <sys/mman.h>

/* The host's names for what plat.h defines. */
#undef PROT_NONE
#undef PROT_READ
#undef PROT_WRITE
#undef PROT_EXEC
#include "core/page.c" /* sic */
#include "core/random.h"

#define RAM_RANGES 3

static struct plat_ram ram[RAM_RANGES + 1];

static bool fake_ram_range(unsigned i, struct plat_ram *out)
{
	if (i >= RAM_RANGES || ram[i].end == 0)
		return false;
	*out = ram[i];
	return true;
}

static const struct plat_ops fake_plat = {.name = "fake", .ram_range = fake_ram_range};
const struct plat_ops *plat = &fake_plat;

void arch_page_clear(void *page)
{
	memset(page, 0, PAGE_SIZE);
}

/* Memory whose address is misalign pages above a multiple of 4 MiB. */
static void ram_set(unsigned i, size_t pages, size_t misalign)
{
	size_t size = (pages + misalign + 2048) * PAGE_SIZE;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uintptr_t start;

	assert_true(p != MAP_FAILED);
	start = ALIGN_UP((uintptr_t)p, 4ul << 20) + misalign * PAGE_SIZE;
	ram[i].start = start;
	ram[i].end = start + pages * PAGE_SIZE;
}

static void page_reset(void)
{
	memset(page_ranges, 0, sizeof(page_ranges));
	page_range_count = 0;
	page_orders = 0;
	page_pool_free = 0;
	percpu_self()->pages = (struct page_cache){0};
	page_cache_init(&percpu_self()->pages);
	page_total_pages = 0;
	page_small_used = 0;
	page_zero_next = page_zero_end = 0;
	page_init();
}

static bool in_ram(void *page, unsigned order)
{
	uintptr_t p = (uintptr_t)page;

	for (unsigned i = 0; i < RAM_RANGES; i++)
		if (p >= ram[i].start && p + (PAGE_SIZE << order) <= ram[i].end)
			return true;
	return false;
}

static void page_serves_every_page_of_tiny_ranges(void **state)
{
	void *pages[300];
	unsigned n = 0;

	memset(ram, 0, sizeof(ram));
	ram_set(0, 125, 37);
	ram_set(1, 150, 999);
	page_reset();
	assert_int_equal(page_total_count(), 275);
	assert_int_equal(page_free_count(), 275);
	for (void *p; (p = page_alloc(0)) != NULL; n++) {
		assert_true(in_ram(p, 0));
		memset(p, (int)n, PAGE_SIZE);
		pages[n] = p;
	}
	assert_int_equal(n, 275);
	assert_int_equal(page_free_count(), 0);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(*(uint8_t *)pages[i], (uint8_t)i);
		page_free(pages[i], 0);
	}
	assert_int_equal(page_free_count(), 275);
	/* All merged again: the largest aligned block of each range is there. */
	void *big = page_alloc(6);

	assert_non_null(big);
	page_free(big, 6);
}

static void page_boot_does_not_touch_ram(void **state)
{
	unsigned char resident = 0;

	memset(ram, 0, sizeof(ram));
	ram_set(0, 1ul << 24, 0); /* 64 GiB */
	page_reset();
	assert_int_equal(page_total_count(), 1ul << 24);
	assert_int_equal(page_free_count(), (1ul << 24) - 4096);
	assert_int_equal(mincore((void *)ram[0].start, PAGE_SIZE, &resident), 0);
	assert_int_equal(resident & 1, 0);
	/* One page costs one chunk of state bytes and the links of its blocks. */
	assert_non_null(page_alloc(0));
	assert_true(page_ranges[0].frontier - page_ranges[0].first <= CHUNK_PAGES);
}

static void page_blocks_are_aligned_and_apart(void **state)
{
	memset(ram, 0, sizeof(ram));
	ram_set(0, 5000, 3);
	page_reset();
	for (unsigned order = 0; order <= PAGE_ORDER_MAX; order++) {
		char *a = page_alloc(order), *b = page_alloc(order);

		assert_non_null(a);
		assert_non_null(b);
		assert_true(IS_ALIGNED((uintptr_t)a, PAGE_SIZE << order));
		assert_true(a + (PAGE_SIZE << order) <= b || b + (PAGE_SIZE << order) <= a);
		page_free(b, order);
		page_free(a, order);
	}
	assert_null(page_alloc(PAGE_ORDER_MAX + 1));
}

static void page_gives_hot_pages_up_for_a_block(void **state)
{
	void *pages[64];

	memset(ram, 0, sizeof(ram));
	ram_set(0, 64, 0);
	page_reset();
	for (unsigned i = 0; i < 64; i++)
		assert_non_null(pages[i] = page_alloc(0));
	assert_null(page_alloc(0));
	for (unsigned i = 0; i < 64; i++)
		page_free(pages[i], 0);
	assert_true(percpu_self()->pages.count > 0);
	assert_non_null(page_alloc(6));
	assert_int_equal(page_free_count(), 0);
}

static void page_run_comes_back_whole(void **state)
{
	char *block;
	uint64_t before;

	memset(ram, 0, sizeof(ram));
	ram_set(0, 3000, 0);
	page_reset();
	before = page_free_count();
	assert_non_null(block = page_alloc(8));
	/* In pieces of any size and alignment. */
	page_free_run(block, 1);
	page_free_run(block + PAGE_SIZE, 6);
	page_free_run(block + 7 * PAGE_SIZE, 200);
	page_free_run(block + 207 * PAGE_SIZE, 49);
	assert_int_equal(page_free_count(), before);
	for (unsigned n = 0; n < 10; n++)
		assert_non_null(page_alloc(8));
}

static void page_zero_is_zero(void **state)
{
	memset(ram, 0, sizeof(ram));
	ram_set(0, 16, 0);
	memset((void *)ram[0].start, 0xff, 16 * PAGE_SIZE);
	page_reset();
	for (unsigned i = 0; i < 16; i++) {
		uint8_t *p = page_alloc_zero();

		assert_non_null(p);
		for (unsigned k = 0; k < PAGE_SIZE; k++)
			assert_int_equal(p[k], 0);
	}
	assert_null(page_alloc_zero());
}

static void page_range_of_zeros_is_not_cleared(void **state)
{
	uint8_t *p;

	memset(ram, 0, sizeof(ram));
	ram_set(0, 64, 0);
	ram_set(1, 4, 64);
	ram[1].zeroed = true;
	memset((void *)ram[0].start, 0xff, 64 * PAGE_SIZE);
	page_reset();
	assert_int_equal(page_free_count(), 68);
	for (unsigned i = 0; i < 4; i++) {
		p = page_alloc_zero();
		assert_ptr_equal(p, ram[1].start + i * PAGE_SIZE);
		page_free(p, 0);
	}
	assert_int_equal(page_free_count(), 68);
	/* The others give zeros too, and once freed all pages are alike. */
	for (unsigned i = 0; i < 68; i++) {
		p = page_alloc_zero();
		assert_non_null(p);
		assert_int_equal(p[PAGE_SIZE - 1], 0);
	}
	assert_null(page_alloc(0));
}

static void page_refuses_foreign_and_twice_freed_blocks(void **state)
{
	void *block;

	memset(ram, 0, sizeof(ram));
	ram_set(0, 4096, 0);
	page_reset();
	block = page_alloc(3);
	EXPECT_PANIC(page_free((char *)block + PAGE_SIZE, 3));
	page_free(block, 3);
	EXPECT_PANIC(page_free((void *)(ram[0].end + (64ul << 20)), 3));
	page_reset();
	assert_non_null(
		page_alloc(9)); /* its buddy stays in use or above the frontier, so no merge */
	block = page_alloc(8);
	assert_non_null(page_alloc(8));
	page_free(block, 8);
	EXPECT_PANIC(page_free(block, 8));
}

#define LIVE_MAX 300

static void page_survives_random_use(void **state)
{
	struct {
		uint8_t *p;
		unsigned order;
		uint8_t mark;
	} live[LIVE_MAX];
	unsigned count = 0;
	uint64_t used = 0;

	fake_seed_from_env();
	memset(ram, 0, sizeof(ram));
	ram_set(0, 100 + fake_random_below(1000), fake_random_below(1024));
	ram_set(1, 1 + fake_random_below(10), fake_random_below(1024));
	ram_set(2, 3000 + fake_random_below(3000), fake_random_below(1024));
	page_reset();
	uint64_t all = page_free_count();

	for (unsigned step = 0; step < 40000; step++) {
		if (count < LIVE_MAX && fake_random_below(100) < (step % 4000 < 2000 ? 70 : 30)) {
			unsigned order = (unsigned)fake_random_below(20);

			order = order > PAGE_ORDER_MAX ? 0 : order;
			uint8_t *p = page_alloc(order);

			if (p == NULL)
				continue;
			assert_true(in_ram(p, order));
			assert_true(IS_ALIGNED((uintptr_t)p, PAGE_SIZE << order));
			live[count].mark = (uint8_t)random_u64();
			for (size_t i = 0; i < 1ul << order; i++)
				p[i * PAGE_SIZE] = live[count].mark;
			live[count].p = p;
			live[count++].order = order;
			used += 1ul << order;
		} else if (count > 0) {
			unsigned i = (unsigned)fake_random_below(count);

			for (size_t k = 0; k < 1ul << live[i].order; k++)
				assert_int_equal(live[i].p[k * PAGE_SIZE], live[i].mark);
			page_free(live[i].p, live[i].order);
			used -= 1ul << live[i].order;
			live[i] = live[--count];
		}
		assert_int_equal(page_free_count(), all - used);
	}
	while (count > 0) {
		count--;
		page_free(live[count].p, live[count].order);
	}
	assert_int_equal(page_free_count(), all);
	/* Nothing is lost: every page can still be had. */
	while (page_alloc(0) != NULL)
		all--;
	assert_int_equal(all, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(page_serves_every_page_of_tiny_ranges),
		cmocka_unit_test(page_boot_does_not_touch_ram),
		cmocka_unit_test(page_blocks_are_aligned_and_apart),
		cmocka_unit_test(page_gives_hot_pages_up_for_a_block),
		cmocka_unit_test(page_run_comes_back_whole),
		cmocka_unit_test(page_zero_is_zero),
		cmocka_unit_test(page_range_of_zeros_is_not_cleared),
		cmocka_unit_test(page_refuses_foreign_and_twice_freed_blocks),
		cmocka_unit_test(page_survives_random_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
