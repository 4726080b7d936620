/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A Linux executable as an ELF file: may it be loaded, and what goes where. The file is not
 * trusted: whatever is in it, what comes out here holds what is promised below. Without state and
 * without access to the file, so that the very same code runs in the kernel, in `kiln run` and
 * under a fuzzer.
 */
#ifndef BASE_ELF_PROGRAM_H
#define BASE_ELF_PROGRAM_H

#include "base/elf.h"

/* Program headers in a file at most: Linux takes 1,170, linkers write a dozen. */
#define ELF_PHDRS_MAX 128u
/* Segments that are loaded. */
#define ELF_SEGMENTS_MAX 32u
/* A program lies below this address, where the user half of the address space ends. */
#define ELF_ADDRESS_MAX (1ul << 47)
/* The largest alignment that a segment can ask for. */
#define ELF_ALIGN_MAX (1ul << 30)

/*
 * A part of the program's memory. Pages [start, file_end) hold the file's bytes from offset on (the
 * last of them may lie partly behind the file's end), pages [file_end, end) are zero. start,
 * file_end, end and offset are page-aligned. From zero_from to file_end bytes are zero too, if the
 * part is writable.
 */
struct elf_segment {
	uint64_t start, file_end, end;
	uint64_t offset;
	uint64_t zero_from; /* in [start, file_end] */
	uint32_t flags;     /* ELF_PF_*; never both W and X */
};

/* Addresses are as in the file: of a program that can be anywhere they begin near 0. */
struct elf_program {
	bool fixed; /* can only be at these addresses */
	uint64_t entry;
	uint64_t phdrs; /* address of the program headers; 0: they are not loaded */
	uint16_t phnum;
	uint64_t lo, hi; /* all segments lie in here; page-aligned, lo < hi <= ELF_ADDRESS_MAX */
	uint64_t align;  /* of lo, if it is moved; a power of two, from a page to ELF_ALIGN_MAX */
	unsigned count;  /* of segments, at least 1; ascending, no page in two */
	struct elf_segment segments[ELF_SEGMENTS_MAX];
};

/* What can be wrong. elf_problem_text() says it in words. */
enum elf_problem {
	ELF_OK,
	ELF_NOT_ELF,
	ELF_NOT_64_BIT,
	ELF_NOT_X86_64,
	ELF_NOT_EXECUTABLE,
	ELF_BAD_HEADER,
	ELF_TRUNCATED,
	ELF_DYNAMIC,
	ELF_NO_SEGMENT,
	ELF_TOO_MANY_SEGMENTS,
	ELF_BAD_SEGMENT,
	ELF_SEGMENT_ORDER,
	ELF_SEGMENT_ADDRESS,
	ELF_WRITABLE_CODE,
	ELF_BAD_ALIGNMENT,
	ELF_BAD_ENTRY,
	ELF_PROBLEMS,
};

/*
 * Look at the first bytes of a file of file_size bytes. head holds the first head_size of them;
 * with fewer than sizeof(struct elf_header) the answer is never ELF_OK. If it is, there are phnum
 * program headers, 1 to ELF_PHDRS_MAX, at phoff inside the file.
 */
MUST_CHECK enum elf_problem elf_header_check(const struct elf_header *head, size_t head_size,
					     uint64_t file_size);

/*
 * What the program headers say: phdrs are the header's phnum ones (elf_header_check() was content
 * with it). *prog holds good only for ELF_OK.
 */
MUST_CHECK enum elf_problem elf_program_plan(const struct elf_header *head,
					     const struct elf_phdr *phdrs, uint64_t file_size,
					     struct elf_program *prog);

/* "it is not ...": what is wrong, as the predicate of a sentence about the file. */
const char *elf_problem_text(enum elf_problem problem);

#endif
