/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* read(2), write(2) and their family: from the program's ranges to a uio. */
#include "abi/iov.h"
#include "abi/syscall.h"
#include "arch/arch.h"
#include "base/errno.h"
#include "core/heap.h"
#include "fs/fcntl.h"
#include "fs/file.h"

typedef ssize64_t (*file_stream_fn)(struct file *, struct uio *);
typedef ssize64_t (*file_at_fn)(struct file *, struct uio *, uint64_t);

void iov_free(struct iov *iov)
{
	if (iov->vec != iov->few)
		heap_free(iov->vec, iov->count * sizeof(*iov->vec));
}

/* Bytes in all, at most RW_MAX; what is beyond is cut off, as Linux does. -EINVAL for a negative
 * length. */
static ssize64_t iov_measure(struct iov *iov)
{
	size_t total = 0;

	for (size_t i = 0; i < iov->count; i++) {
		if ((int64_t)iov->vec[i].len < 0)
			return -EINVAL;
		iov->vec[i].len = MIN(iov->vec[i].len, RW_MAX - total);
		total += iov->vec[i].len;
	}
	return (ssize64_t)total;
}

int iov_import(struct iov *iov, struct uio *u, vaddr_t addr, size_t count)
{
	ssize64_t total;
	int err;

	if (count > IOV_MAX)
		return -EINVAL;
	iov->count = count;
	iov->vec = count <= ARRAY_SIZE(iov->few) ? iov->few : heap_alloc(count * sizeof(*iov->vec));
	if (iov->vec == NULL)
		return -ENOMEM;
	err = count > 0 ? user_copy_in(iov->vec, addr, count * sizeof(*iov->vec)) : 0;
	total = err != 0 ? err : iov_measure(iov);
	if (total < 0) {
		iov_free(iov);
		return (int)total;
	}
	*u = (struct uio){.vec = iov->vec, .left = (size_t)total, .vector = true};
	return 0;
}

int range_import(struct uio *u, struct uio_vec *vec, long addr, long len)
{
	if (len < 0)
		return -EFAULT;
	uio_init(u, vec, (uint64_t)addr, (size_t)MIN(len, RW_MAX), false);
	return 0;
}

static long file_stream(long fd, struct uio *u, file_stream_fn op)
{
	struct file *f = fd_borrow((int)fd);
	long n;

	if (f == NULL)
		return -EBADF;
	n = op(f, u);
	fd_return((int)fd, f);
	return n;
}

static long file_at(long fd, struct uio *u, long pos, file_at_fn op)
{
	struct file *f;
	long n;

	if (pos < 0)
		return -EINVAL;
	f = fd_borrow((int)fd);
	if (f == NULL)
		return -EBADF;
	n = op(f, u, (uint64_t)pos);
	fd_return((int)fd, f);
	return n;
}

long sys_read(long fd, long buf, long count)
{
	struct uio_vec vec;
	struct uio u;
	int err = range_import(&u, &vec, buf, count);

	return err != 0 ? err : file_stream(fd, &u, file_read);
}

long sys_write(long fd, long buf, long count)
{
	struct uio_vec vec;
	struct uio u;
	int err = range_import(&u, &vec, buf, count);

	return err != 0 ? err : file_stream(fd, &u, file_write);
}

long sys_pread64(long fd, long buf, long count, long pos)
{
	struct uio_vec vec;
	struct uio u;
	int err = range_import(&u, &vec, buf, count);

	return err != 0 ? err : file_at(fd, &u, pos, file_pread);
}

long sys_pwrite64(long fd, long buf, long count, long pos)
{
	struct uio_vec vec;
	struct uio u;
	int err = range_import(&u, &vec, buf, count);

	return err != 0 ? err : file_at(fd, &u, pos, file_pwrite);
}

static long iov_stream(long fd, long addr, long count, file_stream_fn op)
{
	struct iov iov;
	struct uio u;
	long n = iov_import(&iov, &u, (vaddr_t)addr, (size_t)count);

	if (n != 0)
		return n;
	n = file_stream(fd, &u, op);
	iov_free(&iov);
	return n;
}

static long iov_at(long fd, long addr, long count, long pos, file_at_fn op)
{
	struct iov iov;
	struct uio u;
	long n = iov_import(&iov, &u, (vaddr_t)addr, (size_t)count);

	if (n != 0)
		return n;
	n = file_at(fd, &u, pos, op);
	iov_free(&iov);
	return n;
}

long sys_readv(long fd, long addr, long count)
{
	return iov_stream(fd, addr, count, file_read);
}

long sys_writev(long fd, long addr, long count)
{
	return iov_stream(fd, addr, count, file_write);
}

/* The position comes in two halves; on 64 bits the low one is all of it. */
long sys_preadv(long fd, long addr, long count, long pos, long pos_high)
{
	(void)pos_high;
	return iov_at(fd, addr, count, pos, file_pread);
}

long sys_pwritev(long fd, long addr, long count, long pos, long pos_high)
{
	(void)pos_high;
	return iov_at(fd, addr, count, pos, file_pwrite);
}

long sys_lseek(long fd, long offset, long whence)
{
	struct file *f = fd_borrow_usable((int)fd);
	long pos;

	if (f == NULL)
		return -EBADF;
	pos = file_seek(f, offset, (int)whence);
	fd_return((int)fd, f);
	return pos;
}
