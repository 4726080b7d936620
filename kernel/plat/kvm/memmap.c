/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What of the VMM's memory map is free: RAM without the first page, the image, its boot tables, and
 * what the VMM handed us in memory (start info, command line, modules).
 */
#include "base/errno.h"
#include "base/string.h"
#include "core/page.h"
#include "plat/kvm/kvm.h"

#define RESERVED_MAX 8

static struct {
	paddr_t start, end;
} reserved[RESERVED_MAX];
static unsigned nr_reserved;
static paddr_t exe_paddr;
static uint64_t exe_size;

static void reserve(paddr_t start, uint64_t size)
{
	if (nr_reserved == RESERVED_MAX || !size)
		return;
	reserved[nr_reserved].start = ALIGN_DOWN(start, PAGE_SIZE);
	reserved[nr_reserved].end = ALIGN_UP(start + size, PAGE_SIZE);
	nr_reserved++;
}

void memmap_init(void)
{
	const struct hvm_start_info *info = phys_to_virt(kvm.start_info);

	reserve(0, PAGE_SIZE);
	reserve(IMAGE_PHYS, kvm_tables_end() - IMAGE_PHYS);
	reserve(kvm.start_info, sizeof(*info));
	if (info->cmdline_paddr)
		reserve(info->cmdline_paddr, strlen(phys_to_virt(info->cmdline_paddr)) + 1);
	if (info->nr_modules) {
		const struct hvm_modlist_entry *m = phys_to_virt(info->modlist_paddr);

		reserve(info->modlist_paddr, info->nr_modules * sizeof(*m));
		reserve(m->paddr, m->size);
		exe_paddr = m->paddr;
		exe_size = m->size;
	}
}

/* Index of the reserved range that begins first among those touching [p, end); -1 if there is none.
 */
static int reserved_next(paddr_t p, paddr_t end)
{
	int best = -1;

	for (unsigned i = 0; i < nr_reserved; i++)
		if (reserved[i].end > p && reserved[i].start < end &&
		    (best < 0 || reserved[i].start < reserved[best].start))
			best = (int)i;
	return best;
}

/* Range 0 is the zeroed pages of the image, the others are what the memory map says, less what is
 * reserved. They are asked for in order. */
bool memmap_ram_range(unsigned n, struct plat_ram *out)
{
	static unsigned i; /* where the search goes on: in the map's range i, from p on */
	static paddr_t p;

	if (n == 0) {
		paddr_t start, end;

		kvm_table_pool_rest(&start, &end);
		*out = (struct plat_ram){(vaddr_t)phys_to_virt(start), (vaddr_t)phys_to_virt(end),
					 true};
		return true;
	}
	out->zeroed = false;
	for (; i < kvm.nr_memmap; i++, p = 0) {
		const paddr_t end = kvm.memmap[i].end;

		p = MAX(p, kvm.memmap[i].start);
		while (p < end) {
			int r = reserved_next(p, end);
			paddr_t start = p, stop = r < 0 ? end : MAX(reserved[r].start, p);

			p = r < 0 ? end : reserved[r].end;
			if (start < stop) {
				out->start = (vaddr_t)phys_to_virt(start);
				out->end = (vaddr_t)phys_to_virt(stop);
				return true;
			}
		}
	}
	return false;
}

void memmap_ram_info(uint64_t *total, uint64_t *free)
{
	*total = 0;
	for (unsigned i = 0; i < kvm.nr_memmap; i++)
		*total += kvm.memmap[i].end - kvm.memmap[i].start;
	*free = page_free_count() * PAGE_SIZE;
}

paddr_t memmap_exe(uint64_t *size)
{
	*size = exe_size;
	return exe_paddr;
}

ssize64_t memmap_exe_read(void *buf, size_t n, uint64_t off, uint64_t *size)
{
	if (!exe_size)
		return -ENOENT;
	if (size)
		*size = exe_size;
	if (off >= exe_size)
		return 0;
	n = MIN(n, exe_size - off);
	memcpy(buf, phys_to_virt(exe_paddr + off), n);
	return (ssize64_t)n;
}
