/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Nodes and names of the file system in memory. The entries of a folder are in a tree, in the order
 * of a key that they keep as long as they have their name: its upper part is the name's hash, its
 * lower part a number that sets apart what has the same hash. The key is also the position that
 * getdents64(2) tells, so that whoever reads a folder sees what stays exactly once, whatever else
 * comes and goes.
 *
 * The root and what is in it at first are made ready at the first path, so that boot does nothing
 * for them.
 */
#include "fs/ramfs.h"
#include "base/errno.h"
#include "base/string.h"
#include "core/heap.h"
#include "core/page.h"
#include "fs/fixed.h"
#include "plat/plat.h"

#define KEY_LOW_BITS 31 /* of a key; as many above them are the hash */
#define KEY_LOW_MASK ((1u << KEY_LOW_BITS) - 1)
#define KEY_FIRST_POSITION 2u /* "." and ".." come before */

/* What an entry costs: itself and the longest name. */
#define RAM_ENTRY_COST (sizeof(struct entry) + NAME_MAX + 1)
#define RAM_INO_FIRST 2u
/* Linux's tmpfs too lets half of the memory be files' pages, and as many nodes as that is pages. */
#define RAM_SHARE 2u
/* An updated time of access is told when it is older than that (mount(8), relatime). */
#define RAM_ATIME_OLD_NS (24l * 3600 * 1000000000)

static _Atomic uint64_t ram_used;  /* bytes; relaxed: a statistic that need not be exact */
static _Atomic uint64_t ram_nodes; /* the same */
static _Atomic uint64_t ram_ino = RAM_INO_FIRST;

static const struct node_ops ram_ops;
static const struct node_change_ops ram_change_ops;

/* The root, /tmp, and their entries; the first one's node is NULL until they are ready. Changed
 * under the tree lock. */
static struct ram_fixed {
	struct ram_node node;
	struct entry entry;
} ram_root, ram_tmp;
static const char ram_tmp_name[] = "tmp"; /* the one name that is not on the heap */
static _Atomic bool ram_ready;

/* --- limits --- */

static uint64_t ram_limit(void)
{
	return page_total_count() * PAGE_SIZE / RAM_SHARE;
}

bool ramfs_charge(uint64_t bytes)
{
	uint64_t before = atomic_fetch_add_explicit(&ram_used, bytes, memory_order_relaxed);

	if (before + bytes <= ram_limit() && page_free_count() > RAM_PAGES_LEFT_MIN)
		return true;
	ramfs_uncharge(bytes);
	return false;
}

void ramfs_uncharge(uint64_t bytes)
{
	atomic_fetch_sub_explicit(&ram_used, bytes, memory_order_relaxed);
}

void ramfs_usage(struct ramfs_usage *out)
{
	uint64_t used = atomic_load_explicit(&ram_used, memory_order_relaxed) / PAGE_SIZE;
	uint64_t nodes = atomic_load_explicit(&ram_nodes, memory_order_relaxed);
	uint64_t left = page_free_count();

	out->pages = out->nodes = ram_limit() / PAGE_SIZE;
	out->pages_free = out->pages - MIN(used, out->pages);
	out->pages_free = MIN(out->pages_free, left);
	out->nodes_free = out->nodes - MIN(nodes, out->nodes);
}

/* --- nodes --- */

void ram_touch(struct ram_node *n, unsigned which)
{
	int64_t now = (int64_t)plat->clock_realtime_ns();

	spin_lock(&n->lock);
	if ((which & RAM_ATIME) != 0 && (n->atime_ns <= n->mtime_ns || n->atime_ns <= n->ctime_ns ||
					 now - n->atime_ns >= RAM_ATIME_OLD_NS))
		n->atime_ns = now;
	if ((which & RAM_MTIME) != 0)
		n->mtime_ns = now;
	if ((which & RAM_CTIME) != 0)
		n->ctime_ns = now;
	spin_unlock(&n->lock);
}

static void ram_node_init(struct ram_node *n, unsigned mode)
{
	uint64_t ino = atomic_fetch_add_explicit(&ram_ino, 1, memory_order_relaxed);

	node_init(&n->node, &ram_ops, mode, ino);
	spin_init(&n->lock, LOCK_NODE);
	n->btime_ns = (int64_t)plat->clock_realtime_ns();
	n->atime_ns = n->mtime_ns = n->ctime_ns = n->btime_ns;
	atomic_init(&n->nlink, (mode & S_IFMT) == S_IFDIR ? 2 : 1);
}

static uint64_t ram_node_cost(const struct ram_node *n)
{
	return sizeof(*n) + (node_type(&n->node) == S_IFLNK ? n->target.len + 1 : 0);
}

static void ram_release(struct node *node)
{
	struct ram_node *n = ram_node_of(node);
	uint64_t cost = ram_node_cost(n);

	if (node_type(node) == S_IFREG)
		ram_data_fini(&n->data);
	if (node_type(node) == S_IFLNK)
		heap_free(n->target.text, n->target.len + 1);
	heap_free(n, sizeof(*n));
	atomic_fetch_sub_explicit(&ram_nodes, 1, memory_order_relaxed);
	ramfs_uncharge(cost);
}

/* 0 with *out, -ENOSPC, -ENOMEM. */
static int ram_node_create(const struct node_new *what, struct ram_node **out)
{
	size_t len = what->target != NULL ? strlen(what->target) : 0;
	uint64_t nodes = atomic_fetch_add_explicit(&ram_nodes, 1, memory_order_relaxed);
	struct ram_node *n;
	char *text = NULL;
	int err = -ENOSPC;

	if (nodes >= ram_limit() / PAGE_SIZE || !ramfs_charge(sizeof(*n)))
		goto uncount;
	err = -ENOMEM;
	n = heap_zalloc(sizeof(*n));
	if (n == NULL)
		goto uncharge;
	if (what->target != NULL) {
		if (!ramfs_charge(len + 1)) {
			err = -ENOSPC;
			goto free;
		}
		text = heap_alloc(len + 1);
		if (text == NULL) {
			ramfs_uncharge(len + 1);
			goto free;
		}
		memcpy(text, what->target, len + 1);
		n->target.text = text;
		n->target.len = len;
	}
	ram_node_init(n, what->mode);
	n->rdev = what->rdev;
	if ((what->mode & S_IFMT) == S_IFREG)
		ram_data_init(&n->data);
	if ((what->mode & S_IFMT) == S_IFIFO)
		fifo_init(&n->fifo, what->fifo_open);
	*out = n;
	return 0;

free:
	heap_free(n, sizeof(*n));
uncharge:
	ramfs_uncharge(sizeof(*n));
uncount:
	atomic_fetch_sub_explicit(&ram_nodes, 1, memory_order_relaxed);
	return err;
}

static void ram_stat(struct node *node, struct file_stat *out)
{
	struct ram_node *n = ram_node_of(node);

	spin_lock(&n->lock);
	out->uid = n->uid;
	out->gid = n->gid;
	out->atime_ns = n->atime_ns;
	out->mtime_ns = n->mtime_ns;
	out->ctime_ns = n->ctime_ns;
	spin_unlock(&n->lock);
	out->btime_ns = n->btime_ns;
	out->dev = FILE_DEV_RAM;
	out->rdev = n->rdev;
	out->nlink = atomic_load_explicit(&n->nlink, memory_order_relaxed);
	switch (node_type(node)) {
	case S_IFREG:
		out->size = atomic_load_explicit(&n->data.size, memory_order_relaxed);
		out->blocks = atomic_load_explicit(&n->data.pages, memory_order_relaxed) *
			      (PAGE_SIZE / 512);
		break;
	case S_IFLNK:
		out->size = n->target.len;
		break;
	case S_IFDIR:
		spin_lock(&tree_lock);
		out->size = 20ul * (n->dir.count + 2); /* as tmpfs counts */
		spin_unlock(&tree_lock);
		break;
	default:
		break;
	}
}

static int ram_open(struct entry *e, unsigned flags, struct file **out)
{
	const struct file_ops *ops = NULL;

	switch (node_type(e->node)) {
	case S_IFREG:
		ops = &ram_file_ops;
		break;
	case S_IFDIR:
		ops = &dir_ops;
		break;
	case S_IFIFO: {
		struct fifo *fifo = &ram_node_of(e->node)->fifo;

		return fifo->open(fifo, e, flags, out);
	}
	case S_IFCHR:
		ops = dev_ops(ram_node_of(e->node)->rdev);
		break;
	default:
		break;
	}
	return ops != NULL ? file_create(e, ops, flags, out) : -ENXIO;
}

static const char *ram_target(struct node *n)
{
	return ram_node_of(n)->target.text;
}

/* --- names: all with the tree lock --- */

static struct ram_node *ram_dir_of(const struct entry *dir)
{
	return ram_node_of(dir->node);
}

/* FNV-1a. */
static uint64_t ram_hash(const char *name, size_t len)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (uint8_t)name[i]) * 16777619u;
	return (uint64_t)(hash & KEY_LOW_MASK) << KEY_LOW_BITS;
}

/* The first entry with a key >= key; NULL: there is none. */
static struct entry *ram_above(const struct ram_node *dir, uint64_t key)
{
	struct rb_node *at = dir->dir.names.node;
	struct entry *best = NULL;

	while (at != NULL) {
		struct entry *e = rb_entry(at, struct entry, link);

		if (e->key >= key) {
			best = e;
			at = at->left;
		} else {
			at = at->right;
		}
	}
	return best;
}

static struct entry *ram_entry_next(struct entry *e)
{
	struct rb_node *next = rb_next(&e->link);

	return next != NULL ? rb_entry(next, struct entry, link) : NULL;
}

/* Without a reference. */
static struct entry *ram_lookup(const struct entry *dir, const char *name, size_t len)
{
	uint64_t hash = ram_hash(name, len);
	struct entry *e = ram_above(ram_dir_of(dir), hash);

	for (; e != NULL && e->key - hash <= KEY_LOW_MASK; e = ram_entry_next(e))
		if (e->len == len && memcmp(e->name, name, len) == 0)
			return e;
	return NULL;
}

static int ram_find(struct entry *dir, const char *name, size_t len, struct entry **out)
{
	*out = ram_lookup(dir, name, len);
	if (*out != NULL)
		(void)entry_get(*out);
	return 0;
}

/* Put e, which no name in dir is equal to, into dir's tree. */
static void ram_insert(struct entry *dir, struct entry *e)
{
	struct ram_node *d = ram_dir_of(dir);
	struct rb_node **at, *parent;
	bool taken;

	do {
		e->key = ram_hash(e->name, e->len) | (d->dir.next++ & KEY_LOW_MASK);
		at = &d->dir.names.node;
		parent = NULL;
		taken = false;
		while (*at != NULL && !taken) {
			const struct entry *other = rb_entry(*at, struct entry, link);

			parent = *at;
			taken = other->key == e->key;
			at = e->key < other->key ? &parent->left : &parent->right;
		}
	} while (taken);
	rb_insert(&d->dir.names, &e->link, parent, at);
	d->dir.count++;
	e->gone = false;
}

static void ram_erase(struct entry *dir, struct entry *e)
{
	struct ram_node *d = ram_dir_of(dir);

	rb_erase(&d->dir.names, &e->link);
	d->dir.count--;
	e->gone = true;
}

static void ram_add_links(struct node *n, int change)
{
	atomic_fetch_add_explicit(&ram_node_of(n)->nlink, (uint32_t)change, memory_order_relaxed);
}

static bool ram_list(struct entry *dir, uint64_t *pos, struct node_dirent *out)
{
	struct entry *e;

	spin_lock(&tree_lock);
	e = ram_above(ram_dir_of(dir), *pos - KEY_FIRST_POSITION);
	if (e != NULL) {
		*pos = e->key + KEY_FIRST_POSITION;
		out->ino = e->node->ino;
		out->type = node_type(e->node);
		memcpy(out->name, e->name, e->len);
		out->name[e->len] = 0;
	}
	spin_unlock(&tree_lock);
	return e != NULL;
}

static void ram_forget(struct entry *e)
{
	(void)e;
	ramfs_uncharge(RAM_ENTRY_COST);
}

/* A new entry for n, whose reference goes over; in no list yet. 0, -ENOSPC, -ENOMEM; then n is put.
 */
static int ram_entry_create(struct entry *dir, const char *name, size_t len, struct ram_node *n,
			    struct entry **out)
{
	bool charged = ramfs_charge(RAM_ENTRY_COST);

	*out = charged ? entry_create(dir, name, len, &n->node) : NULL;
	if (*out != NULL)
		return 0;
	if (charged)
		ramfs_uncharge(RAM_ENTRY_COST);
	node_put(&n->node);
	return charged ? -ENOMEM : -ENOSPC;
}

/* --- the beginning --- */

static void ram_fixed_init(struct ram_fixed *f, const char *name, unsigned mode,
			   struct entry *parent)
{
	ram_node_init(&f->node, S_IFDIR | mode);
	atomic_init(&f->entry.refs, 2); /* its folder's, and one that stays */
	f->entry.name = name;
	f->entry.len = (uint16_t)strlen(name);
	f->entry.node = &f->node.node;
	f->entry.parent = parent;
}

struct entry *ramfs_root_locked(void)
{
	struct entry *root = &ram_root.entry;

	if (root->node != NULL)
		return root;
	ram_fixed_init(&ram_root, "", 0755, root);
	ram_fixed_init(&ram_tmp, ram_tmp_name, 01777, root);
	ram_insert(root, &ram_tmp.entry);
	ram_insert(root, fixed_entry_locked(FIXED_DEV));
	ram_insert(root, fixed_entry_locked(FIXED_PROC));
	ram_add_links(root->node, 3);
	/* Release: all of it; pairs with ramfs_root(). */
	atomic_store_explicit(&ram_ready, true, memory_order_release);
	return root;
}

struct entry *ramfs_root(void)
{
	if (likely(atomic_load_explicit(&ram_ready, memory_order_acquire)))
		return &ram_root.entry;
	spin_lock(&tree_lock);
	(void)ramfs_root_locked();
	spin_unlock(&tree_lock);
	return &ram_root.entry;
}

/* --- changes --- */

static int ram_create(struct entry *dir, const char *name, size_t len, const struct node_new *what,
		      struct entry **out)
{
	struct ram_node *d = ram_dir_of(dir), *n;
	bool folder = (what->mode & S_IFMT) == S_IFDIR;
	struct entry *e, *old;
	int err;

	*out = NULL;
	err = ram_node_create(what, &n);
	if (err == 0)
		err = ram_entry_create(dir, name, len, n, &e);
	if (err != 0)
		return err;
	spin_lock(&d->lock);
	if ((node_mode(dir->node) & S_ISGID) != 0) { /* the group goes on, mkdir(2) */
		n->gid = d->gid;
		if (folder)
			atomic_fetch_or_explicit(&n->node.mode, S_ISGID, memory_order_relaxed);
	}
	spin_unlock(&d->lock);
	spin_lock(&tree_lock);
	old = ram_lookup(dir, name, len);
	if (old != NULL) {
		*out = entry_get(old);
		err = -EEXIST;
	} else if (d->dir.removed) {
		err = -ENOENT;
	} else {
		ram_insert(dir, e);
		ram_add_links(dir->node, folder);
		*out = entry_get(e);
	}
	spin_unlock(&tree_lock);
	if (err != 0)
		entry_put(e);
	else
		ram_touch(d, RAM_MTIME | RAM_CTIME);
	return err;
}

/* A regular file in no folder, its entry called name below dir. */
static int ram_create_loose(struct entry *dir, const char *name, size_t len, uint32_t mode,
			    bool linkable, struct entry **out)
{
	const struct node_new what = {.mode = mode};
	struct ram_node *n;
	int err = ram_node_create(&what, &n);

	if (err == 0)
		err = ram_entry_create(dir, name, len, n, out);
	if (err != 0)
		return err;
	atomic_store_explicit(&n->nlink, 0, memory_order_relaxed);
	n->linkable = linkable;
	(*out)->gone = true;
	return 0;
}

static int ram_create_nameless(struct entry *dir, uint32_t mode, bool never, struct entry **out)
{
	/* Also in a folder that was removed: it has no name there that could be in the way. */
	return ram_create_loose(dir, "#", 1, mode, !never, out);
}

int ramfs_create_memfd(const char *name, size_t len, bool may_seal, struct file **out)
{
	struct entry *e;
	int err = ram_create_loose(ramfs_root(), name, len, S_IFREG | 0777, false, &e);

	if (err != 0)
		return err;
	if (may_seal)
		ram_node_of(e->node)->data.seals = 0;
	err = file_create(e, &ram_file_ops, O_RDWR | O_LARGEFILE, out);
	entry_put(e);
	return err;
}

static int ram_link(struct entry *dir, const char *name, size_t len, struct entry *old)
{
	struct ram_node *d = ram_dir_of(dir), *n;
	struct entry *e;
	int err;

	if (old->node->ops != &ram_ops)
		return -EXDEV;
	if (entry_is_folder(old))
		return -EPERM;
	n = ram_node_of(old->node);
	atomic_fetch_add_explicit(&n->node.refs, 1, memory_order_relaxed);
	err = ram_entry_create(dir, name, len, n, &e);
	if (err != 0)
		return err;
	spin_lock(&tree_lock);
	if (ram_lookup(dir, name, len) != NULL)
		err = -EEXIST;
	else if (d->dir.removed)
		err = -ENOENT;
	else if (atomic_load_explicit(&n->nlink, memory_order_relaxed) == 0 && !n->linkable)
		err = -ENOENT; /* what has lost its last name gets none any more */
	if (err == 0) {
		n->linkable = false;
		ram_insert(dir, e);
		ram_add_links(&n->node, 1);
	}
	spin_unlock(&tree_lock);
	if (err != 0) {
		entry_put(e);
		return err;
	}
	ram_touch(n, RAM_CTIME);
	ram_touch(d, RAM_MTIME | RAM_CTIME);
	return 0;
}

/* e, a name in dir that goes, is its node's no more. */
static void ram_unname(struct entry *dir, struct entry *e)
{
	ram_erase(dir, e);
	if (entry_is_folder(e)) {
		ram_dir_of(e)->dir.removed = true;
		ram_add_links(e->node, -2);
		ram_add_links(dir->node, -1);
	} else {
		ram_add_links(e->node, -1);
	}
}

/* May e, which is in a folder of ours, be taken out for good? */
static int ram_may_unname(const struct entry *e, bool folder)
{
	if (folder && !entry_is_folder(e))
		return -ENOTDIR;
	if (!folder && entry_is_folder(e))
		return -EISDIR;
	if (e->node->ops != &ram_ops)
		return -EBUSY;
	return folder && ram_dir_of(e)->dir.count > 0 ? -ENOTEMPTY : 0;
}

static int ram_unlink(struct entry *dir, const char *name, size_t len, bool folder)
{
	struct entry *e;
	int err;

	spin_lock(&tree_lock);
	e = ram_lookup(dir, name, len);
	err = e != NULL ? ram_may_unname(e, folder) : -ENOENT;
	if (err == 0)
		ram_unname(dir, e);
	spin_unlock(&tree_lock);
	if (err != 0)
		return err;
	ram_touch(ram_node_of(e->node), RAM_CTIME);
	ram_touch(ram_dir_of(dir), RAM_MTIME | RAM_CTIME);
	entry_put(e);
	return 0;
}

/* Is e at or below top? */
static bool ram_is_below(const struct entry *e, const struct entry *top)
{
	while (e->node != top->node && e->parent != e)
		e = e->parent;
	return e->node == top->node;
}

/* 0: go on; 1: there is nothing to do; or -errno, in Linux's order. */
static int ram_may_rename(const struct node_place *from, const struct entry *old,
			  const struct node_place *to, const struct entry *new, unsigned flags)
{
	bool exchange = (flags & RENAME_EXCHANGE) != 0;

	if (old == NULL || (exchange && new == NULL) || ram_dir_of(to->dir)->dir.removed)
		return -ENOENT;
	if ((flags & RENAME_NOREPLACE) != 0 && new != NULL)
		return -EEXIST;
	if (exchange && to->slash && !entry_is_folder(new))
		return -ENOTDIR;
	if (!entry_is_folder(old) && (from->slash || (to->slash && !exchange)))
		return -ENOTDIR;
	if (entry_is_folder(old) && ram_is_below(to->dir, old))
		return -EINVAL;
	if (new != NULL && entry_is_folder(new) && ram_is_below(from->dir, new))
		return exchange ? -EINVAL : -ENOTEMPTY;
	if (new != NULL &&new->node == old->node)
		return 1;
	if (old->node->ops != &ram_ops)
		return -EBUSY;
	if (new == NULL)
		return 0;
	/* /tmp's name is not on the heap: only a name that comes with the call can take its place.
	 */
	if (exchange)
		return new->node->ops == &ram_ops &&
				       old->name != ram_tmp_name &&new->name != ram_tmp_name
			       ? 0
			       : -EBUSY;
	return ram_may_unname(new, entry_is_folder(old));
}

/* Move e, whose parent's reference is the caller's to deal with, to another folder, or the same,
 * and name. */
static void ram_place(struct entry *e, struct entry *to, const char *name, size_t len)
{
	struct entry *from = e->parent;

	ram_erase(from, e);
	e->name = name;
	e->len = (uint16_t)len;
	e->parent = to;
	if (entry_is_folder(e)) {
		ram_add_links(from->node, -1);
		ram_add_links(to->node, 1);
	}
	ram_insert(to, e);
}

static void ram_exchange(struct entry *a, struct entry *b)
{
	struct entry *parent = a->parent;
	const char *name = a->name;
	size_t len = a->len;

	ram_place(a, b->parent, b->name, b->len);
	ram_place(b, parent, name, len);
}

/* renameat2(2) of what was looked up; err says whether it may be. A new name and folder go in, what
 * is to be freed comes out. */
static void ram_rename_locked(struct entry *old, struct entry *new, bool exchange,
			      const char **name, size_t *len, struct entry **folder)
{
	struct entry *from = old->parent, *to = *folder;
	const char *old_name = old->name;
	size_t old_len = old->len;

	(void)entry_get(old);
	if (exchange) {
		(void)entry_get(new);
		ram_exchange(old, new);
		return;
	}
	if (new != NULL)
		ram_unname(to, new);
	ram_place(old, to, *name, *len);
	*name = old_name;
	*len = old_len;
	*folder = from;
}

static int ram_rename(const struct node_place *from, const struct node_place *to, unsigned flags)
{
	struct entry *old, *new, *folder;
	const char *name;
	size_t len = to->len;
	int err;

	if (to->dir->node->ops != &ram_ops)
		return -EXDEV;
	name = heap_alloc(len + 1);
	if (name == NULL)
		return -ENOMEM;
	memcpy((char *)(uintptr_t)name, to->name, len);
	folder = entry_get(to->dir);
	spin_lock(&tree_lock);
	old = ram_lookup(from->dir, from->name, from->len);
	new = ram_lookup(to->dir, to->name, to->len);
	err = ram_may_rename(from, old, to, new, flags);
	if (err == 0)
		ram_rename_locked(old, new, (flags & RENAME_EXCHANGE) != 0, &name, &len, &folder);
	spin_unlock(&tree_lock);
	if (name != ram_tmp_name)
		heap_free((char *)(uintptr_t)name, len + 1);
	entry_put(folder);
	if (err != 0)
		return MIN(err, 0);
	ram_touch(ram_node_of(old->node), RAM_CTIME);
	ram_touch(ram_dir_of(from->dir), RAM_MTIME | RAM_CTIME);
	ram_touch(ram_dir_of(to->dir), RAM_MTIME | RAM_CTIME);
	entry_put(old);
	if (new != NULL) {
		ram_touch(ram_node_of(new->node), RAM_CTIME);
		entry_put(new);
	}
	return 0;
}

static int ram_set(struct node *node, const struct node_attr *attr)
{
	struct ram_node *n = ram_node_of(node);
	unsigned mode;

	spin_lock(&n->lock);
	mode = node_mode(node);
	if ((attr->which & NODE_SET_MODE) != 0)
		mode = (mode & S_IFMT) | (attr->mode & 07777);
	if ((attr->which & NODE_SET_UID) != 0)
		n->uid = attr->uid;
	if ((attr->which & NODE_SET_GID) != 0)
		n->gid = attr->gid;
	/* A new owner has not asked for programs that run as him (chown(2)). */
	if ((attr->which & (NODE_SET_UID | NODE_SET_GID)) != 0 && (mode & S_IFMT) != S_IFDIR)
		mode &= (mode & S_IXGRP) != 0 ? ~(S_ISUID | S_ISGID) : ~S_ISUID;
	if ((attr->which & NODE_SET_ATIME) != 0)
		n->atime_ns = attr->atime_ns;
	if ((attr->which & NODE_SET_MTIME) != 0)
		n->mtime_ns = attr->mtime_ns;
	atomic_store_explicit(&node->mode, mode, memory_order_relaxed);
	spin_unlock(&n->lock);
	ram_touch(n, RAM_CTIME);
	return 0;
}

static int ram_truncate(struct node *node, uint64_t size)
{
	struct ram_node *n = ram_node_of(node);
	int err = -EINVAL;

	if (node_type(node) == S_IFREG)
		err = ram_data_truncate(&n->data, size);
	if (err == 0)
		ram_touch(n, RAM_MTIME | RAM_CTIME);
	return err;
}

static const struct node_change_ops ram_change_ops = {
	.create = ram_create,
	.create_nameless = ram_create_nameless,
	.link = ram_link,
	.unlink = ram_unlink,
	.rename = ram_rename,
	.set = ram_set,
	.truncate = ram_truncate,
};

static const struct node_ops ram_ops = {
	.stat = ram_stat,
	.open = ram_open,
	.release = ram_release,
	.forget = ram_forget,
	.find = ram_find,
	.list = ram_list,
	.target = ram_target,
	.change = &ram_change_ops,
};
