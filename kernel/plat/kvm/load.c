/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A program of its own in the virtual machine: the VMM has put its file into RAM, as a module.
 * Pages that are only read are mapped where they are; the program runs in ring 3.
 */
#include "base/errno.h"
#include "base/string.h"
#include "core/page.h"
#include "plat/kvm/kvm.h"
#include "plat/vdso.h"

/* The page that becomes the program's page at off in its file: the file's own where nobody can
 * write to it and all of it is file. 0: no memory. */
static paddr_t page_of_file(paddr_t file, uint64_t size, uint64_t off, unsigned prot)
{
	size_t n = MIN(PAGE_SIZE, size - off);
	char *page;

	if (!(prot & PROT_WRITE) && n == PAGE_SIZE && IS_ALIGNED(file, PAGE_SIZE))
		return file + off;
	page = page_alloc(0);
	if (page == NULL)
		return 0;
	memcpy(page, phys_to_virt(file + off), n);
	memset(page + n, 0, PAGE_SIZE - n);
	return virt_to_phys(page);
}

static int map_file(vaddr_t va, size_t len, uint64_t off, unsigned prot)
{
	uint64_t size;
	paddr_t file = memmap_exe(&size);

	for (vaddr_t end = va + len; va < end; va += PAGE_SIZE, off += PAGE_SIZE) {
		paddr_t page;

		if (off >= size)
			return -EIO;
		page = page_of_file(file, size, off, prot);
		if (page == 0 || !paging_map_page(va, page, prot))
			return -ENOMEM;
	}
	return 0;
}

static int map_image(vaddr_t va, const void *pages, size_t len, unsigned prot)
{
	paddr_t page = IMAGE_PHYS + ((vaddr_t)pages - kvm.image_base);

	for (size_t off = 0; off < len; off += PAGE_SIZE)
		if (!paging_map_page(va + off, page + off, prot))
			return -ENOMEM;
	return 0;
}

static void vdso_init(struct vdso_data *data)
{
	data->cpu = VDSO_CPU_LIMIT; /* trap.c */
}

static void isolate(void)
{
	arch_program_cs = SELECTOR_USER_CODE;
	arch_program_ss = SELECTOR_USER_DATA;
	arch_user_end = kvm.window_max;
}

const struct plat_load_ops kvm_load_ops = {
	.map_file = map_file,
	.map_image = map_image,
	.vdso_init = vdso_init,
	.isolate = isolate,
};
