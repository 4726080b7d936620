/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A bounded buffer for moving any amount of the program's bytes piece by piece: a little of the
 * kernel stack for little pieces, a page for more; without memory for a page it does with the
 * stack.
 */
#ifndef FS_CHUNK_H
#define FS_CHUNK_H

#include "base/types.h"
#include "core/page.h"

struct chunk {
	uint8_t *buf;
	size_t cap;
	uint8_t small[512];
};

/* For moving want bytes in all. */
static inline void chunk_begin(struct chunk *c, size_t want)
{
	c->buf = want > sizeof(c->small) ? page_alloc(0) : NULL;
	c->cap = PAGE_SIZE;
	if (c->buf == NULL) {
		c->buf = c->small;
		c->cap = sizeof(c->small);
	}
}

static inline void chunk_end(struct chunk *c)
{
	if (c->buf != c->small)
		page_free(c->buf, 0);
}

#endif
