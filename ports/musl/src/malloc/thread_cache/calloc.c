/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <stdlib.h>
#include "cache.h"

/* Large blocks come zeroed from the kernel, and mallocng knows which. */
void *calloc(size_t m, size_t n)
{
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
	return p ? memset(p, 0, n) : 0;
}
