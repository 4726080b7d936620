/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Mappings of a program that is loaded from a file: see vma_program.h. What fails here ends
 * everything, so nothing is taken back. */
#include "core/vma_program.h"
#include "base/errno.h"
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

vaddr_t vma_program_gap(size_t len)
{
	vaddr_t start;

	mm_lock();
	start = vma_find_gap(len);
	mm_unlock();
	return start;
}

/* A VMA for pages that are there already. 0 or -ENOMEM. */
static int program_insert(vaddr_t start, vaddr_t end, unsigned prot, const char *name)
{
	unsigned flags = prot & PROT_WRITE ? VMA_FILE : VMA_IMAGE;
	struct vma *prev, *next, *v = vma_create(start, end, prot, flags, name);

	if (v == NULL)
		return -ENOMEM;
	vma_touch(v, start, end);
	vma_neighbours(start, &prev, &next);
	vma_tree_insert(v, prev, next);
	return 0;
}

int vma_program_map_image(vaddr_t start, const void *pages, size_t len, unsigned prot,
			  const char *name)
{
	int rc;

	mm_lock();
	rc = plat->load->map_image(start, pages, len, prot);
	if (rc == 0)
		rc = program_insert(start, start + len, prot, name);
	mm_unlock();
	return rc;
}

int vma_program_map(const struct vma_program_part *part)
{
	int rc = 0;

	mm_lock();
	if (part->file_end > part->start) {
		rc = plat->load->map_file(part->start, part->file_end - part->start, part->offset,
					  part->prot);
		if (rc == 0)
			rc = program_insert(part->start, part->file_end, part->prot,
					    vma_program_name);
	}
	if (rc == 0 && part->end > part->file_end)
		rc = vma_map_locked(part->file_end, part->end, part->prot, 0, NULL);
	mm_unlock();
	return rc;
}

const char vma_program_name[] = "program";
