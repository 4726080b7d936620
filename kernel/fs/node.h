/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The file tree. A node is a file, folder, link or device; an entry is its name in a folder, and
 * what an open file, the current folder and a path under way hold on to. A node can have several
 * entries (hard links), a folder has one.
 *
 * Two kinds of file system are in the tree: the fixed one (fixed.c: /dev, /proc), which cannot be
 * changed, and the one in memory (ramfs.c), which is its root unless it was configured away.
 *
 * tree_lock guards all names: who is whose parent, what is in which folder. It is a spin lock:
 * under it nothing sleeps and no program memory is touched. What it finds leaves it with a
 * reference.
 */
#ifndef FS_NODE_H
#define FS_NODE_H

#include "base/atomic.h"
#include "base/rbtree.h"
#include "fs/fcntl.h"
#include "fs/file.h"

struct entry;
struct node;

struct fifo;
typedef int fifo_opener(struct fifo *fifo, struct entry *e, unsigned flags, struct file **out);

/* What is to be made: S_IF* and permissions; of a device its number, of a link where it leads, of a
 * FIFO fifo_open (fs/pipe.h). */
struct node_new {
	uint32_t mode;
	uint64_t rdev;
	const char *target;
	fifo_opener *fifo_open;
};

/* What to change of a node: the fields whose NODE_SET_* are in which. */
struct node_attr {
	unsigned which;
	uint32_t mode; /* permissions */
	uint32_t uid, gid;
	int64_t atime_ns, mtime_ns; /* CLOCK_REALTIME */
};
#define NODE_SET_MODE 1u
#define NODE_SET_UID 2u
#define NODE_SET_GID 4u
#define NODE_SET_ATIME 8u
#define NODE_SET_MTIME 16u

/* One entry as a folder's list tells it. */
struct node_dirent {
	uint64_t ino;
	unsigned type;           /* S_IF* */
	char name[NAME_MAX + 1]; /* with its 0 */
};

/* renameat2(2): an entry's place and name. slash: its path ended with one, so it must be a folder.
 */
struct node_place {
	struct entry *dir;
	const char *name;
	size_t len;
	bool slash;
};
#define RENAME_NOREPLACE 1u
#define RENAME_EXCHANGE 2u

/* What changes a file system. All take the tree lock themselves; dir is one of their folders. */
struct node_change_ops {
	/*
	 * A new node under a new name. 0 with *out (a reference), -EEXIST (*out is what has the
	 * name, a reference too), -ENOENT (dir was removed), -ENOSPC, -ENOMEM.
	 */
	int (*create)(struct entry *dir, const char *name, size_t len, const struct node_new *what,
		      struct entry **out);
	/* A new regular file without a name; never: it will not get one (O_EXCL). */
	int (*create_nameless)(struct entry *dir, uint32_t mode, bool never, struct entry **out);
	/* Another name for old's node. 0, -EEXIST, -ENOENT, -EXDEV, -EPERM (a folder), … */
	int (*link)(struct entry *dir, const char *name, size_t len, struct entry *old);
	/* Take a name away; folder: of an empty folder. 0, -ENOENT, -EISDIR, -ENOTDIR, -ENOTEMPTY,
	 * -EBUSY. */
	int (*unlink)(struct entry *dir, const char *name, size_t len, bool folder);
	int (*rename)(const struct node_place *from, const struct node_place *to, unsigned flags);
	int (*set)(struct node *n, const struct node_attr *attr);
	/* 0, -EINVAL (not a regular file), -EPERM (sealed), -ENOSPC. */
	int (*truncate)(struct node *n, uint64_t size);
};

struct node_ops {
	void (*stat)(struct node *n, struct file_stat *out);
	/* A file for e, opened with flags (O_PATH does not come here). 0 with *out, or -errno. */
	int (*open)(struct entry *e, unsigned flags, struct file **out);
	/* The last reference is gone: free it. NULL: it is static. */
	void (*release)(struct node *n);
	/* An entry of one of these folders is freed. NULL: nothing to do. */
	void (*forget)(struct entry *e);

	/* --- folders --- */

	/* What has a name, with a reference; NULL if nothing has. 0 or -ENOMEM. Caller holds the
	 * tree lock. */
	int (*find)(struct entry *dir, const char *name, size_t len, struct entry **out);
	/* The first at position >= *pos, which becomes its own. Positions are from 2 on and stay as
	 * they are while others come and go. False if there are no more. Takes the tree lock. */
	bool (*list)(struct entry *dir, uint64_t *pos, struct node_dirent *out);

	/* --- links: a text, or somewhere to go --- */

	const char *(*target)(struct node *n);
	/* With a reference; link itself if it leads out of the tree, NULL if nowhere. */
	struct entry *(*follow)(struct entry *link);
	/* As text: bytes, the 0 not counted; -ENOENT, -ENAMETOOLONG. */
	ssize64_t (*read_link)(struct entry *link, char *buf, size_t cap);

	const struct node_change_ops *change; /* NULL: it cannot be changed */
};

struct node {
	const struct node_ops *ops;
	_Atomic uint32_t refs; /* of entries */
	_Atomic uint32_t mode; /* S_IF*, which never changes, and permissions */
	uint64_t ino;          /* no other node of its file system has it */
};

struct entry {
	_Atomic uint32_t refs; /* of the folder, files, paths under way, entries below */
	uint16_t len;          /* of name; tree lock */
	bool gone;             /* taken out of its folder; tree lock */
	const char *name;      /* no 0 at its end; tree lock */
	struct entry *parent;  /* with a reference; the root's is itself; tree lock */
	struct node *node;     /* with a reference */
	struct rb_node link;   /* the folder's own way to keep its entries, tree lock */
	uint64_t key;
};

extern struct spinlock tree_lock;

static ALWAYS_INLINE struct entry *entry_get(struct entry *e)
{
	/* Relaxed: whoever gets a reference has one to get it from, or the tree lock. */
	atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
	return e;
}

/* Not with the tree lock held: what nobody has any more is freed. */
void entry_put(struct entry *e);
/* A new entry, named name[0..len), of node (whose reference goes over) in folder dir; it is in no
 * list yet. NULL: no memory. */
struct entry *entry_create(struct entry *dir, const char *name, size_t len, struct node *n);

static ALWAYS_INLINE unsigned node_mode(const struct node *n)
{
	return atomic_load_explicit(&n->mode, memory_order_relaxed);
}

static ALWAYS_INLINE unsigned node_type(const struct node *n)
{
	return node_mode(n) & S_IFMT;
}

static ALWAYS_INLINE bool entry_is_folder(const struct entry *e)
{
	return node_type(e->node) == S_IFDIR;
}

void node_init(struct node *n, const struct node_ops *ops, unsigned mode, uint64_t ino);
void node_put(struct node *n);
void node_stat(struct node *n, struct file_stat *out);
/* What changes n's file system; NULL: nothing does, -EROFS. */
static ALWAYS_INLINE const struct node_change_ops *node_change(const struct node *n)
{
	return IS_ENABLED(CONFIG_FS_RAMFS) ? n->ops->change : NULL;
}

/* The root and the current folder, with a reference. */
struct entry *tree_root(void);
struct entry *tree_cwd(void);
/* dir's reference goes over. */
void tree_chdir(struct entry *dir);
/*
 * The path of e from the root, as getcwd(2) gives it, with a 0: its length, or -ENAMETOOLONG. gone
 * (may be NULL): whether it was removed.
 */
ssize64_t entry_path(struct entry *e, char *buf, size_t cap, bool *gone);
/* Was e taken out of its folder? */
bool entry_is_gone(const struct entry *e);
/* Where a link leads, as text. Bytes, or -EINVAL (no link), -ENOENT, -ENAMETOOLONG. */
ssize64_t entry_read_link(struct entry *e, char *buf, size_t cap);

/* --- walk.c: paths --- */

/* What the last component of a path is. */
enum walk_last { WALK_NAME, WALK_DOT, WALK_DOTDOT, WALK_ROOT };

struct walk {
	struct entry *dir;   /* the folder that the last component is in */
	struct entry *entry; /* what the path leads to; NULL: the last name is missing, or not
				looked at */
	const char *name;    /* the last component */
	size_t len;
	enum walk_last last;
	bool slash;         /* a slash followed it: it is a folder, or is to become one */
	struct entry *link; /* in whose text name is, if it is not in the path */
};

#define WALK_FOLLOW 1u /* the last component too, if it is a link */
#define WALK_PARENT 2u /* the last component is not looked at */
#define WALK_CREATE 4u /* it may be made, as a file: -EISDIR if a slash follows it */

/*
 * Walk path from base (which it does not use up). path must stay as it is until walk_end(). 0 (also
 * if only the last component is missing), -ENOENT, -ENOTDIR, -ENAMETOOLONG, -ELOOP, -ENOMEM; then
 * there is nothing to end.
 */
MUST_CHECK int walk_begin(struct walk *w, struct entry *base, const char *path, unsigned flags);
void walk_end(struct walk *w);
/* The entry, whose reference becomes the caller's; the rest is ended. -ENOENT if it is missing. */
MUST_CHECK int walk_take(struct walk *w, struct entry **out);

/* --- open.c --- */

/* Do flags of open(2) go together? 0 or -EINVAL. */
MUST_CHECK int tree_open_check(unsigned flags);
/* open(2) with flags that do, without the descriptor; mode as given, without the umask. */
MUST_CHECK int tree_open(struct entry *base, const char *path, unsigned flags, unsigned mode,
			 struct file **out);
/* A file of ops opened at e: 0 or -ENOMEM. */
MUST_CHECK int file_create(struct entry *e, const struct file_ops *ops, unsigned flags,
			   struct file **out);
/* The umask: relaxed, nothing depends on it. */
extern _Atomic unsigned tree_umask;

/* --- dir.c --- */

/* What all folders are opened with. */
extern const struct file_ops dir_ops;
/* getdents64(2). Bytes written, 0 at the end, -ENOTDIR, -ENOENT (removed), -EINVAL (too little room
 * for one entry), -EFAULT. */
ssize64_t dir_getdents(struct file *f, vaddr_t buf, size_t len);

#endif
