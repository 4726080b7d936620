/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: diff
//@ compare: stdout status
//@ stdin: some input
/*
 * Files as system calls see them: descriptors, /dev, /proc, paths, folders, stat in all its forms.
 * What is printed is only what must be the same on Linux.
 */
#include "test.h"
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

static void show(const char *what, long value)
{
	printf("%s %ld\n", what, value);
	fflush(stdout);
}

static char buf[70000];

static void descriptors(void)
{
	int fd = (int)raw(SYS_open, "/dev/null", O_RDWR);

	show("lowest free", fd);
	show("dup", raw(SYS_dup, fd));
	show("dup2 to 9", raw(SYS_dup2, fd, 9));
	show("dup2 to itself", raw(SYS_dup2, 9, 9));
	show("dup2 of nothing to itself", raw(SYS_dup2, 50, 50));
	show("dup2 too high", raw(SYS_dup2, fd, 1 << 30));
	show("dup2 negative", raw(SYS_dup2, fd, -1));
	show("dup3 to itself", raw(SYS_dup3, 9, 9, 0));
	show("dup3 bad flag", raw(SYS_dup3, 9, 11, O_APPEND));
	show("dup3 cloexec", raw(SYS_dup3, 9, 11, O_CLOEXEC));
	show("flag of 11", raw(SYS_fcntl, 11, F_GETFD));
	show("flag of 9", raw(SYS_fcntl, 9, F_GETFD));
	show("set flag of 9", raw(SYS_fcntl, 9, F_SETFD, FD_CLOEXEC));
	show("flag of 9", raw(SYS_fcntl, 9, F_GETFD));
	show("FIONCLEX", raw(SYS_ioctl, 9, FIONCLEX));
	show("flag of 9", raw(SYS_fcntl, 9, F_GETFD));
	show("F_DUPFD from 100", raw(SYS_fcntl, fd, F_DUPFD, 100));
	show("F_DUPFD_CLOEXEC from 100", raw(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 100));
	show("its flag", raw(SYS_fcntl, 101, F_GETFD));
	show("F_DUPFD negative", raw(SYS_fcntl, fd, F_DUPFD, -1));
	show("F_DUPFD too high", raw(SYS_fcntl, fd, F_DUPFD, 1 << 30));
	show("F_GETFL", raw(SYS_fcntl, fd, F_GETFL));
	show("F_SETFL", raw(SYS_fcntl, fd, F_SETFL, O_NONBLOCK | O_APPEND | O_RDONLY | O_CREAT));
	show("F_GETFL of the copy", raw(SYS_fcntl, 9, F_GETFL));
	show("fcntl unknown", raw(SYS_fcntl, fd, 4711, 0));
	show("close_range reversed", raw(SYS_close_range, 20, 10, 0));
	show("close_range bad flag", raw(SYS_close_range, 10, 20, 1));
	show("close_range cloexec", raw(SYS_close_range, 9, 10, 4));
	show("flag of 9", raw(SYS_fcntl, 9, F_GETFD));
	show("close_range", raw(SYS_close_range, 9, 4000000000u, 0));
	show("9 is closed", raw(SYS_close, 9));
	show("100 is closed", raw(SYS_close, 100));
	show("3 is open", raw(SYS_close, fd));
	show("the copy", raw(SYS_close, fd + 1));
	show("close twice", raw(SYS_close, fd));
}

static void devices(void)
{
	int null = (int)raw(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
	int zero = (int)raw(SYS_open, "/dev/zero", O_RDWR),
	    full = (int)raw(SYS_open, "/dev/full", O_RDWR);
	int urandom = (int)raw(SYS_open, "/dev/urandom", O_RDONLY);
	struct iovec v[2] = {{buf, 10}, {buf + 20, 10}};

	show("null read", raw(SYS_read, null, buf, 10));
	show("null write", raw(SYS_write, null, buf, 10));
	show("null pread64", raw(SYS_pread64, null, buf, 10, 5));
	show("null pwrite64", raw(SYS_pwrite64, null, buf, 10, 5));
	show("null pread64 negative", raw(SYS_pread64, null, buf, 10, -5));
	show("null lseek", raw(SYS_lseek, null, 0, SEEK_END));
	memset(buf, 1, sizeof(buf));
	show("zero read", raw(SYS_read, zero, buf, sizeof(buf)));
	show("it is zero", buf[0] + buf[40000] + buf[sizeof(buf) - 1]);
	memset(buf, 1, 40);
	show("zero readv", raw(SYS_readv, zero, v, 2));
	show("it is zero in two parts",
	     buf[0] + buf[9] + 10 * buf[10] + buf[20] + buf[29] + 100 * buf[30]);
	show("zero preadv", raw(SYS_preadv, zero, v, 2, 0, 0));
	show("zero pwritev", raw(SYS_pwritev, zero, v, 2, 0, 0));
	show("zero read bad pointer", raw(SYS_read, zero, 8, 100));
	show("full read", raw(SYS_read, full, buf, 10));
	show("full write", raw(SYS_write, full, buf, 10));
	show("urandom read", raw(SYS_read, urandom, buf, sizeof(buf)));
	long sum = 0;
	for (size_t i = 0; i < sizeof(buf); i++)
		sum += (unsigned char)buf[i];
	show("looks random", sum > 120 * 70000L && sum < 135 * 70000L);
	show("urandom write to read-only", raw(SYS_write, urandom, buf, 1));
	show("null ioctl", raw(SYS_ioctl, null, TCGETS, buf));
	show("null TIOCGWINSZ", raw(SYS_ioctl, null, TIOCGWINSZ, buf));
	show("read negative count", raw(SYS_read, null, buf, -1));
	v[1].iov_len = (size_t)-1;
	show("readv negative length", raw(SYS_readv, zero, v, 2));
	show("readv negative count", raw(SYS_readv, zero, v, -1));
	show("writev bad vector", raw(SYS_writev, zero, 8, 2));
	show("sendfile zero to null", raw(SYS_sendfile, null, zero, 0, 100000));
	show("sendfile bad", raw(SYS_sendfile, null, 99, 0, 10));
	show("fsync", raw(SYS_fsync, null));
	show("fdatasync", raw(SYS_fdatasync, null));
	show("fsync bad", raw(SYS_fsync, 99));
	raw(SYS_sync);
	show("fadvise64", raw(SYS_fadvise64, null, 0, 0, 1));
	show("fadvise64 bad advice", raw(SYS_fadvise64, null, 0, 0, 100));
	show("ftruncate", raw(SYS_ftruncate, null, 10));
	show("readahead", raw(SYS_readahead, 99, 0, 10));
	show("getdents64 of a device", raw(SYS_getdents64, null, buf, 100));
	raw(SYS_close_range, null, urandom, 0);
}

static void stat_show(const char *what, long err, const struct stat *st)
{
	printf("%s %ld", what, err);
	if (err == 0)
		printf(" type %o size0 %d rdev %lx uid %u", st->st_mode & S_IFMT, st->st_size == 0,
		       (unsigned long)st->st_rdev, st->st_uid);
	printf("\n");
}

static void stats(void)
{
	struct stat st = {0};
	struct {
		unsigned mask, rest[63];
	} sx = {0};
	int null = (int)raw(SYS_open, "/dev/null", O_PATH), p[2];

	stat_show("stat", raw(SYS_stat, "/dev/null", &st), &st);
	stat_show("stat full", raw(SYS_stat, "/dev/full", &st), &st);
	stat_show("stat random", raw(SYS_stat, "/dev/random", &st), &st);
	stat_show("stat none", raw(SYS_stat, "/dev/none", &st), &st);
	stat_show("stat through a file", raw(SYS_stat, "/dev/null/x", &st), &st);
	stat_show("stat with slash", raw(SYS_stat, "/dev/null/", &st), &st);
	stat_show("stat empty", raw(SYS_stat, "", &st), &st);
	stat_show("fstat", raw(SYS_fstat, null, &st), &st);
	stat_show("fstat bad", raw(SYS_fstat, 99, &st), &st);
	stat_show("newfstatat empty", raw(SYS_newfstatat, null, "", &st, AT_EMPTY_PATH), &st);
	stat_show("newfstatat bad flag", raw(SYS_newfstatat, null, "", &st, 1), &st);
	stat_show("newfstatat not a folder", raw(SYS_newfstatat, null, "x", &st, 0), &st);
	show("lstat of a link", raw(SYS_lstat, "/proc/self/exe", &st));
	printf("type %o\n", st.st_mode & S_IFMT);
	show("stat bad pointer", raw(SYS_stat, "/dev/null", 8));
	show("stat bad path", raw(SYS_stat, 8, &st));
	show("statx", raw(SYS_statx, AT_FDCWD, "/dev/zero", 0, 0x7ff, &sx));
	show("basic fields", (sx.mask & 0x7ff) == 0x7ff);
	show("statx bad flag", raw(SYS_statx, AT_FDCWD, "/dev/zero", 0x6000, 0x7ff, &sx));
	raw(SYS_pipe, p);
	stat_show("fstat pipe", raw(SYS_fstat, p[0], &st), &st);
	struct statfs fs;
	show("statfs", raw(SYS_statfs, "/dev/null", &fs));
	show("fstatfs", raw(SYS_fstatfs, p[0], &fs));
	printf("pipefs %lx\n", (unsigned long)fs.f_type);
	show("statfs none", raw(SYS_statfs, "/none", &fs));
	raw(SYS_close_range, null, p[1], 0);
}

/* Close what was just opened: 0, or the error of opening it. */
static long close_new(int fd)
{
	return fd < 0 ? fd : raw(SYS_close, fd);
}

static void paths(void)
{
	char longpath[5000];
	int dev = (int)raw(SYS_open, "/dev", O_RDONLY | O_DIRECTORY);

	show("openat from a folder", close_new((int)raw(SYS_openat, dev, "null", O_RDONLY)));
	show("openat with dots",
	     close_new((int)raw(SYS_openat, dev, "../dev/./../dev//zero", O_RDONLY)));
	show("openat from a bad folder", raw(SYS_openat, 99, "null", O_RDONLY));
	show("openat absolute", close_new((int)raw(SYS_openat, 99, "/dev/null", O_RDONLY)));
	show("O_DIRECTORY on a device", raw(SYS_open, "/dev/null", O_RDONLY | O_DIRECTORY));
	show("O_CREAT O_EXCL on a device",
	     raw(SYS_open, "/dev/null", O_RDWR | O_CREAT | O_EXCL, 0600));
	show("write a folder", raw(SYS_open, "/dev", O_WRONLY));
	show("creat a folder", raw(SYS_creat, "/dev", 0600));
	show("O_CREAT a folder", raw(SYS_open, "/dev", O_CREAT | O_RDONLY, 0600));
	show("read a folder", raw(SYS_read, dev, buf, 10));
	show("lseek a folder", raw(SYS_lseek, dev, 0, SEEK_SET));
	show("O_NOFOLLOW on a link", raw(SYS_open, "/proc/self/exe", O_RDONLY | O_NOFOLLOW));
	memset(longpath, '/', sizeof(longpath));
	memcpy(longpath, "/dev", 4);
	memcpy(longpath + 4000, "null", 5);
	show("many slashes", raw(SYS_access, longpath, R_OK));
	memcpy(longpath + 4990, "null", 5);
	longpath[4004] = '/';
	show("too long", raw(SYS_access, longpath, R_OK));
	memset(longpath, 'x', 300);
	longpath[300] = 0;
	show("name too long", raw(SYS_access, longpath, R_OK));
	show("access", raw(SYS_access, "/dev/null", R_OK | W_OK));
	show("access x", raw(SYS_access, "/dev/null", X_OK));
	show("access bad mode", raw(SYS_access, "/dev/null", 8));
	show("access folder x", raw(SYS_faccessat, dev, "..", X_OK));
	show("faccessat2", raw(SYS_faccessat2, dev, "zero", F_OK, AT_EACCESS));
	show("faccessat2 bad flag", raw(SYS_faccessat2, dev, "zero", F_OK, 1));
	show("readlink of no link", raw(SYS_readlink, "/dev/null", buf, 100));
	show("readlink nothing", raw(SYS_readlink, "/dev/nothing", buf, 100));
	show("readlink size 0", raw(SYS_readlink, "/proc/self/exe", buf, 0));
	show("readlink cut", raw(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", buf, 1));
	show("absolute", buf[0] == '/');
	show("readlink of a descriptor", raw(SYS_readlink, "/proc/self/fd/3", buf, 100));
	show("it is /dev", memcmp(buf, "/dev", 4) == 0);
	show("readlink of a closed one", raw(SYS_readlink, "/proc/self/fd/77", buf, 100));
	show("/dev/fd", raw(SYS_access, "/dev/fd/3", R_OK));
	show("chdir", raw(SYS_chdir, "/dev/.."));
	show("getcwd", raw(SYS_getcwd, buf, 100));
	printf("%s\n", buf);
	show("fchdir", raw(SYS_fchdir, dev));
	show("getcwd", raw(SYS_getcwd, buf, 100));
	printf("%s\n", buf);
	show("getcwd too small", raw(SYS_getcwd, buf, 4));
	show("relative", raw(SYS_access, "null", R_OK));
	show("chdir to a file", raw(SYS_chdir, "null"));
	show("chdir nowhere", raw(SYS_chdir, "/nowhere"));
	show("fchdir bad", raw(SYS_fchdir, 99));
	raw(SYS_chdir, "/");
	raw(SYS_close, dev);
}

/* Names that every /dev has, and that a folder can be read in small bites and again. */
static void folders(void)
{
	int rounds[2] = {0, 0}, seen = 0;
	int fd = (int)raw(SYS_open, "/dev", O_RDONLY | O_DIRECTORY);

	show("too little room", raw(SYS_getdents64, fd, buf, 10));
	for (int round = 0; round < 2; round++) {
		long n;

		raw(SYS_lseek, fd, 0, SEEK_SET);
		while ((n = raw(SYS_getdents64, fd, buf, 64)) > 0) {
			for (char *p = buf; p < buf + n; p += *(unsigned short *)(p + 16)) {
				const char *name = p + 19;

				rounds[round]++;
				seen |= strcmp(name, ".") == 0 && p[18] == DT_DIR ? 1 : 0;
				seen |= strcmp(name, "..") == 0 && p[18] == DT_DIR ? 2 : 0;
				seen |= strcmp(name, "null") == 0 && p[18] == DT_CHR ? 4 : 0;
				seen |= strcmp(name, "urandom") == 0 && p[18] == DT_CHR ? 8 : 0;
			}
		}
		show("end of the folder", n);
	}
	show("the same twice", rounds[0] == rounds[1] && rounds[0] > 5);
	show("all seen", seen);
	raw(SYS_close, fd);
}

static void proc(void)
{
	int fd = (int)raw(SYS_open, "/proc/self/maps", O_RDONLY), total = 0;
	long n;

	while ((n = raw(SYS_read, fd, buf + total, 7)) > 0 && total < 60000)
		total += (int)n;
	buf[total] = 0;
	show("maps read to the end", n);
	show("maps has the stack", strstr(buf, "[stack]") != NULL);
	show("maps has code", strstr(buf, "r-xp") != NULL || strstr(buf, "r-x") != NULL);
	raw(SYS_close, fd);
	fd = (int)raw(SYS_open, "/proc/self/cmdline", O_RDONLY);
	n = raw(SYS_read, fd, buf, 1000);
	show("cmdline ends with 0", n > 0 && buf[n - 1] == 0);
	raw(SYS_close, fd);
	fd = (int)raw(SYS_open, "/proc/self/statm", O_RDONLY);
	show("statm", raw(SYS_read, fd, buf, 1000) > 10);
	show("again at its end", raw(SYS_read, fd, buf, 1000));
	show("pread64 from its begin", raw(SYS_pread64, fd, buf, 1000, 0) > 10);
	raw(SYS_close, fd);
	show("meminfo", raw(SYS_access, "/proc/meminfo", R_OK));
	show("no such", raw(SYS_open, "/proc/self/no-such-file", O_RDONLY));
}

static void changes(void)
{
	struct timespec ts[2] = {{1, 1}, {1, 1}};

	show("mkdir taken", raw(SYS_mkdir, "/dev", 0700));
	show("mkdir in nothing", raw(SYS_mkdir, "/no/where", 0700));
	show("mkdirat in a file", raw(SYS_mkdirat, AT_FDCWD, "/dev/null/x", 0700));
	show("rmdir nothing", raw(SYS_rmdir, "/no-where"));
	show("rmdir in nothing", raw(SYS_rmdir, "/no/where"));
	show("unlink nothing", raw(SYS_unlink, "/no-where"));
	show("unlinkat nothing", raw(SYS_unlinkat, AT_FDCWD, "/no-where", 0));
	show("unlinkat bad flag", raw(SYS_unlinkat, AT_FDCWD, "/no-where", 1));
	show("rename nothing", raw(SYS_rename, "/no-where", "/no-there"));
	show("renameat nothing", raw(SYS_renameat, AT_FDCWD, "/no-where", AT_FDCWD, "/no-there"));
	show("renameat2 nothing",
	     raw(SYS_renameat2, AT_FDCWD, "/no-where", AT_FDCWD, "/no-there", 0));
	show("link nothing", raw(SYS_link, "/no-where", "/no-there"));
	show("linkat nothing", raw(SYS_linkat, AT_FDCWD, "/no-where", AT_FDCWD, "/no-there", 0));
	show("symlink taken", raw(SYS_symlink, "x", "/dev/null"));
	show("symlinkat taken", raw(SYS_symlinkat, "x", AT_FDCWD, "/dev/null"));
	show("mknod taken", raw(SYS_mknod, "/dev/null", S_IFIFO | 0600, 0));
	show("mknodat taken", raw(SYS_mknodat, AT_FDCWD, "/dev/null", S_IFIFO | 0600, 0));
	show("truncate nothing", raw(SYS_truncate, "/no-where", 0));
	show("truncate a folder", raw(SYS_truncate, "/dev", 0));
	show("chmod nothing", raw(SYS_chmod, "/no-where", 0600));
	show("fchmodat nothing", raw(SYS_fchmodat, AT_FDCWD, "/no-where", 0600));
	show("fchmod bad", raw(SYS_fchmod, 99, 0600));
	show("chown nothing", raw(SYS_chown, "/no-where", 0, 0));
	show("lchown nothing", raw(SYS_lchown, "/no-where", 0, 0));
	show("fchown bad", raw(SYS_fchown, 99, 0, 0));
	show("fchownat nothing", raw(SYS_fchownat, AT_FDCWD, "/no-where", 0, 0, 0));
	show("utimensat nothing", raw(SYS_utimensat, AT_FDCWD, "/no-where", ts, 0));
}

static void input(void)
{
	struct pollfd p = {0, POLLIN, 0};
	int n = -1;

	show("poll input", raw(SYS_poll, &p, 1, 10000));
	show("readable", p.revents & POLLIN);
	show("FIONREAD", raw(SYS_ioctl, 0, FIONREAD, &n));
	show("waiting", n);
	memset(buf, 0, 100);
	show("read a part", raw(SYS_read, 0, buf, 5));
	show("read the rest", raw(SYS_read, 0, buf + 5, 100));
	printf("[%s]\n", buf);
	show("end of file", raw(SYS_read, 0, buf, 100));
	show("poll the end", raw(SYS_poll, &p, 1, 0));
	show("hung up", p.revents);
	show("lseek input", raw(SYS_lseek, 0, 0, SEEK_CUR));
	show("pread64 input", raw(SYS_pread64, 0, buf, 1, 0));
}

int main(void)
{
	descriptors();
	devices();
	stats();
	paths();
	folders();
	proc();
	changes();
	input();
	return 0;
}
