/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What an ELF file is: a Kiln image, and for which platforms, or what else, said in words.
 */
#ifndef KILN_IMAGE_H
#define KILN_IMAGE_H

#include "util.h"

struct image {
	uint64_t file_bytes;
	uint64_t loaded_bytes; /* of the file, what PT_LOAD segments hold */
	uint64_t phys_end;     /* first physical address after the image on kvm, .bss included */
	bool kvm;              /* has a PVH entry (note of owner "Xen", type 18) */
	bool linuxu;           /* Linux can start it */
};

/*
 * Look at the file. 0, or -1 with the reason and the next step in *why (caller frees): not
 * readable, not an ELF, a dynamic program, a static Linux program without a Kiln kernel,
 * truncated...
 */
MUST_CHECK int image_inspect(const char *path, struct image *image, char **why);

#endif
