/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <stdlib.h>
#include "cache.h"

#define LINE 64

/*
 * Large blocks come zeroed from the kernel, and mallocng knows which. Of smaller ones, the next in
 * the thread's list is what another call will clear: fetched from memory now, it is there by then.
 */
void *calloc(size_t m, size_t n)
{
	const char *next;
	void *p;

	if (__builtin_mul_overflow(m, n, &n)) {
		errno = ENOMEM;
		return 0;
	}
	if (n > CACHE_BYTES_MAX) {
		n = __malloc_large_size(n);
		p = __libc_calloc(1, n);
		return !p && __malloc_make_room(n) ? __libc_calloc(1, n) : p;
	}
	p = malloc(n);
	if (n > LINE && n <= SMALL_BYTES_MAX) {
		next = (char *)__malloc_cache->head[__malloc_small_class[(n + IB - 1) / UNIT]];
		for (size_t i = 0; next && i < n; i += LINE)
			__builtin_prefetch(next + i);
	}
	return p ? memset(p, 0, n) : 0;
}
