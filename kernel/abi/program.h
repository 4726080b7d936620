/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The program as its start needs to know it. It is linked into the image with the kernel
 * (abi/linked.c), or a file of its own that the loader's image maps (abi/load.c); an image has one
 * of the two.
 */
#ifndef ABI_PROGRAM_H
#define ABI_PROGRAM_H

#include "base/types.h"

struct program {
	uintptr_t entry; /* where it starts */
	uintptr_t phdrs; /* its program headers, for AT_PHDR; 0: not in memory */
	uint16_t phnum;
	vaddr_t vdso; /* its vDSO's ELF header, for AT_SYSINFO_EHDR; 0: it has none */
};

/* Find the program, and put it into memory if it is not there yet. Ends with a message if that
 * cannot be done. */
void program_prepare(struct program *out);

/* The image that this kernel is in: its segments become mappings. Boot only. */
void program_register_image(void);

/* abi/vdso.c, of the loader: map a vDSO. Its address. */
vaddr_t program_map_vdso(void);

/* "the program cannot be started: WHY" on the log, and the end. */
NORETURN void program_fail(const char *why);

#endif
