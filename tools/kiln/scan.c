/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Does what is to be linked contain the syscall instruction?
 *
 * If it does, the kernel's whole table of system calls is linked, whose handlers are a fifth of a
 * small image; if not, an image has only the calls that its C library makes by name (and all of
 * them again if something calls libc's syscall() with a number: the link sees that by itself). So
 * it must never be overlooked: whatever this file cannot read counts as containing it.
 *
 * Executable sections are searched for the instruction's two bytes. They also come up in the middle
 * of other instructions, once in some 100 KB; objdump tells those apart.
 */
#include "scan.h"

#include <ar.h>
#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "path.h"
#include "proc.h"

enum { DISASSEMBLY_BYTES_MAX = 256 << 20 };

/* A file in memory. */
struct bytes {
	const unsigned char *p;
	size_t n;
};

/* n bytes at this place, or NULL if that is not within. */
static const void *bytes_at(const struct bytes *b, uint64_t at, uint64_t n)
{
	return at <= b->n && n <= b->n - at ? b->p + at : NULL;
}

/* Copy n bytes at this place, which need not be aligned: false if that is not within. */
static bool bytes_get(const struct bytes *b, uint64_t at, void *to, size_t n)
{
	const void *from = bytes_at(b, at, n);

	if (from)
		memcpy(to, from, n);
	return from != NULL;
}

/* The file's code in sections of this name contains the instruction, or objdump cannot tell. */
static bool disassembly_has_syscall(const char *file, const char *section)
{
	struct strv argv = {0}, env = {0};
	struct buf text = {0};
	bool found = true;

	strv_add_all(&argv, "objdump", "--disassemble", "--no-show-raw-insn", "--section", section,
		     file, NULL);
	strv_add(&env, "LC_ALL=C");
	struct proc p = proc_default(&argv);

	p.env = &env;
	p.err = PROC_NULL;
	if (proc_capture(&p, DISASSEMBLY_BYTES_MAX, &text) == 0 && text.len < DISASSEMBLY_BYTES_MAX)
		found = strstr(text.p, "\tsyscall") || strstr(text.p, "(bad)");
	buf_free(&text);
	strv_free(&argv);
	strv_free(&env);
	return found;
}

static bool section_get(const struct bytes *b, const Elf64_Ehdr *elf, uint64_t i, Elf64_Shdr *s)
{
	return elf->e_shoff <= b->n && i <= b->n / sizeof(*s) &&
	       bytes_get(b, elf->e_shoff + i * sizeof(*s), s, sizeof(*s));
}

/* The section's name; NULL: not a sound object file. */
static const char *section_name(const struct bytes *b, const Elf64_Ehdr *elf,
				const Elf64_Shdr *section)
{
	uint64_t index = elf->e_shstrndx;
	Elf64_Shdr names;
	const char *name;

	if (index == SHN_XINDEX) {
		if (!section_get(b, elf, 0, &names))
			return NULL;
		index = names.sh_link;
	}
	if (!section_get(b, elf, index, &names) || section->sh_name >= names.sh_size ||
	    !(name = bytes_at(b, names.sh_offset, names.sh_size)))
		return NULL;
	name += section->sh_name;
	return memchr(name, 0, names.sh_size - section->sh_name) ? name : NULL;
}

/* An object, which is the file or a member of it. */
static bool object_has_syscall(const struct bytes *b, const char *file)
{
	Elf64_Ehdr elf;
	Elf64_Shdr s;
	uint64_t n;

	if (!bytes_get(b, 0, &elf, sizeof(elf)) || elf.e_ident[EI_CLASS] != ELFCLASS64 ||
	    elf.e_ident[EI_DATA] != ELFDATA2LSB || elf.e_machine != EM_X86_64 ||
	    elf.e_type != ET_REL)
		return true;
	if (!elf.e_shoff)
		return false;
	if (elf.e_shentsize != sizeof(s) || !section_get(b, &elf, 0, &s))
		return true;
	n = elf.e_shnum ? elf.e_shnum : s.sh_size;
	for (uint64_t i = 0; i < n; i++) {
		const unsigned char *code;
		const char *name;

		if (!section_get(b, &elf, i, &s))
			return true;
		if (s.sh_type == SHT_NOBITS || !(s.sh_flags & SHF_EXECINSTR))
			continue;
		code = bytes_at(b, s.sh_offset, s.sh_size);
		name = section_name(b, &elf, &s);
		if (!code || !name)
			return true;
		if (memmem(code, s.sh_size, "\x0f\x05", 2) && disassembly_has_syscall(file, name))
			return true;
	}
	return false;
}

/* A static library; thin ones, whose members are elsewhere, begin with other letters. */
static bool archive_has_syscall(const struct bytes *b, const char *file)
{
	const struct ar_hdr *h;

	for (uint64_t at = SARMAG; at < b->n;) {
		char size[sizeof(h->ar_size) + 1] = {0};
		uint64_t n;

		h = bytes_at(b, at, sizeof(*h));
		if (!h || memcmp(h->ar_fmag, ARFMAG, sizeof(h->ar_fmag)) != 0)
			return true;
		memcpy(size, h->ar_size, sizeof(h->ar_size));
		size[strcspn(size, " ")] = 0;
		at += sizeof(*h);
		if (!parse_number(size, b->n - at, &n))
			return true;

		struct bytes member = {b->p + at, n};

		/* What is not an object, as rustc's metadata and bitcode, ld does not link. */
		if (n >= SELFMAG && !memcmp(member.p, ELFMAG, SELFMAG) &&
		    object_has_syscall(&member, file))
			return true;
		at += n + n % 2;
	}
	return false;
}

static bool file_has_syscall(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	bool found = true;
	struct stat st;

	if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size > 0) {
		struct bytes b = {.n = (size_t)st.st_size};
		void *map = mmap(NULL, b.n, PROT_READ, MAP_PRIVATE, fd, 0);

		b.p = map;
		if (map == MAP_FAILED)
			found = true;
		else if (b.n > SARMAG && !memcmp(b.p, ARMAG, SARMAG))
			found = archive_has_syscall(&b, file);
		else if (b.n > SELFMAG && !memcmp(b.p, ELFMAG, SELFMAG))
			found = object_has_syscall(&b, file);
		if (map != MAP_FAILED)
			munmap(map, b.n);
	}
	if (fd >= 0)
		close(fd);
	return found;
}

/* Is it of a std that was searched already, when Kiln built it (rust/build-std)? */
static bool is_searched_std(const char *file)
{
	const char *end = strstr(file, "/lib/rustlib/");
	char *mark = end ? xasprintf("%.*s/no-syscalls", (int)(end - file), file) : NULL;
	bool searched = mark && path_is_file(mark);

	free(mark);
	return searched;
}

/* The file that -lNAME means, in one of the folders named so far; caller frees. */
static char *library_find(const struct strv *dirs, const char *name)
{
	for (size_t i = 0; i < dirs->n; i++) {
		char *path = *name == ':' ? xasprintf("%s/%s", dirs->v[i], name + 1)
					  : xasprintf("%s/lib%s.a", dirs->v[i], name);

		if (path_is_file(path))
			return path;
		free(path);
	}
	return NULL;
}

/* Options of ld whose value, the next item, is not a file to be linked. */
static bool takes_value(const char *option)
{
	static const char *const options[] = {
		"-u",       "-z",      "-y",     "-m",    "-Map", "--Map", "--undefined",
		"--defsym", "-defsym", "--wrap", "-wrap", "-a",   "-o",    "--trace-symbol",
		NULL};

	for (const char *const *o = options; *o; o++)
		if (!strcmp(*o, option))
			return true;
	return false;
}

bool scan_for_syscalls(const struct strv *items)
{
	struct strv dirs = {0};
	bool found = false;

	for (size_t i = 0; i < items->n && !found; i++) {
		const char *item = items->v[i], *value;

		if ((value = str_after(item, "-L"))) {
			strv_add(&dirs, *value || i + 1 == items->n ? value : items->v[++i]);
		} else if ((value = str_after(item, "-l"))) {
			char *library = library_find(&dirs, value);

			found = !library || file_has_syscall(library);
			free(library);
		} else if (takes_value(item)) {
			i++;
		} else if (item[0] != '-' && !is_searched_std(item)) {
			found = file_has_syscall(item);
		}
	}
	strv_free(&dirs);
	return found;
}
