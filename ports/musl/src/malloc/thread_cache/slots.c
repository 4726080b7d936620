/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * mallocng, and what the caches want of it: several slots of a group at once, and back again. Its
 * sources are compiled here as they are, but for where their memory comes from (pages.c).
 */
#define _GNU_SOURCE
#include "cache.h"

#define ADVISE_BYTES_MIN 16384
#define TAKE_BYTES_MAX 4096
#define FOREIGN_MAX 8 /* groups with free slots that threads leave to others, of a class */
#define LOOK_MAX 16   /* such ones that a thread looks at */

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

/* mallocng begins to use a new group's slots page by page, and their headers are cleared as it
 * does: for all of them at once, far apart and not in its caches, the processor would wait. */
static uint32_t slots_activate(struct meta *m)
{
	uint32_t slots = activate_group(m);

	if (slots && m->maplen && *group_headers(m->mem))
		__malloc_group_clear(m->mem, get_stride(m), 32 - a_clz_32(slots));
	return slots;
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

static uint32_t bits_first(uint32_t bits, int n)
{
	uint32_t rest = bits;

	while (n-- && rest)
		rest &= rest - 1;
	return bits - rest;
}

/*
 * A group for one thread, with all of its free slots: one it had before, one that nobody uses, or a
 * new one. Only where there are several with free slots, and with blocks of others or groups that
 * mallocng nested, it is one of those, so that they do not become many. 0 if there is no memory.
 * The caller holds mallocng's lock.
 */
static struct meta *group_own(uint16_t owner, int sc, uint32_t *slots)
{
	struct meta *m = ctx.active[sc], *foreign = 0, *new = 0;
	int n = 0;

	while (m) {
		uint32_t free = m->avail_mask | m->freed_mask;

		if (free && (*group_owner(m->mem) == owner || free == (2u << m->last_idx) - 1))
			break;
		if (free) {
			foreign = m;
			n++;
		}
		m = m->next != ctx.active[sc] && n < LOOK_MAX ? m->next : 0;
	}
	if (!m && n < FOREIGN_MAX)
		m = new = alloc_group(sc, __malloc_class_bytes[sc] - IB);
	if (!m)
		m = foreign;
	if (!m)
		return 0;
	if (m != new) {
		dequeue(&ctx.active[sc], m);
		decay_bounces(sc);
	}
	*slots = m->avail_mask | a_swap(&m->freed_mask, 0);
	m->avail_mask = 0;
	m->mem->active_idx = m->last_idx;
	*group_owner(m->mem) = owner;
	return m;
}

/* Up to n free slots of the group that mallocng uses next, which is nobody's then. As above. */
static struct meta *group_shared(int sc, int n, uint32_t *slots)
{
	struct meta *m = ctx.active[sc];
	uint32_t free = m ? m->avail_mask : 0;

	if (!free) {
		int i = alloc_slot(sc, __malloc_class_bytes[sc] - IB);

		if (i < 0)
			return 0;
		m = ctx.active[sc];
		free = m->avail_mask | 1u << i;
	}
	*slots = bits_first(free, n);
	m->avail_mask = free - *slots;
	*group_owner(m->mem) = 0;
	return m;
}

/* Up to n free slots of one group. What a thread does not need now of its own group stays its own.
 * 0 if there is no memory. */
static struct meta *group_take(struct cache *c, int sc, int n, uint32_t *slots)
{
	int own = c && c->owns && sc < OWN_CLASSES;
	struct meta *m = 0;

	if (!own || !c->slots[sc]) {
		wrlock();
		m = own ? group_own(cache_owner(c), sc, &c->slots[sc]) : group_shared(sc, n, slots);
		unlock();
		if (own)
			c->group[sc] = m;
	}
	if (!own)
		return m;
	*slots = bits_first(c->slots[sc], n);
	c->slots[sc] -= *slots;
	return c->group[sc];
}

/* What slots_activate() does, for a thread's own slots. */
static void headers_clear(struct meta *m, int last)
{
	if (!m->maplen || !*group_headers(m->mem) || *group_headers(m->mem) > last)
		return;
	wrlock();
	__malloc_group_clear(m->mem, get_stride(m), last);
	unlock();
}

/*
 * Up to n free slots of one group, as a list of blocks for the caches; no more than what the
 * processor fetches beside other work, for the list is written into them.
 *
 * Returns how many, 0 if there is no memory.
 */
hidden int __malloc_slots_take(struct cache *c, int sc, int n, unsigned char **list)
{
	struct meta *m;
	uint32_t taken;
	unsigned char *last = 0;
	int count = 0, most = TAKE_BYTES_MAX / __malloc_class_bytes[sc];

	m = group_take(c, sc, n < most ? n : most ? most : 1, &taken);
	if (!m)
		return 0;
	headers_clear(m, 32 - a_clz_32(taken));
	for (; taken; taken &= taken - 1, count++) {
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
		struct group *group = block_group(p, p[-3] & ~IN_CACHE, &class);
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
		if (group->meta != m && m) {
			group_free(m, slots);
			slots = 0;
		}
		m = group->meta;
		slots |= 1u << i;
	}
	if (m)
		group_free(m, slots);
}

/* Give a thread's own slots of a class back. */
hidden void __malloc_slots_return(struct cache *c, int sc)
{
	if (sc >= OWN_CLASSES || !c->slots[sc])
		return;
	group_free(c->group[sc], c->slots[sc]);
	c->slots[sc] = 0;
}
