/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The parts of the 64-bit ELF format that the kernel reads (System V ABI, chapters 4 and 5; x86-64
 * psABI, 4.4). */
#ifndef BASE_ELF_H
#define BASE_ELF_H

#include "base/types.h"

struct elf_header {
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, phoff, shoff;
	uint32_t flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
_Static_assert(sizeof(struct elf_header) == 64, "Elf64_Ehdr");

#define ELF_MAGIC "\177ELF"
#define ELF_EI_CLASS 4
#define ELF_EI_DATA 5
#define ELF_CLASS_64 2
#define ELF_DATA_LSB 1
#define ELF_ET_EXEC 2u
#define ELF_ET_DYN 3u
#define ELF_EM_X86_64 62u

#define ELF_PT_LOAD 1u
#define ELF_PT_DYNAMIC 2u
#define ELF_PT_INTERP 3u
#define ELF_PT_GNU_RELRO 0x6474e552u

#define ELF_PF_X 1u
#define ELF_PF_W 2u
#define ELF_PF_R 4u

struct elf_phdr {
	uint32_t type, flags;
	uint64_t offset, vaddr, paddr, filesz, memsz, align;
};
_Static_assert(sizeof(struct elf_phdr) == 56, "Elf64_Phdr");

#define ELF_DT_NULL 0
#define ELF_DT_HASH 4
#define ELF_DT_STRTAB 5
#define ELF_DT_SYMTAB 6
#define ELF_DT_RELA 7
#define ELF_DT_RELASZ 8
#define ELF_DT_RELRSZ 35
#define ELF_DT_RELR 36
#define ELF_DT_GNU_HASH 0x6ffffef5

struct elf_dyn {
	int64_t tag;
	uint64_t value;
};

#define ELF_R_X86_64_NONE 0u
#define ELF_R_X86_64_RELATIVE 8u

struct elf_rela {
	uint64_t offset, info;
	int64_t addend;
};

struct elf_sym {
	uint32_t name;
	uint8_t info, other;
	uint16_t shndx;
	uint64_t value, size;
};
_Static_assert(sizeof(struct elf_sym) == 24, "Elf64_Sym");

#endif
