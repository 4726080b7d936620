/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The file system that every image has: /dev and /proc, fixed and read-only. A node has a number,
 * its place in a table.
 */
#ifndef FS_FIXED_H
#define FS_FIXED_H

#include "fs/node.h"

enum fixed_id {
	FIXED_ROOT, /* only without CONFIG_FS_RAMFS */
	FIXED_DEV,
	FIXED_PROC,
	FIXED_TMP, /* as FIXED_ROOT: an empty folder */
	FIXED_DEV_NULL,
	FIXED_DEV_ZERO,
	FIXED_DEV_FULL,
	FIXED_DEV_RANDOM,
	FIXED_DEV_URANDOM,
	FIXED_DEV_TTY,
	FIXED_DEV_STDIN,
	FIXED_DEV_STDOUT,
	FIXED_DEV_STDERR,
	FIXED_DEV_FD,
	FIXED_PROC_SELF,
	FIXED_SELF_EXE, /* the link */
	FIXED_SELF_FD,
#ifdef CONFIG_FS_PROC
	FIXED_PROC_CPUINFO,
	FIXED_PROC_LOADAVG,
	FIXED_PROC_MEMINFO,
	FIXED_PROC_STAT,
	FIXED_PROC_UPTIME,
	FIXED_PROC_VERSION,
	FIXED_SELF_MAPS,
	FIXED_SELF_CMDLINE,
	FIXED_SELF_ENVIRON,
	FIXED_SELF_COMM,
	FIXED_SELF_STATM,
	FIXED_SELF_STATUS,
#endif
	FIXED_EXE, /* what the link leads to: in no folder */
	FIXED_COUNT,
};

/* The entry of a node; it is static. Takes the tree lock, or the caller holds it. */
struct entry *fixed_entry(enum fixed_id id);
struct entry *fixed_entry_locked(enum fixed_id id);
/* The number of a node of this file system. */
enum fixed_id fixed_id(struct node *n);

/* The descriptor that an entry of /proc/self/fd stands for; -1: it is none of these. */
int fixed_descriptor(const struct entry *e);
/* What /proc/self/fd/N leads to, as text: bytes, or -ENAMETOOLONG. */
ssize64_t fixed_describe_file(struct file *f, char *buf, size_t cap);

/* --- the kinds' own parts (dev.c, exe.c, proc.c) --- */

/* What a device file is opened with; NULL: there is no such device. */
const struct file_ops *dev_ops(uint64_t rdev);
/* Open a text of /proc: 0 or -ENOMEM. */
MUST_CHECK int proc_text_open(struct entry *e, unsigned flags, struct file **out);
extern const struct file_ops proc_exe_ops;

/* What /proc tells of the program; set once, before it starts. */
struct proc_program {
	const char *exe;              /* absolute path; static or never freed */
	vaddr_t args_start, args_end; /* the strings of argv in program memory */
	vaddr_t env_start, env_end;   /* of envp */
	vaddr_t base;                 /* where its file's first byte is */
};
extern struct proc_program proc_program;

#endif
