/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Mappings of a program that is loaded from a file: see vma_program.h. */
#include "core/vma_program.h"
#include "base/errno.h"
#include "core/heap.h"
#include "core/random.h"
#include "core/vma_tree.h"

/* A program that can be anywhere begins at one of so many pages below the other mappings: 64 GiB,
 * or a quarter of a smaller window. */
#define SPREAD_BYTES (64ul << 30)

int vma_program_reserve(vaddr_t start, vaddr_t end)
{
	const struct vma *v;
	bool inside, is_free;

	mm_lock();
	inside = start >= vma_window.lo && end <= vma_window.hi;
	v = vma_above(start);
	is_free = v == NULL || vma_low_edge(v) >= end;
	mm_unlock();
	if (!is_free)
		return -EEXIST;
	if (inside)
		return 0;
	return plat->load->range_reserve != NULL ? plat->load->range_reserve(start, end) : -ENOMEM;
}

vaddr_t vma_program_place(size_t len, size_t align)
{
	vaddr_t start, span;

	if (len > vma_window.top - vma_window.lo || align > vma_window.top - vma_window.lo - len)
		return 0;
	mm_lock();
	span = MIN(SPREAD_BYTES, (vma_window.top - vma_window.lo) / 4);
	start = vma_window.top - len - align;
	if (IS_ENABLED(CONFIG_KASLR) && start - vma_window.lo > span)
		start -= random_u64() % span;
	start = ALIGN_DOWN(start, align);
	if (!vma_range_is_free(start, start + len)) {
		start = vma_find_gap(len + align);
		start = start != 0 ? ALIGN_UP(start, align) : 0;
	}
	mm_unlock();
	return start;
}

/* The part of a segment that the file holds. */
static int program_map_file(vaddr_t start, vaddr_t end, uint64_t offset, unsigned prot)
{
	struct vma *v, *prev, *next;
	int rc;

	v = vma_create(start, end, prot, prot & PROT_WRITE ? 0 : VMA_IMAGE, vma_program_name);
	if (v == NULL)
		return -ENOMEM;
	rc = plat->load->map_file(start, end - start, offset, prot);
	if (rc != 0) {
		heap_free(v, sizeof(*v));
		return rc;
	}
	vma_touch(v, start, end);
	vma_neighbours(start, &prev, &next);
	vma_tree_insert(v, prev, next);
	return 0;
}

int vma_program_map(const struct vma_program_part *part)
{
	int rc = 0;

	mm_lock();
	if (part->file_end > part->start)
		rc = program_map_file(part->start, part->file_end, part->offset, part->prot);
	if (rc == 0 && part->end > part->file_end)
		rc = vma_map_locked(part->file_end, part->end, part->prot, 0, NULL);
	mm_unlock();
	return rc;
}

const char vma_program_name[] = "program";
