/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Calls that would change the file tree, which is read-only. They look at the path all the same, so
 * that a program learns what Linux would tell it first: that the name is missing, or taken.
 */
#include "abi/path.h"
#include "abi/syscall.h"
#include "base/errno.h"
#include "fs/fcntl.h"

/* For what must be there: -ENOENT and the like, else -EROFS. */
static long change_existing(long dirfd, long path, bool follow)
{
	long node = path_find(dirfd, path, follow);

	return node < 0 ? node : -EROFS;
}

/* For a name that must be free. */
static long change_new(long dirfd, long path)
{
	struct node_path at;
	int err = path_resolve(dirfd, path, false, &at);

	if (err != 0)
		return err;
	return at.node == NODE_NONE ? -EROFS : -EEXIST;
}

static long change_rename(long old_dirfd, long old_path, long new_dirfd, long new_path)
{
	struct node_path at;
	long err = path_find(old_dirfd, old_path, false);

	if (err >= 0)
		err = path_resolve(new_dirfd, new_path, false, &at);
	return err < 0 ? err : -EROFS;
}

long sys_mkdir(long path, long mode)
{
	(void)mode;
	return change_new(AT_FDCWD, path);
}

long sys_mkdirat(long dirfd, long path, long mode)
{
	(void)mode;
	return change_new(dirfd, path);
}

long sys_mknod(long path, long mode, long dev)
{
	(void)mode;
	(void)dev;
	return change_new(AT_FDCWD, path);
}

long sys_mknodat(long dirfd, long path, long mode, long dev)
{
	(void)mode;
	(void)dev;
	return change_new(dirfd, path);
}

long sys_symlink(long target, long path)
{
	(void)target;
	return change_new(AT_FDCWD, path);
}

long sys_symlinkat(long target, long dirfd, long path)
{
	(void)target;
	return change_new(dirfd, path);
}

long sys_linkat(long old_dirfd, long old_path, long new_dirfd, long new_path, long flags)
{
	long node = path_find(old_dirfd, old_path, (flags & AT_SYMLINK_FOLLOW) != 0);

	return node < 0 ? node : change_new(new_dirfd, new_path);
}

long sys_link(long old_path, long new_path)
{
	return sys_linkat(AT_FDCWD, old_path, AT_FDCWD, new_path, 0);
}

long sys_rmdir(long path)
{
	return sys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

long sys_unlink(long path)
{
	return sys_unlinkat(AT_FDCWD, path, 0);
}

long sys_unlinkat(long dirfd, long path, long flags)
{
	long node;

	if ((flags & ~(long)AT_REMOVEDIR) != 0)
		return -EINVAL;
	node = path_find(dirfd, path, false);
	if (node < 0)
		return node;
	if (node_kind((unsigned)node) == NODE_KIND_DIR)
		return (flags & AT_REMOVEDIR) != 0 ? -EROFS : -EISDIR;
	return (flags & AT_REMOVEDIR) != 0 ? -ENOTDIR : -EROFS;
}

long sys_rename(long old_path, long new_path)
{
	return change_rename(AT_FDCWD, old_path, AT_FDCWD, new_path);
}

long sys_renameat(long old_dirfd, long old_path, long new_dirfd, long new_path)
{
	return change_rename(old_dirfd, old_path, new_dirfd, new_path);
}

long sys_renameat2(long old_dirfd, long old_path, long new_dirfd, long new_path, long flags)
{
	return (flags & ~7L) != 0 ? -EINVAL
				  : change_rename(old_dirfd, old_path, new_dirfd, new_path);
}

long sys_truncate(long path, long size)
{
	long node = path_find(AT_FDCWD, path, true);

	if (node < 0)
		return node;
	if (node_kind((unsigned)node) == NODE_KIND_DIR)
		return -EISDIR;
	return size < 0 || node_kind((unsigned)node) == NODE_KIND_DEVICE ? -EINVAL : -EROFS;
}

long sys_chmod(long path, long mode)
{
	(void)mode;
	return change_existing(AT_FDCWD, path, true);
}

long sys_fchmodat(long dirfd, long path, long mode)
{
	(void)mode;
	return change_existing(dirfd, path, true);
}

long sys_chown(long path, long uid, long gid)
{
	(void)uid;
	(void)gid;
	return change_existing(AT_FDCWD, path, true);
}

long sys_lchown(long path, long uid, long gid)
{
	(void)uid;
	(void)gid;
	return change_existing(AT_FDCWD, path, false);
}

/* A descriptor in place of a path: AT_EMPTY_PATH, or a path of NULL for utimensat. */
static long change_file(long fd)
{
	struct file *f = fd_borrow((int)fd);

	if (f == NULL)
		return -EBADF;
	fd_return((int)fd, f);
	return -EROFS;
}

long sys_fchownat(long dirfd, long path, long uid, long gid, long flags)
{
	(void)uid;
	(void)gid;
	if ((flags & ~(long)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0)
		return -EINVAL;
	if ((flags & AT_EMPTY_PATH) != 0 && path_is_empty(path) == 1)
		return change_file(dirfd);
	return change_existing(dirfd, path, (flags & AT_SYMLINK_NOFOLLOW) == 0);
}

long sys_utimensat(long dirfd, long path, long times, long flags)
{
	(void)times;
	if ((flags & ~(long)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0)
		return -EINVAL;
	if (path == 0)
		return change_file(dirfd);
	return change_existing(dirfd, path, (flags & AT_SYMLINK_NOFOLLOW) == 0);
}

long sys_fchmod(long fd, long mode)
{
	(void)mode;
	return change_file(fd);
}

long sys_fchown(long fd, long uid, long gid)
{
	(void)uid;
	(void)gid;
	return change_file(fd);
}

/* No file that can be opened for writing has a length. */
long sys_ftruncate(long fd, long size)
{
	long err = change_file(fd);

	(void)size;
	return err == -EROFS ? -EINVAL : err;
}
