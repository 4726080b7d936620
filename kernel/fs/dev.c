/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The memory devices: /dev/null, zero, full, random and urandom. */
#include "base/errno.h"
#include "core/random.h"
#include "fs/chunk.h"
#include "fs/fixed.h"

static ssize64_t null_read(struct file *f, struct uio *u, uint64_t *pos)
{
	(void)f;
	(void)u;
	(void)pos;
	return 0;
}

static ssize64_t null_write(struct file *f, struct uio *u, uint64_t *pos)
{
	size_t n = u->left;

	(void)f;
	(void)pos;
	uio_skip(u, n);
	return (ssize64_t)n;
}

static ssize64_t zero_read(struct file *f, struct uio *u, uint64_t *pos)
{
	size_t n = u->left;
	int err = uio_put_zeros(u, n);

	(void)f;
	(void)pos;
	return err == 0 ? (ssize64_t)n : err;
}

static ssize64_t full_write(struct file *f, struct uio *u, uint64_t *pos)
{
	(void)f;
	(void)u;
	(void)pos;
	return -ENOSPC;
}

static ssize64_t random_read(struct file *f, struct uio *u, uint64_t *pos)
{
	size_t total = u->left;
	struct chunk c;
	int err = 0;

	(void)f;
	(void)pos;
	chunk_begin(&c, u->left);
	while (u->left > 0 && err == 0) {
		size_t n = MIN(u->left, c.cap);

		random_bytes(c.buf, n);
		err = uio_put(u, c.buf, n);
	}
	chunk_end(&c);
	return u->left < total ? (ssize64_t)(total - u->left) : err;
}

/* What is written stirs nothing: the generator has better sources. */
static const struct file_ops dev_random_ops = {
	.read = random_read,
	.write = null_write,
	.seekable = true,
	.seek_ignored = true,
};

static const struct file_ops dev_null_ops = {
	.read = null_read,
	.write = null_write,
	.seekable = true,
	.seek_ignored = true,
};

static const struct file_ops dev_zero_ops = {
	.read = zero_read,
	.write = null_write,
	.seekable = true,
	.seek_ignored = true,
	.mappable = true,
};

static const struct file_ops dev_full_ops = {
	.read = zero_read,
	.write = full_write,
	.seekable = true,
	.seek_ignored = true,
	.takes_empty = true,
};

const struct file_ops *dev_ops(uint64_t rdev)
{
	switch (rdev) {
	case DEV_NULL:
		return &dev_null_ops;
	case DEV_ZERO:
		return &dev_zero_ops;
	case DEV_FULL:
		return &dev_full_ops;
	case DEV_RANDOM:
	case DEV_URANDOM:
		return &dev_random_ops;
	default:
		return NULL;
	}
}
