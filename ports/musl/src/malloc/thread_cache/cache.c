/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The caches of threads, the depot through which lists go to their owners, and what happens when a
 * thread's list is empty or full.
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
#define WAITING_BYTES 524288 /* of the memory that may be spare for each that waits */
#define OWNERS_MAX 64        /* caches; more with groups of their own would take too much memory */
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

/* Lists with as many blocks as list_max() says, the oldest first. */
static struct depot {
	volatile int lock[1];
	volatile int n; /* who only wants to know whether it is 0 does without the lock */
	struct list {
		unsigned char *head;
		uint16_t owner; /* of the first block's group */
	} lists[DEPOT_LISTS_MAX];
} depots[CACHE_CLASSES];

/* What a thread without a cache has: no block, and no room. Never changes for longer than a call.
 */
static struct cache none;
static struct cache first;

static volatile int waiting_lock[1];
static struct cache *waiting = &first; /* guarded by waiting_lock */
static int waiting_n = 1;
static int owners; /* guarded by waiting_lock */

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

static unsigned char *depot_remove(struct depot *d, int i)
{
	unsigned char *head = d->lists[i].head;

	d->n--;
	memmove(&d->lists[i], &d->lists[i + 1], (d->n - i) * sizeof(d->lists[0]));
	return head;
}

/* A list that is c's or nobody's, the newest; any, if c is 0. 0 if there is none. */
static unsigned char *depot_take(const struct cache *c, int sc)
{
	struct depot *d = &depots[sc];
	unsigned char *head = 0;
	int i;

	if (!d->n)
		return 0;
	LOCK(d->lock);
	for (i = d->n - 1; i >= 0; i--)
		if (!c || !d->lists[i].owner || d->lists[i].owner == cache_owner(c))
			break;
	if (i >= 0)
		head = depot_remove(d, i);
	UNLOCK(d->lock);
	return head;
}

/*
 * Where there are too many, one goes. The new one, whose blocks the processor still has in its
 * nearest cache, unless the oldest one has another owner, which may be no more.
 */
static void depot_give(int sc, unsigned char *head)
{
	struct depot *d = &depots[sc];
	size_t bytes = list_max(sc) * __malloc_class_bytes[sc];
	int max = at_most(__malloc_spare() / DEPOT_SHARE / bytes, DEPOT_LISTS_MAX);
	unsigned char *surplus = 0;
	struct group *group;
	uint16_t owner;
	size_t class;

	group = block_group(head, head[-3] & ~IN_CACHE, &class);
	assert(group);
	owner = *group_owner(group);
	LOCK(d->lock);
	if (d->n >= max)
		surplus = d->lists[0].owner == owner ? head : depot_remove(d, 0);
	if (surplus != head)
		d->lists[d->n++] = (struct list){head, owner};
	UNLOCK(d->lock);
	__malloc_slots_give(sc, surplus);
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
	for (int sc = 0; sc < OWN_CLASSES; sc++) {
		__malloc_slots_give(sc, c->head[AWAY + sc]);
		c->head[AWAY + sc] = 0;
		c->room[AWAY + sc] = 0;
		__malloc_slots_return(c, sc);
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
		if (!c->owns) {
			LOCK(waiting_lock);
			c->owns = owners < OWNERS_MAX;
			owners += c->owns;
			UNLOCK(waiting_lock);
		}
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
	const int max = at_most(__malloc_spare() / WAITING_BYTES, WAITING_MAX);
	struct cache *c = __malloc_cache;
	int waits;

	if (c == &none)
		return;
	__malloc_cache = &none;
	LOCK(waiting_lock);
	waits = waiting_n < max || c == &first;
	if (waits) {
		c->next = waiting;
		waiting = c;
		waiting_n++;
	} else {
		owners -= c->owns;
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
		while ((list = depot_take(0, sc)))
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
	*n = __malloc_slots_take(c, sc, want < *n ? want : *n, &list);
	if (!*n) {
		caches_empty(c);
		*n = __malloc_slots_take(c, sc, 1, &list);
	}
	return *n ? list : 0;
}

/* mallocng has no memory for n bytes. False: nobody will ever have, so that it need not be tried
 * again. */
hidden int __malloc_make_room(size_t n)
{
	if (n >= PTRDIFF_MAX)
		return 0;
	caches_empty(__malloc_cache == &none ? 0 : __malloc_cache);
	return 1;
}

/* There are few classes of larger blocks; better each its own mapping. */
static void *malloc_large(size_t n)
{
	void *p;

	n = __malloc_large_size(n);
	p = __libc_malloc_impl(n);
	return !p && __malloc_make_room(n) ? __libc_malloc_impl(n) : p;
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
static void cache_make_room(struct cache *c, int list)
{
	int sc = list % AWAY;

	if (c->room[list])
		return;
	if (list >= AWAY || __malloc_class_bytes[sc] > SECOND_LIST_BYTES_MAX) {
		if (c->head[list])
			depot_give(sc, c->head[list]);
	} else {
		if (c->full[sc])
			depot_give(sc, c->full[sc]);
		c->full[sc] = c->head[sc];
	}
	c->head[list] = 0;
	c->room[list] = list_max(sc);
}

/* free() for all blocks. One of the two rooms of p's class may be one too small. */
hidden void __malloc_free_missed(unsigned char *p)
{
	struct cache *c = __malloc_cache;
	struct block b;
	int sc, list;

	__malloc_block_find(&b, p);
	sc = b.m->sizeclass;
	for (list = sc; list <= sc + AWAY; list += AWAY)
		if (c->room[list] < 0)
			c->room[list] = 0;
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
	list = sc < OWN_CLASSES ? cache_list(c, b.m->mem, sc) : sc;
	cache_make_room(c, list);
	c->room[list]--;
	cache_push(c, list, b.start);
}
