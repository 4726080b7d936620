/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Mappings that change their size: mremap(2) and brk(2). */
#include "base/errno.h"
#include "core/heap.h"
#include "core/vma_tree.h"

static vaddr_t brk_start, brk_end; /* guarded by the mm lock */

void vma_brk_init(unsigned pages)
{
	brk_start = vma_window.top + pages * PAGE_SIZE;
	brk_end = brk_start;
}

/* Make the break want, which is not below brk_start. 0 or -ENOMEM. */
static int brk_set(vaddr_t want)
{
	vaddr_t old_top = ALIGN_UP(brk_end, PAGE_SIZE), new_top;
	int rc = 0;

	if (want > vma_window.hi)
		return -ENOMEM;
	new_top = ALIGN_UP(want, PAGE_SIZE);
	if (new_top < old_top) {
		rc = vma_unmap_locked(new_top, old_top);
	} else if (new_top > old_top) {
		if (!vma_range_is_free(old_top, new_top))
			return -ENOMEM;
		rc = vma_map_locked(old_top, new_top, PROT_READ | PROT_WRITE, 0, "[heap]");
	}
	if (rc == 0)
		brk_end = want;
	return rc;
}

vaddr_t vma_brk(vaddr_t want)
{
	vaddr_t result;

	mm_lock();
	/* brk(2) reports failure by the break not having moved. */
	if (want >= brk_start)
		(void)brk_set(want);
	result = brk_end;
	mm_unlock();
	return result;
}

/* Extend v, which ends at old_end, to new_end. False if there is no room or no memory. */
static bool remap_grow_in_place(struct vma *v, vaddr_t old_end, vaddr_t new_end)
{
	if (new_end < old_end || !vma_range_is_free(old_end, new_end))
		return false;
	if (plat->pmap_reserve(old_end, new_end - old_end, v->prot) != 0)
		return false;
	vma_set_bounds(v, v->start, new_end);
	vma_touch_new(v, old_end, new_end);
	vma_merge(v);
	return true;
}

/* The pages of [old, old+keep), a part of v, move to new_addr, which is free, and become a mapping
 * of new_len bytes there. */
static int remap_move(struct vma *v, vaddr_t old, size_t keep, vaddr_t new_addr, size_t new_len)
{
	vaddr_t lo = MAX(old, v->touched_lo), hi = MIN(old + keep, v->touched_hi);
	unsigned flags = v->flags & ~VMA_GROWSDOWN;
	struct vma *moved = vma_create(new_addr, new_addr + new_len, v->prot, flags, v->name);
	struct vma *spare = heap_alloc(sizeof(*spare)), *prev, *next;
	int rc = -ENOMEM;

	if (moved == NULL || spare == NULL)
		goto free_both;
	if (new_len > keep) {
		rc = plat->pmap_reserve(new_addr + keep, new_len - keep, v->prot);
		if (rc != 0)
			goto free_both;
		vma_touch_new(moved, new_addr + keep, new_addr + new_len);
	}
	if (lo < hi) {
		rc = plat->pmap_move(lo, new_addr + (lo - old), hi - lo, v->prot);
		if (rc != 0)
			goto remove_tail;
		vma_touch(moved, new_addr + (lo - old), new_addr + (hi - old));
	}
	vma_cut(v, old, old + keep, &spare);
	heap_free(spare, sizeof(*spare));
	vma_neighbours(new_addr, &prev, &next);
	vma_tree_insert(moved, prev, next);
	vma_merge(moved);
	return 0;

remove_tail:
	if (new_len > keep)
		plat->pmap_remove(new_addr + keep, new_len - keep, moved->touched_lo,
				  moved->touched_hi);
free_both:
	heap_free(moved, sizeof(*moved));
	heap_free(spare, sizeof(*spare));
	return rc;
}

/* MREMAP_FIXED. */
static int remap_to(struct vma *v, vaddr_t old, size_t old_len, size_t new_len, vaddr_t new_addr)
{
	size_t keep = MIN(old_len, new_len);
	int rc;

	if (!IS_ALIGNED(new_addr, PAGE_SIZE) || new_addr < vma_window.lo ||
	    new_addr > vma_window.hi || new_len > vma_window.hi - new_addr)
		return -EINVAL;
	if (new_addr < old + old_len && old < new_addr + new_len)
		return -EINVAL;
	if (keep > v->end - old)
		return -EFAULT;
	rc = vma_unmap_locked(new_addr, new_addr + new_len);
	if (rc == 0 && keep < old_len)
		rc = vma_unmap_locked(old + keep, old + old_len);
	if (rc != 0)
		return rc;
	/* v may have been cut: both ranges may have been its. */
	return remap_move(vma_above(old), old, keep, new_addr, new_len);
}

static int remap_locked(vaddr_t old, size_t old_len, size_t new_len, unsigned flags,
			vaddr_t new_addr, vaddr_t *out)
{
	struct vma *v = vma_above(old);
	vaddr_t old_end = old + old_len;

	if (v == NULL || v->start > old)
		return -EFAULT;
	if (v->flags & VMA_IMAGE)
		return -EINVAL;
	/* There would be zeros where the file goes on. */
	if ((v->flags & VMA_FILE) && new_len > old_len)
		return -ENOMEM;
	if (flags & MREMAP_FIXED) {
		*out = new_addr;
		return remap_to(v, old, old_len, new_len, new_addr);
	}
	*out = old;
	if (new_len == old_len)
		return 0;
	if (new_len < old_len)
		return vma_unmap_locked(old + new_len, old_end);
	if (old_end > v->end)
		return -EFAULT;
	if (old_end == v->end && remap_grow_in_place(v, old_end, old + new_len))
		return 0;
	if ((flags & MREMAP_MAYMOVE) == 0)
		return -ENOMEM;
	*out = vma_find_gap(new_len);
	if (*out == 0)
		return -ENOMEM;
	return remap_move(v, old, old_len, *out, new_len);
}

int vma_remap(vaddr_t old, size_t old_len, size_t new_len, unsigned mremap_flags, vaddr_t new_addr,
	      vaddr_t *out)
{
	vaddr_t old_end, place;
	int rc = vma_check_range(old, old_len, &old_end);

	if (rc != 0 || new_len == 0)
		return -EINVAL;
	if ((mremap_flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED)) != 0 || mremap_flags == MREMAP_FIXED)
		return -EINVAL;
	if (new_len > vma_window.hi - vma_window.lo)
		return mremap_flags & MREMAP_FIXED ? -EINVAL : -ENOMEM;
	mm_lock();
	rc = remap_locked(old, old_end - old, ALIGN_UP(new_len, PAGE_SIZE), mremap_flags, new_addr,
			  &place);
	mm_unlock();
	if (rc == 0)
		*out = place;
	return rc;
}
