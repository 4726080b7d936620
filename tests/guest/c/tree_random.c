/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: diff
//@ compare: stdout status
//@ repeat: 4
//@ timeout: 120
/*
 * A seeded random sequence of calls on a tree of files: making, linking, renaming, removing,
 * reading, writing, cutting, looking at. Every result is printed and must be Linux's, whose tmpfs
 * in /dev/shm is the oracle.
 */
#include "test.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif

#define STEPS 4000
#define FDS 8

static struct rng r;
static unsigned step;
static int fds[FDS];
static char base[64];

/* A path as it is printed: the place of the test, which is another one on Linux, as ~. */
static const char *tilde(const char *path)
{
	static char texts[4][400];
	static unsigned turn;
	char *text = texts[turn++ % 4];

	if (strncmp(path, base, strlen(base)) != 0)
		return path;
	sprintf(text, "~%s", path + strlen(base));
	return text;
}

static void show(const char *what, const char *path, long a, long result)
{
	printf("%u %s(%s, %ld) = %ld\n", step, what, tilde(path), a, result);
}

/* A path below the place of the test: never above it, as the test begins in a folder of its own. */
static const char *any_path(char path[200])
{
	static const char *const names[] = {"a", "b", "c", "d", "e", "a", "b", "l", "m", "."};
	unsigned n = 1 + (unsigned)rng_below(&r, 3);

	path[0] = 0;
	if (rng_below(&r, 10) == 0)
		strcat(strcpy(path, base), "/");
	while (n-- > 0) {
		strcat(path, names[rng_below(&r, 10)]);
		if (n > 0)
			strcat(path, rng_below(&r, 10) ? "/" : "//");
	}
	if (rng_below(&r, 12) == 0)
		strcat(path, "/");
	return path;
}

/* A folder to begin in: the current one, or one that is open. */
static int any_dir(void)
{
	return rng_below(&r, 3) ? AT_FDCWD : fds[rng_below(&r, FDS)];
}

static void show_stat(const char *what, const char *path, long result, const struct stat *st)
{
	printf("%u %s(%s) = %ld", step, what, tilde(path), result);
	if (result == 0) {
		bool sized = S_ISREG(st->st_mode) || S_ISLNK(st->st_mode);

		printf(" mode %o links %ld size %ld", st->st_mode, (long)st->st_nlink,
		       sized ? (long)st->st_size : -1);
	}
	printf("\n");
}

static void open_one(void)
{
	static const int kinds[] = {0,
				    O_CREAT,
				    O_CREAT,
				    O_CREAT | O_EXCL,
				    O_CREAT | O_TRUNC,
				    O_TRUNC,
				    O_DIRECTORY,
				    O_NOFOLLOW,
				    O_PATH,
				    O_CREAT | O_APPEND,
				    O_PATH | O_NOFOLLOW,
				    O_TMPFILE,
				    O_CREAT | O_NOFOLLOW};
	static const int access[] = {O_RDONLY, O_RDWR, O_RDWR, O_WRONLY};
	int flags = kinds[rng_below(&r, 13)] | access[rng_below(&r, 4)] | O_NONBLOCK;
	unsigned slot = (unsigned)rng_below(&r, FDS);
	char path[200];
	int dir = any_dir();
	long fd = raw(SYS_openat, dir, any_path(path), flags, 0644);

	show("openat", path, flags, fd < 0 ? fd : 0);
	if (fd < 0)
		return;
	if (fds[slot] >= 0)
		close(fds[slot]);
	fds[slot] = (int)fd;
}

static void change_names(void)
{
	char path[200], other[200];
	int dir = any_dir(), dir2 = any_dir();
	int flags = rng_below(&r, 4) ? 0 : (int)rng_below(&r, 4);

	any_path(path);
	any_path(other);
	switch (rng_below(&r, 8)) {
	case 0:
	case 1:
		show("mkdirat", path, 0, raw(SYS_mkdirat, dir, path, 0755));
		break;
	case 2:
		show("unlinkat", path, 0, raw(SYS_unlinkat, dir, path, 0));
		break;
	case 3:
		show("rmdir", path, 0, raw(SYS_unlinkat, dir, path, AT_REMOVEDIR));
		break;
	case 4:
	case 5:
		printf("%u renameat2(%s, %s, %d) = %ld\n", step, tilde(path), tilde(other), flags,
		       raw(SYS_renameat2, dir, path, dir2, other, flags));
		break;
	case 6:
		flags = rng_below(&r, 2) ? AT_SYMLINK_FOLLOW : 0;
		printf("%u linkat(%s, %s, %d) = %ld\n", step, tilde(path), tilde(other), flags,
		       raw(SYS_linkat, dir, path, dir2, other, flags));
		break;
	default:
		printf("%u symlinkat(%s, %s) = %ld\n", step, tilde(path), tilde(other),
		       raw(SYS_symlinkat, path, dir, other));
	}
}

static void look(void)
{
	char path[200], text[300];
	struct stat st;
	int dir = any_dir();
	long n;

	any_path(path);
	switch (rng_below(&r, 4)) {
	case 0:
		n = raw(SYS_newfstatat, dir, path, &st, AT_SYMLINK_NOFOLLOW);
		show_stat("lstat", path, n, &st);
		break;
	case 1:
		n = raw(SYS_newfstatat, dir, path, &st, 0);
		show_stat("stat", path, n, &st);
		break;
	case 2:
		n = raw(SYS_readlinkat, dir, path, text, sizeof(text) - 1);
		text[n > 0 ? n : 0] = 0;
		printf("%u readlinkat(%s) = %ld %s\n", step, tilde(path), n, tilde(text));
		break;
	default:
		show("faccessat", path, 0,
		     raw(SYS_faccessat, dir, path, (long)rng_below(&r, 2) * 4));
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All names of a folder, in order; read in bites of a size that few fit in. */
static void list(void)
{
	char path[200], store[4000], *names[200];
	unsigned count = 0, at = 0;
	int dir = (int)raw(SYS_openat, any_dir(), any_path(path), O_RDONLY | O_DIRECTORY, 0);
	struct {
		uint64_t ino;
		int64_t off;
		uint16_t reclen;
		uint8_t type;
		char name[100];
	} * e;
	uint64_t buf[20];
	long n = 0;

	while (dir >= 0 && (n = raw(SYS_getdents64, dir, buf, 24 + rng_below(&r, 100))) > 0)
		for (long k = 0; k < n; k += e->reclen) {
			e = (void *)((char *)buf + k);
			names[count++] = store + at;
			at += (unsigned)sprintf(store + at, "%s:%d", e->name, e->type) + 1;
		}
	if (dir < 0)
		n = dir;
	else
		close(dir);
	qsort(names, count, sizeof(*names), by_name);
	printf("%u list(%s) = %ld:", step, tilde(path), n);
	for (unsigned i = 0; i < count; i++)
		printf(" %s", names[i]);
	printf("\n");
}

static void move_data(int fd)
{
	static char buf[20000];
	size_t n = (size_t)rng_below(&r, rng_below(&r, 3) ? 200 : sizeof(buf));
	long off = (long)rng_below(&r, 30000), result;
	unsigned sum = 0;

	for (size_t i = 0; i < n; i++)
		buf[i] = (char)(step + i * 7);
	switch (rng_below(&r, 5)) {
	case 0:
		show("write", "", (long)n, raw(SYS_write, fd, buf, n));
		return;
	case 1:
		show("pwrite64", "", off, raw(SYS_pwrite64, fd, buf, n, off));
		return;
	case 2:
		show("lseek", "", off, raw(SYS_lseek, fd, off / 3, rng_below(&r, 3)));
		return;
	case 3:
		memset(buf, 0, sizeof(buf));
		result = raw(SYS_read, fd, buf, n);
		break;
	default:
		memset(buf, 0, sizeof(buf));
		result = raw(SYS_pread64, fd, buf, n, off);
	}
	for (size_t i = 0; i < sizeof(buf); i++)
		sum = sum * 31 + (unsigned char)buf[i];
	printf("%u read %zu at %ld = %ld sum %u\n", step, n, off, result, sum);
}

static bool same_file(int fd, int other)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && fstat(other, &b) == 0 && a.st_ino == b.st_ino;
}

static void change_data(int fd)
{
	long off = (long)rng_below(&r, 40000), len = (long)rng_below(&r, 20000);
	int other = fds[rng_below(&r, FDS)];
	struct stat st;
	int64_t a = off, b = len;

	switch (rng_below(&r, 6)) {
	case 0:
		show("ftruncate", "", off, raw(SYS_ftruncate, fd, off));
		break;
	case 1:
		a = (long)rng_below(&r, 4);
		show("fallocate", "", a, raw(SYS_fallocate, fd, a, off, len));
		break;
	case 2:
		show("copy_file_range", "", len,
		     raw(SYS_copy_file_range, fd, &a, other, &b, len, 0));
		printf("%ld %ld\n", (long)a, (long)b);
		break;
	case 3:
		if (same_file(fd, other)) /* how far it reads ahead is not said */
			break;
		show("sendfile", "", len, raw(SYS_sendfile, other, fd, &a, len));
		printf("%ld\n", (long)a);
		break;
	case 4:
		show("fchmod", "", 0, raw(SYS_fchmod, fd, 0700 | rng_below(&r, 0100)));
		break;
	default:
		show_stat("fstat", "", raw(SYS_fstat, fd, &st), &st);
	}
}

static void others(int fd)
{
	char path[300], other[200];
	int dir = any_dir();
	long n;

	switch (rng_below(&r, 6)) {
	case 0:
		n = (long)rng_below(&r, 30000);
		show("truncate", any_path(path), n, raw(SYS_truncate, path, n));
		break;
	case 1:
		sprintf(path, "/proc/self/fd/%d", fd);
		n = raw(SYS_linkat, AT_FDCWD, path, dir, any_path(other), AT_SYMLINK_FOLLOW);
		show("linkat of a file", other, 0, n);
		break;
	case 2:
		n = raw(SYS_flock, fd, rng_below(&r, 2) ? LOCK_EX | LOCK_NB : LOCK_SH | LOCK_NB);
		show("flock", "", 0, n);
		break;
	case 3:
		show("unlock", "", 0, raw(SYS_flock, fd, LOCK_UN));
		break;
	case 4:
		n = raw(SYS_linkat, fd, "", dir, any_path(other), AT_EMPTY_PATH);
		show("linkat of a descriptor", other, 0, n);
		break;
	default:
		show("fsync", "", 0, raw(SYS_fsync, fd));
	}
}

static void step_once(void)
{
	int fd = fds[rng_below(&r, FDS)];
	uint64_t what = rng_below(&r, 20);

	if (what < 4)
		open_one();
	else if (what < 9)
		change_names();
	else if (what < 12)
		look();
	else if (what < 13)
		list();
	else if (what < 17)
		move_data(fd);
	else if (what < 19)
		change_data(fd);
	else
		others(fd);
}

/* Where the tree is made: on Linux in a tmpfs. Both names have the same length, as links lead
 * there. */
static void begin(void)
{
	char command[100];
	bool linux_tmpfs = access("/dev/shm", W_OK) == 0;

	sprintf(base, "%s/kiln-tree-%08lu", linux_tmpfs ? "/dev/shm" : "/tmp/shm",
		(unsigned long)(test_seed() % 100000000));
	sprintf(command, "rm -rf %s", base);
	if (linux_tmpfs && system(command) != 0)
		exit(97);
	if (!linux_tmpfs && mkdir("/tmp/shm", 0755) != 0)
		exit(98);
	if (mkdir(base, 0755) != 0 || chdir(base) != 0 || mkdir("top", 0755) != 0 ||
	    chdir("top") != 0)
		exit(99);
	umask(022);
	r = rng_make(500);
	for (int i = 0; i < FDS; i++)
		fds[i] = -1;
}

int main(void)
{
	char command[100];

	begin();
	for (step = 0; step < STEPS; step++)
		step_once();
	/* Only on Linux something is left. */
	sprintf(command, "cd / && rm -rf %s", base);
	return access("/bin/rm", X_OK) == 0 ? system(command) : 0;
}
