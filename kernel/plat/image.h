/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The running image as an ELF file in memory: relocation and what must become read-only after it.
 */
#ifndef PLAT_IMAGE_H
#define PLAT_IMAGE_H

#include "base/elf.h"
#include "base/types.h"

/*
 * Apply the relocations that the linker left in a static PIE (R_X86_64_RELATIVE in DT_RELA, and
 * DT_RELR), once.
 *
 * base     added to every relocated word: the image's virtual address 0
 * access   where the image's virtual address 0 can be read and written now (kvm relocates through
 * the physical address; equal to base otherwise)
 *
 * Runs before relocations are applied: uses no absolute address. Returns false if there is a
 * relocation of another type (a broken link).
 */
MUST_CHECK bool image_relocate(uintptr_t base, uintptr_t access);

/*
 * What to add to an address in the program headers of the image that is mapped at base. A PIE is
 * linked at 0, so that is base; an image of code that is not position independent is mapped where
 * it was linked: 0.
 */
uintptr_t image_bias(uintptr_t base);

/* The image's program headers, *n of them. */
const struct elf_phdr *image_phdrs(uintptr_t access, unsigned *n);

/* The image's i-th program header of a type, counted from the ELF header at access; NULL if there
 * are no more. */
const struct elf_phdr *image_phdr(uintptr_t access, uint32_t type, unsigned i);

#endif
