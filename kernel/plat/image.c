/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Relocating the image that runs this code. Both platforms' start code calls this first of all, so
 * nothing in this file may need a relocation itself: no table of pointers, no call that is not
 * direct.
 */
#include "plat/image.h"

static bool image_relocate_rela(uintptr_t base, uintptr_t access, const struct elf_rela *r,
				size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t type = (uint32_t)r[i].info;

		if (type == ELF_R_X86_64_RELATIVE)
			*(uint64_t *)(access + r[i].offset) = base + (uint64_t)r[i].addend;
		else if (type != ELF_R_X86_64_NONE)
			return false;
	}
	return true;
}

/* Number of the lowest 1 of v, not 0. The compiler's own takes two instructions more to be ready
 * for 0 and for 32 bits, and a Rust hello has 762 words to relocate. */
static ALWAYS_INLINE uint64_t lowest_bit(uint64_t v)
{
	uint64_t n;

	__asm__("bsf %1, %0" : "=r"(n) : "r"(v) : "cc");
	return n;
}

/* 63 words in a row, as most are in the constants of a Rust program. Every start of every program
 * runs this. */
static void image_relocate_run(uintptr_t base, uint64_t *where)
{
	for (unsigned i = 0; i < 63; i += 9)
		for (unsigned k = 0; k < 9; k++)
			where[i + k] += base;
}

/*
 * DT_RELR (System V ABI, "Relative relocation table"): an even entry is the address of a word to
 * relocate, an odd one a bitmap of the 63 words behind the last address.
 */
static void image_relocate_relr(uintptr_t base, uintptr_t access, const uint64_t *relr, size_t n)
{
	uint64_t *where = (uint64_t *)access; /* the first entry is an address */

	for (size_t i = 0; i < n; i++) {
		uint64_t entry = relr[i];

		if ((entry & 1) == 0) {
			where = (uint64_t *)(access + entry);
			*where++ += base;
			continue;
		}
		if (entry == UINT64_MAX)
			image_relocate_run(base, where);
		else
			for (entry >>= 1; entry != 0; entry &= entry - 1)
				where[lowest_bit(entry)] += base;
		where += 63;
	}
}

bool image_relocate(uintptr_t base, uintptr_t access)
{
	const struct elf_phdr *dynamic = image_phdr(access, ELF_PT_DYNAMIC, 0);
	uint64_t rela = 0, rela_bytes = 0, relr = 0, relr_bytes = 0;

	if (dynamic == NULL || dynamic->filesz == 0)
		return true; /* linked where it is mapped */
	for (const struct elf_dyn *d = (const struct elf_dyn *)(access + dynamic->vaddr);
	     d->tag != ELF_DT_NULL; d++) {
		if (d->tag == ELF_DT_RELA)
			rela = d->value;
		else if (d->tag == ELF_DT_RELASZ)
			rela_bytes = d->value;
		else if (d->tag == ELF_DT_RELR)
			relr = d->value;
		else if (d->tag == ELF_DT_RELRSZ)
			relr_bytes = d->value;
	}
	image_relocate_relr(base, access, (const uint64_t *)(access + relr), relr_bytes / 8);
	return image_relocate_rela(base, access, (const struct elf_rela *)(access + rela),
				   rela_bytes / sizeof(struct elf_rela));
}

const struct elf_phdr *image_phdrs(uintptr_t access, unsigned *n)
{
	const struct elf_header *eh = (const struct elf_header *)access;

	*n = eh->phnum;
	return (const struct elf_phdr *)(access + eh->phoff);
}

const struct elf_phdr *image_phdr(uintptr_t access, uint32_t type, unsigned i)
{
	unsigned n;
	const struct elf_phdr *p = image_phdrs(access, &n);

	for (; n > 0; n--, p++)
		if (p->type == type && i-- == 0)
			return p;
	return NULL;
}

uintptr_t image_bias(uintptr_t base)
{
	return base - ALIGN_DOWN(image_phdr(base, ELF_PT_LOAD, 0)->vaddr, PAGE_SIZE);
}
