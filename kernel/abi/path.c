/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Calls that take a path and change nothing but the current folder: open, readlink, access. */
#include "abi/path.h"
#include "abi/syscall.h"
#include "arch/arch.h"
#include "base/errno.h"
#include "core/heap.h"
#include "fs/chunk.h"
#include "fs/ramfs.h"

#define R_OK 4
#define W_OK 2
#define X_OK 1

int path_base(long dirfd, const char *text, struct entry **out)
{
	struct file *f;
	int err = 0;

	if ((int)dirfd == AT_FDCWD || *text == '/') {
		*out = *text == '/' ? tree_root() : tree_cwd();
		return 0;
	}
	f = fd_borrow((int)dirfd);
	if (f == NULL)
		return -EBADF;
	if (f->entry != NULL && entry_is_folder(f->entry))
		*out = entry_get(f->entry);
	else
		err = -ENOTDIR;
	fd_return((int)dirfd, f);
	return err;
}

int path_copy(struct path *p, long addr)
{
	ssize64_t len = user_strlen((vaddr_t)addr, PATH_MAX), copied;

	*p = (struct path){0};
	if (len < 0)
		return (int)len;
	p->size = (size_t)len + 1;
	p->text = heap_alloc(p->size);
	if (p->text == NULL)
		return -ENOMEM;
	copied = user_copy_string(p->text, (vaddr_t)addr, p->size);
	if (copied < 0)
		path_end(p);
	return (int)MIN(copied, 0);
}

int path_begin(struct path *p, long dirfd, long addr, unsigned flags)
{
	struct entry *base;
	int err = path_copy(p, addr);

	if (err != 0)
		return err;
	err = *p->text != 0 ? path_base(dirfd, p->text, &base) : -ENOENT;
	if (err == 0) {
		err = walk_begin(&p->walk, base, p->text, flags);
		entry_put(base);
	}
	if (err != 0)
		path_end(p);
	return err;
}

void path_end(struct path *p)
{
	walk_end(&p->walk);
	heap_free(p->text, p->size);
	p->text = NULL;
}

int path_is_empty(long addr)
{
	char first;

	if (user_copy_in(&first, (vaddr_t)addr, 1) != 0)
		return -EFAULT;
	return first == 0;
}

/* The entry that f was opened at; f's reference, borrowed from fd, is given back. */
static int path_of_file(long fd, struct file *f, struct entry **out)
{
	int err = 0;

	if (f == NULL)
		return -EBADF;
	if (f->entry != NULL)
		*out = entry_get(f->entry);
	else
		err = -EINVAL;
	fd_return((int)fd, f);
	return err;
}

int path_of_fd(long fd, struct entry **out)
{
	return path_of_file(fd, fd_borrow_usable((int)fd), out);
}

int path_find(long dirfd, long addr, long flags, struct entry **out)
{
	int err = (flags & AT_EMPTY_PATH) != 0 ? path_is_empty(addr) : 0;
	struct path p;

	if (err < 0)
		return err;
	if (err == 1 && (int)dirfd == AT_FDCWD) {
		*out = tree_cwd();
		return 0;
	}
	if (err == 1)
		return path_of_file(dirfd, fd_borrow((int)dirfd), out);
	err = path_begin(&p, dirfd, addr, (flags & AT_SYMLINK_NOFOLLOW) != 0 ? 0 : WALK_FOLLOW);
	if (err != 0)
		return err;
	*out = p.walk.entry;
	p.walk.entry = NULL;
	path_end(&p);
	return *out != NULL ? 0 : -ENOENT;
}

/* --- open --- */

static long open_path(long dirfd, long addr, unsigned flags, unsigned mode)
{
	struct entry *base;
	struct path p;
	struct file *f;
	int err = tree_open_check(flags), fd = 0;

	if (err == 0)
		err = path_copy(&p, addr);
	if (err != 0)
		return err;
	err = fd = fd_reserve(0);
	if (fd >= 0) {
		err = *p.text != 0 ? path_base(dirfd, p.text, &base) : -ENOENT;
		if (err == 0) {
			err = tree_open(base, p.text, flags, mode, &f);
			entry_put(base);
		}
		if (err == 0)
			fd_commit(fd, f, (flags & O_CLOEXEC) != 0);
		else
			fd_unreserve(fd);
	}
	path_end(&p);
	return err != 0 ? err : fd;
}

long sys_open(long path, long flags, long mode)
{
	return open_path(AT_FDCWD, path, (unsigned)flags, (unsigned)mode);
}

long sys_openat(long dirfd, long path, long flags, long mode)
{
	return open_path(dirfd, path, (unsigned)flags, (unsigned)mode);
}

long sys_creat(long path, long mode)
{
	return open_path(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, (unsigned)mode);
}

long sys_memfd_create(long name, long flags)
{
	char text[sizeof("memfd:") + MFD_NAME_MAX] = "memfd:";
	ssize64_t len;
	struct file *f;
	int err = -ENOSYS, fd;

	if (((unsigned)flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING)) != 0)
		return -EINVAL;
	len = user_copy_string(text + 6, (vaddr_t)name, MFD_NAME_MAX + 1);
	if (len < 0)
		return len == -ENAMETOOLONG ? -EINVAL : len;
	fd = fd_reserve(0);
	if (fd < 0)
		return fd;
	if (IS_ENABLED(CONFIG_FS_RAMFS))
		err = ramfs_create_memfd(text, (size_t)len + 6,
					 ((unsigned)flags & MFD_ALLOW_SEALING) != 0, &f);
	if (err == 0)
		fd_commit(fd, f, ((unsigned)flags & MFD_CLOEXEC) != 0);
	else
		fd_unreserve(fd);
	return err == 0 ? fd : err;
}

/* --- links, access --- */

static long readlink_path(long dirfd, long addr, long buf, long size)
{
	struct entry *e;
	struct chunk c;
	ssize64_t n;
	int err;

	if ((int)size <= 0)
		return -EINVAL;
	err = path_find(dirfd, addr, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, &e);
	if (err != 0)
		return err;
	chunk_begin(&c, PATH_MAX);
	n = entry_read_link(e, (char *)c.buf, c.cap);
	entry_put(e);
	if (n == -EINVAL && path_is_empty(addr) == 1)
		n = -ENOENT;
	if (n > 0) {
		n = MIN(n, (int)size);
		if (user_copy_out((vaddr_t)buf, c.buf, (size_t)n) != 0)
			n = -EFAULT;
	}
	chunk_end(&c);
	return n;
}

long sys_readlink(long path, long buf, long size)
{
	return readlink_path(AT_FDCWD, path, buf, size);
}

long sys_readlinkat(long dirfd, long path, long buf, long size)
{
	return readlink_path(dirfd, path, buf, size);
}

/* The only user is root: may read all, write what can be written, execute what is executable. */
static long access_entry(const struct entry *e, unsigned mode)
{
	unsigned has = node_mode(e->node);

	if ((mode & W_OK) != 0 && (has & 0222) == 0 && node_change(e->node) == NULL)
		return -EROFS;
	if ((mode & X_OK) != 0 && (has & 0111) == 0 && (has & S_IFMT) != S_IFDIR)
		return -EACCES;
	return 0;
}

static long access_path(long dirfd, long addr, long mode, long flags)
{
	struct entry *e;
	long err;

	if ((mode & ~(R_OK | W_OK | X_OK)) != 0 ||
	    (flags & ~(long)(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0)
		return -EINVAL;
	err = path_find(dirfd, addr, flags, &e);
	if (err != 0)
		return err;
	err = access_entry(e, (unsigned)mode);
	entry_put(e);
	return err;
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

/* --- the current folder, folders --- */

long sys_getcwd(long buf, long size)
{
	struct entry *e = tree_cwd();
	struct chunk c;
	bool gone;
	ssize64_t n;

	chunk_begin(&c, PATH_MAX);
	n = entry_path(e, (char *)c.buf, c.cap, &gone);
	entry_put(e);
	if (n >= 0 && gone)
		n = -ENOENT;
	else if (n >= size)
		n = -ERANGE;
	else if (n >= 0)
		n = user_copy_out((vaddr_t)buf, c.buf, (size_t)n + 1) != 0 ? -EFAULT : n + 1;
	chunk_end(&c);
	return n;
}

/* e's reference is used up. */
static long chdir_entry(struct entry *e)
{
	if (!entry_is_folder(e)) {
		entry_put(e);
		return -ENOTDIR;
	}
	tree_chdir(e);
	return 0;
}

long sys_chdir(long path)
{
	struct entry *e;
	int err = path_find(AT_FDCWD, path, 0, &e);

	return err != 0 ? err : chdir_entry(e);
}

long sys_fchdir(long fd)
{
	struct entry *e;
	int err = path_of_file(fd, fd_borrow((int)fd), &e);

	if (err == -EINVAL)
		err = -ENOTDIR;
	return err != 0 ? err : chdir_entry(e);
}

long sys_getdents64(long fd, long buf, long size)
{
	struct file *f = fd_borrow_usable((int)fd);
	long n;

	if (f == NULL)
		return -EBADF;
	n = dir_getdents(f, (vaddr_t)buf, (size_t)(unsigned)size);
	fd_return((int)fd, f);
	return n;
}
