/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* From file to file: sendfile(2), copy_file_range(2). */
#include "abi/syscall.h"
#include "arch/arch.h"
#include "base/errno.h"
#include "fs/chunk.h"
#include "fs/node.h"

/*
 * Copy up to count bytes from in at *in_pos to out at *out_pos (NULL: at its own position), both of
 * which move on: bytes copied, or an error if there are none.
 */
static long copy_bytes(struct file *out, uint64_t *out_pos, struct file *in, uint64_t *in_pos,
		       size_t count)
{
	struct chunk c;
	size_t done = 0;
	long n = 0;

	chunk_begin(&c, count);
	while (done < count) {
		struct uio_vec vec;
		struct uio u;
		long got;

		uio_init(&u, &vec, (uintptr_t)c.buf, MIN(count - done, c.cap), true);
		got = n = file_pread(in, &u, *in_pos);
		if (got <= 0)
			break;
		uio_init(&u, &vec, (uintptr_t)c.buf, (size_t)got, true);
		n = out_pos != NULL ? file_pwrite(out, &u, *out_pos) : file_write(out, &u);
		if (n > 0) {
			done += (size_t)n;
			*in_pos += (uint64_t)n;
		}
		if (n > 0 && out_pos != NULL)
			*out_pos += (uint64_t)n;
		if (n < got)
			break;
	}
	chunk_end(&c);
	return done > 0 ? (long)done : n;
}

/* The position that a call works with: at addr, or the file's own. 0, -EFAULT, -EINVAL. */
static int copy_position_in(struct file *f, long addr, uint64_t *pos)
{
	if (addr == 0)
		*pos = (uint64_t)file_position(f);
	else if (user_copy_in(pos, (vaddr_t)addr, sizeof(*pos)) != 0)
		return -EFAULT;
	return (int64_t)*pos < 0 ? -EINVAL : 0;
}

static int copy_position_out(struct file *f, long addr, uint64_t pos)
{
	if (addr != 0)
		return user_copy_out((vaddr_t)addr, &pos, sizeof(pos));
	file_set_position(f, pos);
	return 0;
}

static long sendfile_files(struct file *out, struct file *in, long offset, long count)
{
	uint64_t pos;
	long n;

	if (!file_readable(in) || !file_writable(out))
		return -EBADF;
	if (!in->ops->seekable || in->ops->read == NULL || (in->ops == &dir_ops && count > 0) ||
	    count < 0 || (file_flags(out) & O_APPEND) != 0)
		return -EINVAL;
	n = copy_position_in(in, offset, &pos);
	if (n == 0)
		n = copy_bytes(out, NULL, in, &pos, (size_t)MIN(count, RW_MAX));
	if (n > 0 && copy_position_out(in, offset, pos) != 0)
		n = -EFAULT;
	return n;
}

long sys_sendfile(long out_fd, long in_fd, long offset, long count)
{
	struct file *in = fd_borrow((int)in_fd), *out = fd_borrow((int)out_fd);
	long n = -EBADF;

	if (in != NULL && out != NULL)
		n = sendfile_files(out, in, offset, count);
	if (in != NULL)
		fd_return((int)in_fd, in);
	if (out != NULL)
		fd_return((int)out_fd, out);
	return n;
}

/* Can a range be copied from in to out? *len is cut to what there is. 0 or -errno. */
static int copy_range_check(struct file *in, uint64_t in_pos, struct file *out, uint64_t out_pos,
			    uint64_t *len)
{
	struct file_stat a, b;

	file_stat(in, &a);
	file_stat(out, &b);
	if ((a.mode & S_IFMT) == S_IFDIR || (b.mode & S_IFMT) == S_IFDIR)
		return -EISDIR;
	if ((a.mode & S_IFMT) != S_IFREG || (b.mode & S_IFMT) != S_IFREG)
		return -EINVAL;
	if (!file_readable(in) || !file_writable(out) || (file_flags(out) & O_APPEND) != 0)
		return -EBADF;
	if (a.dev != b.dev)
		return -EXDEV;
	if (*len > INT64_MAX - in_pos || *len > INT64_MAX - out_pos)
		return -EOVERFLOW;
	*len = in_pos < a.size ? MIN(*len, a.size - in_pos) : 0;
	if (a.ino == b.ino && out_pos + *len > in_pos && out_pos < in_pos + *len)
		return -EINVAL;
	return 0;
}

static long copy_range(struct file *in, long in_addr, struct file *out, long out_addr, uint64_t len)
{
	uint64_t in_pos, out_pos;
	long n = copy_position_in(in, in_addr, &in_pos);

	if (n == 0)
		n = copy_position_in(out, out_addr, &out_pos);
	if (n == 0)
		n = copy_range_check(in, in_pos, out, out_pos, &len);
	if (n == 0 && len > 0)
		n = copy_bytes(out, &out_pos, in, &in_pos, (size_t)MIN(len, (uint64_t)RW_MAX));
	if (n > 0 && (copy_position_out(in, in_addr, in_pos) != 0 ||
		      copy_position_out(out, out_addr, out_pos) != 0))
		n = -EFAULT;
	return n;
}

long sys_copy_file_range(long in_fd, long in_pos, long out_fd, long out_pos, long len, long flags)
{
	struct file *in = fd_borrow_usable((int)in_fd), *out = fd_borrow_usable((int)out_fd);
	long n = -EBADF;

	if (in != NULL && out != NULL)
		n = flags != 0 ? -EINVAL : copy_range(in, in_pos, out, out_pos, (uint64_t)len);
	if (in != NULL)
		fd_return((int)in_fd, in);
	if (out != NULL)
		fd_return((int)out_fd, out);
	return n;
}
