/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The program's address space: non-overlapping mappings in a tree, over the platform's pmap.
 * Guarded by one mm lock (inside vma.c): page faults hold it for reading, everything else for
 * writing. Kernel code never touches program memory while it is held.
 *
 * Nothing is ever writable and executable at once: every function that takes a prot refuses
 * PROT_WRITE with PROT_EXEC by -EACCES. Memory is promised freely (a mapping may be larger than
 * RAM) and found at the first touch; what a touch cannot get ends the program, see vma_fault().
 */
#ifndef CORE_VMA_H
#define CORE_VMA_H

#include "base/rbtree.h"
#include "base/types.h"
#include "plat/plat.h"

#define VMA_GROWSDOWN 1u /* main stack: a fault below it, down to its limit, extends it */
#define VMA_IMAGE 2u     /* part of the image: stays mapped, its rights can only shrink */
#define VMA_SHARED 4u
#define VMA_STACK 8u
#define VMA_FILE 16u /* of a file: what was in its pages at first cannot be had again */

/* How far a VMA_GROWSDOWN mapping may grow in all (RLIMIT_STACK's default on Linux). */
#define VMA_STACK_MAX (8ul << 20)
/* What stays free between it and an accessible mapping below (Linux's stack_guard_gap). */
#define VMA_STACK_GUARD (256 * PAGE_SIZE)

struct vma {
	struct rb_node node;
	vaddr_t start, end; /* page-aligned */
	/* Pages can exist only in here (linuxu: all); lo >= hi: none. */
	_Atomic vaddr_t touched_lo, touched_hi;
	unsigned prot;           /* PROT_* */
	unsigned flags;          /* VMA_* */
	struct vma *prev, *next; /* neighbours by address; NULL at the ends */
	vaddr_t fault_next;      /* the page after the last that was faulted in */
	unsigned fault_run;      /* faults in a row that were at fault_next */
	uint64_t gap;            /* free bytes below it in the mmap area */
	uint64_t max_gap;        /* the largest gap in the subtree of node */
	vaddr_t grow_limit;      /* VMA_GROWSDOWN: lowest start */
	const char *name;        /* static, for reports and /proc/self/maps: "[heap]"; or NULL */
};

/* Boot: divides the platform's window into the mappings' area and, above it, the break's. */
void vma_init(void);
/* Register what is mapped already (image segments). 0, -ENOMEM, or -EEXIST. */
MUST_CHECK int vma_insert_fixed(vaddr_t start, vaddr_t end, unsigned prot, unsigned flags,
				const char *name);

#define MAP_FLAG_FIXED 1u           /* replace what is there */
#define MAP_FLAG_FIXED_NOREPLACE 2u /* -EEXIST if something is there */
#define MAP_FLAG_POPULATE 4u        /* as far as memory allows */
#define MAP_FLAG_GROWSDOWN 8u       /* room to grow to VMA_STACK_MAX is kept free below it */
#define MAP_FLAG_SHARED 16u
#define MAP_FLAG_STACK 32u
#define MAP_FLAG_FILE 64u /* it will be filled with a file's contents */
/*
 * Anonymous mapping; hint 0: anywhere. len is rounded up to pages. Address in *out; 0, -ENOMEM,
 * -EINVAL (len 0, a fixed address not page-aligned, or on the image), -EEXIST, -EACCES (W^X).
 */
MUST_CHECK int vma_map(vaddr_t hint, size_t len, unsigned prot, unsigned map_flags,
		       const char *name, vaddr_t *out);
/* 0, -EINVAL (not page-aligned, len 0, on the image), -ENOMEM (no memory for a split). */
MUST_CHECK int vma_unmap(vaddr_t start, size_t len);
/* 0, -EINVAL, -EACCES (W^X, or more than before for the image), -ENOMEM (a part is unmapped, no
 * memory for a split). */
MUST_CHECK int vma_protect(vaddr_t start, size_t len, unsigned prot);
/* MADV_DONTNEED. 0, -EINVAL (as vma_unmap()), -ENOMEM (a part is unmapped). */
MUST_CHECK int vma_discard(vaddr_t start, size_t len);
/* Make pages present. 0, -ENOMEM (a part is unmapped or inaccessible, or not enough memory),
 * -EINVAL. */
MUST_CHECK int vma_populate(vaddr_t start, size_t len);
/* 0 if all of the range is mapped, else -ENOMEM; -EINVAL as vma_unmap(). */
MUST_CHECK int vma_check(vaddr_t start, size_t len);

#define MREMAP_MAYMOVE 1u
#define MREMAP_FIXED 2u
/* mremap(2). 0 with *out, -EINVAL, -EFAULT (old is not one mapping), -ENOMEM (no room, may not
 * move). */
MUST_CHECK int vma_remap(vaddr_t old, size_t old_len, size_t new_len, unsigned mremap_flags,
			 vaddr_t new_addr, vaddr_t *out);
vaddr_t vma_brk(vaddr_t want); /* brk(2): returns the break */

/*
 * A page fault at addr (any context; kvm runs it on the IST stack): true if it is resolved
 * (demand-zero page put, stack grown) and the instruction can be repeated. write/fetch say what the
 * access was.
 */
bool vma_fault(vaddr_t addr, bool write, bool fetch);
/* Whether the last vma_fault() that returned false did so for want of memory (and said so). */
bool vma_fault_was_oom(void);
/* Copy of the mapping that holds addr (or, with next, the first one above it). False if there is
 * none. */
bool vma_find(vaddr_t addr, bool next, struct vma *out);
/* Bytes mapped, and of those resident as far as known. */
void vma_usage(uint64_t *mapped, uint64_t *touched);

#endif
