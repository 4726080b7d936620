/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What an ELF file is: a Kiln image, and for which platforms; a Linux program that Kiln can load;
 * or what else, said in words.
 */
#ifndef KILN_IMAGE_H
#define KILN_IMAGE_H

#include "util.h"

struct image {
	uint64_t file_bytes;
	uint64_t loaded_bytes; /* of the file, what PT_LOAD segments hold */
	uint64_t phys_end;     /* first physical address after the image on kvm, .bss included */
	bool program;          /* no image, but a static Linux executable that can be loaded */
	uint64_t own_bytes;    /* program: memory that it takes beside its file at its start */
	bool kvm;              /* has a PVH entry (note of owner "Xen", type 18) */
	bool linuxu;           /* Linux can start it */
};

/*
 * Look at the file. 0 for an image or a program that can be loaded, or -1 with the reason and the
 * next step in *why (caller frees): not readable, not an ELF, a dynamic program, truncated...
 */
MUST_CHECK int image_inspect(const char *path, struct image *image, char **why);

/* The same where only an image will do: a Linux program is a reason, too. */
MUST_CHECK int image_inspect_only(const char *path, struct image *image, char **why);

#endif
