/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Nodes and entries: references, the root, the current folder, an entry's path. */
#include "fs/node.h"
#include "base/errno.h"
#include "base/string.h"
#include "core/heap.h"
#include "fs/fixed.h"
#include "fs/ramfs.h"

struct spinlock tree_lock = SPINLOCK_INIT(LOCK_TREE);

/* NULL: the root. Guarded by the tree lock. */
static struct entry *tree_current;

void node_init(struct node *n, const struct node_ops *ops, unsigned mode, uint64_t ino)
{
	n->ops = ops;
	n->ino = ino;
	atomic_init(&n->refs, 1);
	atomic_init(&n->mode, mode);
}

void node_put(struct node *n)
{
	/* Release what this reference did to the node, acquire it in the one that frees. */
	if (atomic_fetch_sub_explicit(&n->refs, 1, memory_order_acq_rel) == 1)
		n->ops->release(n);
}

void node_stat(struct node *n, struct file_stat *out)
{
	*out = (struct file_stat){.ino = n->ino, .nlink = 1};
	n->ops->stat(n, out);
	out->mode = node_mode(n);
}

struct entry *entry_create(struct entry *dir, const char *name, size_t len, struct node *n)
{
	struct entry *e = heap_zalloc(sizeof(*e));
	char *copy = heap_alloc(len + 1);

	if (e == NULL || copy == NULL) {
		heap_free(e, sizeof(*e));
		heap_free(copy, len + 1);
		return NULL;
	}
	memcpy(copy, name, len);
	e->name = copy;
	e->len = (uint16_t)len;
	e->node = n;
	e->parent = entry_get(dir);
	atomic_init(&e->refs, 1);
	return e;
}

void entry_put(struct entry *e)
{
	/* Folders above, that nobody else has any more, go too. */
	while (atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) == 1) {
		struct entry *parent = e->parent;

		if (parent->node->ops->forget != NULL)
			parent->node->ops->forget(e);
		node_put(e->node);
		heap_free((char *)(uintptr_t)e->name, (size_t)e->len + 1);
		heap_free(e, sizeof(*e));
		e = parent;
	}
}

struct entry *tree_root(void)
{
	return entry_get(IS_ENABLED(CONFIG_FS_RAMFS) ? ramfs_root() : fixed_entry(FIXED_ROOT));
}

struct entry *tree_cwd(void)
{
	struct entry *e;

	spin_lock(&tree_lock);
	e = tree_current != NULL ? entry_get(tree_current) : NULL;
	spin_unlock(&tree_lock);
	return e != NULL ? e : tree_root();
}

void tree_chdir(struct entry *dir)
{
	struct entry *old;

	spin_lock(&tree_lock);
	old = tree_current;
	tree_current = dir;
	spin_unlock(&tree_lock);
	if (old != NULL)
		entry_put(old);
}

bool entry_is_gone(const struct entry *e)
{
	bool gone;

	spin_lock(&tree_lock);
	gone = e->gone;
	spin_unlock(&tree_lock);
	return gone;
}

ssize64_t entry_path(struct entry *e, char *buf, size_t cap, bool *gone)
{
	size_t start = cap;
	bool fits = cap > 0;

	spin_lock(&tree_lock);
	if (gone != NULL)
		*gone = e->gone;
	for (; fits && e->parent != e; e = e->parent) {
		fits = e->len + 1u < start;
		if (!fits)
			break;
		start -= e->len + 1u;
		buf[start] = '/';
		memcpy(buf + start + 1, e->name, e->len);
	}
	spin_unlock(&tree_lock);
	if (fits && start == cap && cap > 1)
		buf[--start] = '/';
	if (!fits || start == cap || start == 0)
		return -ENAMETOOLONG;
	memmove(buf, buf + start, cap - start);
	buf[cap - start] = 0;
	return (ssize64_t)(cap - start);
}

ssize64_t entry_read_link(struct entry *e, char *buf, size_t cap)
{
	const struct node_ops *ops = e->node->ops;
	const char *target;
	size_t n;

	if (node_type(e->node) != S_IFLNK)
		return -EINVAL;
	if (ops->read_link != NULL)
		return ops->read_link(e, buf, cap);
	target = ops->target(e->node);
	n = strlen(target);
	if (n >= cap)
		return -ENAMETOOLONG;
	memcpy(buf, target, n + 1);
	return (ssize64_t)n;
}
