/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Kernel heap: one kind of slab per size class. A slab is a page: a header of 64 bytes, then
 * objects of one size. The header is found from an object by rounding its address down. Sizes above
 * the largest class are page blocks.
 *
 * Each CPU has slabs of its own. A class keeps the slabs that have a free object in a list. Full
 * slabs are on no list; an empty one goes back to the page allocator unless it is the class's last.
 */
#include "core/heap.h"

#include "base/atomic.h"
#include "base/string.h"
#include "core/log.h"
#include "core/page.h"
#include "core/percpu.h"

#define SLAB_HEADER 64u
#define HEAP_SMALL_MAX 1984u /* bytes; two objects to a slab */

struct heap_object {
	struct heap_object *next;
};

struct slab {
	struct heap *heap;        /* whose it is, for as long as it lives */
	struct slab *next, *prev; /* heap->partial[class]; prev NULL: the first */
	struct heap_object *free; /* objects given back */
	uint16_t fresh;           /* offset of the first object that was never used */
	uint16_t left;            /* objects that are not in use; 0: on no list */
	uint16_t capacity;        /* objects in all */
	uint8_t class;
};

_Static_assert(sizeof(struct slab) <= SLAB_HEADER, "the slab header's room");

/* Multiples of 64 that leave little of a page's 4032 bytes unused. */
static const uint16_t heap_class_size[HEAP_CLASSES] = {
	16, 32, 48, 64, 128, 192, 256, 320, 448, 576, 640, 768, 960, 1344, HEAP_SMALL_MAX,
};

/* The class of a size above 64, by (size + 63) / 64. */
static const uint8_t heap_class_by_64[HEAP_SMALL_MAX / 64 + 1] = {
	0,  3,  4,  5,  6,  7,  8,  8,  9,  9,  10, 11, 11, 12, 12, 12,
	13, 13, 13, 13, 13, 13, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14,
};

void heap_init(struct heap *h)
{
	spin_init(&h->lock, LOCK_HEAP);
}

static ALWAYS_INLINE unsigned heap_class(size_t size)
{
	if (size <= 64)
		return (unsigned)(size - 1) / 16;
	return heap_class_by_64[(size + 63) / 64];
}

/* Order of the page block for a size above HEAP_SMALL_MAX. */
static unsigned heap_order(size_t size)
{
	size_t pages = (size + PAGE_SIZE - 1) >> PAGE_SHIFT;

	return pages <= 1 ? 0 : 64u - (unsigned)__builtin_clzl(pages - 1);
}

static void slab_push(struct slab *s)
{
	struct slab **first = &s->heap->partial[s->class];

	s->prev = NULL;
	s->next = *first;
	if (s->next != NULL)
		s->next->prev = s;
	*first = s;
}

static void slab_remove(struct slab *s)
{
	if (s->prev != NULL)
		s->prev->next = s->next;
	else
		s->heap->partial[s->class] = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;
}

static NOINLINE struct slab *slab_create(struct heap *h, unsigned class)
{
	struct slab *s = page_alloc(0);

	if (s == NULL)
		return NULL;
	s->heap = h;
	s->free = NULL;
	s->fresh = SLAB_HEADER;
	s->capacity = (uint16_t)((PAGE_SIZE - SLAB_HEADER) / heap_class_size[class]);
	s->left = s->capacity;
	s->class = (uint8_t) class;
	slab_push(s);
	return s;
}

static void *heap_alloc_large(size_t size)
{
	if (size > PAGE_SIZE << PAGE_ORDER_MAX)
		return NULL;
	return page_alloc(heap_order(size));
}

void *heap_alloc(size_t size)
{
	struct heap *h = &percpu_self()->heap;
	unsigned class;
	struct slab *s;
	struct heap_object *o = NULL;

	ASSERT(size > 0);
	if (unlikely(size > HEAP_SMALL_MAX))
		return heap_alloc_large(size);
	class = heap_class(size);
	spin_lock(&h->lock);
	s = h->partial[class];
	if (unlikely(s == NULL))
		s = slab_create(h, class);
	if (unlikely(s == NULL))
		goto unlock;
	o = s->free;
	if (likely(o != NULL)) {
		s->free = o->next;
	} else {
		o = (struct heap_object *)((char *)s + s->fresh);
		s->fresh = (uint16_t)(s->fresh + heap_class_size[class]);
	}
	if (unlikely(--s->left == 0))
		slab_remove(s);
unlock:
	spin_unlock(&h->lock);
	return o;
}

void *heap_zalloc(size_t size)
{
	void *p = heap_alloc(size);

	if (likely(p != NULL))
		memset(p, 0, size);
	return p;
}

void heap_free(void *p, size_t size)
{
	struct heap_object *o = p;
	struct slab *s = (struct slab *)ALIGN_DOWN((uintptr_t)p, PAGE_SIZE);
	struct heap *h;

	if (p == NULL)
		return;
	if (unlikely(size > HEAP_SMALL_MAX)) {
		page_free(p, heap_order(size));
		return;
	}
	h = s->heap;
	spin_lock(&h->lock);
	ASSERT(s->class == heap_class(size) && s->left < s->capacity);
	o->next = s->free;
	s->free = o;
	s->left++;
	if (unlikely(s->left == 1)) {
		slab_push(s);
	} else if (unlikely(s->left == s->capacity) && (s->next != NULL || s->prev != NULL)) {
		/* Not the only slab with room: the next allocation finds another. */
		slab_remove(s);
		page_free(s, 0);
	}
	spin_unlock(&h->lock);
}
