/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Checks of a Linux executable (System V ABI, chapters 4 and 5; fs/binfmt_elf.c for what Linux
 * makes of it). Every number is compared with what it may be before it is added to another one.
 */
#include "base/elf_program.h"
#include "base/string.h"

enum elf_problem elf_header_check(const struct elf_header *h, size_t head_size, uint64_t file_size)
{
	if (head_size < sizeof(ELF_MAGIC) - 1 ||
	    memcmp(h->ident, ELF_MAGIC, sizeof(ELF_MAGIC) - 1) != 0)
		return ELF_NOT_ELF;
	if (head_size < sizeof(*h) || file_size < sizeof(*h))
		return ELF_TRUNCATED;
	if (h->ident[ELF_EI_DATA] != ELF_DATA_LSB || h->machine != ELF_EM_X86_64)
		return ELF_NOT_X86_64;
	if (h->ident[ELF_EI_CLASS] != ELF_CLASS_64)
		return ELF_NOT_64_BIT;
	if (h->type != ELF_ET_EXEC && h->type != ELF_ET_DYN)
		return ELF_NOT_EXECUTABLE;
	if (h->phnum == 0)
		return ELF_NO_SEGMENT;
	if (h->phentsize != sizeof(struct elf_phdr) || h->phnum > ELF_PHDRS_MAX)
		return ELF_BAD_HEADER;
	if (h->phoff > file_size || h->phnum * sizeof(struct elf_phdr) > file_size - h->phoff)
		return ELF_TRUNCATED;
	return ELF_OK;
}

/* One PT_LOAD that is not empty. */
static enum elf_problem segment_read(const struct elf_phdr *p, uint64_t file_size,
				     struct elf_segment *s)
{
	uint64_t in_page = p->vaddr % PAGE_SIZE;

	if (p->filesz > p->memsz)
		return ELF_BAD_SEGMENT;
	if (p->vaddr >= ELF_ADDRESS_MAX || p->memsz > ELF_ADDRESS_MAX - p->vaddr)
		return ELF_SEGMENT_ADDRESS;
	if (p->offset > file_size || p->filesz > file_size - p->offset)
		return ELF_TRUNCATED;
	/* A page of the file becomes a page of memory. */
	if (p->filesz > 0 && p->offset % PAGE_SIZE != in_page)
		return ELF_BAD_SEGMENT;
	if ((p->flags & ELF_PF_W) && (p->flags & ELF_PF_X))
		return ELF_WRITABLE_CODE;
	s->flags = p->flags & (ELF_PF_R | ELF_PF_W | ELF_PF_X);
	s->start = p->vaddr - in_page;
	s->end = ALIGN_UP(p->vaddr + p->memsz, PAGE_SIZE);
	s->file_end = p->filesz > 0 ? ALIGN_UP(p->vaddr + p->filesz, PAGE_SIZE) : s->start;
	s->zero_from = p->filesz > 0 ? p->vaddr + p->filesz : s->start;
	s->offset = p->filesz > 0 ? p->offset - in_page : 0;
	return ELF_OK;
}

/* What p_align asks for beyond a page. Powers of two count, as on Linux; 0 and 1 mean none. */
static enum elf_problem segment_align(const struct elf_phdr *p, uint64_t *align)
{
	if (p->align <= *align)
		return ELF_OK;
	if ((p->align & (p->align - 1)) != 0 || p->align > ELF_ALIGN_MAX)
		return ELF_BAD_ALIGNMENT;
	*align = p->align;
	return ELF_OK;
}

static enum elf_problem program_add(struct elf_program *prog, const struct elf_phdr *p,
				    uint64_t file_size)
{
	struct elf_segment *s = &prog->segments[prog->count];
	enum elf_problem problem;

	if (prog->count == ELF_SEGMENTS_MAX)
		return ELF_TOO_MANY_SEGMENTS;
	problem = segment_read(p, file_size, s);
	if (problem == ELF_OK)
		problem = segment_align(p, &prog->align);
	if (problem != ELF_OK)
		return problem;
	if (prog->count > 0 && s->start < prog->hi)
		return ELF_SEGMENT_ORDER;
	if (prog->count == 0)
		prog->lo = s->start;
	prog->hi = s->end;
	prog->count++;
	return ELF_OK;
}

/* Where n bytes at offset in the file come to lie; 0 if nowhere. */
static uint64_t program_address(const struct elf_program *prog, uint64_t offset, uint64_t n)
{
	for (unsigned i = 0; i < prog->count; i++) {
		const struct elf_segment *s = &prog->segments[i];
		uint64_t bytes = s->zero_from - s->start;

		if (offset >= s->offset && offset - s->offset <= bytes &&
		    n <= bytes - (offset - s->offset))
			return s->start + (offset - s->offset);
	}
	return 0;
}

static bool program_runs_at(const struct elf_program *prog, uint64_t addr)
{
	for (unsigned i = 0; i < prog->count; i++) {
		const struct elf_segment *s = &prog->segments[i];

		if ((s->flags & ELF_PF_X) && addr >= s->start && addr < s->zero_from)
			return true;
	}
	return false;
}

enum elf_problem elf_program_plan(const struct elf_header *h, const struct elf_phdr *phdrs,
				  uint64_t file_size, struct elf_program *prog)
{
	*prog = (struct elf_program){
		.fixed = h->type == ELF_ET_EXEC,
		.entry = h->entry,
		.phnum = h->phnum,
		.align = PAGE_SIZE,
	};
	for (unsigned i = 0; i < h->phnum; i++)
		if (phdrs[i].type == ELF_PT_INTERP)
			return ELF_DYNAMIC;
	for (unsigned i = 0; i < h->phnum; i++) {
		enum elf_problem problem = ELF_OK;

		if (phdrs[i].type == ELF_PT_LOAD && phdrs[i].memsz > 0)
			problem = program_add(prog, &phdrs[i], file_size);
		if (problem != ELF_OK)
			return problem;
	}
	if (prog->count == 0)
		return ELF_NO_SEGMENT;
	/* Page 0 is never mapped. */
	if (prog->fixed && prog->lo == 0)
		return ELF_SEGMENT_ADDRESS;
	if (!program_runs_at(prog, prog->entry))
		return ELF_BAD_ENTRY;
	prog->phdrs = program_address(prog, h->phoff, h->phnum * sizeof(*phdrs));
	return ELF_OK;
}

const char *elf_problem_text(enum elf_problem problem)
{
	static const char *const texts[ELF_PROBLEMS] = {
		[ELF_OK] = "is well",
		[ELF_NOT_ELF] = "is not an ELF file",
		[ELF_NOT_64_BIT] = "is not for 64-bit mode",
		[ELF_NOT_X86_64] = "is for another processor, not x86-64",
		[ELF_NOT_EXECUTABLE] = "is an ELF file, but not an executable",
		[ELF_BAD_HEADER] = "has a broken ELF header",
		[ELF_TRUNCATED] = "is cut off",
		[ELF_DYNAMIC] = "is dynamically linked",
		[ELF_NO_SEGMENT] = "has nothing in it to load",
		[ELF_TOO_MANY_SEGMENTS] = "has too many segments",
		[ELF_BAD_SEGMENT] = "has a broken segment",
		[ELF_SEGMENT_ORDER] = "has segments out of order or in one page",
		[ELF_SEGMENT_ADDRESS] = "has a segment at an address that no program can have",
		[ELF_WRITABLE_CODE] = "has a segment that is writable and executable",
		[ELF_BAD_ALIGNMENT] = "asks for an alignment that there is not",
		[ELF_BAD_ENTRY] = "has an entry point outside of its code",
	};

	return texts[problem < ELF_PROBLEMS ? problem : ELF_BAD_HEADER];
}
