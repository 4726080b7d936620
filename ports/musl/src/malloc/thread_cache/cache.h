/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * malloc with a cache of free blocks in each thread, in front of musl's own allocator (mallocng).
 *
 * mallocng keeps what it knows about blocks away from them, gives memory back soon and wastes
 * little, but has one lock for all threads and takes some hundred instructions for a call. Here a
 * thread keeps the blocks it frees, in a list for each of mallocng's size classes, and takes them
 * from there again. Lists travel between threads as a whole, through a depot, and so does what one
 * thread allocates and another one frees. mallocng is asked only for what is missing, and gets back
 * only what is too much, many blocks at a time.
 *
 *     front.c     malloc() and free() as long as the thread's list has a block, or room for one
 *     cache.c     the caches of threads, the depot
 *     slots.c     mallocng, and taking from it and giving back to it several slots at once
 *     realloc.c, calloc.c, aligned_alloc.c    one function each, so that a program can bring its
 * own malloc
 *
 * A block of a cached class begins where its slot begins and may use all of it. In its header (the
 * four bytes before it, see mallocng/meta.h) the bits that would say how much of the slot is not
 * used are 0. While it is in a list they are all 1, which is no valid value: freeing it again, or
 * any other use of it, ends the program. The pointers in lists are mixed with mallocng's secret.
 */
#ifndef THREAD_CACHE_H
#define THREAD_CACHE_H

#include "../mallocng/meta.h"
#undef malloc
#undef free
#undef realloc

#define CACHE_CLASSES 45      /* of mallocng's 48 */
#define CACHE_BYTES_MAX 74876 /* the largest block of those */
#define CLASS_BITS_MAX 64     /* what struct meta can hold */
#define STEP_BYTES_MAX 156    /* up to here a class begins every 16 bytes */
#define SMALL_BYTES_MAX 1004  /* up to here a table tells the class */
#define GROUP_BYTES_MAX 65536 /* larger groups are mapped one by one */
#define IN_CACHE 0xe0         /* in the header of a block that is in a list */

struct cache {
	unsigned char *head[CACHE_CLASSES];
	/* How many more blocks head may get; 0 for a class that is not cached, or was not used yet.
	 */
	int16_t room[CLASS_BITS_MAX];
	/* A second list, as long as lists get, or 0: a thread that goes up and down by a few blocks
	 * at the end of its list stays away from the depot. */
	unsigned char *full[CACHE_CLASSES];
	uint8_t refill[CACHE_CLASSES]; /* how many blocks to ask for next; 0: not used yet */
	struct cache *next;            /* without a thread */
};

extern hidden _Thread_local struct cache *__malloc_cache __attribute__((tls_model("local-exec")));
extern hidden const uint32_t __malloc_class_bytes[CLASS_BITS_MAX]; /* 0: not cached */
extern hidden const uint8_t __malloc_small_class[SMALL_BYTES_MAX / UNIT + 1];

/* Any block in use, after all of mallocng's checks. */
struct block {
	struct meta *m;
	unsigned char *start, *end; /* of its slot, without what mallocng needs */
	size_t size;                /* as far as it was asked for */
	int slot;
};

hidden void __malloc_block_find(struct block *, const unsigned char *);
hidden void *__malloc_group_map(size_t, size_t);
hidden void __malloc_group_clear(struct group *, size_t, int);
hidden void *__malloc_large_map(size_t);
hidden size_t __malloc_large_size(size_t);
hidden size_t __malloc_spare(void);
hidden void __malloc_pages_unmap(void *, size_t);
hidden void __malloc_pages_release(void);
hidden void *__malloc_missed(size_t);
hidden void __malloc_free_missed(unsigned char *);
hidden int __malloc_slots_take(int, int, unsigned char **);
hidden void __malloc_slots_give(int, unsigned char *);

/* mallocng expects the memory it maps for a group to be zero, and looks at the slots' headers only.
 * Was it used before, so many of those have been cleared, in memory order (for a large block it is
 * just 1); 0: it is new. The group's header has bytes to spare. For groups within a slot, which are
 * not mapped, it means nothing. */
static inline char *group_headers(struct group *group)
{
	return &group->pad[0];
}

#define unlikely(x) __builtin_expect(!!(x), 0)

typedef uint16_t __attribute__((__may_alias__)) half_alias;
typedef uint32_t __attribute__((__may_alias__)) word_alias;
typedef uintptr_t __attribute__((__may_alias__)) pointer_alias;

static inline unsigned char *block_next(const unsigned char *p)
{
	return (unsigned char *)(*(const pointer_alias *)p ^ (uintptr_t)ctx.secret);
}

static inline void block_set_next(unsigned char *p, const unsigned char *next)
{
	*(pointer_alias *)p = (uintptr_t)next ^ (uintptr_t)ctx.secret;
}

/* The group in whose slot, by its header, p lies, if p is a block that this allocator gave out,
 * begins where its slot does and is of a cached class, which goes to sc; 0 if not. */
static inline struct meta *block_group(const unsigned char *p, size_t slot, size_t *sc)
{
	size_t offset = (size_t)((const half_alias *)p)[-1] * UNIT;
	const struct group *group = (const void *)(p - offset - UNIT);
	struct meta *m = group->meta;

	if (unlikely(m->mem != group))
		return 0;
	if (unlikely(((struct meta_area *)((uintptr_t)m & -4096))->check != ctx.secret))
		return 0;
	*sc = m->sizeclass;
	if (unlikely(offset != slot * (size_t)__malloc_class_bytes[*sc]))
		return 0;
	return m;
}

/* Take p, the first block, out of the list. */
static inline void *cache_pop(struct cache *c, size_t sc, unsigned char *p)
{
	c->head[sc] = block_next(p);
	c->room[sc]++;
	/* A block in a list has a header below 0 and no other one becomes positive here. */
	if (unlikely((((signed char *)p)[-3] ^= IN_CACHE) < 0))
		a_crash();
	return p;
}

/* Put p into the list, in which there is room. */
static inline void cache_push(struct cache *c, size_t sc, unsigned char *p)
{
	block_set_next(p, c->head[sc]);
	c->head[sc] = p;
	p[-3] |= IN_CACHE;
}

#endif
