/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The page allocator: a buddy system over the ranges of RAM that the platform names. Pages that
 * were never used have no metadata yet (the frontier moves up chunk by chunk), so boot costs the
 * same for any size of RAM.
 */
#ifndef CORE_PAGE_H
#define CORE_PAGE_H

#include "base/atomic.h"
#include "base/types.h"

#define PAGE_ORDER_MAX 10

#define PAGE_CACHE_MAX 32u

/* A CPU's free single pages, so that most calls need only the lock that it has for itself. */
struct page_cache {
	struct spinlock lock; /* guards it: other CPUs take the pages when memory is short */
	unsigned count;
	void *pages[PAGE_CACHE_MAX];
	char *run, *run_end; /* pages in a row, not yet given out */
};

void page_cache_init(struct page_cache *pc);

/* Takes plat->ram_range(). Boot only. */
void page_init(void);
/* 2^order contiguous pages, aligned to their size, contents undefined. NULL if there are none. Any
 * kernel context and the kvm page fault path. */
void *page_alloc(unsigned order);
void page_free(void *page, unsigned order);
/* count single pages in a row; cheaper than one by one. */
void page_free_run(void *first, size_t count);
/* One page of zeros. */
void *page_alloc_zero(void);
uint64_t page_free_count(void);
uint64_t page_total_count(void);
/* The most pages that were in use at once, those in caches among them. */
uint64_t page_peak_count(void);

#endif
