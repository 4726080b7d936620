/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Calls on descriptors: close, dup, fcntl, ioctl; new pipes and eventfds; calls about storage, of
 * which there is none. */
#include "abi/syscall.h"
#include "arch/arch.h"
#include "base/errno.h"
#include "fs/eventfd.h"
#include "fs/fcntl.h"
#include "fs/file.h"
#include "fs/pipe.h"
#include "fs/termios.h"

#define F_DUPFD 0
#define F_GETFD 1
#define F_SETFD 2
#define F_GETFL 3
#define F_SETFL 4
#define F_GETOWN 9
#define F_DUPFD_CLOEXEC 1030
#define FD_CLOEXEC 1

/* What F_SETFL may change. */
#define FCNTL_SETFL (O_APPEND | O_NONBLOCK | O_NOATIME)

#define CLOSE_RANGE_UNSHARE 2u
#define CLOSE_RANGE_CLOEXEC 4u

long sys_close(long fd)
{
	return fd_close((int)fd);
}

long sys_close_range(long first, long last, long flags)
{
	unsigned from = (unsigned)first, to = (unsigned)last;

	if (((unsigned)flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) != 0 || from > to)
		return -EINVAL;
	/* UNSHARE changes nothing: there is one process, with one table. */
	fd_close_range(from, to, ((unsigned)flags & CLOSE_RANGE_CLOEXEC) != 0);
	return 0;
}

/* Another descriptor >= min for f; the caller keeps its reference. */
static long fd_duplicate(struct file *f, long min, bool cloexec)
{
	int fd = fd_install(file_get(f), (int)MIN(min, INT32_MAX), cloexec);

	if (fd < 0)
		file_put(f);
	return fd;
}

long sys_dup(long fd)
{
	struct file *f = fd_get((int)fd);
	int new_fd;

	if (f == NULL)
		return -EBADF;
	new_fd = fd_install(f, 0, false);
	if (new_fd < 0)
		file_put(f);
	return new_fd;
}

static long dup_to(long fd, long new_fd, bool cloexec)
{
	struct file *f = fd_get((int)fd);
	int err;

	if (f == NULL)
		return -EBADF;
	err = fd_replace(f, (int)new_fd, cloexec);
	if (err < 0)
		file_put(f);
	return err;
}

long sys_dup2(long fd, long new_fd)
{
	if ((int)fd == (int)new_fd)
		return fd_cloexec_get((int)fd) < 0 ? -EBADF : (int)new_fd;
	return dup_to(fd, new_fd, false);
}

long sys_dup3(long fd, long new_fd, long flags)
{
	if (((unsigned)flags & ~O_CLOEXEC) != 0 || (int)fd == (int)new_fd)
		return -EINVAL;
	return dup_to(fd, new_fd, ((unsigned)flags & O_CLOEXEC) != 0);
}

static void file_change_flags(struct file *f, unsigned mask, unsigned on)
{
	unsigned old = file_flags(f);

	/* Relaxed: flags order nothing else. */
	while (!atomic_compare_exchange_weak_explicit(&f->flags, &old, (old & ~mask) | on,
						      memory_order_relaxed, memory_order_relaxed))
		;
}

static long fcntl_file(struct file *f, long fd, long cmd, long arg)
{
	switch ((int)cmd) {
	case F_DUPFD:
		return fd_duplicate(f, arg, false);
	case F_DUPFD_CLOEXEC:
		return fd_duplicate(f, arg, true);
	case F_GETFD:
		return fd_cloexec_get((int)fd) == 1 ? FD_CLOEXEC : 0;
	case F_SETFD:
		return fd_cloexec_set((int)fd, (arg & FD_CLOEXEC) != 0);
	case F_GETFL:
		return (long)file_flags(f);
	case F_SETFL:
		if ((file_flags(f) & O_PATH) != 0)
			return -EBADF;
		file_change_flags(f, FCNTL_SETFL, (unsigned)arg & FCNTL_SETFL);
		return 0;
	case F_GETOWN: /* nobody gets signals on input */
		return 0;
	case F_GETPIPE_SZ:
		return pipe_capacity(f);
	case F_SETPIPE_SZ:
		return pipe_set_capacity(f, (unsigned long)arg);
	default:
		return -EINVAL;
	}
}

long sys_fcntl(long fd, long cmd, long arg)
{
	struct file *f = fd_borrow((int)fd);
	long result;

	if (f == NULL)
		return -EBADF;
	result = fcntl_file(f, fd, cmd, arg);
	fd_return((int)fd, f);
	return result;
}

static long ioctl_file(struct file *f, long fd, unsigned cmd, vaddr_t arg)
{
	int32_t on;

	switch (cmd) {
	case FIOCLEX:
		return fd_cloexec_set((int)fd, true);
	case FIONCLEX:
		return fd_cloexec_set((int)fd, false);
	case FIONBIO:
		if (user_copy_in(&on, arg, sizeof(on)) != 0)
			return -EFAULT;
		file_change_flags(f, O_NONBLOCK, on != 0 ? O_NONBLOCK : 0);
		return 0;
	default:
		return f->ops->ioctl != NULL ? f->ops->ioctl(f, cmd, arg) : -ENOTTY;
	}
}

long sys_ioctl(long fd, long cmd, long arg)
{
	struct file *f = fd_borrow_usable((int)fd);
	long result;

	if (f == NULL)
		return -EBADF;
	result = ioctl_file(f, fd, (unsigned)cmd, (vaddr_t)arg);
	fd_return((int)fd, f);
	return result;
}

long sys_pipe2(long fds, long flags)
{
	bool cloexec = ((unsigned)flags & O_CLOEXEC) != 0;
	struct file *reader, *writer;
	int32_t fd[2];
	int err;

	if (((unsigned)flags & ~(O_CLOEXEC | O_NONBLOCK)) != 0)
		return -EINVAL;
	err = fd[0] = fd_reserve(0);
	if (err < 0)
		return err;
	err = fd[1] = fd_reserve(0);
	if (err < 0)
		goto unreserve_first;
	err = user_copy_out((vaddr_t)fds, fd, sizeof(fd));
	if (err == 0)
		err = pipe_create((unsigned)flags & O_NONBLOCK, &reader, &writer);
	if (err != 0)
		goto unreserve_both;
	fd_commit(fd[0], reader, cloexec);
	fd_commit(fd[1], writer, cloexec);
	return 0;

unreserve_both:
	fd_unreserve(fd[1]);
unreserve_first:
	fd_unreserve(fd[0]);
	return err;
}

long sys_pipe(long fds)
{
	return sys_pipe2(fds, 0);
}

long sys_eventfd2(long value, long flags)
{
	struct file *f;
	int err, fd;

	if (((unsigned)flags & ~(EFD_SEMAPHORE | O_NONBLOCK | O_CLOEXEC)) != 0)
		return -EINVAL;
	err = eventfd_create((uint32_t)value, (unsigned)flags, &f);
	if (err != 0)
		return err;
	fd = fd_install(f, 0, ((unsigned)flags & O_CLOEXEC) != 0);
	if (fd < 0)
		file_put(f);
	return fd;
}

long sys_eventfd(long value)
{
	return sys_eventfd2(value, 0);
}

/* No file that there is has storage behind it, for which these calls are. */
long sys_fsync(long fd)
{
	struct file *f = fd_borrow_usable((int)fd);

	if (f == NULL)
		return -EBADF;
	fd_return((int)fd, f);
	return -EINVAL;
}

long sys_fdatasync(long fd)
{
	return sys_fsync(fd);
}

long sys_sync(void)
{
	return 0;
}

/* The kinds of advice of Linux are 0 to 5. Pipes and terminals take none. */
long sys_fadvise64(long fd, long offset, long len, long advice)
{
	struct file *f = fd_borrow_usable((int)fd);
	long err = 0;

	(void)offset;
	if (f == NULL)
		return -EBADF;
	if (!f->ops->seekable)
		err = -ESPIPE;
	else if (len < 0 || advice < 0 || advice > 5)
		err = -EINVAL;
	fd_return((int)fd, f);
	return err;
}

long sys_readahead(long fd, long offset, long count)
{
	(void)offset;
	(void)count;
	return sys_fsync(fd);
}
