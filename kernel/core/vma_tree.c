/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The tree of VMAs: lookup, splitting and merging, and the search for free address space. Each VMA
 * knows the gap below it and, for its subtree, the largest such gap.
 */
#include "core/vma_tree.h"

#include "core/heap.h"

struct vma_window vma_window;
static struct rb_root vma_root;
static struct vma *vma_highest; /* NULL: none at all */
static struct vma *vma_lowest;  /* of those that end in or above the window */
struct vma *_Atomic vma_hit;

static inline struct vma *vma_of(struct rb_node *n)
{
	return n == NULL ? NULL : rb_entry(n, struct vma, node);
}

struct vma *vma_above_slow(vaddr_t addr)
{
	struct rb_node *n = vma_root.node;
	struct vma *best = NULL;

	while (n != NULL) {
		struct vma *v = rb_entry(n, struct vma, node);

		if (v->end > addr) {
			best = v;
			if (v->start <= addr) {
				atomic_store_explicit(&vma_hit, v, memory_order_relaxed);
				break;
			}
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return best;
}

void vma_neighbours(vaddr_t addr, struct vma **prev, struct vma **next)
{
	struct rb_node *n = vma_root.node;

	*prev = NULL;
	*next = NULL;
	while (n != NULL) {
		struct vma *v = rb_entry(n, struct vma, node);

		if (v->start > addr) {
			*next = v;
			n = n->left;
		} else {
			*prev = v;
			n = n->right;
		}
	}
}

vaddr_t vma_low_edge(const struct vma *v)
{
	vaddr_t edge = v->start;

	if ((v->flags & VMA_GROWSDOWN) == 0)
		return edge;
	edge = MIN(edge, v->grow_limit);
	return edge > VMA_STACK_GUARD ? edge - VMA_STACK_GUARD : 0;
}

static inline vaddr_t vma_clip(vaddr_t addr)
{
	return addr < vma_window.lo ? vma_window.lo : MIN(addr, vma_window.top);
}

/* For rbtree: max_gap from v's own gap and its children's. */
static bool vma_update_max_gap(struct rb_node *n)
{
	struct vma *v = rb_entry(n, struct vma, node);
	uint64_t max = v->gap;

	if (n->left != NULL)
		max = MAX(max, rb_entry(n->left, struct vma, node)->max_gap);
	if (n->right != NULL)
		max = MAX(max, rb_entry(n->right, struct vma, node)->max_gap);
	if (max == v->max_gap)
		return false;
	v->max_gap = max;
	return true;
}

/*
 * The gap between v and its lower neighbour. What is free below the lowest VMA of the window does
 * not count: it changes with nearly every mapping, and as the largest gap it would change every
 * node above; vma_find_gap() knows it.
 */
static uint64_t vma_gap_below(const struct vma *v)
{
	vaddr_t floor, edge;

	if (v->prev == NULL || v->prev->end <= vma_window.lo)
		return 0;
	floor = vma_clip(v->prev->end);
	edge = vma_clip(vma_low_edge(v));
	return edge > floor ? edge - floor : 0;
}

/* v or its lower neighbour has moved: bring v's gap up to date. v may be NULL. */
static void vma_gap_changed(struct vma *v)
{
	uint64_t gap;

	if (v == NULL)
		return;
	gap = vma_gap_below(v);
	if (gap == v->gap)
		return;
	v->gap = gap;
	rb_propagate(&v->node, vma_update_max_gap);
}

void vma_tree_insert(struct vma *v, struct vma *prev, struct vma *next)
{
	struct rb_node **link = &vma_root.node, *parent = NULL;

	v->prev = prev;
	v->next = next;
	if (prev != NULL)
		prev->next = v;
	if (next != NULL)
		next->prev = v;
	else
		vma_highest = v;
	if (vma_lowest == next && v->end > vma_window.lo)
		vma_lowest = v;
	v->gap = vma_gap_below(v);
	v->max_gap = v->gap;
	/* Of two neighbours one is below the other in the tree, and has no child on the other's
	 * side. */
	if (next != NULL && next->node.left == NULL) {
		parent = &next->node;
		link = &parent->left;
	} else if (prev != NULL) {
		parent = &prev->node;
		link = &parent->right;
	}
	rb_insert_augmented(&vma_root, &v->node, parent, link, vma_update_max_gap);
	vma_gap_changed(next);
}

void vma_tree_erase(struct vma *v)
{
	struct vma *prev = v->prev, *next = v->next;

	if (vma_hit == v)
		vma_hit = NULL;
	if (prev != NULL)
		prev->next = next;
	if (next != NULL)
		next->prev = prev;
	else
		vma_highest = prev;
	if (vma_lowest == v)
		vma_lowest = next;
	rb_erase_augmented(&vma_root, &v->node, vma_update_max_gap);
	vma_gap_changed(next);
	heap_free(v, sizeof(*v));
}

static void vma_trim_touched(struct vma *v)
{
	v->touched_lo = MAX(v->touched_lo, v->start);
	v->touched_hi = MIN(v->touched_hi, v->end);
	if (v->touched_lo >= v->touched_hi)
		vma_touch_none(v);
}

void vma_set_bounds(struct vma *v, vaddr_t start, vaddr_t end)
{
	bool start_moved = v->start != start, end_moved = v->end != end;

	v->start = start;
	v->end = end;
	vma_trim_touched(v);
	if (start_moved)
		vma_gap_changed(v);
	if (end_moved)
		vma_gap_changed(v->next);
}

void vma_split(struct vma *v, vaddr_t at, struct vma *upper)
{
	*upper = *v;
	upper->start = at;
	/* Only the lower part goes on growing. */
	upper->flags &= ~VMA_GROWSDOWN;
	vma_trim_touched(upper);
	/* No gap changes: upper begins where v ends now, and ends where it did. */
	v->end = at;
	vma_trim_touched(v);
	vma_tree_insert(upper, v, v->next);
}

void vma_cut(struct vma *v, vaddr_t lo, vaddr_t hi, struct vma **spare)
{
	if (lo > v->start && hi < v->end) {
		vma_split(v, hi, *spare);
		*spare = NULL;
	}
	if (lo == v->start && hi == v->end)
		vma_tree_erase(v);
	else if (lo > v->start)
		vma_set_bounds(v, v->start, lo);
	else
		vma_set_bounds(v, hi, v->end);
}

bool vma_is_alike(const struct vma *v, unsigned prot, unsigned flags, const char *name)
{
	return v->prot == prot && v->flags == flags && v->name == name &&
	       (flags & (VMA_GROWSDOWN | VMA_IMAGE)) == 0;
}

/* low ends where high starts: make them one if they are alike. */
static bool vma_unite(struct vma *low, struct vma *high)
{
	vaddr_t start = low->start, lo = low->touched_lo, hi = low->touched_hi;

	if (low->end != high->start || !vma_is_alike(low, high->prot, high->flags, high->name))
		return false;
	vma_tree_erase(low);
	vma_set_bounds(high, start, high->end);
	vma_touch(high, lo, hi);
	return true;
}

struct vma *vma_merge(struct vma *v)
{
	struct vma *next = v->next;

	if (v->prev != NULL)
		vma_unite(v->prev, v);
	if (next != NULL && vma_unite(v, next))
		v = next;
	return v;
}

bool vma_range_is_free(vaddr_t start, vaddr_t end)
{
	const struct vma *v;

	if (start < vma_window.lo || end > vma_window.hi)
		return false;
	v = vma_above(start);
	return v == NULL || vma_low_edge(v) >= end;
}

/* Above the mmap area, from the window's end downwards: only when the area is full, so a plain
 * walk. */
static vaddr_t vma_find_gap_above_top(uint64_t len)
{
	vaddr_t ceiling = vma_window.hi;

	for (const struct vma *v = vma_highest;; v = v->prev) {
		vaddr_t floor = v == NULL ? vma_window.top : MAX(v->end, vma_window.top);

		if (ceiling > floor && ceiling - floor >= len)
			return ceiling - len;
		if (v == NULL || v->start <= vma_window.top)
			return 0;
		ceiling = MIN(ceiling, vma_low_edge(v));
	}
}

vaddr_t vma_find_gap(uint64_t len)
{
	const struct vma *v = vma_highest;
	vaddr_t edge = v == NULL ? vma_window.lo : vma_clip(v->end);

	if (vma_window.top - edge >= len)
		return vma_window.top - len;
	v = vma_of(vma_root.node);
	while (v != NULL && v->max_gap >= len) {
		const struct vma *right = vma_of(v->node.right);

		if (right != NULL && right->max_gap >= len)
			v = right;
		else if (v->gap >= len)
			return vma_clip(vma_low_edge(v)) - len;
		else
			v = vma_of(v->node.left);
	}
	edge = vma_lowest == NULL ? vma_window.lo : vma_clip(vma_low_edge(vma_lowest));
	if (edge - vma_window.lo >= len)
		return edge - len;
	return vma_find_gap_above_top(len);
}
