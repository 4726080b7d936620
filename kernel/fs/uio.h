/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Where the bytes of a read or write go to or come from: a list of ranges, of the program (an
 * iovec; faults are tolerated) or of the kernel. It moves forward as bytes are copied.
 */
#ifndef FS_UIO_H
#define FS_UIO_H

#include "base/types.h"

struct uio_vec { /* struct iovec */
	uint64_t base, len;
};
_Static_assert(sizeof(struct uio_vec) == 16, "struct iovec");

struct uio {
	const struct uio_vec *vec; /* the range in use */
	size_t vec_done;           /* bytes of it done */
	size_t left;               /* bytes in all ranges that are not done */
	bool kernel;               /* ranges of the kernel */
	bool vector;               /* came as an iovec */
};

/* One range of the program or the kernel. vec is the caller's storage and must live as long as u.
 */
void uio_init(struct uio *u, struct uio_vec *vec, uint64_t base, size_t len, bool kernel);

/*
 * Copy n <= u->left bytes from src to the ranges, or from the ranges to dst. 0, or -EFAULT, then u
 * has not moved (bytes may have been written). No lock of the memory layer may be held.
 */
MUST_CHECK int uio_put(struct uio *u, const void *src, size_t n);
MUST_CHECK int uio_get(struct uio *u, void *dst, size_t n);
/* n <= u->left zeros to the ranges. */
MUST_CHECK int uio_put_zeros(struct uio *u, size_t n);
/* The same for as many of the n > 0 bytes as there is memory for: how many, -EFAULT if none. */
MUST_CHECK ssize64_t uio_put_some(struct uio *u, const void *src, size_t n);
MUST_CHECK ssize64_t uio_get_some(struct uio *u, void *dst, size_t n);
MUST_CHECK ssize64_t uio_put_zeros_some(struct uio *u, size_t n);
/* Bytes that the first range which is not empty has left; 0 if all are empty. */
size_t uio_first(struct uio *u);
/* Go n <= u->left bytes forward. */
void uio_skip(struct uio *u, size_t n);

#endif
