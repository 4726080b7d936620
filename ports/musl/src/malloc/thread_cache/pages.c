/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Where mallocng's memory comes from and goes to. mallocng asks the kernel for each group of a few
 * pages and for each large block, and gives them back at once. Here groups come out of larger
 * mappings, and what is freed is kept for the next ones, as long as it is a small part of the
 * machine's memory: groups with their neighbours, which go back together, and the last large
 * blocks. With several processors each unmapping stops all of them for a moment.
 */
#include "cache.h"
#include <sys/sysinfo.h>

#define RESERVE_BYTES_MIN 65536 /* of address space, doubled each time */
#define RESERVE_BYTES_MAX 1048576
#define FREE_MAX 32
#define KEPT_MAX 8
#define SPARE_BYTES_MAX (16u << 20)
#define SPARE_SHARE 32 /* of the machine's memory */

struct range {
	unsigned char *start;
	size_t len;
};

/* Address space for groups, taken from its start: who walks through blocks in the order they were
 * allocated in goes upwards, which processors fetch ahead. Guarded by mallocng's lock. */
static struct range reserve;
static size_t reserve_next;

/* Pages of groups that are gone, neighbours as one. */
static struct range free_pages[FREE_MAX];
static size_t free_bytes;

/* Large blocks that are gone. The first kept_n of them are there, the oldest first. */
static struct range kept[KEPT_MAX];
static int kept_n;
static size_t kept_bytes;

static volatile int lock[1]; /* guards both */

static size_t pages_round(size_t len)
{
	return len + (-len & (PAGE_SIZE - 1));
}

static void *pages_map_new(size_t len)
{
	return __mmap(0, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
}

/* free() does not change errno. */
static void range_unmap(struct range r)
{
	int e = errno;

	if (r.len)
		__munmap(r.start, r.len);
	errno = e;
}

/* How much memory may be kept, of each kind; 1 if that is not known. */
hidden size_t __malloc_spare(void)
{
	static size_t spare;
	struct sysinfo si;

	if (!spare) {
		size_t n = 1;

		if (!sysinfo(&si))
			n = si.totalram * si.mem_unit / SPARE_SHARE;
		spare = n > SPARE_BYTES_MAX ? SPARE_BYTES_MAX : n;
	}
	return spare;
}

/* Clear the headers of a group's slots with stride bytes up to the last-th, but for those that
 * were cleared before: their slots may be in use. */
hidden void __malloc_group_clear(struct group *group, size_t stride, int last)
{
	char *headers = group_headers(group);

	for (; *headers <= last; ++*headers)
		*(word_alias *)(group->storage + *headers * stride - IB) = 0;
}

/*
 * len bytes of what other groups had, at the start of a range; 0 if there are not so many. They are
 * not zero, but for the headers of the first slots, those that mallocng uses at once and one more,
 * or the only slot's header and what lies behind it.
 */
static void *free_take(size_t len, size_t stride)
{
	unsigned char *p = 0;

	LOCK(lock);
	for (struct range *r = free_pages; !p && r < free_pages + FREE_MAX; r++) {
		if (r->len < len)
			continue;
		r->len -= len;
		free_bytes -= len;
		p = r->start;
		r->start += len;
	}
	UNLOCK(lock);
	if (!p)
		return 0;
	assert(stride);
	*group_headers((struct group *)p) = 0;
	if (UNIT + 2 * stride > len) {
		__malloc_group_clear((struct group *)p, stride, 0);
		*(word_alias *)(p + len - IB) = 0;
	} else {
		int first = (PAGE_SIZE - UNIT) / stride;

		__malloc_group_clear((struct group *)p, stride, first ? first : 1);
	}
	return p;
}

/* Keep a group's pages, rather than those of the smallest range. Where all that is too much, so
 * much of what has grown together goes back at once that half the limit is left. */
static void group_unmap(struct range gone)
{
	struct range *to = free_pages, old;
	size_t max = __malloc_spare(), others, stay;

	LOCK(lock);
	free_bytes += gone.len;
	for (struct range *r = free_pages; r < free_pages + FREE_MAX; r++) {
		int before = r->start + r->len == gone.start;

		if (before || gone.start + gone.len == r->start) {
			if (before)
				gone.start = r->start;
			gone.len += r->len;
			r->len = 0;
		}
		if (r->len < to->len)
			to = r;
	}
	if (free_bytes - to->len <= max) {
		old = *to;
		*to = gone;
	} else {
		others = free_bytes - gone.len;
		stay = !to->len && others < max / 2 ? (max / 2 - others) & -PAGE_SIZE : 0;
		old = (struct range){gone.start + stay, gone.len - stay};
		if (stay)
			*to = (struct range){gone.start, stay};
	}
	free_bytes -= old.len;
	UNLOCK(lock);
	range_unmap(old);
}

/* Pages for a group with slots of stride bytes. For groups of up to GROUP_BYTES_MAX the caller
 * holds mallocng's lock. */
hidden void *__malloc_group_map(size_t len, size_t stride)
{
	unsigned char *p;
	size_t n;

	if (len > GROUP_BYTES_MAX)
		return pages_map_new(len);
	p = free_take(len, stride);
	if (p)
		return p;
	if (len > reserve.len) {
		n = reserve_next ? reserve_next : RESERVE_BYTES_MIN;
		p = pages_map_new(n);
		if (p == MAP_FAILED)
			return pages_map_new(len);
		if (reserve.len)
			group_unmap(reserve);
		reserve = (struct range){p, n};
		reserve_next = n < RESERVE_BYTES_MAX ? 2 * n : n;
	}
	p = reserve.start;
	reserve.start += len;
	reserve.len -= len;
	/* A write: mallocng may read first, which would be a page fault for itself. */
	*group_headers((struct group *)p) = 0;
	return p;
}

static struct range kept_remove(int i)
{
	struct range r = kept[i];

	kept_bytes -= r.len;
	kept_n--;
	memmove(&kept[i], &kept[i + 1], (kept_n - i) * sizeof(r));
	return r;
}

/* The smallest kept range of at least len bytes, but not much more; -1 if there is none. */
static int kept_find(size_t len)
{
	int best = -1;

	for (int i = 0; i < kept_n; i++)
		if (kept[i].len >= len && kept[i].len - len <= len / 4 &&
		    (best < 0 || kept[i].len <= kept[best].len))
			best = i;
	return best;
}

/* The size to ask mallocng for where n bytes are wanted, more than CACHE_BYTES_MAX: its mapping
 * then has the size of one that is kept or, so that sizes repeat, one of eight between two powers
 * of two; and it is none of whole pages. */
hidden size_t __malloc_large_size(size_t n)
{
	size_t len = n < MMAP_THRESHOLD ? MMAP_THRESHOLD : n, step;
	int i;

	if (len >= PTRDIFF_MAX / 2)
		return n;
	len += IB + UNIT + 1;
	step = (size_t)1 << (60 - a_clz_64(len));
	LOCK(lock);
	i = kept_find(len);
	len = i < 0 ? (len + step - 1) & -step : kept[i].len;
	UNLOCK(lock);
	return len - (IB + UNIT + 1);
}

/* Pages for a large block: whole ones and, if they were kept, not zero. That is then noted in the
 * header of its group. */
hidden void *__malloc_large_map(size_t len)
{
	struct range r = {0};
	int i;

	len = pages_round(len);
	LOCK(lock);
	i = kept_find(len);
	if (i >= 0 && kept[i].len == len)
		r = kept_remove(i);
	UNLOCK(lock);
	if (!r.len)
		return pages_map_new(len);
	*group_headers((struct group *)r.start) = 1;
	/* What mallocng expects to be zero behind the block. */
	*(word_alias *)(r.start + len - IB) = 0;
	return r.start;
}

static void large_unmap(struct range gone)
{
	struct range old[KEPT_MAX];
	size_t max = __malloc_spare();
	int n = 0;

	LOCK(lock);
	if (gone.len <= max / 2) {
		while (kept_n == KEPT_MAX || kept_bytes + gone.len > max)
			old[n++] = kept_remove(0);
		kept[kept_n++] = gone;
		kept_bytes += gone.len;
		gone.len = 0;
	}
	UNLOCK(lock);
	range_unmap(gone);
	while (n)
		range_unmap(old[--n]);
}

hidden void __malloc_pages_unmap(void *start, size_t len)
{
	struct range gone = {start, pages_round(len)};

	if (len > GROUP_BYTES_MAX)
		large_unmap(gone);
	else
		group_unmap(gone);
}

/* Give everything back that is only kept. */
hidden void __malloc_pages_release(void)
{
	LOCK(lock);
	while (kept_n)
		range_unmap(kept_remove(0));
	for (int i = 0; i < FREE_MAX; i++) {
		range_unmap(free_pages[i]);
		free_pages[i] = (struct range){0};
	}
	free_bytes = 0;
	UNLOCK(lock);
}
