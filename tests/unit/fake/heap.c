/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The kernel's heap over malloc(): sizes given back are checked. */
#include "fake/fake.h"

#include <malloc.h>

#include "core/heap.h"

_Atomic uint64_t fake_heap_objects;

void heap_init(struct heap *h)
{
}

/* The descriptors' table stays for ever, and is known by addresses outside of its segments. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:fd_add_segment_locked\n";
}

void *heap_alloc(size_t size)
{
	void *p;

	assert_true(size > 0);
	if (fake_fails())
		return NULL;
	p = malloc(size);
	assert_non_null(p);
	memset(p, 0xa5, size);
	fake_heap_objects++;
	return p;
}

void *heap_zalloc(size_t size)
{
	void *p = heap_alloc(size);

	return p == NULL ? NULL : memset(p, 0, size);
}

void heap_free(void *p, size_t size)
{
	if (p == NULL)
		return;
	/* The sanitizer's malloc tells the size that was asked for. */
	assert_int_equal(malloc_usable_size(p), size);
	fake_heap_objects--;
	free(p);
}
