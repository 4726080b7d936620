/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Calls that take a path: open, readlink, access, the current folder; and those that would change
 * the tree. */
#include "abi/path.h"
#include "abi/syscall.h"
#include "arch/arch.h"
#include "base/errno.h"
#include "core/heap.h"
#include "fs/fcntl.h"

#define R_OK 4
#define W_OK 2
#define X_OK 1

/* Flags that open(2) keeps for F_GETFL. */
#define OPEN_KEEP                                                                                  \
	(O_ACCMODE | O_APPEND | O_NONBLOCK | O_DSYNC | O_ASYNC | O_DIRECT | O_DIRECTORY |          \
	 O_NOFOLLOW | O_NOATIME | O_PATH)

/* The folder that a relative path begins in. */
static int path_base(long dirfd, unsigned *dir)
{
	struct file *f;
	int err = -ENOTDIR;

	if ((int)dirfd == AT_FDCWD) {
		*dir = atomic_load_explicit(&node_cwd, memory_order_relaxed);
		return 0;
	}
	f = fd_borrow((int)dirfd);
	if (f == NULL)
		return -EBADF;
	*dir = node_of_file(f);
	if (*dir != NODE_NONE && node_kind(*dir) == NODE_KIND_DIR)
		err = 0;
	fd_return((int)dirfd, f);
	return err;
}

int path_resolve(long dirfd, long addr, bool follow, struct node_path *out)
{
	ssize64_t len = user_strlen((vaddr_t)addr, PATH_MAX), copied;
	unsigned dir = NODE_ROOT;
	char *text;
	int err;

	if (len < 0)
		return (int)len;
	text = heap_alloc((size_t)len + 1);
	if (text == NULL)
		return -ENOMEM;
	copied = user_copy_string(text, (vaddr_t)addr, (size_t)len + 1);
	err = copied < 0 ? (int)copied : 0;
	if (err == 0 && text[0] != '/')
		err = path_base(dirfd, &dir);
	if (err == 0)
		err = node_resolve(dir, text, follow, out);
	heap_free(text, (size_t)len + 1);
	return err;
}

long path_find(long dirfd, long addr, bool follow)
{
	struct node_path path;
	int err = path_resolve(dirfd, addr, follow, &path);

	if (err != 0)
		return err;
	return path.node == NODE_NONE ? -ENOENT : (long)path.node;
}

int path_is_empty(long addr)
{
	char first;

	if (user_copy_in(&first, (vaddr_t)addr, 1) != 0)
		return -EFAULT;
	return first == 0;
}

/* Open what a path led to. The file, or -errno. */
static int open_node(unsigned node, unsigned flags, struct file **out)
{
	enum node_kind kind = node_kind(node);

	if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return -EEXIST;
	if (kind == NODE_KIND_DIR && (flags & O_CREAT) != 0)
		return -EISDIR;
	if ((flags & O_DIRECTORY) != 0 && kind != NODE_KIND_DIR)
		return -ENOTDIR;
	if (kind != NODE_KIND_LINK)
		return node_open(
			node, (flags & OPEN_KEEP) | ((flags & O_PATH) != 0 ? 0 : O_LARGEFILE), out);
	/* A link that was not followed, or a descriptor's that leads to no file of the tree: it is
	 * opened by sharing. */
	if (node < NODE_FD || (flags & O_NOFOLLOW) != 0)
		return -ELOOP;
	*out = fd_get((int)(node - NODE_FD));
	return *out != NULL ? 0 : -ENOENT;
}

static long open_path(long dirfd, long addr, unsigned flags)
{
	bool follow = (flags & O_NOFOLLOW) == 0 &&
		      (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL);
	struct node_path path;
	struct file *f;
	int err, fd;

	if ((flags & O_PATH) != 0)
		flags &= O_PATH | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW;
	if ((flags & O_TMPFILE) != 0)
		return -EOPNOTSUPP;
	err = path_resolve(dirfd, addr, follow, &path);
	if (err == 0 && path.node == NODE_NONE)
		err = (flags & O_CREAT) != 0 ? -EROFS : -ENOENT;
	if (err == 0)
		err = open_node(path.node, flags, &f);
	if (err != 0)
		return err;
	fd = fd_install(f, 0, (flags & O_CLOEXEC) != 0);
	if (fd < 0)
		file_put(f);
	return fd;
}

long sys_open(long path, long flags)
{
	return open_path(AT_FDCWD, path, (unsigned)flags);
}

long sys_openat(long dirfd, long path, long flags, long mode)
{
	(void)mode;
	return open_path(dirfd, path, (unsigned)flags);
}

long sys_creat(long path, long mode)
{
	(void)mode;
	return open_path(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC);
}

static long readlink_path(long dirfd, long addr, long buf, long size)
{
	char text[PATH_MAX / 16];
	long node;
	ssize64_t n;

	if ((int)size <= 0)
		return -EINVAL;
	node = path_find(dirfd, addr, false);
	if (node < 0)
		return node;
	n = node_readlink((unsigned)node, text, sizeof(text));
	if (n < 0)
		return n;
	n = MIN(n, size);
	return user_copy_out((vaddr_t)buf, text, (size_t)n) != 0 ? -EFAULT : n;
}

long sys_readlink(long path, long buf, long size)
{
	return readlink_path(AT_FDCWD, path, buf, size);
}

long sys_readlinkat(long dirfd, long path, long buf, long size)
{
	return readlink_path(dirfd, path, buf, size);
}

/* The only user is root: may read all, write devices, and execute what is executable. */
static long access_node(unsigned node, unsigned mode)
{
	struct file_stat st;

	node_stat(node, &st);
	if ((mode & W_OK) != 0 && (st.mode & 0222) == 0)
		return -EROFS;
	if ((mode & X_OK) != 0 && (st.mode & 0111) == 0)
		return -EACCES;
	return 0;
}

static long access_path(long dirfd, long addr, long mode, long flags)
{
	long node;

	if ((mode & ~(R_OK | W_OK | X_OK)) != 0 ||
	    (flags & ~(long)(AT_EACCESS | AT_SYMLINK_NOFOLLOW)) != 0)
		return -EINVAL;
	node = path_find(dirfd, addr, (flags & AT_SYMLINK_NOFOLLOW) == 0);
	return node < 0 ? node : access_node((unsigned)node, (unsigned)mode);
}

long sys_access(long path, long mode)
{
	return access_path(AT_FDCWD, path, mode, 0);
}

long sys_faccessat(long dirfd, long path, long mode)
{
	return access_path(dirfd, path, mode, 0);
}

long sys_faccessat2(long dirfd, long path, long mode, long flags)
{
	return access_path(dirfd, path, mode, flags);
}

long sys_getcwd(long buf, long size)
{
	char text[64];
	ssize64_t n = node_path_text(atomic_load_explicit(&node_cwd, memory_order_relaxed), text,
				     sizeof(text));

	if (n < 0)
		return n;
	if (size < n + 1)
		return -ERANGE;
	return user_copy_out((vaddr_t)buf, text, (size_t)n + 1) != 0 ? -EFAULT : n + 1;
}

static long chdir_node(long node)
{
	if (node < 0)
		return node;
	if (node == NODE_NONE || node_kind((unsigned)node) != NODE_KIND_DIR)
		return -ENOTDIR;
	atomic_store_explicit(&node_cwd, (unsigned)node, memory_order_relaxed);
	return 0;
}

long sys_chdir(long path)
{
	return chdir_node(path_find(AT_FDCWD, path, true));
}

long sys_fchdir(long fd)
{
	struct file *f = fd_borrow((int)fd);
	long err;

	if (f == NULL)
		return -EBADF;
	err = chdir_node((long)node_of_file(f));
	fd_return((int)fd, f);
	return err;
}

long sys_getdents64(long fd, long buf, long size)
{
	struct file *f = fd_borrow_usable((int)fd);
	long n;

	if (f == NULL)
		return -EBADF;
	n = node_getdents(f, (vaddr_t)buf, (size_t)(unsigned)size);
	fd_return((int)fd, f);
	return n;
}
