/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The file tree that every image has: /dev, /proc and a few empty folders, fixed and read-only; and
 * the program's file under the path that it was started by. A node is a number in a table; links of
 * /proc/self/fd are the numbers from NODE_FD on.
 */
#ifndef FS_NODE_H
#define FS_NODE_H

#include "fs/file.h"

enum node_id {
	NODE_ROOT,
	NODE_DEV,
	NODE_PROC,
	NODE_TMP,
	NODE_DEV_NULL,
	NODE_DEV_ZERO,
	NODE_DEV_FULL,
	NODE_DEV_RANDOM,
	NODE_DEV_URANDOM,
	NODE_DEV_TTY,
	NODE_DEV_STDIN,
	NODE_DEV_STDOUT,
	NODE_DEV_STDERR,
	NODE_DEV_FD,
	NODE_PROC_SELF,
	NODE_SELF_EXE, /* the link */
	NODE_SELF_FD,
#ifdef CONFIG_FS_PROC
	NODE_PROC_CPUINFO,
	NODE_PROC_MEMINFO,
	NODE_PROC_UPTIME,
	NODE_PROC_VERSION,
	NODE_SELF_MAPS,
	NODE_SELF_CMDLINE,
	NODE_SELF_ENVIRON,
	NODE_SELF_COMM,
	NODE_SELF_STATM,
	NODE_SELF_STATUS,
#endif
	NODE_TABLE_SIZE,
	NODE_EXE = NODE_TABLE_SIZE, /* what the link leads to: in no folder */
	NODE_FD = 64,               /* + descriptor */
	NODE_NONE = 0x7fffffff,
};

enum node_kind { NODE_KIND_DIR, NODE_KIND_LINK, NODE_KIND_DEVICE, NODE_KIND_TEXT, NODE_KIND_EXE };

/* A file opened in the tree. */
struct node_file {
	struct file file;
	unsigned node;
};

/* What a path leads to. */
struct node_path {
	unsigned parent; /* the folder of the last component */
	unsigned node;   /* NODE_NONE if the last component does not exist */
};

/*
 * Resolve path from folder dir. Links are followed, the last component's only with follow or a
 * slash after it. 0 (also if only the last component is missing), -ENOENT, -ENOTDIR, -ENAMETOOLONG.
 */
MUST_CHECK int node_resolve(unsigned dir, const char *path, bool follow, struct node_path *out);

enum node_kind node_kind(unsigned node);
void node_stat(unsigned node, struct file_stat *out);
/* The node that f was opened from; NODE_NONE if it was not opened by a path. */
unsigned node_of_file(struct file *f);
/* Open node (not NODE_FD). 0, -EISDIR, -EACCES, -ENOENT, -ENXIO, -ENOMEM. */
MUST_CHECK int node_open(unsigned node, unsigned flags, struct file **out);
/* Where a link leads, as text: its length, or -EINVAL (no link), -ENOENT, -ENAMETOOLONG. buf gets a
 * 0 too. */
ssize64_t node_readlink(unsigned node, char *buf, size_t cap);
/* The path of a folder of the tree, as getcwd(2) gives it: its length, or -ENAMETOOLONG. */
ssize64_t node_path_text(unsigned node, char *buf, size_t cap);
/* getdents64(2). Bytes written, 0 at the end, -ENOTDIR, -EINVAL (too little room for one entry),
 * -EFAULT. */
ssize64_t node_getdents(struct file *f, vaddr_t buf, size_t len);

/* The current folder. */
extern _Atomic unsigned node_cwd;

/* --- the kinds' own parts (dev.c, exe.c, proc.c) --- */

extern const struct file_ops dev_null_ops, dev_zero_ops, dev_full_ops, dev_random_ops;
extern const struct file_ops proc_text_ops, proc_exe_ops;
void node_file_stat(struct file *f, struct file_stat *out);
void node_file_release(struct file *f);

/* What /proc tells of the program; set once, before it starts. */
struct proc_program {
	const char *exe;              /* absolute path; static or never freed */
	vaddr_t args_start, args_end; /* the strings of argv in program memory */
	vaddr_t env_start, env_end;   /* of envp */
	vaddr_t base;                 /* where its file's first byte is */
};
extern struct proc_program proc_program;

#endif
