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

	if (unlikely(n > STEP_BYTES_MAX))
		return __malloc_missed(n);
	sc = (n + IB - 1) / UNIT;
	p = c->head[sc];
	if (unlikely(!p))
		return __malloc_missed(n);
	return cache_pop(c, sc, p);
}

void free(void *ptr)
{
	struct cache *c = __malloc_cache;
	unsigned char *p = ptr;
	uint32_t header;
	size_t sc;

	if (unlikely(!p))
		return;
	header = *(word_alias *)(p - 4);
	/* Not at the start of its slot by so much that the header is longer, not all of the slot,
	 * or freed already. */
	if (unlikely(header & 0xe0ff))
		goto missed;
	if (unlikely(!block_group(p, header, &sc) || --c->room[sc] < 0))
		goto missed;
	cache_push(c, sc, p);
	return;
missed:
	__malloc_free_missed(p);
}
