/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* See loader.h. */
#include "fake/fake.h"

#include "fake/command.h"
#include "fake/loader.h"

#include "abi/program.h"
#include "base/elf_program.h"
#include "base/errno.h"
#include "core/page.h"
#include "core/trap.h"
#include "core/vma_program.h"
#include "core/vma_tree.h"
#include "fs/fixed.h"
#include "plat/kvm/kvm.h"
#include "plat/vdso.h"

#define WINDOW_MIN 0x10000ul
#define WINDOW_MAX (1ul << 46)
#define STACK_BYTES (8 * PAGE_SIZE)
#define RANGES_MAX ELF_SEGMENTS_MAX
#define PAGES_MAX (ELF_SEGMENTS_MAX * (LOADER_FILE_MAX / PAGE_SIZE + 1))

/* The file as the loader sees it: exactly as large, so that a byte more is seen. */
static uint8_t *file, *file_area;
static size_t file_size;
static jmp_buf refused;
static bool broken; /* it was refused for what is in it */
static unsigned isolated;
vaddr_t loader_stack;

/* What was mapped from the file. */
static unsigned ranges, pages;
static struct {
	vaddr_t start, end;
	uint64_t offset;
	unsigned prot;
} range[RANGES_MAX];
static struct {
	vaddr_t va;
	uint8_t *bytes;
} page[PAGES_MAX]; /* on kvm */
static volatile uint8_t sink;

struct proc_program proc_program;
struct kvm_layout kvm = {.window_max = WINDOW_MAX}; /* direct_base 0: addresses are physical */
uint64_t arch_program_cs, arch_program_ss;
vaddr_t arch_user_end;
char kiln_image_base[1], kiln_image_end[1];

NORETURN void program_fail(const char *why)
{
	assert_non_null(why);
	broken = strstr(why, "link it statically") != NULL || strstr(why, "link it again") != NULL;
	longjmp(refused, 1);
}

vaddr_t program_map_vdso(void)
{
	return 0;
}

void report_program(vaddr_t start, vaddr_t end, vaddr_t bias)
{
	assert_true(start < end);
	assert_true(IS_ALIGNED(start | end | bias, PAGE_SIZE));
}

static ssize64_t exe_read(void *buf, size_t n, uint64_t off, uint64_t *size)
{
	if (size != NULL)
		*size = file_size;
	if (off >= file_size)
		return 0;
	n = MIN(n, file_size - off);
	memcpy(buf, file + off, n);
	return (ssize64_t)n;
}

/* What both platforms may rely on. */
static void range_add(vaddr_t va, size_t len, uint64_t off, unsigned prot)
{
	assert_true(IS_ALIGNED(va | len | off, PAGE_SIZE));
	assert_true(len > 0 && len < ELF_ADDRESS_MAX && va < ELF_ADDRESS_MAX - len);
	assert_true(off < file_size && len - PAGE_SIZE < file_size - off);
	assert_int_not_equal(prot & (PROT_WRITE | PROT_EXEC), PROT_WRITE | PROT_EXEC);
	assert_true(ranges < RANGES_MAX);
	for (unsigned i = 0; i < ranges; i++)
		assert_true(va >= range[i].end || va + len <= range[i].start);
	range[ranges].start = va;
	range[ranges].end = va + len;
	range[ranges].offset = off;
	range[ranges++].prot = prot;
}

/* linuxu: the host maps the file. Each page is looked at, for the sanitizer to say whether it is in
 * the file. */
static int map_file_host(vaddr_t va, size_t len, uint64_t off, unsigned prot)
{
	range_add(va, len, off, prot);
	for (uint64_t at = off; at < off + len; at += PAGE_SIZE)
		sink = file[at];
	return fake_fails() ? -ENOMEM : 0;
}

static int range_reserve(vaddr_t start, vaddr_t end)
{
	assert_true(IS_ALIGNED(start | end, PAGE_SIZE) && start < end);
	assert_true(start < WINDOW_MIN || end > WINDOW_MAX);
	assert_true(start >= PAGE_SIZE && end <= ELF_ADDRESS_MAX);
	return fake_fails() ? -EEXIST : 0;
}

static void isolate(void)
{
	isolated++;
}

/* kvm: page by page, by the platform's own load.c. */
static int map_file_pages(vaddr_t va, size_t len, uint64_t off, unsigned prot)
{
	range_add(va, len, off, prot);
	return kvm_load_ops.map_file(va, len, off, prot);
}

static void isolate_kvm(void)
{
	kvm_load_ops.isolate();
	assert_int_equal(arch_user_end, WINDOW_MAX);
	assert_true((arch_program_cs & arch_program_ss & 3) == 3);
	isolated++;
}

paddr_t memmap_exe(uint64_t *size)
{
	*size = file_size;
	return (uintptr_t)file;
}

static bool page_is_the_files(const uint8_t *p)
{
	return p >= file && p < file + file_size;
}

bool paging_map_page(vaddr_t va, paddr_t pa, unsigned prot)
{
	const typeof(range[0]) *r = &range[ranges - 1];
	uint8_t *bytes = phys_to_virt(pa);
	uint64_t off = r->offset + (va - r->start);
	size_t n = MIN(PAGE_SIZE, file_size - off);
	/* Copied is what may be written, and what is not a page of the file alone. */
	bool copied = (prot & PROT_WRITE) || n < PAGE_SIZE ||
		      !IS_ALIGNED((uintptr_t)file, PAGE_SIZE);

	assert_true(va >= r->start && va < r->end && prot == r->prot && pages < PAGES_MAX);
	assert_int_equal(copied, !page_is_the_files(bytes));
	assert_memory_equal(bytes, file + off, n);
	for (size_t i = n; i < PAGE_SIZE; i++)
		assert_int_equal(bytes[i], 0);
	page[pages].va = va;
	page[pages++].bytes = bytes;
	return !fake_fails();
}

/* Only the rest of a page that was mapped from the file, for writing. */
int user_clear(vaddr_t dst, size_t n)
{
	bool found = n == 0;

	for (unsigned i = 0; i < ranges && !found; i++) {
		found = dst >= range[i].start && dst < range[i].end && n <= range[i].end - dst;
		assert_true(!found || (range[i].prot & PROT_WRITE));
	}
	assert_true(found && n < PAGE_SIZE);
	for (unsigned i = 0; i < pages; i++)
		if (n > 0 && page[i].va == ALIGN_DOWN(dst, PAGE_SIZE))
			memset(page[i].bytes + dst % PAGE_SIZE, 0, n);
	return fake_fails() ? -EFAULT : 0;
}

static int pmap_reserve(vaddr_t va, size_t len, unsigned prot)
{
	assert_true(IS_ALIGNED(va | len, PAGE_SIZE) && len > 0);
	assert_int_not_equal(prot & (PROT_WRITE | PROT_EXEC), PROT_WRITE | PROT_EXEC);
	return fake_fails() ? -ENOMEM : 0;
}

static void pmap_window(vaddr_t *min, vaddr_t *max)
{
	*min = WINDOW_MIN;
	*max = WINDOW_MAX;
}

static const struct plat_load_ops host_load_ops = {
	.range_reserve = range_reserve,
	.map_file = map_file_host,
	.isolate = isolate,
};

static const struct plat_load_ops pages_load_ops = {
	.map_file = map_file_pages,
	.isolate = isolate_kvm,
};

static struct plat_ops ops = {
	.name = "fake",
	.exe_read = exe_read,
	.pmap_reserve = pmap_reserve,
	.pmap_window = pmap_window,
};
const struct plat_ops *plat = &ops;

static void check_loaded(const struct program *p)
{
	struct vma v;

	assert_int_equal(isolated, 1);
	assert_true(vma_find(loader_stack, false, &v));
	assert_true(v.start == loader_stack && v.end == loader_stack + STACK_BYTES);
	assert_string_equal(v.name, "[stack]");
	assert_true(vma_find(p->entry, false, &v));
	assert_true(v.prot & PROT_EXEC);
	assert_in_range(p->phnum, 1, ELF_PHDRS_MAX);
	if (p->phdrs != 0) {
		assert_true(vma_find(p->phdrs, false, &v));
		assert_true(v.end - p->phdrs >= p->phnum * sizeof(struct elf_phdr));
	}
	for (unsigned i = 0; i < ranges; i++) {
		assert_true(vma_find(range[i].start, false, &v));
		assert_true(v.end >= range[i].end);
		assert_int_equal(v.prot, range[i].prot);
		assert_int_equal((v.flags & VMA_IMAGE) != 0, !(v.prot & PROT_WRITE));
		/* What the file had there would be lost. */
		assert_int_equal(vma_discard(range[i].start, PAGE_SIZE), -EINVAL);
	}
}

/* Take out what the loader has mapped, though it is there to stay. */
static void address_space_clear(void)
{
	struct vma *v;

	mm_lock();
	while ((v = vma_above(0)) != NULL) {
		assert_true(v->start < v->end && v->end <= ELF_ADDRESS_MAX);
		vma_tree_erase(v);
	}
	mm_unlock();
	for (unsigned i = 0; i < pages; i++)
		if (!page_is_the_files(page[i].bytes))
			page_free(page[i].bytes, 0);
}

size_t loader_file_size(const uint8_t *data, size_t n)
{
	uint64_t wanted = 0;

	if (n >= sizeof(struct elf_header))
		memcpy(&wanted, data + offsetof(struct elf_header, shoff), sizeof(wanted));
	return MAX(n, MIN(wanted, (uint64_t)LOADER_FILE_MAX));
}

enum loader_end loader_try(const uint8_t *data, size_t n)
{
	unsigned how = n > LOADER_IDENT_HOW ? data[LOADER_IDENT_HOW] : 0;
	size_t shift = how & LOADER_MISALIGNED ? 16 : 0;
	struct program p;

	assert_true(n <= LOADER_FILE_MAX);
	file_size = loader_file_size(data, n);
	assert_int_equal(posix_memalign((void **)&file_area, PAGE_SIZE,
					shift + MAX(file_size, (size_t)1)),
			 0);
	file = file_area + shift;
	memset(file, 0, file_size);
	memcpy(file, data, n);
	ops.load = how & LOADER_HOST ? &host_load_ops : &pages_load_ops;
	ranges = pages = isolated = 0;
	broken = false;
	vma_init();
	/* As program start does it. */
	assert_int_equal(vma_map(0, STACK_BYTES, PROT_READ | PROT_WRITE,
				 MAP_FLAG_GROWSDOWN | MAP_FLAG_STACK, "[stack]", &loader_stack),
			 0);
	fake_fail_at(n > LOADER_IDENT_FAIL ? data[LOADER_IDENT_FAIL] : 0);
	/* No variable that is changed in here is looked at after a longjmp. */
	if (setjmp(refused) == 0) {
		program_prepare(&p);
		fake_fail_at(0);
		check_loaded(&p);
		address_space_clear();
		free(file_area);
		return LOADER_LOADED;
	}
	fake_fail_at(0);
	address_space_clear();
	free(file_area);
	return broken ? LOADER_BROKEN : LOADER_NO_ROOM;
}

enum loader_end loader_check(const uint8_t *data, size_t n)
{
	enum command_end command = command_try(data, n, loader_file_size(data, n));
	enum loader_end end = loader_try(data, n);

	assert_false(command == COMMAND_LOADS && end == LOADER_BROKEN);
	assert_int_equal(fake_heap_objects, 0);
	assert_int_equal(fake_pages_in_use, 0);
	return end;
}
