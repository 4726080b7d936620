/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The kernel heap over fake pages.
 *
 * sources: core/heap.c
 * fakes: cpu lock plat log random page fail
 */
#include "fake/fake.h"

#include "core/heap.h"
#include "core/random.h"

static void heap_aligns_every_size(void **state)
{
	uint64_t before = fake_pages_in_use;

	for (size_t size = 1; size < 20000; size++) {
		void *p = heap_alloc(size);

		assert_non_null(p);
		assert_true(IS_ALIGNED((uintptr_t)p, size >= 64 ? 64 : 16));
		memset(p, 0xff, size);
		heap_free(p, size);
	}
	/* At most one empty slab is kept for each class. */
	assert_true(fake_pages_in_use - before <= 15);
}

static void heap_reuses_freed_block(void **state)
{
	void *a = heap_alloc(100), *b;

	heap_free(a, 100);
	b = heap_alloc(100);
	assert_ptr_equal(a, b);
	heap_free(b, 100);
}

static void heap_gives_empty_slabs_back(void **state)
{
	static void *p[5000];
	uint64_t before = fake_pages_in_use;

	for (unsigned i = 0; i < 5000; i++)
		assert_non_null(p[i] = heap_alloc(48));
	assert_true(fake_pages_in_use > before + 50);
	for (unsigned i = 0; i < 5000; i++)
		heap_free(p[i], 48);
	assert_true(fake_pages_in_use <= before + 1);
}

static void heap_zalloc_is_zero(void **state)
{
	uint8_t *p = heap_alloc(200);

	memset(p, 0xff, 200);
	heap_free(p, 200);
	p = heap_zalloc(200);
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(p[i], 0);
	heap_free(p, 200);
}

static void heap_large_sizes_are_page_blocks(void **state)
{
	uint64_t before = fake_pages_in_use;
	void *a = heap_alloc(1985), *b = heap_alloc(PAGE_SIZE), *c = heap_alloc(PAGE_SIZE + 1);

	assert_int_equal(fake_pages_in_use - before, 1 + 1 + 2);
	heap_free(a, 1985);
	heap_free(b, PAGE_SIZE);
	heap_free(c, PAGE_SIZE + 1);
	assert_int_equal(fake_pages_in_use, before);
	assert_null(heap_alloc((4ul << 20) + 1));
	assert_null(heap_alloc(SIZE_MAX));
}

static void heap_without_pages_returns_null(void **state)
{
	unsigned got = 0;
	void *p;

	FOR_EACH_FAILURE({
		p = heap_alloc(1000 + 8 * fail_n);
		got += p != NULL;
		heap_free(p, 1000 + 8 * fail_n);
	});
	assert_true(got > 0);
}

static void heap_detects_a_wrong_size(void **state)
{
	void *p = heap_alloc(100);

	EXPECT_PANIC(heap_free(p, 300));
	heap_free(p, 100);
}

#define LIVE_MAX 2000

static void heap_survives_random_use(void **state)
{
	static struct {
		uint8_t *p;
		size_t size;
		uint8_t mark;
	} live[LIVE_MAX];
	unsigned count = 0;

	fake_seed_from_env();
	for (unsigned step = 0; step < 100000; step++) {
		if (count < LIVE_MAX && fake_random_below(100) < (step % 10000 < 5000 ? 70 : 30)) {
			size_t size = 1 +
				      fake_random_below(fake_random_below(10) == 0 ? 9000 : 400);
			uint8_t *p = heap_alloc(size);

			live[count].mark = (uint8_t)random_u64();
			memset(p, live[count].mark, size);
			live[count].p = p;
			live[count++].size = size;
		} else if (count > 0) {
			unsigned i = (unsigned)fake_random_below(count);

			assert_int_equal(live[i].p[0], live[i].mark);
			assert_int_equal(live[i].p[live[i].size / 2], live[i].mark);
			assert_int_equal(live[i].p[live[i].size - 1], live[i].mark);
			heap_free(live[i].p, live[i].size);
			live[i] = live[--count];
		}
	}
	while (count > 0) {
		count--;
		heap_free(live[count].p, live[count].size);
	}
	assert_true(fake_pages_in_use <= 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heap_aligns_every_size),
		cmocka_unit_test(heap_reuses_freed_block),
		cmocka_unit_test(heap_gives_empty_slabs_back),
		cmocka_unit_test(heap_zalloc_is_zero),
		cmocka_unit_test(heap_large_sizes_are_page_blocks),
		cmocka_unit_test(heap_without_pages_returns_null),
		cmocka_unit_test(heap_detects_a_wrong_size),
		cmocka_unit_test(heap_survives_random_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
