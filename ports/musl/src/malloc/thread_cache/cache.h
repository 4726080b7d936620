/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * malloc with a cache of free blocks in each thread, in front of musl's own allocator (mallocng).
 *
 * mallocng keeps what it knows about blocks away from them, gives memory back soon and wastes
 * little, but has one lock for all threads and takes some hundred instructions for a call. Here a
 * thread keeps the blocks it frees, in a list for each of mallocng's size classes, and takes them
 * from there again. mallocng is asked only for what is missing, and gets back only what is too
 * much, many blocks at a time.
 *
 * What two threads write side by side goes from one processor's cache to the other's each time. So
 * a group of mallocng's is one thread's, its owner's. Who frees blocks of other threads' keeps them
 * in lists apart, which go to the last one's owner when they are long enough, through a depot.
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
#define AWAY CLASS_BITS_MAX   /* where the lists of other threads' blocks begin */
#define STEP_BYTES_MAX 156    /* up to here a class begins every 16 bytes */
#define SMALL_BYTES_MAX 1004  /* up to here a table tells the class */
#define OWN_CLASSES 24        /* whose groups have owners: blocks of up to half a page */
#define GROUP_BYTES_MAX 65536 /* larger groups are mapped one by one */
#define IN_CACHE 0xe0         /* in the header of a block that is in a list */

struct cache {
	/* The thread's own blocks and, from AWAY on, those of other owners. */
	unsigned char *head[AWAY + OWN_CLASSES];
	/* How many more blocks head may get; 0 for a class that is not cached, or was not used yet.
	 */
	int16_t room[AWAY + CLASS_BITS_MAX];
	/* A second list, as long as lists get, or 0: a thread that goes up and down by a few blocks
	 * at the end of its list stays away from the depot. */
	unsigned char *full[CACHE_CLASSES];
	uint8_t refill[CACHE_CLASSES]; /* how many blocks to ask for next; 0: not used yet */
	/* The last group it got, and those of its slots that it has not made a list of yet. */
	struct meta *group[OWN_CLASSES];
	uint32_t slots[OWN_CLASSES];
	int owns;           /* gets groups of its own */
	struct cache *next; /* without a thread */
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
hidden int __malloc_make_room(size_t);
hidden size_t __malloc_spare(void);
hidden void __malloc_pages_unmap(void *, size_t);
hidden void __malloc_pages_release(void);
hidden void *__malloc_missed(size_t);
hidden void __malloc_free_missed(unsigned char *);
hidden int __malloc_slots_take(struct cache *, int, int, unsigned char **);
hidden void __malloc_slots_give(int, unsigned char *);
hidden void __malloc_slots_return(struct cache *, int);

/* mallocng expects the memory it maps for a group to be zero, and looks at the slots' headers only.
 * Was it used before, so many of those have been cleared, in memory order (for a large block it is
 * just 1); 0: it is new. The group's header has bytes to spare. For groups within a slot, which are
 * not mapped, it means nothing. */
static inline char *group_headers(struct group *group)
{
	return &group->pad[0];
}

typedef uint16_t __attribute__((__may_alias__)) half_alias;
typedef uint32_t __attribute__((__may_alias__)) word_alias;
typedef uintptr_t __attribute__((__may_alias__)) pointer_alias;

/* Whose group it is, 0 for nobody's. No more than a hint: its cache may be gone, and where no cache
 * took slots it is whatever was there. Two more bytes to spare; the header's last four are those of
 * the first slot. */
static inline half_alias *group_owner(struct group *group)
{
	return (half_alias *)&group->pad[1];
}

static inline uint16_t cache_owner(const struct cache *c)
{
	return (uintptr_t)c;
}

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

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
static inline struct group *block_group(const unsigned char *p, size_t slot, size_t *sc)
{
	size_t offset = (size_t)((const half_alias *)p)[-1] * UNIT;
	struct group *group = (void *)(p - offset - UNIT);
	const struct meta *m = group->meta;

	if (unlikely(m->mem != group))
		return 0;
	if (unlikely(((struct meta_area *)((uintptr_t)m & -4096))->check != ctx.secret))
		return 0;
	*sc = m->sizeclass;
	if (unlikely(offset != slot * (size_t)__malloc_class_bytes[*sc]))
		return 0;
	return group;
}

/* In which list of c a block of a group belongs. */
static inline size_t cache_list(const struct cache *c, struct group *group, size_t sc)
{
	if (likely(*group_owner(group) == cache_owner(c)))
		return sc;
	/* It is read again, for a comparison in memory saves free() an instruction. */
	__asm__("" : "+r"(group));
	return *group_owner(group) ? sc + AWAY : sc;
}

/* Take p, the first block, out of a list. */
static inline void *cache_pop(struct cache *c, size_t list, unsigned char *p)
{
	c->head[list] = block_next(p);
	c->room[list]++;
	/* A block in a list has a header below 0 and no other one becomes positive here. */
	if (unlikely((((signed char *)p)[-3] ^= IN_CACHE) < 0))
		a_crash();
	return p;
}

/* Put p into a list in which there is room. */
static inline void cache_push(struct cache *c, size_t list, unsigned char *p)
{
	block_set_next(p, c->head[list]);
	c->head[list] = p;
	p[-3] |= IN_CACHE;
}

#endif
