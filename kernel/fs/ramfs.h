/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The file system in memory: the root of the tree, with /tmp in it, and files without a name
 * (O_TMPFILE, memfd_create). It takes at most half of the memory, as Linux's tmpfs.
 */
#ifndef FS_RAMFS_H
#define FS_RAMFS_H

#include "core/rwmutex.h"
#include "fs/node.h"
#include "fs/pipe.h"

/* The root folder's entry; it is static. Takes the tree lock, or the caller holds it. */
struct entry *ramfs_root(void);
struct entry *ramfs_root_locked(void);

/* A file that was never in a folder, called name in /proc/self/fd. 0, -ENOSPC or -ENOMEM. */
MUST_CHECK int ramfs_create_memfd(const char *name, size_t len, bool may_seal, struct file **out);

/* Pages in all and free, nodes in all and free: statfs(2). */
struct ramfs_usage {
	uint64_t pages, pages_free, nodes, nodes_free;
};
void ramfs_usage(struct ramfs_usage *out);

/* fallocate(2), fcntl(2)'s F_GET_SEALS and F_ADD_SEALS: 0 (or the seals), or -errno. off + len is a
 * position. */
MUST_CHECK int ramfs_allocate(struct file *f, unsigned mode, uint64_t off, uint64_t len);
long ramfs_get_seals(struct file *f);
long ramfs_add_seals(struct file *f, unsigned seals);

/* --- what ramfs.c and ramdata.c share --- */

/* When so few pages are left, files do not get them. */
#define RAM_PAGES_LEFT_MIN 64u
/* Count bytes that are about to be allocated against the limit; false: too many. */
bool ramfs_charge(uint64_t bytes);
void ramfs_uncharge(uint64_t bytes);

/*
 * The contents of a regular file: a tree of pages, as high as the number of the last page needs. A
 * page that is missing reads as zeros; behind the end of the file pages hold zeros.
 */
struct ram_data {
	struct rwmutex lock;   /* guards all; held while program memory is touched */
	_Atomic uint64_t size; /* bytes; also read without the lock */
	_Atomic uint64_t pages;
	void *root;      /* height 0: the page; else a struct ram_index; NULL: nothing */
	unsigned height; /* levels of indexes */
	unsigned seals;  /* F_SEAL_* */
};

void ram_data_init(struct ram_data *d);
void ram_data_fini(struct ram_data *d);
/* 0, -EPERM (sealed) or -EFBIG. */
int ram_data_truncate(struct ram_data *d, uint64_t size);

struct ram_node {
	struct node node;
	/* Guards what follows, and the permissions in node.mode. */
	struct spinlock lock;
	uint32_t uid, gid;
	int64_t atime_ns, mtime_ns, ctime_ns;
	/* Fixed. */
	int64_t btime_ns;
	uint64_t rdev;
	_Atomic uint32_t nlink; /* names; a folder's is 2 and one for each folder in it; changed
				   under the tree lock */
	bool linkable;          /* has no name yet and may get one (O_TMPFILE); tree lock */
	union {
		struct {                      /* S_IFDIR; tree lock */
			struct rb_root names; /* struct entry by key */
			uint32_t count;
			uint32_t next; /* the next key's low part */
			bool removed;
		} dir;
		struct ram_data data; /* S_IFREG */
		struct fifo fifo;     /* S_IFIFO */
		struct {              /* S_IFLNK; fixed */
			char *text;
			size_t len;
		} target;
	};
};

static inline struct ram_node *ram_node_of(struct node *n)
{
	return container_of(n, struct ram_node, node);
}

/* Set times to now: RAM_*TIME. */
void ram_touch(struct ram_node *n, unsigned which);
#define RAM_ATIME 1u
#define RAM_MTIME 2u
#define RAM_CTIME 4u

/* A regular file opened: ramdata.c. */
extern const struct file_ops ram_file_ops;

#endif
