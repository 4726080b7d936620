/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the files of the address space (vma.c, vma_remap.c, vma_tree.c) share: the tree of VMAs and
 * the operations under the mm lock. Nobody else includes this. All functions: caller holds the mm
 * lock for writing; vma_above() and vma_touch_atomic() also for reading.
 *
 * The tree is augmented by the largest gap in each subtree, so that a free place is found in one
 * walk down. Gaps count only as far as they lie in the mmap area [lo, top).
 */
#ifndef CORE_VMA_TREE_H
#define CORE_VMA_TREE_H

#include "core/vma.h"

/* The window of the program's mappings: lo <= top <= hi. New ones go below top, the break grows
 * above it. */
struct vma_window {
	vaddr_t lo, top, hi;
};

extern struct vma_window vma_window;

/* Take and release the mm lock. */
void mm_lock(void);
void mm_unlock(void);

/* --- vma_tree.c: pure bookkeeping, no pmap --- */

/* The VMA found last: page faults come in runs. A guess of any CPU, but in the tree: whoever takes
 * one out holds the mm lock for writing. */
extern struct vma *_Atomic vma_hit;
struct vma *vma_above_slow(vaddr_t addr);

/* The lowest VMA that ends above addr (it may start above it too). NULL if there is none. */
static ALWAYS_INLINE struct vma *vma_above(vaddr_t addr)
{
	struct vma *v = atomic_load_explicit(&vma_hit, memory_order_relaxed);

	if (likely(v != NULL && addr >= v->start && addr < v->end))
		return v;
	return vma_above_slow(addr);
}

/* The last VMA that starts at or below addr, and the first one above; NULL where there is none. */
void vma_neighbours(vaddr_t addr, struct vma **prev, struct vma **next);
/* Add v, whose range is free, between its neighbours. */
void vma_tree_insert(struct vma *v, struct vma *prev, struct vma *next);
/* Take v out and free it. */
void vma_tree_erase(struct vma *v);
/* Move v's bounds; it stays between its neighbours. touched is cut to them. */
void vma_set_bounds(struct vma *v, vaddr_t start, vaddr_t end);
/* Cut v at `at` (inside it): v keeps the lower part; upper, storage only, becomes the rest. */
void vma_split(struct vma *v, vaddr_t at, struct vma *upper);
/* Take [lo, hi), a part of v, out. If v falls in two, *spare is used and set to NULL. */
void vma_cut(struct vma *v, vaddr_t lo, vaddr_t hi, struct vma **spare);
/* Unite v with its neighbours if they are alike. Returns the VMA that now covers v's range. */
struct vma *vma_merge(struct vma *v);
/* Could a VMA with these properties that touches v be part of v? */
bool vma_is_alike(const struct vma *v, unsigned prot, unsigned flags, const char *name);
/* v's start as other mappings must respect it: less the room that a stack keeps to grow. */
vaddr_t vma_low_edge(const struct vma *v);
/* Is [start, end) inside the window and free, room for growing stacks respected? */
bool vma_range_is_free(vaddr_t start, vaddr_t end);
/* The highest free range of len bytes (page multiple), which ends at or below top if possible. Its
 * start, 0 if there is none. */
vaddr_t vma_find_gap(uint64_t len);

/* The same with the mm lock held for reading. */
static ALWAYS_INLINE void vma_touch_atomic(struct vma *v, vaddr_t lo, vaddr_t hi)
{
	vaddr_t old = atomic_load_explicit(&v->touched_lo, memory_order_relaxed);

	while (unlikely(lo < old) &&
	       !atomic_compare_exchange_weak_explicit(&v->touched_lo, &old, lo,
						      memory_order_relaxed, memory_order_relaxed))
		;
	old = atomic_load_explicit(&v->touched_hi, memory_order_relaxed);
	while (hi > old &&
	       !atomic_compare_exchange_weak_explicit(&v->touched_hi, &old, hi,
						      memory_order_relaxed, memory_order_relaxed))
		;
}

static ALWAYS_INLINE void vma_touch(struct vma *v, vaddr_t lo, vaddr_t hi)
{
	v->touched_lo = MIN(v->touched_lo, lo);
	v->touched_hi = MAX(v->touched_hi, hi);
}

/* Whether the platform puts pages without telling us (linuxu): then all of a mapping counts as
 * touched. */
static ALWAYS_INLINE bool vma_pages_come_unseen(void)
{
	return plat->pmap_fault == NULL;
}

/* [lo, hi) was added to v. */
static ALWAYS_INLINE void vma_touch_new(struct vma *v, vaddr_t lo, vaddr_t hi)
{
	if (vma_pages_come_unseen())
		vma_touch(v, lo, hi);
}

static ALWAYS_INLINE void vma_touch_none(struct vma *v)
{
	v->touched_lo = UINT64_MAX;
	v->touched_hi = 0;
}

/* --- vma.c --- */

/* A new VMA, not in the tree, nothing touched. NULL: no memory. */
struct vma *vma_create(vaddr_t start, vaddr_t end, unsigned prot, unsigned flags, const char *name);

/* Round len up to pages and check that [start, start+len) can be a range: 0, or -EINVAL. */
MUST_CHECK int vma_check_range(vaddr_t start, size_t len, vaddr_t *end);
/* Map the free range [start, end). 0 or -ENOMEM. */
MUST_CHECK int vma_map_locked(vaddr_t start, vaddr_t end, unsigned prot, unsigned flags,
			      const char *name);
/* 0; -EINVAL (a part is image), -ENOMEM (no memory for a split): nothing changed. */
MUST_CHECK int vma_unmap_locked(vaddr_t start, vaddr_t end);

/* --- vma_resize.c --- */

/* Boot: the break starts `pages` pages above the mmap area. */
void vma_brk_init(unsigned pages);

#endif
