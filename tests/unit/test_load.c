/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The loader with good, broken and hostile files: one made here and changed field by field and at
 * random, and what the fuzzer has found worth keeping (tests/fuzz/elf.corpus). The kiln command
 * looks at them, too.
 *
 * sources: abi/load.c base/elf_program.c base/rbtree.c plat/kvm/load.c
 * sources: core/vma.c core/vma_program.c core/vma_resize.c core/vma_tree.c
 * fakes: cpu lock fail heap log page random loader command
 * command: image util
 */
#include "fake/fake.h"

#include "base/elf_program.h"
#include "core/vma.h"
#include "fake/command.h"
#include "fake/loader.h"

#define CORPUS "../fuzz/elf.corpus"
#define FILE_BYTES 0x3800

/* A program of three segments: headers and constants, code, data with zeros behind it. */
static struct {
	struct elf_header h;
	struct elf_phdr p[4];
	uint8_t rest[FILE_BYTES - sizeof(struct elf_header) - 4 * sizeof(struct elf_phdr)];
} good;
_Static_assert(sizeof(good) == FILE_BYTES, "no padding");

static int setup(void **state)
{
	memset(&good, 0, sizeof(good));
	good.h = (struct elf_header){.ident = {0x7f, 'E', 'L', 'F', 2, 1, 1},
				     .type = ELF_ET_DYN,
				     .machine = ELF_EM_X86_64,
				     .version = 1,
				     .entry = 0x1010,
				     .phoff = sizeof(struct elf_header),
				     .ehsize = sizeof(struct elf_header),
				     .phentsize = sizeof(struct elf_phdr),
				     .phnum = 4};
	good.p[0] = (struct elf_phdr){ELF_PT_LOAD, ELF_PF_R, 0, 0, 0, 0x800, 0x800, 0x1000};
	good.p[1] = (struct elf_phdr){
		ELF_PT_LOAD, ELF_PF_R | ELF_PF_X, 0x1000, 0x1000, 0, 0x1100, 0x1100, 0x1000};
	good.p[2] = (struct elf_phdr){
		ELF_PT_LOAD, ELF_PF_R | ELF_PF_W, 0x2f00, 0x4f00, 0, 0x900, 0x3000, 0x1000};
	good.p[3] = (struct elf_phdr){.type = ELF_PT_GNU_RELRO};
	return 0;
}

/* On both platforms, and with a file that does not begin at a page. */
static bool try_bytes(const void *bytes, size_t n)
{
	static const uint8_t hows[] = {0, LOADER_HOST, LOADER_MISALIGNED};
	uint8_t copy[sizeof(good)];
	bool loaded = false;

	memcpy(copy, bytes, n);
	for (unsigned i = 0; i < ARRAY_SIZE(hows); i++) {
		enum loader_end end;

		if (n > LOADER_IDENT_HOW)
			copy[LOADER_IDENT_HOW] = hows[i];
		end = loader_try(copy, n);
		if (i == 0)
			loaded = end == LOADER_LOADED;
		assert_int_equal(end == LOADER_LOADED, loaded);
		assert_int_equal(end == LOADER_BROKEN, command_try(copy, n, n) == COMMAND_REFUSES);
	}
	return loaded;
}

static bool try(void)
{
	return try_bytes(&good, sizeof(good));
}

static void good_files_are_loaded(void **state)
{
	assert_true(try());
	good.h.type = ELF_ET_EXEC;
	assert_false(try()); /* at address 0 */
	for (unsigned i = 0; i < 3; i++)
		good.p[i].vaddr += 0x400000;
	good.h.entry += 0x400000;
	assert_true(try());
}

static void program_at(vaddr_t start, enum loader_end expected)
{
	setup(NULL);
	good.h.type = ELF_ET_EXEC;
	for (unsigned i = 0; i < 3; i++)
		good.p[i].vaddr += start;
	good.h.entry += start;
	fake_seed(1);
	assert_int_equal(loader_try((const uint8_t *)&good, sizeof(good)), expected);
}

/* The good program takes 8 pages. */
static void what_is_there_stays(void **state)
{
	program_at(0x400000, LOADER_LOADED);
	program_at(loader_stack, LOADER_NO_ROOM);
	program_at(loader_stack + 7 * PAGE_SIZE, LOADER_NO_ROOM);
	program_at(loader_stack + 8 * PAGE_SIZE, LOADER_LOADED);
	program_at(loader_stack - 7 * PAGE_SIZE, LOADER_NO_ROOM);
	program_at(loader_stack - VMA_STACK_MAX / 2, LOADER_NO_ROOM); /* it may grow */
	program_at(loader_stack - 2 * VMA_STACK_MAX, LOADER_LOADED);
}

static void alignment_is_kept(void **state)
{
	good.p[1].align = 1ul << 21;
	assert_true(try());
	good.p[1].align = ELF_ALIGN_MAX;
	assert_true(try());
	good.p[1].align = ELF_ALIGN_MAX * 2;
	assert_false(try());
	good.p[1].align = 0x3000;
	assert_false(try());
	good.p[1].align = 0;
	assert_true(try());
}

#define REFUSED(change)                                                                            \
	do {                                                                                       \
		setup(NULL);                                                                       \
		good.change;                                                                       \
		assert_false(try());                                                               \
	} while (0)

static void bad_files_are_refused(void **state)
{
	REFUSED(h.ident[0] = 0);
	REFUSED(h.ident[4] = 1);
	REFUSED(h.ident[5] = 2);
	REFUSED(h.machine = 183);
	REFUSED(h.type = 1);
	REFUSED(h.type = 4);
	REFUSED(h.phnum = 0);
	REFUSED(h.phnum = 129);
	REFUSED(h.phnum = 0xffff);
	REFUSED(h.phentsize = 55);
	REFUSED(h.phoff = sizeof(good) - 1);
	REFUSED(h.phoff = UINT64_MAX);
	REFUSED(h.entry = 0);
	REFUSED(h.entry = 0x2100);
	REFUSED(h.entry = 0x5000);
	REFUSED(h.entry = UINT64_MAX);
	REFUSED(p[3].type = ELF_PT_INTERP);
	REFUSED(p[1].flags |= ELF_PF_W);
	REFUSED(p[2].flags |= ELF_PF_X);
	REFUSED(p[1].filesz = 0x1101);
	REFUSED(p[1].memsz = UINT64_MAX);
	REFUSED(p[2].memsz = ELF_ADDRESS_MAX);
	REFUSED(p[2].memsz = UINT64_MAX - 0x4f00);
	REFUSED(p[2].filesz = 0x901);
	REFUSED(p[2].offset = UINT64_MAX - 0xff);
	REFUSED(p[2].offset = 0x2f01);
	REFUSED(p[2].vaddr = 0x1f00);
	REFUSED(p[2].vaddr = 0x2f00 - 0x1000);
	REFUSED(p[2].vaddr = ELF_ADDRESS_MAX - 0x100);
	REFUSED(p[2].vaddr = UINT64_MAX - 0xff);
	REFUSED(p[0].vaddr = 0x8000);
}

static void short_files_are_refused(void **state)
{
	for (size_t n = 0; n < sizeof(good); n += n < 600 ? 1 : 97)
		assert_false(try_bytes(&good, n));
}

static void random_changes_do_no_harm(void **state)
{
	static const uint64_t edges[] = {0,          1,          0xfff,     0x1000,
					 0x7fffffff, 0xffffffff, 1ul << 46, 1ul << 47,
					 1ul << 63,  UINT64_MAX, ~0xffful,  sizeof(good)};
	unsigned loaded = 0;

	fake_seed(fake_seed_from_env());
	for (unsigned round = 0; round < 30000; round++) {
		uint8_t *bytes = (uint8_t *)&good;

		setup(NULL);
		for (uint64_t n = 1 + fake_random_below(4); n > 0; n--) {
			size_t at = fake_random_below(offsetof(typeof(good), rest) / 8) * 8;
			uint64_t value = edges[fake_random_below(ARRAY_SIZE(edges))];

			if (fake_random_below(3) == 0)
				bytes[at + fake_random_below(8)] = (uint8_t)fake_random_below(256);
			else
				memcpy(bytes + at, &value, 1ul << fake_random_below(4));
		}
		loaded += loader_try(bytes, sizeof(good) - fake_random_below(2) * 0x900) ==
			  LOADER_LOADED;
	}
	assert_in_range(loaded, 100, 30000);
	assert_int_equal(fake_heap_objects, 0);
}

static void no_memory_is_refused(void **state)
{
	unsigned end = LOADER_NO_ROOM;

	good.p[2].flags = ELF_PF_R | ELF_PF_W;
	for (uint8_t fail = 1; end == LOADER_NO_ROOM; fail++) {
		assert_in_range(fail, 1, 50);
		good.h.ident[LOADER_IDENT_FAIL] = fail;
		end = loader_try((const uint8_t *)&good, sizeof(good));
		assert_true(end == LOADER_NO_ROOM || fail > 10);
		assert_int_equal(fake_heap_objects, 0);
		assert_int_equal(fake_pages_in_use, 0);
	}
	assert_int_equal(end, LOADER_LOADED);
}

/* A line is a file: its first bytes in hexadecimal. */
static void the_fuzzers_files_do_no_harm(void **state)
{
	static char line[2 * LOADER_FILE_MAX + 2];
	static uint8_t data[LOADER_FILE_MAX];
	unsigned files = 0, ends[3] = {0};
	FILE *f = fopen(CORPUS, "r");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		size_t n = 0;

		while (sscanf(line + 2 * n, "%2hhx", &data[n]) == 1)
			n++;
		ends[loader_check(data, n)]++;
		files++;
	}
	fclose(f);
	printf("# %u files: %u loaded, %u broken, %u had no room\n", files, ends[LOADER_LOADED],
	       ends[LOADER_BROKEN], ends[LOADER_NO_ROOM]);
	assert_true(ends[LOADER_LOADED] > 5 && ends[LOADER_BROKEN] > 20 &&
		    ends[LOADER_NO_ROOM] > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(good_files_are_loaded, setup),
		cmocka_unit_test(what_is_there_stays),
		cmocka_unit_test_setup(alignment_is_kept, setup),
		cmocka_unit_test_setup(bad_files_are_refused, setup),
		cmocka_unit_test_setup(short_files_are_refused, setup),
		cmocka_unit_test(random_changes_do_no_harm),
		cmocka_unit_test_setup(no_memory_is_refused, setup),
		cmocka_unit_test(the_fuzzers_files_do_no_harm),
	};

	fake_log_quiet = true; /* or it says 30,000 times what is refused */
	return cmocka_run_group_tests_name("load", tests, NULL, NULL);
}
