/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The boot order. The platform's start code (plat/kvm/start.S, plat/linuxu/start.S) has relocated
 * the image, set up its protection and one CPU, and comes here.
 */
#include "abi/start.h"
#include "core/log.h"
#include "core/page.h"
#include "core/percpu.h"
#include "core/thread.h"
#include "core/vma.h"
#include "fs/file.h"
#include "plat/image.h"
#include "plat/plat.h"

/* The image is where it is: its segments become mappings that the program cannot remove. */
static void image_register(void)
{
	uintptr_t base = (uintptr_t)kiln_image_base, bias = image_bias(base);
	unsigned n;
	const struct elf_phdr *p = image_phdrs(base, &n),
			      *relro = image_phdr(base, ELF_PT_GNU_RELRO, 0);
	vaddr_t relro_end = relro ? bias + ALIGN_DOWN(relro->vaddr + relro->memsz, PAGE_SIZE) : 0;

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

NORETURN void boot_main(const struct boot_info *info)
{
	arch_init();
	percpu_init();
	page_init();
	vma_init();
	image_register();
	thread_init();
	fd_init();
	program_start(info);
	if (IS_ENABLED(CONFIG_BOOT_BANNER)) {
		static const char banner[] = "Kiln " KILN_VERSION "\n";

		plat->console_write(1, banner, sizeof(banner) - 1);
	}
	sched_start(info->start_ns);
}
