/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The page tables. Runs at the address the image was loaded to, on the identity map, before
 * relocation: position independent C, no pointer of static storage may be read. Table pages come
 * from a pool in .bss, which the VMM has zeroed; an image or a machine that needs more takes the
 * RAM behind the image. What is left of the pool goes to the page allocator as zeroed pages, which
 * is why it is larger than the tables need.
 */
#include "arch/arch.h"
#include "arch/x86_64/cpuid.h"
#include "base/string.h"
#include "plat/image.h"
#include "plat/kvm/kvm.h"
#include "plat/plat.h"

#define POOL_PAGES 24
#define LOW_RAM_END 0xa0000UL
#define FIRMWARE_START 0xc0000UL
#define CPUID_EXT1_EDX_1GIB (1u << 26)

/* The program's slot is one of 64..253, so at least 32 TiB lie below; the kernel's is one of
 * 256..509, and in it the direct map begins 1 to 255 GiB from the start: never where kernels are
 * usually found. */
#define PROGRAM_SLOT_MIN 64u
#define PROGRAM_SLOTS 190u
#define KERNEL_SLOT_MIN 256u
#define KERNEL_SLOTS 254u
#define DIRECT_OFFSETS 255u
/* In the program's slot: mappings end somewhere in [384, 448) GiB, the image lies in [448, 511)
 * GiB. */
#define WINDOW_END_MIN (384UL << GIB_SHIFT)
#define WINDOW_SPREAD_PAGES (64UL << (GIB_SHIFT - PAGE_SHIFT))
#define IMAGE_MIN (448UL << GIB_SHIFT)
#define IMAGE_SPREAD_PAGES (63UL << (GIB_SHIFT - PAGE_SHIFT))

struct kvm_layout kvm;
extern uint64_t boot_identity[]; /* start.S: PML4, then PDPT, then page directory */

static uint64_t table_pool[POOL_PAGES][512] ALIGNED(4096);
static unsigned pool_used;
static paddr_t extra_tables; /* RAM behind the image given to tables so far: its end */

/* A zeroed table. Its address is physical here. */
static uint64_t *table_new(void)
{
	uint64_t *t;

	if (pool_used < POOL_PAGES)
		return table_pool[pool_used++];
	t = (uint64_t *)extra_tables;
	extra_tables += PAGE_SIZE;
	memset(t, 0, PAGE_SIZE);
	return t;
}

void kvm_table_pool_rest(paddr_t *start, paddr_t *end)
{
	*start = IMAGE_PHYS + (vaddr_t)((char *)table_pool[pool_used] - kiln_image_base);
	*end = IMAGE_PHYS + (vaddr_t)((char *)table_pool[POOL_PAGES] - kiln_image_base);
}

static uint64_t *table_next(uint64_t *entry)
{
	if (!(*entry & PTE_P))
		*entry = (uint64_t)table_new() | PTE_TABLE;
	return (uint64_t *)(*entry & PTE_ADDR);
}

static uint64_t *page_entry(uint64_t *pml4, vaddr_t va)
{
	uint64_t *t = table_next(&pml4[va >> SLOT_SHIFT & 511]);

	t = table_next(&t[va >> GIB_SHIFT & 511]);
	t = table_next(&t[va >> LARGE_SHIFT & 511]);
	return &t[va >> PAGE_SHIFT & 511];
}

static void memmap_read(const struct hvm_start_info *info)
{
	const struct hvm_memmap_table_entry *e = (const void *)info->memmap_paddr;

	for (uint32_t i = 0; i < info->memmap_entries && kvm.nr_memmap < MEMMAP_MAX; i++) {
		paddr_t start = ALIGN_UP(e[i].addr, PAGE_SIZE),
			end = ALIGN_DOWN(MIN(e[i].addr + e[i].size, DIRECT_MAP_SIZE), PAGE_SIZE);

		if (e[i].type != HVM_MEMMAP_TYPE_RAM || start >= end)
			continue;
		kvm.memmap[kvm.nr_memmap].start = start;
		kvm.memmap[kvm.nr_memmap].end = end;
		kvm.nr_memmap++;
	}
}

/*
 * n entries from e on, of pages of 2^shift bytes one after the other, the first one v. On the way
 * to every program's start some 600 entries are written here, hence the unrolled loop.
 */
static void entries_fill(uint64_t *e, size_t n, uint64_t v, unsigned shift)
{
	uint64_t step = 1UL << shift;

#pragma GCC unroll 8
	for (uint64_t *end = e + n; e < end; e++, v += step)
		*e = v;
}

/* Map [start, end), in the first GiB, in 4 KiB pages. */
static void direct_map_small(uint64_t *pd, paddr_t start, paddr_t end)
{
	while (start < end) {
		uint64_t *pt = table_next(&pd[start >> LARGE_SHIFT]);
		paddr_t stop = MIN(end,
				   ALIGN_DOWN(start, 1UL << LARGE_SHIFT) + (1UL << LARGE_SHIFT));

		entries_fill(&pt[start >> PAGE_SHIFT & 511], (stop - start) >> PAGE_SHIFT,
			     start | PTE_KERNEL_DATA, PAGE_SHIFT);
		start = stop;
	}
}

/*
 * The direct map's first MiBs, up to the end of the 2 MiB page where the image ends: the image's
 * code, constants and relocated constants are left out, so that there is no writable way to them.
 */
static void direct_map_low(uint64_t *pd, paddr_t image_end, paddr_t hide_end)
{
	/* Where all of a 2 MiB page is left out, the table is empty: else it would be mapped as
	 * RAM. */
	for (paddr_t p = ALIGN_UP(IMAGE_PHYS, 1UL << LARGE_SHIFT);
	     p + (1UL << LARGE_SHIFT) <= hide_end; p += 1UL << LARGE_SHIFT)
		(void)table_next(&pd[p >> LARGE_SHIFT]);
	direct_map_small(pd, 0, LOW_RAM_END);
	direct_map_small(pd, FIRMWARE_START,
			 IMAGE_PHYS); /* ACPI's pointer and, on q35, the command line */
	direct_map_small(pd, hide_end, ALIGN_UP(image_end, 1UL << LARGE_SHIFT));
}

/* In 2 MiB pages from p to end, at most to the end of this table. Returns where it stopped. */
static paddr_t direct_map_large(uint64_t *pd, paddr_t p, paddr_t end)
{
	paddr_t stop = MIN(end, ALIGN_DOWN(p, 1UL << GIB_SHIFT) + (1UL << GIB_SHIFT));

	for (uint64_t *e = &pd[p >> LARGE_SHIFT & 511]; p < stop; e++, p += 1UL << LARGE_SHIFT)
		if (!*e)
			*e = p | PTE_KERNEL_DATA | PTE_PS;
	return p;
}

/* Map [start, end) of RAM in 2 MiB or, where it fills one, 1 GiB pages. */
static void direct_map(uint64_t *pdpt, paddr_t start, paddr_t end, bool gib_pages)
{
	paddr_t p = ALIGN_DOWN(start, 1UL << LARGE_SHIFT);

	while (p < end) {
		uint64_t *e = &pdpt[p >> GIB_SHIFT];

		if (gib_pages && !(*e & PTE_P) && IS_ALIGNED(p, 1UL << GIB_SHIFT) &&
		    end - p >= 1UL << GIB_SHIFT) {
			*e = p | PTE_KERNEL_DATA | PTE_PS;
			p += 1UL << GIB_SHIFT;
			continue;
		}
		p = direct_map_large(table_next(e), p, end);
	}
}

/* The image, segment by segment with its protection; relocated constants are read-only from the
 * start. */
static void image_map(uint64_t *pml4, vaddr_t link, vaddr_t relro_start, vaddr_t relro_end)
{
	unsigned n;
	const struct elf_phdr *p = image_phdrs(IMAGE_PHYS, &n);

	for (; n > 0; n--, p++) {
		vaddr_t va = ALIGN_DOWN(p->vaddr, PAGE_SIZE) - link;
		vaddr_t end = ALIGN_UP(p->vaddr + p->memsz, PAGE_SIZE) - link;
		uint64_t flags = PTE_P | PTE_A | PTE_D;

		if (p->type != ELF_PT_LOAD)
			continue;
		if (!(p->flags & ELF_PF_X))
			flags |= PTE_NX;
		if (p->flags & ELF_PF_W)
			flags |= PTE_W;
		/* The relocated constants are a segment of their own. */
		if (va >= relro_start && va < relro_end)
			flags &= ~PTE_W;
		while (va < end) {
			vaddr_t at = kvm.image_base + va;
			vaddr_t stop = MIN(end, va + (1UL << LARGE_SHIFT) -
							(at & ((1UL << LARGE_SHIFT) - 1)));

			entries_fill(page_entry(pml4, at), (stop - va) >> PAGE_SHIFT,
				     (IMAGE_PHYS + va) | flags, PAGE_SHIFT);
			va = stop;
		}
	}
}

/* Choose the layout and the canary. Without a hardware generator the cycle counter has to do: it is
 * all there is this early. */
static void layout_choose(vaddr_t link)
{
	uint64_t r, s;

	if (!arch_random_u64(&r))
		r = arch_cycles() * 0x9e3779b97f4a7c15u;
	if (!arch_random_u64(&s))
		s = (r ^ arch_cycles()) * 0xd6e8feb86659fd93u;
	/* A string that runs over ends at the canary's 0 byte. */
	kvm.canary = (r * 0xff51afd7ed558ccdu ^ s) & ~0xffUL;
	if (!IS_ENABLED(CONFIG_KASLR))
		r = s = 0;
	vaddr_t slot = (PROGRAM_SLOT_MIN + r % PROGRAM_SLOTS) << SLOT_SHIFT;

	r >>= 8;
	kvm.image_base = link ? link : slot + IMAGE_MIN + (r % IMAGE_SPREAD_PAGES << PAGE_SHIFT);
	kvm.window_max = slot + WINDOW_END_MIN + (s % WINDOW_SPREAD_PAGES << PAGE_SHIFT);
	kvm.direct_base = ~0UL << 47 | (KERNEL_SLOT_MIN + (s >> 32) % KERNEL_SLOTS) << SLOT_SHIFT |
			  (1 + (s >> 56) % DIRECT_OFFSETS) << GIB_SHIFT;
}

vaddr_t kvm_start(struct hvm_start_info *info, paddr_t *pml4_out)
{
	bool gib_pages = cpuid(0x80000001, 0).edx & CPUID_EXT1_EDX_1GIB;
	paddr_t image_end = ALIGN_UP((paddr_t)kiln_image_end, PAGE_SIZE);
	/* Where the image was linked: 0, but for code that is not position independent
	 * (kernel/image.ld). */
	vaddr_t link = IMAGE_PHYS - image_bias(IMAGE_PHYS);
	vaddr_t relro_start = ALIGN_DOWN((paddr_t)kiln_relro_start, PAGE_SIZE) - IMAGE_PHYS;
	vaddr_t relro_end = ALIGN_UP((paddr_t)kiln_relro_end, PAGE_SIZE) - IMAGE_PHYS;
	uint64_t *pml4 = table_new(), *pdpt;

	plat_stage(PLAT_STAGE_START);
	/* start.S maps the first GiB at most, and so do the tables of the direct map's begin. */
	if (image_end + (image_end >> (LARGE_SHIFT - 13)) >
	    (1UL << GIB_SHIFT) - (1UL << LARGE_SHIFT))
		return 0;
	extra_tables = image_end;
	kvm.start_info = (paddr_t)info;
	memmap_read(info);
	layout_choose(link);
	if (!image_relocate(kvm.image_base, IMAGE_PHYS))
		return 0;

	pdpt = table_next(&pml4[kvm.direct_base >> SLOT_SHIFT & 511]) +
	       (kvm.direct_base >> GIB_SHIFT & 511);
	direct_map_low(table_next(&pdpt[0]), image_end, IMAGE_PHYS + relro_end);
	for (unsigned i = 0; i < kvm.nr_memmap; i++)
		direct_map(pdpt, kvm.memmap[i].start, kvm.memmap[i].end, gib_pages);
	image_map(pml4, link, relro_start, relro_end);

	/* The identity map, which is in the first GiB, stays until kvm_main() runs at the virtual
	 * address. */
	table_next(&pml4[0])[0] = boot_identity[512];
	kvm.pml4 = (uint64_t *)(kvm.direct_base + (paddr_t)pml4);
	*pml4_out = (paddr_t)pml4;
	return kvm.image_base;
}

paddr_t kvm_tables_end(void)
{
	return extra_tables;
}
