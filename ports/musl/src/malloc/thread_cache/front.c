/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * malloc() and free(), as far as they get by with the thread's own list. Compiled for speed.
 */
#include "cache.h"

void *malloc(size_t n)
{
	struct cache *c = __malloc_cache;
	unsigned char *p;
	size_t sc;

	sc = (n + IB - 1) / UNIT;
	if (n > STEP_BYTES_MAX) {
		if (unlikely(n > SMALL_BYTES_MAX))
			return __malloc_missed(n);
		sc = __malloc_small_class[sc];
	}
	p = c->head[sc];
	if (unlikely(!p))
		return __malloc_missed(n);
	return cache_pop(c, sc, p);
}

void free(void *ptr)
{
	struct cache *c = __malloc_cache;
	unsigned char *p = ptr;
	struct group *group;
	size_t slot, sc, list;

	if (unlikely(!p))
		return;
	/* Byte by byte: they may just have been written so, and the processor would wait. */
	slot = p[-3];
	/* Not at the start of its slot by so much that the header is longer, not all of the slot,
	 * or freed already. */
	if (unlikely(p[-4] || slot & IN_CACHE))
		goto missed;
	group = block_group(p, slot, &sc);
	if (unlikely(!group))
		goto missed;
	list = cache_list(c, group, sc);
	if (unlikely(--c->room[list] < 0))
		goto missed;
	cache_push(c, list, p);
	return;
missed:
	__malloc_free_missed(p);
}
