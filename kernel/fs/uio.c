/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Copies between the kernel and lists of ranges. */
#include "fs/uio.h"
#include "arch/arch.h"
#include "base/errno.h"
#include "base/string.h"
#include "core/log.h"

enum uio_op { UIO_PUT, UIO_GET, UIO_ZERO };

void uio_init(struct uio *u, struct uio_vec *vec, uint64_t base, size_t len, bool kernel)
{
	*vec = (struct uio_vec){.base = base, .len = len};
	*u = (struct uio){.vec = vec, .left = len, .kernel = kernel};
}

static ALWAYS_INLINE int uio_copy_piece(bool kernel, enum uio_op op, uint64_t at, void *buf,
					size_t n)
{
	if (likely(!kernel)) {
		if (op == UIO_PUT)
			return user_copy_out(at, buf, n);
		return op == UIO_GET ? user_copy_in(buf, at, n) : user_clear(at, n);
	}
	if (op == UIO_PUT)
		memcpy((void *)at, buf, n);
	else if (op == UIO_GET)
		memcpy(buf, (const void *)at, n);
	else
		memset((void *)at, 0, n);
	return 0;
}

/* Bytes at hand in one piece, at most n (> 0, <= left): steps over ranges that are used up or
 * empty. */
static size_t uio_piece(struct uio *u, size_t n)
{
	while (u->vec_done == u->vec->len) {
		u->vec++;
		u->vec_done = 0;
	}
	return MIN(u->vec->len - u->vec_done, n);
}

static ALWAYS_INLINE int uio_copy(struct uio *u, enum uio_op op, char *buf, size_t n)
{
	const struct uio_vec *vec = u->vec;
	size_t done = u->vec_done, left = n;

	ASSERT(n <= u->left);
	while (left > 0) {
		size_t piece = MIN(vec->len - done, left);
		int err = uio_copy_piece(u->kernel, op, vec->base + done, buf, piece);

		if (unlikely(err != 0))
			return err;
		left -= piece;
		done += piece;
		if (op != UIO_ZERO)
			buf += piece;
		if (left > 0) {
			vec++;
			done = 0;
		}
	}
	u->vec = vec;
	u->vec_done = done;
	u->left -= n;
	return 0;
}

int uio_put(struct uio *u, const void *src, size_t n)
{
	return uio_copy(u, UIO_PUT, (char *)(uintptr_t)src, n);
}

int uio_get(struct uio *u, void *dst, size_t n)
{
	return uio_copy(u, UIO_GET, dst, n);
}

int uio_put_zeros(struct uio *u, size_t n)
{
	return uio_copy(u, UIO_ZERO, NULL, n);
}

/* As much of n as can be: what cannot is tried again up to where a page of the program ends. */
static ssize64_t uio_copy_some(struct uio *u, enum uio_op op, void *buf, size_t n)
{
	size_t piece;
	int err = uio_copy(u, op, buf, n);

	if (likely(err == 0))
		return (ssize64_t)n;
	piece = uio_piece(u, n);
	piece = MIN(piece, PAGE_SIZE - ((u->vec->base + u->vec_done) & (PAGE_SIZE - 1)));
	return piece < n ? uio_copy_some(u, op, buf, piece) : err;
}

ssize64_t uio_put_some(struct uio *u, const void *src, size_t n)
{
	return uio_copy_some(u, UIO_PUT, (void *)(uintptr_t)src, n);
}

ssize64_t uio_get_some(struct uio *u, void *dst, size_t n)
{
	return uio_copy_some(u, UIO_GET, dst, n);
}

ssize64_t uio_put_zeros_some(struct uio *u, size_t n)
{
	return uio_copy_some(u, UIO_ZERO, NULL, n);
}

size_t uio_first(struct uio *u)
{
	return u->left > 0 ? uio_piece(u, u->left) : 0;
}

void uio_skip(struct uio *u, size_t n)
{
	while (n > 0) {
		size_t piece = uio_piece(u, n);

		u->vec_done += piece;
		u->left -= piece;
		n -= piece;
	}
}
