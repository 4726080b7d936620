/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * mallocng, and what the caches want of it: several slots of a group at once, and back again. Its
 * sources are compiled here as they are, but for where their memory comes from (pages.c).
 */
#define _GNU_SOURCE
#include "cache.h"

#define ADVISE_BYTES_MIN 16384
#define TAKE_BYTES_MAX 4096

/* Memory that mallocng maps: of itself (which is not accessible at first, and may have its place),
 * for a group (of whole pages) with slots of stride bytes, or for a large block. */
static void *slots_map(void *start, size_t len, int prot, int flags, size_t stride)
{
	if (prot == PROT_NONE)
		return __mmap(start, len, prot, flags, -1, 0);
	return len % PAGE_SIZE ? __malloc_large_map(len) : __malloc_group_map(len, stride);
}

/* Free slots give their pages back while others of the group are in use, if they are worth a system
 * call. */
static void slots_advise(void *p, size_t len)
{
	if (len >= ADVISE_BYTES_MIN)
		__madvise(p, len, MADV_FREE);
}

/* mallocng begins to use a group's slots page by page, and their headers are cleared as it does:
 * for all of them at once, far apart and not in its caches, the processor would wait. */
static uint32_t slots_activate(struct meta *m)
{
	struct group *group = m->mem;

	if (m->maplen && *group_headers(group))
		__malloc_group_clear(group, get_stride(m), group->active_idx + 1);
	return activate_group(m);
}

/* Where mallocng maps a group it has a variable of this name, elsewhere it means this one. */
static const size_t size;

#undef mmap
#undef madvise
#undef is_allzero
#define mmap(start, len, prot, flags, fd, offset) slots_map(start, len, prot, flags, size)
#define munmap(start, len) __malloc_pages_unmap(start, len)
#define madvise(start, len, advice) slots_advise(start, len)
#define is_allzero mallocng_is_allzero
#define activate_group slots_activate
#define malloc __libc_malloc_impl
#define realloc __libc_realloc
#define free __libc_free
#include "../mallocng/malloc.c"
#include "../mallocng/realloc.c"
#include "../mallocng/free.c"

/* For the C library's own use, whoever's malloc() the program has. */
hidden void *__libc_malloc(size_t n)
{
	return __libc_malloc_impl(n);
}

/* What calloc() asks: need the block not be cleared? */
hidden int __malloc_allzerop(void *p)
{
	return mallocng_is_allzero(p) && !*group_headers(get_meta(p)->mem);
}

hidden void __malloc_block_find(struct block *b, const unsigned char *p)
{
	size_t stride;

	b->m = get_meta(p);
	b->slot = get_slot_index(p);
	stride = get_stride(b->m);
	b->start = b->m->mem->storage + stride * b->slot;
	b->end = b->start + stride - IB;
	b->size = get_nominal_size(p, b->end);
}

/*
 * Up to n free slots of one group, as a list of blocks for the caches; no more than what the
 * processor fetches beside other work, for the list is written into them.
 *
 * Returns how many, 0 if there is no memory.
 */
hidden int __malloc_slots_take(int sc, int n, unsigned char **list)
{
	struct meta *m;
	uint32_t mask, taken = 0;
	unsigned char *last = 0;
	int count = 0, most = TAKE_BYTES_MAX / __malloc_class_bytes[sc];

	if (n > most)
		n = most ? most : 1;
	wrlock();
	m = ctx.active[sc];
	mask = m ? m->avail_mask : 0;
	if (!mask) {
		int i = alloc_slot(sc, __malloc_class_bytes[sc] - IB);

		if (i < 0) {
			unlock();
			return 0;
		}
		m = ctx.active[sc];
		mask = m->avail_mask | 1u << i;
	}
	for (; mask && count < n; count++) {
		taken |= mask & -mask;
		mask &= mask - 1;
	}
	m->avail_mask = mask;
	unlock();
	for (; taken; taken &= taken - 1) {
		uint32_t i = a_ctz_32(taken), offset = i * size_classes[sc];
		unsigned char *p = m->mem->storage + offset * UNIT;

		*(word_alias *)(p - 4) = offset << 16 | (i | IN_CACHE) << 8;
		if (last)
			block_set_next(last, p);
		else
			*list = p;
		last = p;
	}
	block_set_next(last, 0);
	return count;
}

/* As free() does it, for several slots of a group that are in use. */
static void group_free(struct meta *m, uint32_t slots)
{
	uint32_t all = (2u << m->last_idx) - 1;
	struct mapinfo mapping;
	int last;

	for (;;) {
		uint32_t freed = m->freed_mask, free = freed | m->avail_mask;

		assert(!(free & slots));
		if (!freed || free + slots == all)
			break;
		if (a_cas(&m->freed_mask, freed, freed + slots) == freed)
			return;
	}
	/* The first one may make the group one with free slots, the last one a free group. */
	last = 31 - a_clz_32(slots);
	slots -= 1u << last;
	wrlock();
	if (slots) {
		nontrivial_free(m, a_ctz_32(slots));
		a_or(&m->freed_mask, slots & (slots - 1));
	}
	mapping = nontrivial_free(m, last);
	unlock();
	if (mapping.len)
		__malloc_pages_unmap(mapping.base, mapping.len);
}

/* Give the blocks of a list back to mallocng. */
hidden void __malloc_slots_give(int sc, unsigned char *list)
{
	struct meta *m = 0;
	uint32_t slots = 0;

	while (list) {
		unsigned char *p = list;
		size_t class;
		struct meta *group = block_group(p, p[-3] & ~IN_CACHE, &class);
		int i = get_slot_index(p);

		assert(group && class == sc && p[-3] >= IN_CACHE);
		list = block_next(p);
		if (__malloc_class_bytes[sc] > PGSZ) {
			/* Whole pages of it go to the kernel. */
			p[-3] = i;
			__libc_free(p);
			continue;
		}
		p[-3] = 255;
		*(uint16_t *)(p - 2) = 0;
		if (group != m && m) {
			group_free(m, slots);
			slots = 0;
		}
		m = group;
		slots |= 1u << i;
	}
	if (m)
		group_free(m, slots);
}
