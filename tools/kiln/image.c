/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Inspect ELF files: see image.h. Nothing in the file is trusted: every offset is checked against
 * the file's size before it is used, counts are bounded.
 */
#include "image.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/elf_program.h"

enum {
	NOTE_PVH = 18,           /* XEN_ELFNOTE_PHYS32_ENTRY */
	NOTES_BYTES_MAX = 65536, /* of one PT_NOTE segment; more is ignored */
	PHNUM_MAX = 128
};

#define NEXT_STEP_BROKEN                                                                           \
	"  link it again without a linker script of its own; readelf -lW %s shows what is in it"

struct image_notes {
	bool pvh;
	bool kiln;
};

static bool read_at(int fd, void *data, size_t n, uint64_t offset)
{
	return offset <= INT64_MAX && pread(fd, data, n, (off_t)offset) == (ssize_t)n;
}

/* Notes follow one another (gABI, "Note Section"): owner's and description's sizes, both padded
 * to 4. */
static void notes_scan(const char *data, size_t n, struct image_notes *notes)
{
	Elf64_Nhdr h;

	while (n >= sizeof(h)) {
		memcpy(&h, data, sizeof(h));
		data += sizeof(h);
		n -= sizeof(h);

		uint64_t owner = ((uint64_t)h.n_namesz + 3) & ~UINT64_C(3);
		uint64_t desc = ((uint64_t)h.n_descsz + 3) & ~UINT64_C(3);

		if (owner > n || h.n_descsz > n - owner)
			return;
		if (h.n_namesz == 4 && !memcmp(data, "Xen", 4) && h.n_type == NOTE_PVH)
			notes->pvh = true;
		if (h.n_namesz == 5 && !memcmp(data, "Kiln", 5))
			notes->kiln = true;
		if (desc > n - owner)
			return;
		data += owner + desc;
		n -= owner + desc;
	}
}

static void notes_read(int fd, const Elf64_Phdr *ph, struct image_notes *notes)
{
	char data[4096];
	size_t n = ph->p_filesz < NOTES_BYTES_MAX ? (size_t)ph->p_filesz : NOTES_BYTES_MAX;
	struct buf all = {0};

	for (size_t done = 0; done < n;) {
		size_t part = n - done < sizeof(data) ? n - done : sizeof(data);

		if (!read_at(fd, data, part, ph->p_offset + done))
			break;
		buf_add(&all, data, part);
		done += part;
	}
	notes_scan(all.p, all.len, notes);
	buf_free(&all);
}

/* What a file that is no ELF is. */
static char *describe_other(const char *path, const unsigned char *head, size_t n)
{
	if (n == 0)
		return xasprintf("%s is empty, not an image\n  build it again, or copy it again",
				 path);
	if (n >= 2 && head[0] == '#' && head[1] == '!')
		return xasprintf("%s is a script, not an image", path);
	if (n >= 8 && !memcmp(head, "!<arch>\n", 8))
		return xasprintf(
			"%s is a library archive, not an image\n"
			"  an archive is linked into an app by the app's Makefile (UKALIBS-y)",
			path);
	if (str_ends(path, ".rs") || str_ends(path, ".toml"))
		return xasprintf("%s is a source file, not an image\n"
				 "  give the folder that has Cargo.toml in it: kiln run DIR",
				 path);
	return xasprintf("%s is not an ELF file, so not an image\n"
			 "  an image is what `kiln build` makes",
			 path);
}

static char *describe_elf(const char *path, const Elf64_Ehdr *eh)
{
	static const struct {
		Elf64_Half machine;
		const char *name;
	} machines[] = {{EM_386, "32-bit x86"}, {EM_AARCH64, "AArch64"}, {EM_ARM, "32-bit Arm"},
			{EM_RISCV, "RISC-V"},   {EM_PPC64, "PowerPC"},   {EM_S390, "s390"}};
	const char *name = "another machine";

	if (eh->e_ident[EI_CLASS] == ELFCLASS64 && eh->e_ident[EI_DATA] == ELFDATA2LSB &&
	    eh->e_machine == EM_X86_64)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++)
		if (machines[i].machine == eh->e_machine)
			name = machines[i].name;
	return xasprintf("%s is an ELF file for %s; Kiln runs 64-bit x86\n"
			 "  build it for x86-64: kiln build DIR, or with --target "
			 "x86_64-unknown-linux-musl",
			 path, name);
}

static char *describe_elf_type(const char *path, const Elf64_Ehdr *eh)
{
	switch (eh->e_type) {
	case ET_EXEC:
	case ET_DYN:
		return NULL;
	case ET_REL:
		return xasprintf(
			"%s is an object file, not an image\n  link it: kiln-cc %s -o IMAGE", path,
			path);
	case ET_CORE:
		return xasprintf("%s is a core dump, not an image\n  give the program itself",
				 path);
	default:
		return xasprintf("%s is an ELF file of unknown type %u, not an image\n"
				 "  build it again, or copy it again",
				 path, eh->e_type);
	}
}

static char *describe_cut(const char *path, const char *how)
{
	return xasprintf("%s is cut off: %s\n  build it again, or copy it again", path, how);
}

/* Why a Linux executable cannot be loaded. */
static char *describe_program(const char *path, const Elf64_Ehdr *eh, enum elf_problem problem)
{
	if (problem == ELF_DYNAMIC)
		return xasprintf(
			"%s is a dynamically linked Linux program, which Kiln cannot load\n"
			"  link it statically: RUSTFLAGS=\"-C target-feature=+crt-static\" cargo "
			"build; "
			"gcc -static-pie; go build with CGO_ENABLED=0\n"
			"  or make it an image: kiln build DIR",
			path);
	if (eh->e_type == ET_DYN && !eh->e_entry)
		return xasprintf("%s is a shared library, not a program\n"
				 "  link it into one, as an archive (.a)",
				 path);
	if (problem == ELF_WRITABLE_CODE)
		return xasprintf("%s %s, which Kiln never maps\n"
				 "  link it without -N, -z rwx and linker scripts that put code "
				 "and data together",
				 path, elf_problem_text(problem));
	if (problem == ELF_TRUNCATED)
		return describe_cut(path, "a part of it is missing");
	if (problem == ELF_BAD_ALIGNMENT)
		return xasprintf("%s %s\n  link it with -z max-page-size=4096", path,
				 elf_problem_text(problem));
	return xasprintf("%s %s, so it cannot be loaded\n" NEXT_STEP_BROKEN, path,
			 elf_problem_text(problem), path);
}

/* Kiln's loader and this check have the same code for what a program may be. */
static char *inspect_program(int fd, const char *path, const Elf64_Ehdr *eh, struct image *image)
{
	union {
		Elf64_Ehdr host;
		struct elf_header kernel;
	} head = {.host = *eh};
	struct elf_phdr phdrs[ELF_PHDRS_MAX];
	struct elf_program plan;
	enum elf_problem problem = elf_header_check(&head.kernel, sizeof(head), image->file_bytes);

	if (problem == ELF_OK) {
		if (!read_at(fd, phdrs, eh->e_phnum * sizeof(*phdrs), eh->e_phoff))
			return xasprintf("cannot read %s: %s", path, strerror(errno));
		problem = elf_program_plan(&head.kernel, phdrs, image->file_bytes, &plan);
	}
	if (problem != ELF_OK)
		return describe_program(path, eh, problem);
	image->program = true;
	for (unsigned int i = 0; i < plan.count; i++)
		if (plan.segments[i].flags & ELF_PF_W)
			image->own_bytes += plan.segments[i].file_end - plan.segments[i].start;
	return NULL;
}

static char *inspect_phdrs(int fd, const char *path, const Elf64_Ehdr *eh, struct image *image)
{
	struct image_notes notes = {0};

	if (eh->e_phentsize != sizeof(Elf64_Phdr) || eh->e_phnum > PHNUM_MAX)
		return xasprintf("%s has a broken ELF program header table, so it is not an "
				 "image\n" NEXT_STEP_BROKEN,
				 path, path);
	for (unsigned int i = 0; i < eh->e_phnum; i++) {
		Elf64_Phdr ph;
		uint64_t end;

		if (!read_at(fd, &ph, sizeof(ph), eh->e_phoff + i * sizeof(ph)))
			return describe_cut(path, "its program headers are missing");
		if (ph.p_type == PT_NOTE)
			notes_read(fd, &ph, &notes);
		if (ph.p_type != PT_LOAD)
			continue;
		if (ph.p_filesz > image->file_bytes ||
		    ph.p_offset > image->file_bytes - ph.p_filesz)
			return describe_cut(path, "a part of it is missing");
		if (__builtin_add_overflow(ph.p_paddr, ph.p_memsz, &end))
			return xasprintf("%s has a segment that wraps around, so it is not an "
					 "image\n" NEXT_STEP_BROKEN,
					 path, path);
		image->loaded_bytes += ph.p_filesz;
		if (end > image->phys_end)
			image->phys_end = end;
	}
	image->kvm = notes.pvh;
	image->linuxu = eh->e_entry != 0;
	return notes.pvh || notes.kiln ? NULL : inspect_program(fd, path, eh, image);
}

static char *inspect_file(int fd, const char *path, struct image *image)
{
	unsigned char head[sizeof(Elf64_Ehdr)] = {0};
	Elf64_Ehdr eh;
	struct stat st;
	ssize_t n;
	char *why;

	if (fstat(fd, &st))
		return xasprintf("cannot look at %s: %s", path, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return xasprintf(
			"%s is a folder without a Cargo.toml, neither a crate nor an image", path);
	if (!S_ISREG(st.st_mode))
		return xasprintf("%s is not a regular file, so not an image", path);
	n = pread(fd, head, sizeof(head), 0);
	if (n < 0)
		return xasprintf("cannot read %s: %s", path, strerror(errno));
	if (n < SELFMAG || memcmp(head, ELFMAG, SELFMAG))
		return describe_other(path, head, (size_t)n);
	memcpy(&eh, head, sizeof(eh));
	if ((why = describe_elf(path, &eh)))
		return why;
	if (n < (ssize_t)sizeof(eh))
		return describe_cut(path, "its ELF header is incomplete");
	if ((why = describe_elf_type(path, &eh)))
		return why;
	*image = (struct image){.file_bytes = (uint64_t)st.st_size};
	return inspect_phdrs(fd, path, &eh, image);
}

int image_inspect(const char *path, struct image *image, char **why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 && errno == ENOENT)
		*why = xasprintf("there is no file or folder %s", path);
	else if (fd < 0)
		*why = xasprintf("cannot read %s: %s", path, strerror(errno));
	else
		*why = inspect_file(fd, path, image);
	if (fd >= 0)
		close(fd);
	return *why ? -1 : 0;
}

int image_inspect_only(const char *path, struct image *image, char **why)
{
	if (image_inspect(path, image, why))
		return -1;
	if (!image->program)
		return 0;
	*why = xasprintf("%s is a static Linux program without Kiln's kernel in it\n"
			 "  load it as it is: kiln run %s; or make it an image: kiln build DIR",
			 path, path);
	return -1;
}
