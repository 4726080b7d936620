/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A program that is linked into the image: it is in memory already, and shares it with the kernel.
 */
#include "abi/program.h"
#include "core/log.h"
#include "core/vma.h"
#include "fs/fixed.h"
#include "plat/image.h"
#include "plat/plat.h"

/* musl's crt1.o, or what the program has in its place. */
extern char _start[] __attribute__((visibility("hidden")));

/* The image is where it is: its segments become mappings that the program cannot remove. */
void program_register_image(void)
{
	uintptr_t base = (uintptr_t)kiln_image_base, bias = image_bias(base);
	unsigned n;
	const struct elf_phdr *p = image_phdrs(base, &n);
	vaddr_t relro_end = ALIGN_UP((vaddr_t)kiln_relro_end, PAGE_SIZE);

	for (; n > 0; n--, p++) {
		vaddr_t start = bias + ALIGN_DOWN(p->vaddr, PAGE_SIZE);
		vaddr_t end = bias + ALIGN_UP(p->vaddr + p->memsz, PAGE_SIZE);
		unsigned prot = PROT_READ;

		if (p->type != ELF_PT_LOAD)
			continue;
		if (p->flags & ELF_PF_X)
			prot |= PROT_EXEC;
		/* Read-only since relocation: the segment that ends where the relocated constants
		 * end. */
		if (p->flags & ELF_PF_W && end > relro_end)
			prot |= PROT_WRITE;
		if (vma_insert_fixed(start, end, prot, VMA_IMAGE, "image"))
			panic("no memory for the image's mappings: give the machine more");
	}
}

void program_prepare(struct program *out)
{
	const struct elf_header *elf = (const struct elf_header *)(const void *)kiln_image_base;

	out->entry = (uintptr_t)_start;
	out->phdrs = (uintptr_t)kiln_image_base + elf->phoff;
	out->phnum = elf->phnum;
	proc_program.base = (uintptr_t)kiln_image_base;
	out->vdso = 0; /* system calls are function calls */
}
