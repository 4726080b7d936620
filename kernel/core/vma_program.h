/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The address space of a program that is loaded from a file of its own (abi/load.c). In the
 * loader's image only, and used at boot, before the program's first thread.
 */
#ifndef CORE_VMA_PROGRAM_H
#define CORE_VMA_PROGRAM_H

#include "core/vma.h"

/* The name of mappings of the program's file. */
extern const char vma_program_name[];

/* Pages [start, file_end) of the program's file from offset on, then zero pages up to end. All are
 * page-aligned. */
struct vma_program_part {
	vaddr_t start, file_end, end;
	uint64_t offset;
	unsigned prot; /* not both PROT_WRITE and PROT_EXEC */
};

/* [start, end) is where a program must be that cannot be elsewhere. 0, or -EEXIST, -ENOMEM. */
MUST_CHECK int vma_program_reserve(vaddr_t start, vaddr_t end);
/* A random free place of len bytes at a multiple of align (a power of two, at least a page); 0 if
 * there is none. */
vaddr_t vma_program_place(size_t len, size_t align);
/* A free place of len bytes near the other mappings; 0 if there is none. */
vaddr_t vma_program_gap(size_t len);
/* Map pages of the image there for the program to read or run. They stay. 0, or -ENOMEM. */
MUST_CHECK int vma_program_map_image(vaddr_t start, const void *pages, size_t len, unsigned prot,
				     const char *name);
/*
 * Map a part of the program, in a range that one of the first two has found free. What is not
 * writable is as the image's mappings are: it stays, and its rights can only shrink. 0, -ENOMEM, or
 * -EIO from the host.
 */
MUST_CHECK int vma_program_map(const struct vma_program_part *part);

#endif
