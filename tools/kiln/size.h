/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What an image is made of, in parts: shared by the analysis (size.c, size_names.c), and the
 * picture (size_svg.c).
 */
#ifndef KILN_SIZE_H
#define KILN_SIZE_H

#include "util.h"

enum size_group { GROUP_KERNEL, GROUP_LIBRARY, GROUP_CRATE, GROUP_OTHER, GROUPS };

/* What a symbol or section is: of these the last takes memory, and no room in the file. */
enum size_kind { KIND_CODE, KIND_CONSTANT, KIND_DATA, KIND_ZERO, KINDS };

struct size_part {
	enum size_group group;
	char *name;
	uint64_t bytes[KINDS];
};

struct size_parts {
	struct size_part *v;
	size_t n;
};

/* What the part takes in the file, as it is loaded. */
uint64_t size_part_bytes(const struct size_part *part);

/* The part with that name, made if it is not there yet. */
struct size_part *size_part_get(struct size_parts *parts, enum size_group group, const char *name);

/* Who defines which symbol: the libraries that images are linked with. */
struct size_names;
struct size_names *size_names_load(void);
void size_names_free(struct size_names *names);

/* Whose a symbol is: its demangled name and nm's letter. */
enum size_group size_names_find(const struct size_names *names, const char *symbol, char **part);

/* A treemap. 0, or -errno of writing file. */
MUST_CHECK int size_svg_write(const char *file, const char *title, const struct size_parts *parts);

#endif
