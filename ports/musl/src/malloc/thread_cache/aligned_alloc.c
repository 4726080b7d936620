/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <stdlib.h>
#include "cache.h"

/*
 * As mallocng does it: a block that is large enough, and a second header in it, where it is
 * aligned. free() finds the slot through that, and puts it into the cache.
 */
void *aligned_alloc(size_t align, size_t n)
{
	unsigned char *p;
	struct block b;
	size_t offset;

	if (align & (align - 1)) {
		errno = EINVAL;
		return 0;
	}
	if (align <= UNIT)
		return __malloc_missed(n);
	if (n > SIZE_MAX - align || align >= (1ULL << 31) * UNIT) {
		errno = ENOMEM;
		return 0;
	}
	p = __malloc_missed(n + align - UNIT);
	if (!p || !((uintptr_t)p & (align - 1)))
		return p;
	__malloc_block_find(&b, p);
	p += -(uintptr_t)p & (align - 1);
	offset = (size_t)(p - b.m->mem->storage) / UNIT;
	*(uint16_t *)(p - 2) = offset <= 0xffff ? offset : 0;
	p[-3] = b.slot;
	p[-4] = offset > 0xffff;
	if (offset > 0xffff)
		*(uint32_t *)(p - 8) = offset;
	*(uint16_t *)(b.start - 2) = (size_t)(p - b.start) / UNIT;
	b.start[-3] = 7 << 5;
	return p;
}
