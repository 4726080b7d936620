/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Open files (Linux's "open file descriptions") and the table of descriptors that refer to them.
 */
#ifndef FS_FILE_H
#define FS_FILE_H

#include "base/types.h"
#include "core/mutex.h"
#include "fs/uio.h"

struct poll_table; /* fs/poll.h */
struct epoll_item;
struct entry; /* fs/node.h */
struct file;

/* What fstat() tells of a file. */
struct file_stat {
	uint32_t mode; /* S_IF* and permissions */
	uint32_t uid, gid;
	uint64_t ino;
	uint64_t dev;  /* of the file system */
	uint64_t rdev; /* of a device file */
	uint64_t size;
	uint64_t blocks; /* of 512 bytes */
	uint64_t nlink;
	int64_t atime_ns, mtime_ns, ctime_ns, btime_ns; /* CLOCK_REALTIME */
};

/* Numbers of file systems as st_dev has them. */
#define FILE_DEV_FIXED 1 /* /dev and /proc */
#define FILE_DEV_PIPE 2  /* pipes */
#define FILE_DEV_ANON 3  /* eventfd and the like */
#define FILE_DEV_RAM 4   /* files in memory */
#define FILE_DEV_SOCKET 5

/* A device number as Linux encodes it; small majors and minors only. */
#define FILE_RDEV(major, minor) ((uint64_t)(major) << 8 | (minor))
#define DEV_NULL FILE_RDEV(1, 3)
#define DEV_ZERO FILE_RDEV(1, 5)
#define DEV_FULL FILE_RDEV(1, 7)
#define DEV_RANDOM FILE_RDEV(1, 8)
#define DEV_URANDOM FILE_RDEV(1, 9)
#define DEV_TTY FILE_RDEV(5, 0)

/*
 * What a kind of file can do. A NULL means that it cannot, as said. u->left is not 0 on entry of
 * read and write, but for takes_empty. They return bytes moved, and an error only if there are
 * none, and those of files with a position move *pos on. They may sleep, and return -ERESTARTSYS
 * when a signal interrupts them.
 */
struct file_ops {
	ssize64_t (*read)(struct file *f, struct uio *u, uint64_t *pos);  /* NULL: -EINVAL */
	ssize64_t (*write)(struct file *f, struct uio *u, uint64_t *pos); /* NULL: -EINVAL */
	/* POLL* bits that hold now; registers with pt first if it is not NULL. NULL: always
	 * readable and writable. */
	unsigned (*poll)(struct file *f, struct poll_table *pt);
	/* NULL, or for the commands of this kind of file: else -ENOTTY. */
	long (*ioctl)(struct file *f, unsigned cmd, vaddr_t arg);
	/* lseek(2) with SEEK_DATA (next) and SEEK_HOLE. A position, or -ENXIO. NULL: all is data.
	 */
	ssize64_t (*seek_data)(struct file *f, uint64_t pos, bool hole);
	/* fcntl(2)'s F_GETPIPE_SZ, or with new F_SETPIPE_SZ: the capacity in bytes; -EINVAL,
	 * -EPERM, -EBUSY, -ENOMEM. NULL: -EBADF. */
	long (*capacity)(struct file *f, const unsigned long *new);
	/* NULL: as its node. */
	void (*stat)(struct file *f, struct file_stat *out);
	/* The last reference is gone: free what holds f. NULL: f is an object of its own. */
	void (*release)(struct file *f);
	bool seekable;     /* it has a position: pread(2) and pwrite(2) work */
	bool seek_ignored; /* lseek(2) does nothing and says 0 */
	bool seek_plain;   /* lseek(2) knows SEEK_SET and SEEK_CUR only */
	bool takes_empty;  /* read(2) and write(2) of no bytes come through too */
	bool mappable; /* mmap(2) may read it into memory, or, for /dev/zero, give plain memory */
	char name[12]; /* of what is in no folder: anon_inode:[name] (in place: no relocation) */
	bool stays;    /* fsync(2) has nothing to do: what is written is where it stays */
};

#define FILE_ALIGN 16 /* the table of descriptors counts on it */

struct file {
	const struct file_ops *ops;
	struct entry *entry; /* what it was opened at, with a reference; NULL: at none */
	_Atomic uint64_t refs;
	_Atomic uint32_t flags;              /* O_*: access mode and status flags */
	struct epoll_item *_Atomic watchers; /* epoll sets that it is in (fs/epoll.c) */
	struct mutex pos_lock; /* guards pos; held while a read or write that moves it goes on */
	uint64_t pos;
	struct flock *flock; /* fs/flock.h */
} ALIGNED(FILE_ALIGN);

void file_init(struct file *f, const struct file_ops *ops, unsigned flags);
struct file *file_get(struct file *f); /* another reference; returns f */
void file_put(struct file *f);
void file_put_many(struct file *f, uint64_t refs);

static inline unsigned file_flags(const struct file *f)
{
	return atomic_load_explicit(&f->flags, memory_order_relaxed);
}

bool file_readable(const struct file *f);
bool file_writable(const struct file *f);

/* read(2) and write(2) at the file's position; pread(2) and pwrite(2) at pos (-ESPIPE if there is
 * no position). */
ssize64_t file_read(struct file *f, struct uio *u);
ssize64_t file_write(struct file *f, struct uio *u);
ssize64_t file_pread(struct file *f, struct uio *u, uint64_t pos);
ssize64_t file_pwrite(struct file *f, struct uio *u, uint64_t pos);
/* lseek(2): the new position, -ESPIPE, -EINVAL, -ENXIO. */
ssize64_t file_seek(struct file *f, int64_t offset, int whence);
/* The position, and setting it, without moving anything. */
int64_t file_position(struct file *f);
void file_set_position(struct file *f, uint64_t pos);
void file_stat(struct file *f, struct file_stat *out);

/* --- descriptors (fd.c) --- */

/* Boot: the console's files become descriptors 0, 1 and 2. */
void fd_init(void);

/*
 * The file behind fd, for one call: fd_return() must follow, and a thread borrows two files at most
 * at a time. NULL if fd is not open. The file stays good whatever happens to fd meanwhile.
 */
struct file *fd_borrow(int fd);
void fd_return(int fd, struct file *f);
/* The file behind fd, with a reference of its own (file_put()); NULL if fd is not open. */
struct file *fd_get(int fd);
/* The same for calls that do something with the file: none if it was opened with O_PATH. */
struct file *fd_borrow_usable(int fd);
struct file *fd_get_usable(int fd);

/*
 * Take the lowest free descriptor >= min; it is not open until fd_commit(). The descriptor,
 * -EMFILE, -EINVAL (min is above the limit) or -ENOMEM.
 */
int fd_reserve(int min);
/* Open a reserved descriptor; the caller's reference to f goes over to the table. */
void fd_commit(int fd, struct file *f, bool cloexec);
/* Give a reserved descriptor back. */
void fd_unreserve(int fd);
/* Reserve two and store their numbers at the program's address out: 0, or as fd_reserve(), or
 * -EFAULT; then none is reserved. */
int fd_reserve_pair(vaddr_t out, int32_t fd[2]);
void fd_unreserve_pair(const int32_t fd[2]);
/* Both in one, as fd_reserve(). The reference goes over; on failure f is put. */
int fd_install(struct file *f, int min, bool cloexec);
/* Put f at fd, closing what was there; the reference goes over on success. fd, -EBADF (fd is above
 * the limit), -EBUSY (somebody has reserved it), -ENOMEM. */
int fd_replace(struct file *f, int fd, bool cloexec);
/* 0 or -EBADF. */
int fd_close(int fd);
/* Close, or mark close-on-exec, all of [first, last]. */
void fd_close_range(unsigned first, unsigned last, bool only_cloexec);
/* The close-on-exec flag: 0, 1 or -EBADF. */
int fd_cloexec_get(int fd);
int fd_cloexec_set(int fd, bool on);
/* The lowest open descriptor >= fd, or -1. */
int fd_next(int fd);

/* RLIMIT_NOFILE: soft limit and the highest value that it can be given. Relaxed: it orders nothing.
 */
#define FD_LIMIT_MAX 65536u
extern _Atomic uint32_t fd_limit;

#endif
