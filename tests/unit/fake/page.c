/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The page allocator over aligned_alloc(). */
#include "fake/fake.h"

#include "core/page.h"

_Atomic uint64_t fake_pages_in_use;
uint64_t fake_pages_total = 1 << 20;

void page_cache_init(struct page_cache *pc)
{
}

void *page_alloc(unsigned order)
{
	size_t size = PAGE_SIZE << order;
	void *p;

	if (order > PAGE_ORDER_MAX || fake_fails())
		return NULL;
	p = aligned_alloc(size, size);
	assert_non_null(p);
	memset(p, 0xa5, size);
	fake_pages_in_use += 1ul << order;
	return p;
}

void page_free(void *page, unsigned order)
{
	fake_pages_in_use -= 1ul << order;
	free(page);
}

void *page_alloc_zero(void)
{
	void *p = page_alloc(0);

	return p == NULL ? NULL : memset(p, 0, PAGE_SIZE);
}

uint64_t page_free_count(void)
{
	return fake_pages_total - fake_pages_in_use;
}

uint64_t page_total_count(void)
{
	return fake_pages_total;
}
