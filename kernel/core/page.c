/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Page allocator. Three stages, fastest first:
 *
 * cache     each CPU's small stack of freed single pages, and a block that is given out page by
 *           page; nearly every call ends here
 * buddy     free blocks of 2^order pages, one list per order, linked through the pages themselves;
 *           one state byte per page says "here begins a free block of order n", which is what
 *           merging needs
 * frontier  RAM above a range's frontier was never used: it has no state bytes yet and is on no
 *           list. It is taken over in blocks of up to 2 MiB when the lists cannot serve, so neither
 *           boot nor a small program pays for RAM that it does not use
 *
 * The state bytes of a range lie at its start; those of small ranges in a static array, because
 * there a whole page would be too much.
 */
#include "core/page.h"

#include "arch/arch.h"
#include "base/atomic.h"
#include "base/list.h"
#include "base/string.h"
#include "core/log.h"
#include "core/percpu.h"
#include "plat/plat.h"

#define RANGE_MAX 8
#define CHUNK_ORDER 9u
#define CHUNK_PAGES (1ul << CHUNK_ORDER) /* the frontier's largest step */
#define SMALL_STATES 512ul
#define RUN_ORDER 4u     /* 16 pages at once */
#define BLOCK_FREE 0x80u /* state: a free block begins here; the low bits are its order */

/* Page numbers are addresses >> PAGE_SHIFT: a block's alignment is visible in its number. */
struct page_range {
	uint64_t first, frontier, end; /* page numbers */
	uint8_t *state;                /* of page first + i; valid below the frontier */
};

static struct spinlock page_lock = SPINLOCK_INIT(LOCK_PAGE); /* guards everything below */
static struct page_range page_ranges[RANGE_MAX];
static unsigned page_range_count;
static struct list page_blocks[PAGE_ORDER_MAX + 1];
static uint32_t page_orders;    /* bit n: page_blocks[n] is not empty */
static uint64_t page_pool_free; /* pages in the last two stages, and known zeros */
static uint64_t page_pool_least =
	UINT64_MAX; /* the least that page_pool_free was when pages were taken */
static uint64_t page_total_pages;
/* Pages known to be zero, handed out in order: [page_zero_next, page_zero_end). */
static uint64_t page_zero_next, page_zero_end;
static uint8_t page_small_states[SMALL_STATES];
static uint64_t page_small_used; /* of them */

static inline void *page_address(uint64_t number)
{
	return (void *)(uintptr_t)(number << PAGE_SHIFT);
}

static inline uint64_t page_number(const void *page)
{
	return (uintptr_t)page >> PAGE_SHIFT;
}

static struct page_range *page_range_of(uint64_t number)
{
	for (unsigned i = 0; i < page_range_count; i++) {
		struct page_range *r = &page_ranges[i];

		if (number >= r->first && number < r->frontier)
			return r;
	}
	panic("page_free: 0x%lx is no page of the allocator",
	      (unsigned long)(number << PAGE_SHIFT));
}

static void page_block_push(struct page_range *r, uint64_t number, unsigned order)
{
	struct list *l = page_address(number);

	r->state[number - r->first] = (uint8_t)(BLOCK_FREE | order);
	list_push_front(&page_blocks[order], l);
	page_orders |= 1u << order;
}

static void page_block_take(struct page_range *r, uint64_t number, unsigned order)
{
	struct list *l = page_address(number);

	r->state[number - r->first] = 0;
	list_remove(l);
	if (list_empty(&page_blocks[order]))
		page_orders &= ~(1u << order);
}

/* Give a block to the buddy lists, merged with its free neighbours. */
static void page_block_free(struct page_range *r, uint64_t number, unsigned order)
{
	ASSERT((r->state[number - r->first] & BLOCK_FREE) == 0);
	while (order < PAGE_ORDER_MAX) {
		uint64_t buddy = number ^ (1ul << order);

		if (buddy < r->first || buddy >= r->frontier ||
		    r->state[buddy - r->first] != (BLOCK_FREE | order))
			break;
		page_block_take(r, buddy, order);
		number &= ~(1ul << order);
		order++;
	}
	page_block_push(r, number, order);
}

/* Take over the next block of never-used RAM, as large as its alignment allows. False if there is
 * none. */
static bool page_frontier_advance(void)
{
	for (unsigned i = 0; i < page_range_count; i++) {
		struct page_range *r = &page_ranges[i];
		uint64_t n = r->frontier;
		unsigned order = (unsigned)__builtin_ctzl(n | CHUNK_PAGES);

		if (n == r->end)
			continue;
		while ((1ul << order) > r->end - n)
			order--;
		r->frontier = n + (1ul << order);
		memset(r->state + (n - r->first), 0, 1ul << order);
		/* Smaller ones lie at a range's ends, where there is no neighbour to merge with. */
		if (order == CHUNK_ORDER)
			page_block_free(r, n, order);
		else
			page_block_push(r, n, order);
		return true;
	}
	return false;
}

/* A block from the lists, split down from a larger one if need be. NULL if no list has one. */
static void *page_block_alloc(unsigned order)
{
	uint32_t fitting = page_orders >> order;
	unsigned have;
	uint64_t number;
	struct page_range *r;

	if (fitting == 0)
		return NULL;
	have = order + (unsigned)__builtin_ctz(fitting);
	number = page_number(page_blocks[have].next);
	r = page_range_of(number);
	page_block_take(r, number, have);
	while (have > order) {
		have--;
		page_block_push(r, number + (1ul << have), have);
	}
	return page_address(number);
}

/* 2^order pages from the lists, else from the frontier. */
static void *page_pool_alloc_locked(unsigned order)
{
	void *page;

	while (page = page_block_alloc(order), page == NULL && page_frontier_advance())
		;
	if (page != NULL) {
		page_pool_free -= 1ul << order;
		page_pool_least = MIN(page_pool_least, page_pool_free);
	}
	return page;
}

static void page_pool_free_locked(uint64_t number, unsigned order)
{
	page_pool_free += 1ul << order;
	page_block_free(page_range_of(number), number, order);
}

/* A page that is zero already, or NULL. */
static void *page_zero_take(void)
{
	void *page = NULL;

	spin_lock(&page_lock);
	if (page_zero_next < page_zero_end) {
		page = page_address(page_zero_next++);
		page_pool_free--;
	}
	spin_unlock(&page_lock);
	return page;
}

/* --- caches --- */

void page_cache_init(struct page_cache *pc)
{
	spin_init(&pc->lock, LOCK_PAGE_CACHE);
}

static ALWAYS_INLINE struct page_cache *page_cache_self(void)
{
	return &percpu_self()->pages;
}

/* Give pages of the cache to the lists until `keep` are left. The cache is locked. */
static NOINLINE void page_cache_drain(struct page_cache *pc, unsigned keep)
{
	spin_lock(&page_lock);
	while (pc->count > keep)
		page_pool_free_locked(page_number(pc->pages[--pc->count]), 0);
	spin_unlock(&page_lock);
}

/* Give up all that the caches of all CPUs hold, so that others have it and it can merge. */
static void page_caches_give_up(void)
{
	for (unsigned i = 0; i < percpu_count(); i++) {
		struct page_cache *pc = &percpu_table[i]->pages;

		spin_lock(&pc->lock);
		page_cache_drain(pc, 0);
		spin_lock(&page_lock);
		for (; pc->run != pc->run_end; pc->run += PAGE_SIZE)
			page_pool_free_locked(page_number(pc->run), 0);
		spin_unlock(&page_lock);
		spin_unlock(&pc->lock);
	}
}

/* A new run for the cache, which is locked, as large as there is. Its first page, or NULL. */
static NOINLINE void *page_cache_refill(struct page_cache *pc)
{
	unsigned order = RUN_ORDER;
	char *page;

	spin_lock(&page_lock);
	while (page = page_pool_alloc_locked(order), page == NULL && order > 0)
		order--;
	spin_unlock(&page_lock);
	if (page != NULL) {
		pc->run = page + PAGE_SIZE;
		pc->run_end = page + (PAGE_SIZE << order);
	}
	return page;
}

static ALWAYS_INLINE void *page_cache_alloc(void)
{
	struct page_cache *pc = page_cache_self();
	char *page;

	spin_lock(&pc->lock);
	if (likely(pc->count > 0)) {
		page = pc->pages[--pc->count];
	} else if (likely(pc->run != pc->run_end)) {
		page = pc->run;
		pc->run += PAGE_SIZE;
	} else {
		page = page_cache_refill(pc);
	}
	spin_unlock(&pc->lock);
	return page;
}

/* --- both --- */

static void *page_alloc_stages(unsigned order)
{
	void *page;

	if (likely(order == 0))
		return page_cache_alloc();
	spin_lock(&page_lock);
	page = page_pool_alloc_locked(order);
	spin_unlock(&page_lock);
	return page;
}

void *page_alloc(unsigned order)
{
	void *page;

	if (unlikely(order > PAGE_ORDER_MAX))
		return NULL;
	page = page_alloc_stages(order);
	if (unlikely(page == NULL)) {
		page_caches_give_up();
		page = page_alloc_stages(order);
	}
	if (unlikely(page == NULL) && order == 0)
		page = page_zero_take();
	return page;
}

void page_free(void *page, unsigned order)
{
	ASSERT(order <= PAGE_ORDER_MAX && IS_ALIGNED((uintptr_t)page, PAGE_SIZE << order));
	if (likely(order == 0)) {
		struct page_cache *pc = page_cache_self();

		spin_lock(&pc->lock);
		if (unlikely(pc->count == PAGE_CACHE_MAX))
			page_cache_drain(pc, PAGE_CACHE_MAX / 2);
		pc->pages[pc->count++] = page;
		spin_unlock(&pc->lock);
		return;
	}
	spin_lock(&page_lock);
	page_pool_free_locked(page_number(page), order);
	spin_unlock(&page_lock);
}

void page_free_run(void *first, size_t count)
{
	uint64_t number = page_number(first);

	if (count < PAGE_CACHE_MAX / 4) {
		for (; count > 0; count--, number++)
			page_free(page_address(number), 0);
		return;
	}
	spin_lock(&page_lock);
	while (count > 0) {
		unsigned order = (unsigned)__builtin_ctzl(number | 1ul << PAGE_ORDER_MAX);

		while ((1ul << order) > count)
			order--;
		page_pool_free_locked(number, order);
		number += 1ul << order;
		count -= 1ul << order;
	}
	spin_unlock(&page_lock);
}

void *page_alloc_zero(void)
{
	void *page = NULL;

	if (unlikely(READ_ONCE(page_zero_next) < page_zero_end))
		page = page_zero_take();
	if (page != NULL)
		return page;
	page = page_alloc(0);
	if (likely(page != NULL))
		arch_page_clear(page);
	return page;
}

/* zeroed: its pages are handed out by page_zero_take(), so to the lists they are in use from the
 * start. */
static void page_range_add(uint64_t first, uint64_t end, bool zeroed)
{
	struct page_range *r = &page_ranges[page_range_count];
	uint64_t pages = end - first;

	if (pages <= SMALL_STATES - page_small_used) {
		r->state = page_small_states + page_small_used;
		page_small_used += pages;
	} else {
		r->state = page_address(first);
		first += (pages + PAGE_SIZE - 1) >> PAGE_SHIFT;
	}
	r->first = first;
	r->frontier = zeroed ? end : first;
	r->end = end;
	if (zeroed) {
		page_zero_next = first;
		page_zero_end = end;
	}
	page_range_count++;
	page_total_pages += pages;
	page_pool_free += end - first;
}

void page_init(void)
{
	struct plat_ram ram = {0};

	for (unsigned i = 0; i <= PAGE_ORDER_MAX; i++)
		list_init(&page_blocks[i]);
	for (unsigned i = 0; plat->ram_range(i, &ram); i++) {
		if (page_range_count == RANGE_MAX) {
			log_line(LOG_WARN, "more than %d ranges of RAM: the rest is not used",
				 RANGE_MAX);
			break;
		}
		if (ram.end > ram.start)
			page_range_add(ram.start >> PAGE_SHIFT, ram.end >> PAGE_SHIFT, ram.zeroed);
	}
}

/* Without locks: a number that was right a moment ago. */
uint64_t page_free_count(void)
{
	uint64_t sum = READ_ONCE(page_pool_free);

	for (unsigned i = 0; i < percpu_count(); i++) {
		const volatile struct page_cache *pc = &percpu_table[i]->pages;
		const size_t run_bytes = (size_t)(pc->run_end - pc->run);

		/* Not of one moment: it may be between two runs. */
		sum += pc->count +
		       (run_bytes <= PAGE_SIZE << RUN_ORDER ? run_bytes / PAGE_SIZE : 0);
	}
	return sum;
}

uint64_t page_peak_count(void)
{
	return page_total_pages - MIN(READ_ONCE(page_pool_least), READ_ONCE(page_pool_free));
}

uint64_t page_total_count(void)
{
	return page_total_pages;
}
