/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <stdlib.h>
#include "cache.h"

/* Between two large sizes mallocng resizes, by moving pages; a cached block stays where it is as
 * long as the size is of its class or of the next smaller one. */
void *realloc(void *ptr, size_t n)
{
	unsigned char *p = ptr;
	struct block b;
	void *new;

	if (!p)
		return malloc(n);
	__malloc_block_find(&b, p);
	if (b.m->sizeclass >= CACHE_CLASSES && n > CACHE_BYTES_MAX) {
		n = __malloc_large_size(n);
		new = __libc_realloc(p, n);
		return !new &&__malloc_make_room(n) ? __libc_realloc(p, n) : new;
	}
	if (b.m->sizeclass < CACHE_CLASSES && n <= b.end - p &&
	    size_to_class(n) + 1 >= b.m->sizeclass)
		return p;
	new = malloc(n);
	if (new) {
		memcpy(new, p, n < b.size ? n : b.size);
		free(p);
	}
	return new;
}
