/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The stat family and statfs: struct file_stat in Linux's forms. */
#include "abi/path.h"
#include "abi/syscall.h"
#include "arch/arch.h"
#include "base/errno.h"
#include "abi/time.h"
#include "fs/fixed.h"
#include "fs/ramfs.h"

struct k_stat { /* struct stat of x86-64 (arch/x86/include/uapi/asm/stat.h) */
	uint64_t dev, ino, nlink;
	uint32_t mode, uid, gid, pad0;
	uint64_t rdev;
	int64_t size, blksize, blocks;
	struct k_timespec atime, mtime, ctime;
	int64_t unused[3];
};
_Static_assert(sizeof(struct k_stat) == 144, "struct stat");

struct k_statx { /* struct statx (include/uapi/linux/stat.h) */
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, pad0;
	uint64_t ino, size, blocks, attributes_mask;
	struct k_timespec atime, btime, ctime, mtime; /* of the nanoseconds half is padding */
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t mnt_id;
	uint64_t spare[13];
};
_Static_assert(sizeof(struct k_statx) == 256, "struct statx");
#define STATX_BASIC_STATS 0x7ffu
#define STATX_BTIME 0x800u
#define STATX_RESERVED 0x80000000u

struct k_statfs { /* struct statfs (include/uapi/asm-generic/statfs.h) */
	int64_t type, bsize;
	uint64_t blocks, bfree, bavail, files, ffree;
	int32_t fsid[2];
	int64_t namelen, frsize, flags;
	int64_t spare[4];
};
_Static_assert(sizeof(struct k_statfs) == 120, "struct statfs");
#define RAMFS_MAGIC 0x858458f6
#define TMPFS_MAGIC 0x01021994
#define PIPEFS_MAGIC 0x50495045
#define ST_RDONLY 0x1
#define ST_VALID 0x20

static struct k_timespec stat_time(int64_t ns)
{
	int64_t sec = ns / (int64_t)NS_PER_SECOND, rest = ns % (int64_t)NS_PER_SECOND;

	if (rest < 0) {
		sec--;
		rest += NS_PER_SECOND;
	}
	return (struct k_timespec){sec, rest};
}

static long stat_put(vaddr_t buf, const struct file_stat *st)
{
	struct k_stat k = {
		.dev = st->dev,
		.ino = st->ino,
		.nlink = st->nlink,
		.mode = st->mode,
		.uid = st->uid,
		.gid = st->gid,
		.rdev = st->rdev,
		.size = (int64_t)st->size,
		.blksize = PAGE_SIZE,
		.blocks = (int64_t)st->blocks,
		.atime = stat_time(st->atime_ns),
		.mtime = stat_time(st->mtime_ns),
		.ctime = stat_time(st->ctime_ns),
	};

	return user_copy_out(buf, &k, sizeof(k));
}

static long statx_put(vaddr_t buf, const struct file_stat *st)
{
	struct k_statx k = {
		.mask = STATX_BASIC_STATS | (st->dev == FILE_DEV_RAM ? STATX_BTIME : 0),
		.blksize = PAGE_SIZE,
		.nlink = (uint32_t)st->nlink,
		.uid = st->uid,
		.gid = st->gid,
		.mode = (uint16_t)st->mode,
		.ino = st->ino,
		.size = st->size,
		.blocks = st->blocks,
		.atime = stat_time(st->atime_ns),
		.btime = stat_time(st->btime_ns),
		.ctime = stat_time(st->ctime_ns),
		.mtime = stat_time(st->mtime_ns),
		.rdev_major = (uint32_t)st->rdev >> 8 & 0xfff,
		.rdev_minor = ((uint32_t)st->rdev & 0xff) | ((uint32_t)st->rdev >> 12 & 0xfff00),
		.dev_minor = (uint32_t)st->dev,
	};

	return user_copy_out(buf, &k, sizeof(k));
}

static long stat_fd(long fd, struct file_stat *st)
{
	struct file *f = fd_borrow((int)fd);

	if (f == NULL)
		return -EBADF;
	file_stat(f, st);
	fd_return((int)fd, f);
	return 0;
}

/* stat by what the *at calls take. */
static long stat_at(long dirfd, long path, long flags, struct file_stat *st)
{
	int empty = (flags & AT_EMPTY_PATH) != 0 ? path_is_empty(path) : 0, fd = -1;
	struct entry *e;
	long err;

	if (empty < 0)
		return empty;
	if (empty == 1 && (int)dirfd != AT_FDCWD)
		return stat_fd(dirfd, st);
	err = path_find(dirfd, path, flags, &e);
	if (err != 0)
		return err;
	/* A descriptor's link that was followed leads to a file that is in no folder. */
	if ((flags & AT_SYMLINK_NOFOLLOW) == 0)
		fd = fixed_descriptor(e);
	if (fd >= 0)
		err = stat_fd(fd, st);
	else
		node_stat(e->node, st);
	entry_put(e);
	return err;
}

long sys_stat(long path, long buf)
{
	return sys_newfstatat(AT_FDCWD, path, buf, 0);
}

long sys_lstat(long path, long buf)
{
	return sys_newfstatat(AT_FDCWD, path, buf, AT_SYMLINK_NOFOLLOW);
}

long sys_fstat(long fd, long buf)
{
	struct file_stat st;
	long err = stat_fd(fd, &st);

	return err != 0 ? err : stat_put((vaddr_t)buf, &st);
}

long sys_newfstatat(long dirfd, long path, long buf, long flags)
{
	struct file_stat st;
	long err;

	if ((flags & ~(long)(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH)) != 0)
		return -EINVAL;
	err = stat_at(dirfd, path, flags, &st);
	return err != 0 ? err : stat_put((vaddr_t)buf, &st);
}

long sys_statx(long dirfd, long path, long flags, long mask, long buf)
{
	struct file_stat st;
	long err;

	if (((unsigned)mask & STATX_RESERVED) != 0 ||
	    (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE ||
	    (flags & ~(long)(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH |
			     AT_STATX_SYNC_TYPE)) != 0)
		return -EINVAL;
	err = stat_at(dirfd, path, flags, &st);
	return err != 0 ? err : statx_put((vaddr_t)buf, &st);
}

static long statfs_put(vaddr_t buf, const struct file_stat *st)
{
	struct k_statfs k = {
		.type = st->dev == FILE_DEV_PIPE ? PIPEFS_MAGIC : RAMFS_MAGIC,
		.bsize = PAGE_SIZE,
		.frsize = PAGE_SIZE,
		.namelen = NAME_MAX,
		.flags = ST_VALID | (st->dev == FILE_DEV_FIXED ? ST_RDONLY : 0),
	};

	if (IS_ENABLED(CONFIG_FS_RAMFS) && st->dev == FILE_DEV_RAM) {
		struct ramfs_usage usage;

		ramfs_usage(&usage);
		k.type = TMPFS_MAGIC;
		k.blocks = usage.pages;
		k.bfree = k.bavail = usage.pages_free;
		k.files = usage.nodes;
		k.ffree = usage.nodes_free;
	}
	return user_copy_out(buf, &k, sizeof(k));
}

long sys_statfs(long path, long buf)
{
	struct file_stat st;
	long err = stat_at(AT_FDCWD, path, 0, &st);

	return err != 0 ? err : statfs_put((vaddr_t)buf, &st);
}

long sys_fstatfs(long fd, long buf)
{
	struct file_stat st;
	long err = stat_fd(fd, &st);

	return err != 0 ? err : statfs_put((vaddr_t)buf, &st);
}
