/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* open(2): from a path and flags to a file. */
#include "base/errno.h"
#include "core/heap.h"
#include "fs/fixed.h"

/* Flags that open(2) keeps for F_GETFL. */
#define OPEN_KEEP                                                                                  \
	(O_ACCMODE | O_APPEND | O_NONBLOCK | O_DSYNC | O_SYNC | O_ASYNC | O_DIRECT | O_DIRECTORY | \
	 O_NOFOLLOW | O_NOATIME | O_PATH)
/* How often a name may come and go between looking for it and making it. */
#define OPEN_TRIES 40

_Atomic unsigned tree_umask = 022;

/* What a file is opened with that is only a place in the tree (O_PATH). */
static const struct file_ops path_ops = {.seekable = true};

int file_create(struct entry *e, const struct file_ops *ops, unsigned flags, struct file **out)
{
	struct file *f = heap_alloc(sizeof(*f));

	if (f == NULL)
		return -ENOMEM;
	file_init(f, ops, flags);
	f->entry = entry_get(e);
	*out = f;
	return 0;
}

/* Open an entry that was there (or that was just made: created). */
static int open_entry(struct entry *e, unsigned flags, bool created, struct file **out)
{
	unsigned type = node_type(e->node);
	bool write = (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0;
	const struct node_change_ops *change = node_change(e->node);
	int err;

	if ((flags & O_DIRECTORY) != 0 && type != S_IFDIR)
		return -ENOTDIR;
	if ((flags & O_PATH) != 0)
		return file_create(e, &path_ops, flags & OPEN_KEEP, out);
	if (type == S_IFDIR && (write || (flags & O_CREAT) != 0))
		return -EISDIR;
	if (type == S_IFLNK)
		return -ELOOP;
	if ((flags & O_TRUNC) != 0 && type == S_IFREG && !created && change != NULL) {
		err = change->truncate(e->node, 0);
		if (err != 0)
			return err;
	}
	return e->node->ops->open(e, (flags & OPEN_KEEP) | O_LARGEFILE, out);
}

/* A descriptor's link that leads to no file of the tree is opened by sharing. */
static int open_descriptor(int fd, unsigned flags, struct file **out)
{
	if ((flags & O_DIRECTORY) != 0)
		return -ENOTDIR;
	*out = fd_get(fd);
	return *out != NULL ? 0 : -ENOENT;
}

static int open_nameless(struct entry *base, const char *path, unsigned flags, unsigned mode,
			 struct file **out)
{
	const struct node_change_ops *change;
	struct entry *dir, *e;
	struct walk w;
	int err;

	err = walk_begin(&w, base, path, (flags & O_NOFOLLOW) != 0 ? 0 : WALK_FOLLOW);
	if (err == 0)
		err = walk_take(&w, &dir);
	if (err != 0)
		return err;
	change = node_change(dir->node);
	if (!entry_is_folder(dir))
		err = -ENOTDIR;
	else if (change == NULL)
		err = -EOPNOTSUPP;
	else
		err = change->create_nameless(dir, S_IFREG | mode, (flags & O_EXCL) != 0, &e);
	entry_put(dir);
	if (err != 0)
		return err;
	err = open_entry(e, flags & ~(O_DIRECTORY | O_CREAT), true, out);
	entry_put(e);
	return err;
}

/* The last name of w is missing: make it. 0 or -EEXIST, both with *out; or -errno. */
static int open_create(const struct walk *w, unsigned mode, struct entry **out)
{
	const struct node_change_ops *change = node_change(w->dir->node);
	const struct node_new file = {.mode = S_IFREG | mode};

	*out = NULL;
	if (change == NULL)
		return -EROFS;
	return change->create(w->dir, w->name, w->len, &file, out);
}

/* One try: -EAGAIN if the name that was missing has come meanwhile, as something to follow. */
static int open_try(struct entry *base, const char *path, unsigned flags, unsigned mode,
		    struct file **out)
{
	const unsigned exclusive = O_CREAT | O_EXCL;
	bool follow = (flags & O_NOFOLLOW) == 0 && (flags & exclusive) != exclusive;
	bool created = false;
	struct entry *e;
	struct walk w;
	int err, fd;

	err = walk_begin(&w, base, path,
			 (follow ? WALK_FOLLOW : 0) | ((flags & O_CREAT) != 0 ? WALK_CREATE : 0));
	if (err != 0)
		return err;
	if (w.entry == NULL && (flags & O_CREAT) != 0) {
		err = open_create(&w, mode, &e);
		created = err == 0;
		if (err == -EEXIST && (flags & O_EXCL) == 0 && node_type(e->node) != S_IFLNK)
			err = 0;
		else if (err == -EEXIST && (flags & O_EXCL) == 0)
			err = -EAGAIN;
		walk_end(&w);
		if (err != 0 && e != NULL)
			entry_put(e);
	} else {
		err = w.entry != NULL && (flags & exclusive) == exclusive ? -EEXIST : 0;
		if (err != 0)
			walk_end(&w);
		else
			err = walk_take(&w, &e);
	}
	if (err != 0)
		return err;
	fd = follow && (flags & O_PATH) == 0 ? fixed_descriptor(e) : -1;
	err = fd >= 0 ? open_descriptor(fd, flags, out) : open_entry(e, flags, created, out);
	entry_put(e);
	return err;
}

int tree_open_check(unsigned flags)
{
	if ((flags & O_PATH) != 0 || (flags & O_TMPFILE) == 0)
		return 0;
	return (flags & (O_DIRECTORY | O_CREAT)) == O_DIRECTORY && (flags & O_ACCMODE) != O_RDONLY
		       ? 0
		       : -EINVAL;
}

int tree_open(struct entry *base, const char *path, unsigned flags, unsigned mode,
	      struct file **out)
{
	int err = -EAGAIN;

	mode &= 07777 & ~atomic_load_explicit(&tree_umask, memory_order_relaxed);
	if ((flags & O_PATH) != 0)
		flags &= O_PATH | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW;
	if ((flags & O_TMPFILE) != 0)
		return open_nameless(base, path, flags, mode, out);
	for (unsigned i = 0; i < OPEN_TRIES && err == -EAGAIN; i++)
		err = open_try(base, path, flags, mode, out);
	return err;
}
