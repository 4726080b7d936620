/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What all open files have in common: references, access mode, position. */
#include "fs/file.h"
#include "base/errno.h"
#include "core/heap.h"
#include "fs/epoll.h"
#include "fs/fcntl.h"
#include "fs/flock.h"
#include "fs/node.h"

void file_init(struct file *f, const struct file_ops *ops, unsigned flags)
{
	f->ops = ops;
	f->entry = NULL;
	f->flock = NULL;
	f->pos = 0;
	mutex_init(&f->pos_lock);
	atomic_init(&f->watchers, NULL);
	atomic_init(&f->refs, 1);
	atomic_init(&f->flags, flags);
}

struct file *file_get(struct file *f)
{
	/* Relaxed: whoever gets a reference has one to get it from. */
	atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
	return f;
}

void file_put_many(struct file *f, uint64_t refs)
{
	struct entry *entry;

	/* Release what these references did to the file, acquire it in the one that frees. */
	if (atomic_fetch_sub_explicit(&f->refs, refs, memory_order_acq_rel) != refs)
		return;
	/* Acquire: what a set did with f before it took it out. */
	if (atomic_load_explicit(&f->watchers, memory_order_acquire) != NULL)
		epoll_forget(f);
	if (f->flock != NULL)
		flock_drop(f);
	entry = f->entry;
	if (f->ops->release != NULL)
		f->ops->release(f);
	else
		heap_free(f, sizeof(*f));
	if (entry != NULL)
		entry_put(entry);
}

void file_put(struct file *f)
{
	file_put_many(f, 1);
}

bool file_readable(const struct file *f)
{
	unsigned flags = file_flags(f);

	return (flags & O_PATH) == 0 && (flags & O_ACCMODE) != O_WRONLY;
}

bool file_writable(const struct file *f)
{
	unsigned flags = file_flags(f);

	return (flags & O_PATH) == 0 && (flags & O_ACCMODE) != O_RDONLY;
}

static ssize64_t file_move(struct file *f, struct uio *u, uint64_t *pos, bool write)
{
	ssize64_t (*op)(struct file *, struct uio *, uint64_t *) = write ? f->ops->write
									 : f->ops->read;

	if (write ? !file_writable(f) : !file_readable(f))
		return -EBADF;
	if (op == NULL || u->left > INT64_MAX - *pos)
		return -EINVAL;
	if (u->left == 0 && (u->vector || !f->ops->takes_empty))
		return 0;
	return op(f, u, pos);
}

static ssize64_t file_move_on(struct file *f, struct uio *u, bool write)
{
	uint64_t none = 0;
	ssize64_t n;

	if (!f->ops->seekable || f->ops->seek_ignored)
		return file_move(f, u, &none, write);
	mutex_lock(&f->pos_lock);
	n = file_move(f, u, &f->pos, write);
	mutex_unlock(&f->pos_lock);
	return n;
}

ssize64_t file_read(struct file *f, struct uio *u)
{
	return file_move_on(f, u, false);
}

ssize64_t file_write(struct file *f, struct uio *u)
{
	return file_move_on(f, u, true);
}

ssize64_t file_pread(struct file *f, struct uio *u, uint64_t pos)
{
	return f->ops->seekable ? file_move(f, u, &pos, false) : -ESPIPE;
}

ssize64_t file_pwrite(struct file *f, struct uio *u, uint64_t pos)
{
	return f->ops->seekable ? file_move(f, u, &pos, true) : -ESPIPE;
}

/* Where SEEK_DATA or SEEK_HOLE leads from pos. */
static ssize64_t file_seek_data(struct file *f, int64_t pos, uint64_t size, bool hole)
{
	if (pos < 0 || (uint64_t)pos >= size)
		return -ENXIO;
	if (f->ops->seek_data != NULL)
		return f->ops->seek_data(f, (uint64_t)pos, hole);
	return hole ? (ssize64_t)size : pos;
}

static ssize64_t file_seek_locked(struct file *f, int64_t offset, int whence)
{
	struct file_stat st;
	uint64_t base;
	int64_t target;

	st.size = 0;
	if (whence >= SEEK_END && f->ops->seek_plain)
		return -EINVAL;
	if (whence >= SEEK_END)
		file_stat(f, &st);
	if (whence == SEEK_DATA || whence == SEEK_HOLE)
		return file_seek_data(f, offset, st.size, whence == SEEK_HOLE);
	if (whence < SEEK_SET || whence > SEEK_END)
		return -EINVAL;
	base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? f->pos : st.size;
	if (__builtin_add_overflow((int64_t)base, offset, &target) || target < 0)
		return -EINVAL;
	return target;
}

ssize64_t file_seek(struct file *f, int64_t offset, int whence)
{
	ssize64_t result;

	if (f->ops->seek_ignored)
		return 0;
	if (!f->ops->seekable)
		return -ESPIPE;
	mutex_lock(&f->pos_lock);
	result = file_seek_locked(f, offset, whence);
	if (result >= 0)
		f->pos = (uint64_t)result;
	mutex_unlock(&f->pos_lock);
	return result;
}

int64_t file_position(struct file *f)
{
	int64_t pos;

	mutex_lock(&f->pos_lock);
	pos = (int64_t)f->pos;
	mutex_unlock(&f->pos_lock);
	return pos;
}

void file_set_position(struct file *f, uint64_t pos)
{
	mutex_lock(&f->pos_lock);
	f->pos = pos;
	mutex_unlock(&f->pos_lock);
}

void file_stat(struct file *f, struct file_stat *out)
{
	if (f->ops->stat == NULL) {
		node_stat(f->entry->node, out);
		return;
	}
	*out = (struct file_stat){.dev = FILE_DEV_ANON, .nlink = 1};
	f->ops->stat(f, out);
}
