/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kiln size: what an image is made of, by kernel folder, library and crate. Symbols tell whose most
 * of the code is; of constants and data many have no symbol, and are shown as what is left of their
 * sections. Tables for unwinding and relocation are sections of their own.
 */
#include "size.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "opts.h"
#include "proc.h"

enum { SIZE_SVG = 1, SIZE_HELP };

static const struct opt size_options[] = {
	{SIZE_SVG, "svg", 0, "FILE"},
	{SIZE_HELP, "help", 'h', NULL},
	{0, NULL, 0, NULL},
};

enum { NM_BYTES_MAX = 256 << 20 };

static const char *const group_names[GROUPS] = {"kernel", "libraries", "crates", "others"};

uint64_t size_part_bytes(const struct size_part *part)
{
	return part->bytes[KIND_CODE] + part->bytes[KIND_CONSTANT] + part->bytes[KIND_DATA];
}

struct size_part *size_part_get(struct size_parts *parts, enum size_group group, const char *name)
{
	for (size_t i = 0; i < parts->n; i++)
		if (parts->v[i].group == group && !strcmp(parts->v[i].name, name))
			return &parts->v[i];
	parts->v = xrealloc(parts->v, (parts->n + 1) * sizeof(*parts->v));
	parts->v[parts->n] = (struct size_part){.group = group, .name = xstrdup(name)};
	return &parts->v[parts->n++];
}

/* --- sections --- */

struct size_file {
	const uint8_t *data;
	uint64_t bytes;
};

static enum size_kind section_kind(const Elf64_Shdr *s)
{
	if (s->sh_type == SHT_NOBITS)
		return KIND_ZERO;
	if (s->sh_flags & SHF_EXECINSTR)
		return KIND_CODE;
	return s->sh_flags & SHF_WRITE ? KIND_DATA : KIND_CONSTANT;
}

/* A section that has no symbols and a purpose of its own: what it is called, or NULL. */
static const char *section_part(const char *name)
{
	static const char *const unwind[] = {".eh_frame", ".gcc_except_table"};
	static const char *const link[] = {".rela",     ".relr", ".dyn", ".hash",
					   ".gnu.hash", ".got",  ".note"};

	for (size_t i = 0; i < ARRAY_SIZE(unwind); i++)
		if (str_after(name, unwind[i]))
			return "unwind tables";
	for (size_t i = 0; i < ARRAY_SIZE(link); i++)
		if (str_after(name, link[i]))
			return "tables of the linker";
	return NULL;
}

/* The section headers of a 64-bit ELF file, or NULL. */
static const Elf64_Shdr *sections_find(const struct size_file *f, size_t *n)
{
	const Elf64_Ehdr *h = (const void *)f->data;

	if (f->bytes < sizeof(*h) || memcmp(h->e_ident, ELFMAG, SELFMAG) ||
	    h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_shentsize != sizeof(Elf64_Shdr) ||
	    h->e_shoff % 8 || h->e_shoff > f->bytes ||
	    h->e_shnum > (f->bytes - h->e_shoff) / sizeof(Elf64_Shdr) ||
	    h->e_shstrndx >= h->e_shnum)
		return NULL;
	*n = h->e_shnum;
	return (const void *)(f->data + h->e_shoff);
}

/* Add up what the sections hold; total gets all of them, parts those with a name of their own. */
static bool sections_add(const struct size_file *f, uint64_t total[KINDS], struct size_parts *parts)
{
	size_t n;
	const Elf64_Shdr *s = sections_find(f, &n), *names;

	if (!s)
		return false;
	names = &s[((const Elf64_Ehdr *)(const void *)f->data)->e_shstrndx];
	if (names->sh_offset > f->bytes || names->sh_size > f->bytes - names->sh_offset)
		return false;
	for (size_t i = 0; i < n; i++) {
		const char *name = (const char *)f->data + names->sh_offset + s[i].sh_name, *part;

		if (!(s[i].sh_flags & SHF_ALLOC) || s[i].sh_name >= names->sh_size ||
		    !memchr(name, 0, names->sh_size - s[i].sh_name) ||
		    ((s[i].sh_flags & SHF_TLS) && s[i].sh_type == SHT_NOBITS))
			continue;
		part = section_part(name);
		if (part)
			size_part_get(parts, GROUP_OTHER, part)->bytes[section_kind(&s[i])] +=
				s[i].sh_size;
		else
			total[section_kind(&s[i])] += s[i].sh_size;
	}
	return true;
}

/* --- symbols --- */

/* By the letter that nm has for it; KINDS: it takes no room. */
static enum size_kind symbol_kind(char letter)
{
	switch (letter) {
	case 'T':
	case 't':
	case 'W':
	case 'w':
	case 'i':
		return KIND_CODE;
	case 'R':
	case 'r':
		return KIND_CONSTANT;
	case 'D':
	case 'd':
	case 'V':
	case 'v':
		return KIND_DATA;
	case 'B':
	case 'b':
		return KIND_ZERO;
	default:
		return KINDS;
	}
}

/* Cut a line "NAME TYPE VALUE SIZE" of nm's; the name may have spaces in it. */
static bool symbol_cut(char *line, char *letter, uint64_t *value, uint64_t *size)
{
	char *fields[3];

	for (size_t i = ARRAY_SIZE(fields); i-- > 0;) {
		fields[i] = strrchr(line, ' ');
		if (!fields[i])
			return false;
		*fields[i]++ = '\0';
	}
	*letter = fields[0][0];
	*value = strtoull(fields[1], NULL, 16);
	*size = strtoull(fields[2], NULL, 16);
	return true;
}

/* The symbols, in the order of their addresses: one of several that overlap counts. */
static void symbols_add(const char *path, uint64_t named[KINDS], struct size_parts *parts)
{
	struct strv argv = {0};
	struct buf out = {0};
	struct proc p = proc_default(&argv);
	struct size_names *names = size_names_load();
	uint64_t end = 0;

	strv_add_all(&argv, "nm", "-n", "-S", "-C", "-fposix", "--defined-only", path, NULL);
	p.in = p.err = PROC_NULL;
	if (proc_capture(&p, NM_BYTES_MAX, &out))
		out.len = 0;
	buf_adds(&out, "");
	for (char *line = strtok(out.p, "\n"); line; line = strtok(NULL, "\n")) {
		char letter, *part;
		uint64_t value, size;

		if (!symbol_cut(line, &letter, &value, &size) || symbol_kind(letter) == KINDS ||
		    !size || value < end)
			continue;
		enum size_group group = size_names_find(names, line, &part);

		size_part_get(parts, group, part)->bytes[symbol_kind(letter)] += size;
		named[symbol_kind(letter)] += size;
		free(part);
		end = value + size;
	}
	size_names_free(names);
	buf_free(&out);
	strv_free(&argv);
}

/* --- the table --- */

static int part_compare(const void *a, const void *b)
{
	const struct size_part *x = a, *y = b;
	uint64_t m = size_part_bytes(x), n = size_part_bytes(y);

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return m > n ? -1 : m < n;
}

static void row_print(const char *name, const struct size_part *part)
{
	printf("%-30s %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64 "\n", name,
	       size_part_bytes(part), part->bytes[KIND_CODE], part->bytes[KIND_CONSTANT],
	       part->bytes[KIND_DATA], part->bytes[KIND_ZERO]);
}

static void sum_add(struct size_part *sum, const struct size_part *part)
{
	for (size_t k = 0; k < KINDS; k++)
		sum->bytes[k] += part->bytes[k];
}

static void table_print(const struct size_parts *parts)
{
	struct size_part all = {0};

	printf("%-30s %9s %9s %9s %9s %9s\n", "", "loaded", "code", "constants", "data", "zeros");
	for (size_t i = 0; i < parts->n;) {
		struct size_part sum = {0};
		size_t first = i;

		for (; i < parts->n && parts->v[i].group == parts->v[first].group; i++)
			sum_add(&sum, &parts->v[i]);
		row_print(group_names[parts->v[first].group], &sum);
		sum_add(&all, &sum);
		for (size_t k = first; k < i; k++) {
			char *name = xasprintf("  %.28s", parts->v[k].name);

			row_print(name, &parts->v[k]);
			free(name);
		}
	}
	row_print("all", &all);
}

/* --- the command --- */

static int size_map(const char *path, struct size_file *f)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *data = MAP_FAILED;

	if (fd >= 0 && !fstat(fd, &st) && st.st_size > 0)
		data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED) {
		error("cannot read %s: %s", path,
		      fd < 0 ? strerror(errno) : "it is no file, or empty");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	close(fd);
	*f = (struct size_file){data, (uint64_t)st.st_size};
	return 0;
}

/* What no symbol names. */
static void rest_add(const uint64_t total[KINDS], const uint64_t named[KINDS],
		     struct size_parts *parts)
{
	for (size_t k = 0; k < KINDS; k++)
		if (total[k] > named[k])
			size_part_get(parts, GROUP_OTHER, "without a name")->bytes[k] += total[k] -
											 named[k];
}

static int size_show(const char *path, const char *svg)
{
	uint64_t total[KINDS] = {0}, named[KINDS] = {0};
	struct size_parts parts = {0};
	struct size_file f;
	int status = 0, err;

	if (size_map(path, &f))
		return STATUS_FAILED;
	if (!sections_add(&f, total, &parts)) {
		error("%s is no 64-bit ELF file with sections: give an image", path);
		return STATUS_FAILED;
	}
	symbols_add(path, named, &parts);
	rest_add(total, named, &parts);
	qsort(parts.v, parts.n, sizeof(*parts.v), part_compare);
	printf("%s: %" PRIu64 " bytes\n", path, f.bytes);
	table_print(&parts);
	if (!named[KIND_CODE])
		error("%s was stripped of its symbols, which tell whose the code is", path);
	err = svg ? size_svg_write(svg, path, &parts) : 0;
	if (err) {
		error("cannot write %s: %s", svg, strerror(-err));
		status = STATUS_FAILED;
	}
	for (size_t i = 0; i < parts.n; i++)
		free(parts.v[i].name);
	free(parts.v);
	munmap((void *)(uintptr_t)f.data, f.bytes);
	return status;
}

int size_main(char **argv)
{
	struct opts o = {.command = "kiln size", .tables = {size_options}, .argv = argv};
	const char *path = NULL, *svg = NULL;
	int id;

	while ((id = opts_next(&o)) != OPT_END) {
		if (id == SIZE_SVG)
			svg = o.value;
		else if (id == SIZE_HELP)
			return fputs(size_help, stdout) < 0;
		else if (path)
			die(STATUS_USAGE, "%s is one operand too many\n  see: kiln size --help",
			    o.value);
		else
			path = o.value;
	}
	if (!path)
		die(STATUS_USAGE, "give an image: kiln size IMAGE");
	return size_show(path, svg);
}
