/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Calls that change what a file is, not what it is called: length, permissions, owner, times. */
#include "abi/path.h"
#include "abi/syscall.h"
#include "abi/time.h"
#include "arch/arch.h"
#include "base/errno.h"
#include "fs/ramfs.h"
#include "plat/plat.h"

#define UTIME_NOW 0x3fffffff
#define UTIME_OMIT 0x3ffffffe

/* e's reference is used up. err: of finding e. */
static long attr_set(long err, struct entry *e, const struct node_attr *attr)
{
	const struct node_change_ops *change;

	if (err != 0)
		return err;
	change = node_change(e->node);
	err = change != NULL ? change->set(e->node, attr) : -EROFS;
	entry_put(e);
	return err;
}

/* --- permissions --- */

static long chmod_path(long dirfd, long path, long mode, long flags)
{
	const struct node_attr attr = {.which = NODE_SET_MODE, .mode = (unsigned)mode & 07777};
	struct entry *e;
	long err;

	if ((flags & ~(long)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0)
		return -EINVAL;
	err = path_find(dirfd, path, flags, &e);
	if (err == 0 && node_type(e->node) == S_IFLNK) {
		entry_put(e);
		return -EOPNOTSUPP;
	}
	return attr_set(err, e, &attr);
}

long sys_chmod(long path, long mode)
{
	return chmod_path(AT_FDCWD, path, mode, 0);
}

long sys_fchmodat(long dirfd, long path, long mode)
{
	return chmod_path(dirfd, path, mode, 0);
}

long sys_fchmodat2(long dirfd, long path, long mode, long flags)
{
	return chmod_path(dirfd, path, mode, flags);
}

long sys_fchmod(long fd, long mode)
{
	const struct node_attr attr = {.which = NODE_SET_MODE, .mode = (unsigned)mode & 07777};
	struct entry *e;
	long err = path_of_fd(fd, &e);

	return attr_set(err, e, &attr);
}

/* --- owner --- */

/* -1 means "leave it". */
static struct node_attr chown_attr(long uid, long gid)
{
	struct node_attr attr = {.uid = (uint32_t)uid, .gid = (uint32_t)gid};

	attr.which |= (int)uid != -1 ? NODE_SET_UID : 0;
	attr.which |= (int)gid != -1 ? NODE_SET_GID : 0;
	return attr;
}

long sys_fchownat(long dirfd, long path, long uid, long gid, long flags)
{
	struct node_attr attr = chown_attr(uid, gid);
	struct entry *e;
	long err;

	if ((flags & ~(long)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0)
		return -EINVAL;
	err = path_find(dirfd, path, flags, &e);
	return attr_set(err, e, &attr);
}

long sys_chown(long path, long uid, long gid)
{
	return sys_fchownat(AT_FDCWD, path, uid, gid, 0);
}

long sys_lchown(long path, long uid, long gid)
{
	return sys_fchownat(AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);
}

long sys_fchown(long fd, long uid, long gid)
{
	struct node_attr attr = chown_attr(uid, gid);
	struct entry *e;
	long err = path_of_fd(fd, &e);

	return attr_set(err, e, &attr);
}

/* --- times --- */

/* A time in ns, as near to it as there is one. */
static int64_t utime_ns(int64_t sec, int64_t nsec)
{
	int64_t ns;

	if (__builtin_mul_overflow(sec, (int64_t)NS_PER_SECOND, &ns) ||
	    __builtin_add_overflow(ns, nsec, &ns))
		return sec < 0 ? INT64_MIN : INT64_MAX;
	return ns;
}

/* Two timespecs at times (0: now), as utimensat(2) takes them. 0, -EFAULT, -EINVAL. */
static int utime_in(long times, struct node_attr *attr)
{
	struct k_timespec ts[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
	int64_t now = (int64_t)plat->clock_realtime_ns(), ns[2];

	*attr = (struct node_attr){0};
	if (times != 0 && user_copy_in(ts, (vaddr_t)times, sizeof(ts)) != 0)
		return -EFAULT;
	for (unsigned i = 0; i < 2; i++) {
		if (ts[i].nsec != UTIME_NOW && ts[i].nsec != UTIME_OMIT &&
		    (ts[i].nsec < 0 || ts[i].nsec >= NS_PER_SECOND))
			return -EINVAL;
		ns[i] = ts[i].nsec == UTIME_NOW ? now : utime_ns(ts[i].sec, ts[i].nsec);
		if (ts[i].nsec != UTIME_OMIT)
			attr->which |= i == 0 ? NODE_SET_ATIME : NODE_SET_MTIME;
	}
	attr->atime_ns = ns[0];
	attr->mtime_ns = ns[1];
	return 0;
}

long sys_utimensat(long dirfd, long path, long times, long flags)
{
	struct node_attr attr;
	struct entry *e;
	long err = utime_in(times, &attr);

	if (err != 0)
		return err;
	if (attr.which == 0)
		return 0; /* nothing is to be changed: nobody looks what of */
	if ((flags & ~(long)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0)
		return -EINVAL;
	if (path == 0 && (int)dirfd != AT_FDCWD) {
		if (flags != 0)
			return -EINVAL;
		err = path_of_fd(dirfd, &e);
	} else {
		err = path_find(dirfd, path, flags, &e);
	}
	return attr_set(err, e, &attr);
}

/* Two timevals at times. */
long sys_futimesat(long dirfd, long path, long times)
{
	struct k_timeval tv[2];
	struct node_attr attr = {.which = NODE_SET_ATIME | NODE_SET_MTIME};
	struct entry *e;
	long err;

	if (times == 0)
		return sys_utimensat(dirfd, path, 0, 0);
	if (user_copy_in(tv, (vaddr_t)times, sizeof(tv)) != 0)
		return -EFAULT;
	for (unsigned i = 0; i < 2; i++)
		if (tv[i].usec < 0 || tv[i].usec >= US_PER_SECOND)
			return -EINVAL;
	attr.atime_ns = utime_ns(tv[0].sec, tv[0].usec * NS_PER_US);
	attr.mtime_ns = utime_ns(tv[1].sec, tv[1].usec * NS_PER_US);
	err = path == 0 ? path_of_fd(dirfd, &e) : path_find(dirfd, path, 0, &e);
	return attr_set(err, e, &attr);
}

long sys_utimes(long path, long times)
{
	return sys_futimesat(AT_FDCWD, path, times);
}

/* Two numbers of seconds at times. */
long sys_utime(long path, long times)
{
	int64_t sec[2];
	struct node_attr attr = {.which = NODE_SET_ATIME | NODE_SET_MTIME};
	struct entry *e;
	long err;

	if (times == 0)
		return sys_utimensat(AT_FDCWD, path, 0, 0);
	if (user_copy_in(sec, (vaddr_t)times, sizeof(sec)) != 0)
		return -EFAULT;
	attr.atime_ns = utime_ns(sec[0], 0);
	attr.mtime_ns = utime_ns(sec[1], 0);
	err = path_find(AT_FDCWD, path, 0, &e);
	return attr_set(err, e, &attr);
}

/* --- length --- */

long sys_truncate(long path, long size)
{
	const struct node_change_ops *change;
	struct entry *e;
	long err = size < 0 ? -EINVAL : path_find(AT_FDCWD, path, 0, &e);

	if (err != 0)
		return err;
	change = node_change(e->node);
	if (entry_is_folder(e))
		err = -EISDIR;
	else if (node_type(e->node) != S_IFREG)
		err = -EINVAL;
	else
		err = change != NULL ? change->truncate(e->node, (uint64_t)size) : -EROFS;
	entry_put(e);
	return err;
}

long sys_ftruncate(long fd, long size)
{
	const struct node_change_ops *change;
	struct file *f = fd_borrow_usable((int)fd);
	long err = -EINVAL;

	if (f == NULL)
		return -EBADF;
	if (size >= 0 && f->entry != NULL && file_writable(f)) {
		change = node_change(f->entry->node);
		if (change != NULL)
			err = change->truncate(f->entry->node, (uint64_t)size);
	}
	fd_return((int)fd, f);
	return err;
}

/* Is that a mode for some file system? */
static bool fallocate_mode_exists(unsigned mode)
{
	bool keep = (mode & FALLOC_KEEP_SIZE) != 0;

	switch (mode & ~FALLOC_KEEP_SIZE) {
	case 0:
	case FALLOC_ZERO_RANGE:
	case FALLOC_UNSHARE_RANGE:
		return true;
	case FALLOC_PUNCH_HOLE:
		return keep;
	case FALLOC_COLLAPSE_RANGE:
	case FALLOC_INSERT_RANGE:
		return !keep;
	default:
		return false;
	}
}

static long fallocate_file(struct file *f, unsigned mode, uint64_t off, uint64_t len)
{
	struct file_stat st;

	if (!fallocate_mode_exists(mode))
		return -EOPNOTSUPP;
	if (!file_writable(f))
		return -EBADF;
	file_stat(f, &st);
	switch (st.mode & S_IFMT) {
	case S_IFREG:
		break;
	case S_IFIFO:
		return -ESPIPE;
	case S_IFDIR:
		return -EISDIR;
	default:
		return -ENODEV;
	}
	if (len > INT64_MAX - off)
		return -EFBIG;
	return IS_ENABLED(CONFIG_FS_RAMFS) ? ramfs_allocate(f, mode, off, len) : -EOPNOTSUPP;
}

long sys_fallocate(long fd, long mode, long off, long len)
{
	struct file *f = fd_borrow_usable((int)fd);
	long err = -EINVAL;

	if (f == NULL)
		return -EBADF;
	if (off >= 0 && len > 0)
		err = fallocate_file(f, (unsigned)mode, (uint64_t)off, (uint64_t)len);
	fd_return((int)fd, f);
	return err;
}
