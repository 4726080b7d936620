/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The program's address space: non-overlapping mappings in a tree, over the platform's pmap. Guarded by one
 * mm lock (inside vma.c). Kernel code never touches program memory while it is held.
 */
#ifndef CORE_VMA_H
#define CORE_VMA_H

#include "base/rbtree.h"
#include "base/types.h"
#include "plat/plat.h"

#define VMA_GROWSDOWN 1u /* main stack: a fault below it, down to its limit, extends it */
#define VMA_IMAGE 2u     /* part of the image: not unmapped, may be mprotected (RELRO) */
#define VMA_SHARED 4u
#define VMA_STACK 8u

struct vma {
	struct rb_node node;
	vaddr_t start, end;       /* page-aligned */
	vaddr_t touched_lo, touched_hi; /* pages can exist only in here (kvm); lo >= hi: none */
	unsigned prot;            /* PROT_* */
	unsigned flags;           /* VMA_* */
	vaddr_t grow_limit;       /* VMA_GROWSDOWN: lowest start */
	const char *name;         /* static: "[stack]", "[heap]", "image", or NULL; for reports and /proc/self/maps */
};

/* Boot: window from plat->pmap_window(), the image's segments registered (flags VMA_IMAGE), page 0 never given. */
void vma_init(void);
/* Register what is mapped already (image segments). */
MUST_CHECK int vma_insert_fixed(vaddr_t start, vaddr_t end, unsigned prot, unsigned flags, const char *name);

#define MAP_FLAG_FIXED 1u           /* replace what is there */
#define MAP_FLAG_FIXED_NOREPLACE 2u /* -EEXIST if something is there */
#define MAP_FLAG_POPULATE 4u
#define MAP_FLAG_GROWSDOWN 8u
/* Anonymous mapping; hint 0: anywhere. Address in *out; 0, -ENOMEM, -EINVAL, -EEXIST. */
MUST_CHECK int vma_map(vaddr_t hint, size_t len, unsigned prot, unsigned map_flags, const char *name, vaddr_t *out);
MUST_CHECK int vma_unmap(vaddr_t start, size_t len);
MUST_CHECK int vma_protect(vaddr_t start, size_t len, unsigned prot);
MUST_CHECK int vma_discard(vaddr_t start, size_t len); /* MADV_DONTNEED; -ENOMEM if a part is unmapped */
MUST_CHECK int vma_remap(vaddr_t old, size_t old_len, size_t new_len, unsigned mremap_flags, vaddr_t new_addr, vaddr_t *out);
vaddr_t vma_brk(vaddr_t want); /* brk(2): returns the break */

/*
 * A page fault at addr (any context; kvm runs it on the IST stack): true if it is resolved (demand-zero page put, stack grown)
 * and the instruction can be repeated. write/fetch say what the access was.
 */
bool vma_fault(vaddr_t addr, bool write, bool fetch);
/* Copy of the mapping that holds addr (or, with next, the first one above it). False if there is none. */
/* Did the last vma_fault() that returned false fail for lack of memory? */
bool vma_fault_was_oom(void);
bool vma_find(vaddr_t addr, bool next, struct vma *out);
/* Bytes mapped, and of those resident as far as known. */
void vma_usage(uint64_t *mapped, uint64_t *touched);

#endif
