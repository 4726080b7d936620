/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The caches of threads, the depot through which lists go from one to another, and what happens
 * when a thread's list is empty or full.
 *
 * A thread gets a cache when it first needs one, and it ends without: the cache waits, with what is
 * in it, for the next thread. More than a few waiting ones are emptied.
 */
#include <stdlib.h>
#include "cache.h"

#define LIST_BYTES_MAX 4096 /* of a list, but one block is always allowed, and of small ones … */
#define LIST_BLOCKS_MIN 16
#define LIST_BLOCKS_MAX 32
#define DEPOT_LISTS_MAX 6
#define DEPOT_SHARE 16 /* of the memory that may be spare is one class's */
#define WAITING_MAX 8
#define SECOND_LIST_BYTES_MAX 16384 /* larger blocks have one list only */

hidden const uint32_t __malloc_class_bytes[CLASS_BITS_MAX] = {
	16,    32,    48,    64,    80,    96,    112,   128,   144,   160,   192,   240,
	288,   320,   400,   496,   576,   672,   800,   1008,  1152,  1344,  1632,  2032,
	2336,  2720,  3264,  4080,  4672,  5440,  6544,  8176,  9344,  10912, 13088, 16368,
	18704, 21824, 26192, 32752, 37440, 43680, 52416, 65520, 74880,
};

/* The class of a block that needs i + 1 units. */
hidden const uint8_t __malloc_small_class[SMALL_BYTES_MAX / UNIT + 1] = {
	[0] = 0,          [1] = 1,          [2] = 2,          [3] = 3,          [4] = 4,
	[5] = 5,          [6] = 6,          [7] = 7,          [8] = 8,          [9] = 9,
	[10 ... 11] = 10, [12 ... 14] = 11, [15 ... 17] = 12, [18 ... 19] = 13, [20 ... 24] = 14,
	[25 ... 30] = 15, [31 ... 35] = 16, [36 ... 41] = 17, [42 ... 49] = 18, [50 ... 62] = 19,
};

/* Lists with as many blocks as list_max() says. */
static struct depot {
	volatile int lock[1];
	volatile int n; /* who only wants to know whether it is 0 does without the lock */
	unsigned char *lists[DEPOT_LISTS_MAX];
	const struct cache *from[DEPOT_LISTS_MAX]; /* who gave them; to compare with only */
} depots[CACHE_CLASSES];

/* What a thread without a cache has: no block, and no room. Never changes for longer than a call.
 */
static struct cache none;
static struct cache first;

static volatile int waiting_lock[1];
static struct cache *waiting = &first; /* guarded by waiting_lock */
static int waiting_n = 1;

hidden _Thread_local struct cache *__malloc_cache = &none;

static int at_most(int n, int max)
{
	return n > max ? max : n ? n : 1;
}

static int list_max(int sc)
{
	int n = LIST_BYTES_MAX / __malloc_class_bytes[sc];

	if (__malloc_class_bytes[sc] - IB <= SMALL_BYTES_MAX && n < LIST_BLOCKS_MIN)
		n = LIST_BLOCKS_MIN;
	return at_most(n, LIST_BLOCKS_MAX);
}

/* A list, or 0; one that c itself gave, if there is any: what lies in the cache of one processor
 * need not go to another one's. */
static unsigned char *depot_take(const struct cache *c, int sc)
{
	struct depot *d = &depots[sc];
	unsigned char *list = 0;
	int i;

	if (!d->n)
		return 0;
	LOCK(d->lock);
	if (d->n) {
		i = --d->n;
		while (i && d->from[i] != c)
			i--;
		if (d->from[i] != c)
			i = d->n;
		list = d->lists[i];
		d->lists[i] = d->lists[d->n];
		d->from[i] = d->from[d->n];
	}
	UNLOCK(d->lock);
	return list;
}

static void depot_give(const struct cache *c, int sc, unsigned char *list)
{
	struct depot *d = &depots[sc];
	int max = at_most(__malloc_spare() / DEPOT_SHARE / __malloc_class_bytes[sc],
			  DEPOT_LISTS_MAX);

	LOCK(d->lock);
	if (d->n < max) {
		d->from[d->n] = c;
		d->lists[d->n++] = list;
		list = 0;
	}
	UNLOCK(d->lock);
	__malloc_slots_give(sc, list);
}

static void cache_empty(struct cache *c)
{
	for (int sc = 0; sc < CACHE_CLASSES; sc++) {
		__malloc_slots_give(sc, c->head[sc]);
		__malloc_slots_give(sc, c->full[sc]);
		c->head[sc] = c->full[sc] = 0;
		if (c->refill[sc])
			c->room[sc] = list_max(sc);
	}
}

/* This thread's cache, for blocks of a class; 0 if there is no memory for one. */
static struct cache *cache_get(int sc)
{
	struct cache *c = __malloc_cache;

	if (c == &none) {
		LOCK(waiting_lock);
		c = waiting;
		if (c) {
			waiting = c->next;
			waiting_n--;
		}
		UNLOCK(waiting_lock);
		if (!c)
			c = __libc_calloc(1, sizeof(*c));
		if (!c)
			return 0;
		__malloc_cache = c;
	}
	if (!c->refill[sc]) {
		c->room[sc] = list_max(sc);
		c->refill[sc] = 1;
	}
	return c;
}

/* The thread ends. */
hidden void __malloc_thread_exit(void)
{
	struct cache *c = __malloc_cache;
	int waits;

	if (c == &none)
		return;
	__malloc_cache = &none;
	LOCK(waiting_lock);
	waits = waiting_n < WAITING_MAX || c == &first;
	if (waits) {
		c->next = waiting;
		waiting = c;
		waiting_n++;
	}
	UNLOCK(waiting_lock);
	if (!waits) {
		cache_empty(c);
		__libc_free(c);
	}
}

/* There is no memory: give back all that is within reach. */
static void caches_empty(struct cache *own)
{
	unsigned char *list;

	if (own)
		cache_empty(own);
	LOCK(waiting_lock);
	for (struct cache *c = waiting; c; c = c->next)
		cache_empty(c);
	UNLOCK(waiting_lock);
	for (int sc = 0; sc < CACHE_CLASSES; sc++)
		while ((list = depot_take(own, sc)))
			__malloc_slots_give(sc, list);
	__malloc_pages_release();
}

/* A list for a thread that has none; 0 if there is no memory. n: how many blocks are in it */
static unsigned char *list_get(struct cache *c, int sc, int *n)
{
	unsigned char *list = c ? c->full[sc] : 0;
	int want = c ? c->refill[sc] : 1;

	if (list)
		c->full[sc] = 0;
	else if (c)
		list = depot_take(c, sc);
	*n = list_max(sc);
	if (list)
		return list;
	if (c && want < *n)
		c->refill[sc] *= 2;
	*n = __malloc_slots_take(sc, want < *n ? want : *n, &list);
	if (!*n) {
		caches_empty(c);
		*n = __malloc_slots_take(sc, 1, &list);
	}
	return *n ? list : 0;
}

/* There are few classes of larger blocks; better each its own mapping. */
static void *malloc_large(size_t n)
{
	void *p;

	n = __malloc_large_size(n);
	p = __libc_malloc_impl(n);
	if (!p && n < PTRDIFF_MAX) {
		caches_empty(__malloc_cache == &none ? 0 : __malloc_cache);
		p = __libc_malloc_impl(n);
	}
	return p;
}

/* malloc() for all sizes. */
hidden void *__malloc_missed(size_t n)
{
	struct cache *c = __malloc_cache;
	unsigned char *p;
	int sc, count;

	if (n > CACHE_BYTES_MAX)
		return malloc_large(n);
	sc = size_to_class(n);
	if (c->head[sc])
		return cache_pop(c, sc, c->head[sc]);
	c = cache_get(sc);
	if (c && c->head[sc]) /* another thread left it */
		return cache_pop(c, sc, c->head[sc]);
	p = list_get(c, sc, &count);
	if (!p) {
		errno = ENOMEM;
		return 0;
	}
	if (!c) {
		p[-3] &= ~IN_CACHE;
		return p;
	}
	c->head[sc] = p;
	c->room[sc] = list_max(sc) - count;
	return cache_pop(c, sc, p);
}

/* Room for one more block. */
static void cache_make_room(struct cache *c, int sc)
{
	if (c->room[sc])
		return;
	if (__malloc_class_bytes[sc] > SECOND_LIST_BYTES_MAX) {
		depot_give(c, sc, c->head[sc]);
	} else {
		if (c->full[sc])
			depot_give(c, sc, c->full[sc]);
		c->full[sc] = c->head[sc];
	}
	c->head[sc] = 0;
	c->room[sc] = list_max(sc);
}

/* free() for all blocks. The room of p's class may be one too small. */
hidden void __malloc_free_missed(unsigned char *p)
{
	struct cache *c = __malloc_cache;
	struct block b;
	int sc;

	__malloc_block_find(&b, p);
	sc = b.m->sizeclass;
	if (c->room[sc] < 0)
		c->room[sc] = 0;
	c = sc < CACHE_CLASSES && b.end - b.start >= __malloc_class_bytes[sc] - IB ? cache_get(sc)
										   : 0;
	if (!c) {
		__libc_free(p);
		return;
	}
	/* From here on it is the whole slot; where in it the block was, there is none now. */
	if (p != b.start) {
		p[-3] = 255;
		*(uint16_t *)(p - 2) = 0;
	}
	*(uint16_t *)(b.start - 2) = (b.start - b.m->mem->storage) / UNIT;
	b.start[-3] = b.slot;
	cache_make_room(c, sc);
	c->room[sc]--;
	cache_push(c, sc, b.start);
}
