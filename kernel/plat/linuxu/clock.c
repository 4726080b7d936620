/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The clocks are the host's, read through its vDSO. The vDSO keeps no state of its caller and takes
 * no lock, so the functions here may be interrupted anywhere and run on any stack.
 */
#include "base/elf.h"
#include "base/string.h"
#include "plat/linuxu/linuxu.h"

#define NS_PER_S 1000000000u

static long clock_gettime_host(int clock, void *out)
{
	return host_call2(HOST_NR_CLOCK_GETTIME, (uintptr_t)clock, (uintptr_t)out);
}

static linuxu_clock_fn *clock_gettime = clock_gettime_host;

/* Symbols of a table that has only a GNU hash: the last chain of the highest bucket ends at the
 * last symbol. */
static uint32_t vdso_symbol_count_gnu(const uint32_t *hash)
{
	uint32_t buckets = hash[0], first = hash[1], bloom_words = hash[2], last = 0;
	const uint32_t *bucket = hash + 4 + 2 * (size_t)bloom_words;
	const uint32_t *chain = bucket + buckets;

	for (uint32_t i = 0; i < buckets; i++)
		last = MAX(last, bucket[i]);
	if (last < first)
		return first;
	while ((chain[last - first] & 1) == 0)
		last++;
	return last + 1;
}

struct vdso_tables {
	const struct elf_sym *symtab;
	const char *strtab;
	uint32_t symbols;
};

static void vdso_tables_find(struct vdso_tables *t, const struct elf_dyn *d, uintptr_t bias)
{
	for (; d->tag != ELF_DT_NULL; d++) {
		if (d->tag == ELF_DT_STRTAB)
			t->strtab = (const char *)(bias + d->value);
		else if (d->tag == ELF_DT_SYMTAB)
			t->symtab = (const struct elf_sym *)(bias + d->value);
		else if (d->tag == ELF_DT_HASH)
			t->symbols = ((const uint32_t *)(bias + d->value))[1];
		else if (d->tag == ELF_DT_GNU_HASH && t->symbols == 0)
			t->symbols = vdso_symbol_count_gnu((const uint32_t *)(bias + d->value));
	}
}

/* The address of a function of the vDSO, or 0. Also finds where the vDSO's code ends. */
static uintptr_t vdso_find(uintptr_t vdso, const char *name)
{
	const struct elf_header *eh = (const struct elf_header *)vdso;
	const struct elf_phdr *ph = (const struct elf_phdr *)(vdso + eh->phoff);
	const struct elf_phdr *load = NULL, *dynamic = NULL;
	struct vdso_tables t = {0};
	uintptr_t bias;

	for (unsigned i = 0; i < eh->phnum; i++) {
		if (ph[i].type == ELF_PT_LOAD && load == NULL)
			load = &ph[i];
		else if (ph[i].type == ELF_PT_DYNAMIC)
			dynamic = &ph[i];
	}
	if (load == NULL || dynamic == NULL)
		return 0;
	bias = vdso + load->offset - load->vaddr;
	linuxu_host.vdso_end = ALIGN_UP(bias + load->vaddr + load->memsz, PAGE_SIZE);
	vdso_tables_find(&t, (const struct elf_dyn *)(bias + dynamic->vaddr), bias);
	if (t.symtab == NULL || t.strtab == NULL)
		return 0;
	for (uint32_t i = 0; i < t.symbols; i++)
		if (t.symtab[i].shndx != 0 && strcmp(t.strtab + t.symtab[i].name, name) == 0)
			return bias + t.symtab[i].value;
	return 0;
}

void linuxu_clock_init(void)
{
	uintptr_t fn = 0;

	if (linuxu_host.vdso != 0)
		fn = vdso_find(linuxu_host.vdso, "__vdso_clock_gettime");
	if (fn != 0)
		clock_gettime = (linuxu_clock_fn *)fn;
}

linuxu_clock_fn *linuxu_vdso_clock(void)
{
	return clock_gettime != clock_gettime_host ? clock_gettime : NULL;
}

uint64_t linuxu_clock_monotonic_ns(void)
{
	struct host_timespec t;

	clock_gettime(HOST_CLOCK_MONOTONIC, &t);
	return (uint64_t)t.sec * NS_PER_S + (uint64_t)t.nsec;
}

uint64_t linuxu_clock_realtime_ns(void)
{
	struct host_timespec t;

	clock_gettime(HOST_CLOCK_REALTIME, &t);
	return (uint64_t)t.sec * NS_PER_S + (uint64_t)t.nsec;
}
