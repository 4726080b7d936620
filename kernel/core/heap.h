/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The kernel's own small objects: size classes of 16 bytes to half a page, page blocks above. The
 * size is given back on free, so objects carry no header.
 */
#ifndef CORE_HEAP_H
#define CORE_HEAP_H

#include "base/atomic.h"
#include "base/types.h"

#define HEAP_CLASSES 15u

/* A CPU's slabs. An object goes back to the slab it is from, on whatever CPU it is freed. */
struct heap {
	struct spinlock lock; /* guards the lists and the slabs */
	struct slab *partial[HEAP_CLASSES];
};

void heap_init(struct heap *h);

/* size > 0; 16-aligned (64-aligned from 64 bytes on). NULL if there is no memory. heap_zalloc:
 * zeroed. */
void *heap_alloc(size_t size);
void *heap_zalloc(size_t size);
/* size as given to heap_alloc(). p may be NULL. */
void heap_free(void *p, size_t size);

#endif
