/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The program's lists of ranges (struct iovec). */
#ifndef ABI_IOV_H
#define ABI_IOV_H

#include "fs/uio.h"

/* A list, copied. */
struct iov {
	struct uio_vec few[8];
	struct uio_vec *vec;
	size_t count;
};

/* On success the caller has iov_free() to call, when it is done with u. 0, -EINVAL, -EFAULT,
 * -ENOMEM. */
MUST_CHECK int iov_import(struct iov *iov, struct uio *u, vaddr_t addr, size_t count);
void iov_free(struct iov *iov);
/* One range of the program, whose length is cut to what one call moves. 0 or -EFAULT (a negative
 * length: it cannot lie in the program's half). */
MUST_CHECK int range_import(struct uio *u, struct uio_vec *vec, long addr, long len);

#endif
