/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Calls on descriptors: close, dup, fcntl, ioctl, flock; new pipes and eventfds. */
#include "abi/syscall.h"
#include "arch/arch.h"
#include "base/errno.h"
#include "fs/eventfd.h"
#include "fs/fcntl.h"
#include "fs/file.h"
#include "fs/flock.h"
#include "fs/pipe.h"
#include "fs/ramfs.h"
#include "fs/termios.h"

#define F_DUPFD 0
#define F_GETFD 1
#define F_SETFD 2
#define F_GETFL 3
#define F_SETFL 4
#define F_GETLK 5
#define F_SETLK 6
#define F_SETLKW 7
#define F_GETOWN 9
#define F_DUPFD_CLOEXEC 1030
#define F_ADD_SEALS 1033
#define F_GET_SEALS 1034
#define FD_CLOEXEC 1

/* What F_SETFL may change. */
#define FCNTL_SETFL (O_APPEND | O_NONBLOCK | O_NOATIME | O_DIRECT)

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
	return fd_install(file_get(f), (int)MIN(min, INT32_MAX), cloexec);
}

long sys_dup(long fd)
{
	struct file *f = fd_get((int)fd);

	return f != NULL ? fd_install(f, 0, false) : -EBADF;
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

struct k_flock { /* struct flock */
	int16_t type, whence;
	int64_t start, len;
	int32_t pid;
};
#define F_RDLCK 0
#define F_WRLCK 1
#define F_UNLCK 2

/* Is what a record lock names a range of f? 0, -EINVAL, -EOVERFLOW. */
static int record_check(struct file *f, const struct k_flock *l)
{
	struct file_stat st;
	int64_t start, end;

	if (l->whence < SEEK_SET || l->whence > SEEK_END)
		return -EINVAL;
	file_stat(f, &st);
	start = l->whence == SEEK_SET   ? 0
		: l->whence == SEEK_CUR ? file_position(f)
					: (int64_t)st.size;
	if (__builtin_add_overflow(start, l->start, &start) ||
	    __builtin_add_overflow(start, l->len - (l->len > 0), &end))
		return -EOVERFLOW;
	return start < 0 || end < 0 ? -EINVAL : 0;
}

/* Record locks are between processes, and there is one: it gets them all, and nobody else has any.
 */
static long fcntl_record(struct file *f, int cmd, vaddr_t arg)
{
	struct k_flock l;
	int err;

	if (user_copy_in(&l, arg, sizeof(l)) != 0)
		return -EFAULT;
	if (l.type < F_RDLCK || l.type > F_UNLCK || (cmd == F_GETLK && l.type == F_UNLCK))
		return -EINVAL;
	err = record_check(f, &l);
	if (err != 0)
		return err;
	if (cmd == F_GETLK) {
		l.type = F_UNLCK;
		return user_copy_out(arg, &l, sizeof(l));
	}
	if (l.type == F_RDLCK)
		return file_readable(f) ? 0 : -EBADF;
	return l.type == F_WRLCK && !file_writable(f) ? -EBADF : 0;
}

static long fcntl_seals(struct file *f, int cmd, long arg)
{
	if (!IS_ENABLED(CONFIG_FS_RAMFS))
		return -EINVAL;
	return cmd == F_GET_SEALS ? ramfs_get_seals(f) : ramfs_add_seals(f, (unsigned)arg);
}

/* What needs more than a place in the tree (O_PATH). */
static long fcntl_usable(struct file *f, int cmd, long arg)
{
	unsigned long bytes;

	switch (cmd) {
	case F_SETFL:
		file_change_flags(f, FCNTL_SETFL, (unsigned)arg & FCNTL_SETFL);
		return 0;
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
		return fcntl_record(f, cmd, (vaddr_t)arg);
	case F_GETOWN: /* nobody gets signals on input */
		return 0;
	case F_GETPIPE_SZ:
		return f->ops->capacity != NULL ? f->ops->capacity(f, NULL) : -EBADF;
	case F_SETPIPE_SZ:
		bytes = (unsigned long)arg;
		return f->ops->capacity != NULL ? f->ops->capacity(f, &bytes) : -EBADF;
	case F_ADD_SEALS:
	case F_GET_SEALS:
		return fcntl_seals(f, cmd, arg);
	default:
		return -EINVAL;
	}
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
	default:
		return (file_flags(f) & O_PATH) == 0 ? fcntl_usable(f, (int)cmd, arg) : -EBADF;
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
	err = fd_reserve_pair((vaddr_t)fds, fd);
	if (err != 0)
		return err;
	err = pipe_create((unsigned)flags & O_NONBLOCK, &reader, &writer);
	if (err != 0) {
		fd_unreserve_pair(fd);
		return err;
	}
	fd_commit(fd[0], reader, cloexec);
	fd_commit(fd[1], writer, cloexec);
	return 0;
}

long sys_pipe(long fds)
{
	return sys_pipe2(fds, 0);
}

long sys_eventfd2(long value, long flags)
{
	struct file *f;
	int err;

	if (((unsigned)flags & ~(EFD_SEMAPHORE | O_NONBLOCK | O_CLOEXEC)) != 0)
		return -EINVAL;
	err = eventfd_create((uint32_t)value, (unsigned)flags, &f);
	if (err != 0)
		return err;
	return fd_install(f, 0, ((unsigned)flags & O_CLOEXEC) != 0);
}

long sys_eventfd(long value)
{
	return sys_eventfd2(value, 0);
}

long sys_flock(long fd, long operation)
{
	struct file *f = fd_borrow_usable((int)fd);
	long err;

	if (f == NULL)
		return -EBADF;
	err = flock_change(f, (unsigned)operation);
	fd_return((int)fd, f);
	return err;
}

/* --- storage: what is written is where it stays --- */

long sys_fsync(long fd)
{
	struct file *f = fd_borrow_usable((int)fd);
	long err;

	if (f == NULL)
		return -EBADF;
	err = f->ops->stays ? 0 : -EINVAL;
	fd_return((int)fd, f);
	return err;
}

long sys_fdatasync(long fd)
{
	return sys_fsync(fd);
}

long sys_sync(void)
{
	return 0;
}

long sys_syncfs(long fd)
{
	struct file *f = fd_borrow_usable((int)fd);

	if (f == NULL)
		return -EBADF;
	fd_return((int)fd, f);
	return 0;
}

#define SYNC_FILE_RANGE_ALL 7u

long sys_sync_file_range(long fd, long offset, long len, long flags)
{
	struct file *f = fd_borrow_usable((int)fd);
	long err = 0, end;

	if (f == NULL)
		return -EBADF;
	if (((unsigned)flags & ~SYNC_FILE_RANGE_ALL) != 0 || offset < 0 ||
	    __builtin_add_overflow(offset, len, &end) || end < offset)
		err = -EINVAL;
	else if (!f->ops->stays)
		err = -ESPIPE;
	fd_return((int)fd, f);
	return err;
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
	struct file *f = fd_borrow_usable((int)fd);
	struct file_stat st;
	long err = 0;

	(void)offset;
	(void)count;
	if (f == NULL)
		return -EBADF;
	file_stat(f, &st);
	if (!file_readable(f))
		err = -EBADF;
	else if ((st.mode & S_IFMT) != S_IFREG)
		err = -EINVAL;
	fd_return((int)fd, f);
	return err;
}
