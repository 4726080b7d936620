/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Open folders: reading what is in them (getdents64(2)). */
#include "arch/arch.h"
#include "base/errno.h"
#include "base/string.h"
#include "fs/node.h"

struct dirent64 { /* struct linux_dirent64 */
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[NAME_MAX + 1 + 8]; /* and zeros up to a multiple of 8 */
};
#define DIRENT_NAME_OFFSET offsetof(struct dirent64, name)

/* The entry at or after position *at: "." and ".." are 0 and 1. False at the end. */
static bool dir_next(struct entry *dir, uint64_t *at, struct node_dirent *d)
{
	struct entry *e;

	if (*at >= 2)
		return dir->node->ops->list(dir, at, d);
	spin_lock(&tree_lock);
	e = *at == 0 ? dir : dir->parent;
	d->ino = e->node->ino;
	spin_unlock(&tree_lock);
	d->type = S_IFDIR;
	memcpy(d->name, "..", 3);
	d->name[*at + 1] = 0;
	return true;
}

/* Put one entry at buf, which has room bytes: bytes put, -EINVAL (it does not fit) or -EFAULT. */
static ssize64_t dir_put(const struct node_dirent *d, uint64_t next, vaddr_t buf, size_t room)
{
	size_t n = strlen(d->name);
	struct dirent64 e;

	e.ino = d->ino;
	e.off = (int64_t)next;
	e.reclen = (uint16_t)ALIGN_UP(DIRENT_NAME_OFFSET + n + 1, (size_t)8);
	e.type = (uint8_t)(d->type >> 12); /* DT_* are the type bits of the mode */
	memcpy(e.name, d->name, n);
	memset(e.name + n, 0, e.reclen - DIRENT_NAME_OFFSET - n);
	if (e.reclen > room)
		return -EINVAL;
	return user_copy_out(buf, &e, e.reclen) != 0 ? -EFAULT : e.reclen;
}

ssize64_t dir_getdents(struct file *f, vaddr_t buf, size_t len)
{
	struct node_dirent d;
	size_t done = 0;
	ssize64_t n = 0;

	if (f->entry == NULL || !entry_is_folder(f->entry))
		return -ENOTDIR;
	if (entry_is_gone(f->entry))
		return -ENOENT;
	mutex_lock(&f->pos_lock);
	for (;;) {
		uint64_t at = f->pos;

		if (!dir_next(f->entry, &at, &d))
			break;
		n = dir_put(&d, at + 1, buf + done, len - done);
		if (n < 0)
			break;
		done += (size_t)n;
		n = 0;
		f->pos = at + 1;
	}
	mutex_unlock(&f->pos_lock);
	return done > 0 ? (ssize64_t)done : n;
}

static ssize64_t dir_read(struct file *f, struct uio *u, uint64_t *pos)
{
	(void)f;
	(void)u;
	(void)pos;
	return -EISDIR;
}

const struct file_ops dir_ops = {
	.read = dir_read,
	.seekable = true,
	.seek_plain = true,
	.takes_empty = true,
	.stays = true,
};
