/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Calls that make, link, rename and remove names. In the fixed file system they say what Linux says
 * of a read-only one. */
#include "abi/path.h"
#include "abi/syscall.h"
#include "arch/arch.h"
#include "base/errno.h"
#include "core/heap.h"
#include "fs/pipe.h"

/* Does w's last name exist? */
static bool change_exists(const struct walk *w)
{
	struct entry *e = NULL;

	spin_lock(&tree_lock);
	(void)w->dir->node->ops->find(w->dir, w->name, w->len, &e);
	spin_unlock(&tree_lock);
	if (e != NULL)
		entry_put(e);
	return e != NULL;
}

/* Walk to a name that is to be made, as a folder or as something else. What changes its folder goes
 * to *change. */
static int change_begin_new(struct path *p, long dirfd, long addr, bool folder,
			    const struct node_change_ops **change)
{
	int err = path_begin(p, dirfd, addr, WALK_PARENT);

	if (err != 0)
		return err;
	*change = node_change(p->walk.dir->node);
	if (p->walk.last != WALK_NAME)
		err = -EEXIST;
	else if (entry_is_gone(p->walk.dir))
		err = -ENOENT;
	else if (p->walk.slash && !folder)
		err = change_exists(&p->walk) ? -EEXIST : -ENOENT;
	else if (*change == NULL)
		err = change_exists(&p->walk) ? -EEXIST : -EROFS;
	if (err != 0)
		path_end(p);
	return err;
}

static long change_create(long dirfd, long addr, const struct node_new *what)
{
	const struct node_change_ops *change;
	struct entry *e;
	struct path p;
	long err = change_begin_new(&p, dirfd, addr, (what->mode & S_IFMT) == S_IFDIR, &change);

	if (err != 0)
		return err;
	err = change->create(p.walk.dir, p.walk.name, p.walk.len, what, &e);
	if (e != NULL)
		entry_put(e);
	path_end(&p);
	return err;
}

static unsigned change_umask(void)
{
	return ~atomic_load_explicit(&tree_umask, memory_order_relaxed);
}

long sys_mkdirat(long dirfd, long path, long mode)
{
	const struct node_new folder = {.mode = S_IFDIR |
						((unsigned)mode & change_umask() & 01777)};

	return change_create(dirfd, path, &folder);
}

long sys_mkdir(long path, long mode)
{
	return sys_mkdirat(AT_FDCWD, path, mode);
}

long sys_mknodat(long dirfd, long path, long mode, long dev)
{
	struct node_new what = {.mode = (unsigned)mode & (S_IFMT | (07777 & change_umask()))};

	switch (what.mode & S_IFMT) {
	case 0:
		what.mode |= S_IFREG;
		break;
	case S_IFIFO:
		what.fifo_open = fifo_open;
		break;
	case S_IFREG:
	case S_IFSOCK:
		break;
	case S_IFCHR:
	case S_IFBLK:
		what.rdev = (unsigned)dev;
		break;
	case S_IFDIR:
		return -EPERM;
	default:
		return -EINVAL;
	}
	return change_create(dirfd, path, &what);
}

long sys_mknod(long path, long mode, long dev)
{
	return sys_mknodat(AT_FDCWD, path, mode, dev);
}

long sys_symlinkat(long target, long dirfd, long path)
{
	struct node_new link = {.mode = S_IFLNK | 0777};
	struct path text;
	long err = path_copy(&text, target);

	if (err != 0)
		return err;
	link.target = text.text;
	err = *text.text != 0 ? change_create(dirfd, path, &link) : -ENOENT;
	path_end(&text);
	return err;
}

long sys_symlink(long target, long path)
{
	return sys_symlinkat(target, AT_FDCWD, path);
}

long sys_linkat(long old_dirfd, long old_path, long new_dirfd, long new_path, long flags)
{
	const struct node_change_ops *change;
	struct entry *old;
	struct path p;
	long err, how = flags & AT_EMPTY_PATH;

	if ((flags & ~(long)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) != 0)
		return -EINVAL;
	if ((flags & AT_SYMLINK_FOLLOW) == 0)
		how |= AT_SYMLINK_NOFOLLOW;
	err = path_find(old_dirfd, old_path, how, &old);
	if (err != 0)
		return err;
	err = change_begin_new(&p, new_dirfd, new_path, false, &change);
	if (err == 0) {
		err = change_exists(&p.walk)
			      ? -EEXIST
			      : change->link(p.walk.dir, p.walk.name, p.walk.len, old);
		path_end(&p);
	}
	entry_put(old);
	return err;
}

long sys_link(long old_path, long new_path)
{
	return sys_linkat(AT_FDCWD, old_path, AT_FDCWD, new_path, 0);
}

/* --- removing --- */

/* What the last component of a path that is to be removed forbids. */
static int change_check_remove(const struct walk *w, bool folder)
{
	switch (w->last) {
	case WALK_DOT:
		return folder ? -EINVAL : -EISDIR;
	case WALK_DOTDOT:
		return folder ? -ENOTEMPTY : -EISDIR;
	case WALK_ROOT:
		return folder ? -EBUSY : -EISDIR;
	default:
		return 0;
	}
}

/* Why a name cannot be removed where nothing can, or with a slash behind it. */
static int change_refuse_remove(const struct walk *w, bool folder)
{
	struct entry *e = NULL;
	int err = -ENOENT;

	spin_lock(&tree_lock);
	(void)w->dir->node->ops->find(w->dir, w->name, w->len, &e);
	spin_unlock(&tree_lock);
	if (e == NULL)
		return err;
	if (entry_is_folder(e))
		err = folder ? -EROFS : -EISDIR;
	else
		err = folder || w->slash ? -ENOTDIR : -EROFS;
	entry_put(e);
	return err;
}

long sys_unlinkat(long dirfd, long path, long flags)
{
	bool folder = (flags & AT_REMOVEDIR) != 0;
	const struct node_change_ops *change;
	struct path p;
	long err;

	if ((flags & ~(long)AT_REMOVEDIR) != 0)
		return -EINVAL;
	err = path_begin(&p, dirfd, path, WALK_PARENT);
	if (err != 0)
		return err;
	err = change_check_remove(&p.walk, folder);
	change = node_change(p.walk.dir->node);
	if (err == 0 && (change == NULL || (p.walk.slash && !folder)))
		err = change_refuse_remove(&p.walk, folder);
	else if (err == 0)
		err = change->unlink(p.walk.dir, p.walk.name, p.walk.len, folder);
	path_end(&p);
	return err;
}

long sys_rmdir(long path)
{
	return sys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

long sys_unlink(long path)
{
	return sys_unlinkat(AT_FDCWD, path, 0);
}

/* --- renaming --- */

static struct node_place change_place(const struct walk *w)
{
	return (struct node_place){w->dir, w->name, w->len, w->slash};
}

static long change_rename(const struct walk *from, const struct walk *to, unsigned flags)
{
	const struct node_change_ops *change = node_change(from->dir->node);
	struct node_place old = change_place(from), new = change_place(to);

	if (from->last != WALK_NAME)
		return -EBUSY;
	if (to->last != WALK_NAME)
		return (flags & RENAME_NOREPLACE) != 0 ? -EEXIST : -EBUSY;
	if (change == NULL && node_change(to->dir->node) == NULL)
		return change_exists(from) ? -EROFS : -ENOENT;
	return change != NULL ? change->rename(&old, &new, flags) : -EXDEV;
}

long sys_renameat2(long old_dirfd, long old_path, long new_dirfd, long new_path, long flags)
{
	struct path from, to;
	long err;

	if (((unsigned)flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE)) != 0 ||
	    (unsigned)flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	err = path_begin(&from, old_dirfd, old_path, WALK_PARENT);
	if (err != 0)
		return err;
	err = path_begin(&to, new_dirfd, new_path, WALK_PARENT);
	if (err == 0) {
		err = change_rename(&from.walk, &to.walk, (unsigned)flags);
		path_end(&to);
	}
	path_end(&from);
	return err;
}

long sys_renameat(long old_dirfd, long old_path, long new_dirfd, long new_path)
{
	return sys_renameat2(old_dirfd, old_path, new_dirfd, new_path, 0);
}

long sys_rename(long old_path, long new_path)
{
	return sys_renameat2(AT_FDCWD, old_path, AT_FDCWD, new_path, 0);
}
