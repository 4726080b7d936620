/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The stacks of the last threads that were joined, mapped still, for the next threads that want one
 * of the same size and guard. Mapping and unmapping a stack costs more than all else about a short
 * thread's life. The guard pages stay; what a thread used of its stack beyond the uppermost pages
 * is given back.
 *
 * pthread_create() and pthread_join() call this (see ports/musl/build). A detached thread unmaps
 * its own stack as always.
 */
#define _GNU_SOURCE
#include "pthread_impl.h"
#include "lock.h"
#include <string.h>
#include <sys/mman.h>

#define STACKS_MAX 32
#define KEEP_BYTES 32768       /* at the upper end of the stack, below the thread's static memory */
#define STATIC_BYTES_MAX 65536 /* a thread with more than this in thread-locals is not kept */

static struct {
	unsigned char *map;
	size_t size, guard;
} stacks[STACKS_MAX];
static int kept; /* of them */
static volatile int lock[1];

/* Thread-locals, struct pthread and pthread_setspecific()'s values: at the upper end of the
 * mapping. */
static size_t static_bytes(void)
{
	return libc.tls_size + __pthread_tsd_size;
}

/* A mapping of size bytes, the lowest guard of them inaccessible, with its static part zeroed; or
 * 0. */
hidden unsigned char *__stack_take(size_t size, size_t guard)
{
	unsigned char *map = 0;

	LOCK(lock);
	for (int i = kept - 1; i >= 0; i--) {
		if (stacks[i].size == size && stacks[i].guard == guard) {
			map = stacks[i].map;
			stacks[i] = stacks[--kept];
			break;
		}
	}
	UNLOCK(lock);
	if (map)
		memset(map + size - static_bytes(), 0, static_bytes());
	return map;
}

/* Keep a mapping, or unmap it. Nobody uses it any more. */
hidden void __stack_give(unsigned char *map, size_t size, size_t guard)
{
	size_t keep = KEEP_BYTES + ((static_bytes() + PAGE_SIZE - 1) & -PAGE_SIZE);

	if (static_bytes() <= STATIC_BYTES_MAX) {
		if (size - guard > keep)
			__madvise(map + guard, size - guard - keep, MADV_DONTNEED);
		LOCK(lock);
		if (kept < STACKS_MAX) {
			stacks[kept].map = map;
			stacks[kept].size = size;
			stacks[kept].guard = guard;
			kept++;
			map = 0;
		}
		UNLOCK(lock);
	}
	if (map)
		__munmap(map, size);
}
