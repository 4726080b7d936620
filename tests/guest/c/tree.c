/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: diff
//@ compare: stdout status
//@ cpus: 1 2
/*
 * Files that can be changed, call by call: their errors and limits, what time and permissions do,
 * files without names, FIFOs, memfds, holes, locks. On Linux in a tmpfs.
 */
#include "test.h"
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>
#include <utime.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef F_ADD_SEALS
#define F_ADD_SEALS 1033
#define F_GET_SEALS 1034
#endif

static char buf[70000], base[64];

static void show(const char *what, long value)
{
	printf("%s %ld\n", what, value);
	fflush(stdout);
}

/* A file of n bytes 1, 2, 3 … open for reading and writing. */
static int make(const char *name, size_t n)
{
	int fd = (int)raw(SYS_open, name, O_RDWR | O_CREAT | O_TRUNC, 0644);

	for (size_t i = 0; i < n; i++)
		buf[i] = (char)(i + 1);
	if (n > 0)
		raw(SYS_write, fd, buf, n);
	return fd;
}

static long mode_of(const char *name)
{
	struct stat st;
	long err = raw(SYS_lstat, name, &st);

	return err != 0 ? err : (long)st.st_mode;
}

static void modes(void)
{
	struct stat st;
	int fd;

	show("umask", raw(SYS_umask, 027));
	fd = (int)raw(SYS_creat, "mode", 0666);
	printf("%o\n", (unsigned)mode_of("mode"));
	show("write what was made read-only", raw(SYS_write, fd, "x", 1));
	raw(SYS_mkdir, "dir", 01777);
	printf("%o\n", (unsigned)mode_of("dir"));
	raw(SYS_mknod, "node", 0666, 0);
	printf("%o\n", (unsigned)mode_of("node"));
	raw(SYS_symlink, "mode", "link");
	printf("%o\n", (unsigned)mode_of("link"));
	show("umask", raw(SYS_umask, 022));
	show("chmod", raw(SYS_chmod, "link", 04755));
	printf("%o\n", (unsigned)mode_of("mode"));
	show("fchmod", raw(SYS_fchmod, fd, 0600));
	show("fchmodat", raw(SYS_fchmodat, AT_FDCWD, "mode", 06771));
	show("fchmodat2 of a link",
	     raw(SYS_fchmodat2, AT_FDCWD, "link", 0700, AT_SYMLINK_NOFOLLOW));
	show("fchmodat2 by descriptor", raw(SYS_fchmodat2, fd, "", 06755, AT_EMPTY_PATH));
	show("fchmodat2 bad flag", raw(SYS_fchmodat2, AT_FDCWD, "mode", 0, 1));
	raw(SYS_fstat, fd, &st);
	show("chown", raw(SYS_chown, "mode", -1, (long)st.st_gid));
	printf("%o\n", (unsigned)mode_of("mode"));
	show("fchown nothing", raw(SYS_fchown, fd, -1, -1));
	show("lchown", raw(SYS_lchown, "link", -1, -1));
	show("fchownat", raw(SYS_fchownat, fd, "", -1, -1, AT_EMPTY_PATH));
	show("the group of a folder", raw(SYS_chmod, "dir", 02755));
	raw(SYS_mkdir, "dir/sub", 0755);
	printf("%o\n", (unsigned)mode_of("dir/sub"));
	show("access", raw(SYS_access, "mode", X_OK));
	raw(SYS_chmod, "mode", 0644);
	show("access", raw(SYS_access, "mode", X_OK));
	show("mknod a folder", raw(SYS_mknod, "other", S_IFDIR | 0700, 0));
	show("mknod nonsense", raw(SYS_mknod, "other", 0130000, 0));
	show("mknodat a socket", raw(SYS_mknodat, AT_FDCWD, "socket", S_IFSOCK | 0600, 0));
	show("open it", raw(SYS_open, "socket", O_RDWR));
	raw(SYS_close, fd);
}

static long times_of(const char *name, struct timespec *atime, struct timespec *mtime)
{
	struct stat st;
	long err = raw(SYS_lstat, name, &st);

	*atime = st.st_atim;
	*mtime = st.st_mtim;
	return err;
}

static void show_times(const char *name)
{
	struct timespec a, m;

	times_of(name, &a, &m);
	printf("%s %ld.%09ld %ld.%09ld\n", name, (long)a.tv_sec, a.tv_nsec, (long)m.tv_sec,
	       m.tv_nsec);
}

static void times(void)
{
	struct timespec ts[2] = {{1000, 1}, {2000, 999999999}}, a, m, m2;
	struct timeval tv[2] = {{3000, 5}, {4000, 6}};
	struct utimbuf ub = {5000, 6000};
	int fd = make("time", 5), dir;

	show("utimensat", raw(SYS_utimensat, AT_FDCWD, "time", ts, 0));
	show_times("time");
	ts[0].tv_nsec = UTIME_OMIT;
	ts[1].tv_sec = -7;
	show("utimensat, one, before 1970", raw(SYS_utimensat, fd, 0, ts, 0));
	show_times("time");
	ts[1].tv_nsec = UTIME_OMIT;
	show("nothing to change", raw(SYS_utimensat, AT_FDCWD, "no-such", ts, 0));
	ts[1].tv_nsec = 1000000000;
	show("bad nanoseconds", raw(SYS_utimensat, AT_FDCWD, "time", ts, 0));
	show("bad pointer", raw(SYS_utimensat, AT_FDCWD, "time", 8, 0));
	show("utimes", raw(SYS_utimes, "time", tv));
	show_times("time");
	tv[1].tv_usec = 1000000;
	show("bad microseconds", raw(SYS_futimesat, AT_FDCWD, "time", tv));
	show("utime", raw(SYS_utime, "time", &ub));
	show_times("time");
	times_of("time", &a, &m);
	raw(SYS_write, fd, "x", 1);
	times_of("time", &a, &m2);
	show("a write is seen", m2.tv_sec > m.tv_sec);
	show("an old access too",
	     (raw(SYS_pread64, fd, buf, 1, 0), times_of("time", &a, &m2), a.tv_sec > 100000));
	raw(SYS_mkdir, "time-dir", 0755);
	raw(SYS_utime, "time-dir", &ub);
	dir = (int)raw(SYS_open, "time-dir/new", O_CREAT | O_WRONLY, 0600);
	times_of("time-dir", &a, &m);
	show("a new name changes its folder", m.tv_sec > 100000);
	show("utime now", raw(SYS_utime, "time", 0));
	times_of("time", &a, &m);
	show("both are now", m.tv_sec > 100000 && a.tv_sec == m.tv_sec);
	raw(SYS_close, dir);
	raw(SYS_close, fd);
}

static void paths(void)
{
	char longname[300], chain[20];
	int dir, fd;

	memset(longname, 'n', sizeof(longname));
	longname[255] = 0;
	show("255 bytes", raw(SYS_mkdir, longname, 0755));
	show("and again", raw(SYS_mkdir, longname, 0755));
	show("rmdir", raw(SYS_rmdir, longname));
	longname[255] = 'n';
	longname[256] = 0;
	show("256 bytes", raw(SYS_mkdir, longname, 0755));
	raw(SYS_symlink, "target", "chain0");
	for (int i = 1; i <= 41; i++) {
		sprintf(chain, "chain%d", i - 1);
		sprintf(longname, "chain%d", i);
		raw(SYS_symlink, chain, longname);
	}
	make("target", 3);
	show("40 links", raw(SYS_access, "chain39", 0));
	show("41 links", raw(SYS_access, "chain40", 0));
	show("symlink to nothing", raw(SYS_symlink, "", "empty"));
	show("symlink with slash", raw(SYS_symlink, "target", "new/"));
	show("create through a dangling link",
	     (raw(SYS_symlink, "made", "dangling"),
	      fd = (int)raw(SYS_open, "dangling", O_CREAT | O_WRONLY, 0600)) >= 0);
	show("it is made", raw(SYS_access, "made", 0));
	show("not if it has to be new",
	     raw(SYS_open, "dangling", O_CREAT | O_EXCL | O_WRONLY, 0600));
	show("mkdir with slash", raw(SYS_mkdir, "slash/", 0755));
	show("mkdir of .", raw(SYS_mkdir, "slash/.", 0755));
	show("rmdir of .", raw(SYS_rmdir, "slash/."));
	show("rmdir of ..", raw(SYS_rmdir, "slash/.."));
	show("rmdir of /", raw(SYS_rmdir, "/"));
	show("unlink of .", raw(SYS_unlink, "."));
	show("rename of .", raw(SYS_rename, "slash/.", "other"));
	show("rename into itself", raw(SYS_rename, "slash", "slash/sub"));
	show("rename to another file system", raw(SYS_rename, "target", "/dev/target-x"));
	show("link to another file system", raw(SYS_link, "/proc/self/maps", "maps"));
	show("rename /dev", raw(SYS_rename, "/dev", "/dev2"));
	show("rmdir /proc", raw(SYS_rmdir, "/proc"));
	show("unlink a folder", raw(SYS_unlink, "slash"));
	show("renameat2 nonsense", raw(SYS_renameat2, AT_FDCWD, "a", AT_FDCWD, "b", 3));
	dir = (int)raw(SYS_open, "slash", O_RDONLY | O_DIRECTORY);
	raw(SYS_mkdirat, dir, "in", 0755);
	show("chdir", raw(SYS_chdir, "slash/in"));
	show("remove it", raw(SYS_rmdir, "../in"));
	show("getcwd of what is gone", raw(SYS_getcwd, buf, 100));
	show("make something in it", raw(SYS_mkdir, "x", 0755));
	show("open something in it", raw(SYS_open, "x", O_CREAT | O_WRONLY, 0600));
	show("read it", (fd = (int)raw(SYS_open, ".", O_RDONLY | O_DIRECTORY)) < 0);
	show("it has no entries", raw(SYS_getdents64, fd, buf, 1000));
	show("its parent is there", raw(SYS_access, "..", 0));
	show("fchdir back", raw(SYS_fchdir, dir));
	show("and up", raw(SYS_chdir, ".."));
	raw(SYS_close, dir);
	raw(SYS_close, fd);
}

static void descriptors(void)
{
	struct rlimit old, few = {0, 0};
	int fd = make("limit", 5), path, n = 0;
	struct stat st;

	getrlimit(RLIMIT_NOFILE, &old);
	few = (struct rlimit){(rlim_t)fd + 1, old.rlim_max};
	setrlimit(RLIMIT_NOFILE, &few);
	show("no descriptor left", raw(SYS_open, "too-many", O_CREAT | O_WRONLY, 0600));
	setrlimit(RLIMIT_NOFILE, &old);
	show("nothing was made", raw(SYS_access, "too-many", 0));
	raw(SYS_lseek, fd, 2, SEEK_SET);
	show("FIONREAD", raw(SYS_ioctl, fd, FIONREAD, &n));
	show("bytes", n);
	show("unlink", raw(SYS_unlink, "limit"));
	raw(SYS_fstat, fd, &st);
	show("links left", (long)st.st_nlink);
	sprintf(buf, "/proc/self/fd/%d", fd);
	n = (int)raw(SYS_readlink, buf, buf + 100, 200);
	show("its link says that it is deleted",
	     n > 10 && memcmp(buf + 100 + n - 10, " (deleted)", 10) == 0);
	show("it opens all the same", (path = (int)raw(SYS_open, buf, O_RDONLY)) >= 0);
	show("and reads", raw(SYS_read, path, buf, 100));
	show("what is gone gets no name",
	     raw(SYS_linkat, fd, "", AT_FDCWD, "again", AT_EMPTY_PATH));
	raw(SYS_close, path);
	raw(SYS_close, fd);
	fd = (int)raw(SYS_open, ".", O_TMPFILE | O_RDWR, 0600);
	show("no name", fd < 0 ? fd : 0);
	show("write", raw(SYS_write, fd, "hidden", 6));
	sprintf(buf, "/proc/self/fd/%d", fd);
	show("a name", raw(SYS_linkat, AT_FDCWD, buf, AT_FDCWD, "shown", AT_SYMLINK_FOLLOW));
	show("its mode", mode_of("shown"));
	raw(SYS_close, fd);
	fd = (int)raw(SYS_open, ".", O_TMPFILE | O_RDWR | O_EXCL, 0600);
	show("never a name", raw(SYS_linkat, fd, "", AT_FDCWD, "never", AT_EMPTY_PATH));
	raw(SYS_close, fd);
	path = (int)raw(SYS_open, "shown", O_PATH);
	show("O_PATH reads not", raw(SYS_read, path, buf, 1));
	show("nor changes", raw(SYS_fchmod, path, 0600));
	show("nor cuts", raw(SYS_ftruncate, path, 0));
	show("nor syncs", raw(SYS_fsync, path));
	show("it tells", raw(SYS_fstat, path, &st));
	show("F_GETFL", raw(SYS_fcntl, path, F_GETFL));
	raw(SYS_close, path);
}

static void data(void)
{
	struct iovec v[3] = {{"one", 3}, {buf, 0}, {"two", 3}};
	int fd = make("data", 10000), ro = (int)raw(SYS_open, "data", O_RDONLY), ap;
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(page + 4096, 4096);
	memset(page, 'p', 4096);
	show("read over the end", raw(SYS_pread64, fd, buf, 20000, 5000));
	show("read at the end", raw(SYS_pread64, fd, buf, 1, 10000));
	show("read into half a page", raw(SYS_pread64, fd, page + 4000, 200, 0));
	show("write from half a page", raw(SYS_pwrite64, fd, page + 4000, 200, 20000));
	show("it goes as far as memory does", raw(SYS_lseek, fd, 0, SEEK_END));
	show("read into nothing", raw(SYS_pread64, fd, page + 4096, 10, 0));
	show("writev", (raw(SYS_lseek, fd, 0, SEEK_SET), raw(SYS_writev, fd, v, 3)));
	show("pwritev", raw(SYS_pwritev, fd, v, 3, 100, 0));
	raw(SYS_pread64, fd, buf, 6, 100);
	printf("%.6s\n", buf);
	ap = (int)raw(SYS_open, "data", O_WRONLY | O_APPEND);
	show("append", raw(SYS_pwrite64, ap, "end", 3, 5));
	show("its position", raw(SYS_lseek, ap, 0, SEEK_CUR));
	raw(SYS_write, ap, "x", 1);
	show("its position", raw(SYS_lseek, ap, 0, SEEK_CUR));
	show("write what is read-only", raw(SYS_write, ro, "x", 1));
	show("cut what is read-only", raw(SYS_ftruncate, ro, 5));
	show("cut below nothing", raw(SYS_ftruncate, fd, -1));
	show("truncate", raw(SYS_truncate, "data", 5));
	show("behind the end", raw(SYS_pread64, fd, buf, 10, 5));
	show("write far away", raw(SYS_pwrite64, fd, "far", 3, 5000000000));
	show("read before it", raw(SYS_pread64, fd, buf, 10, 4999999995));
	show("zeros, then far", buf[0] + buf[4] == 0 && memcmp(buf + 5, "far", 3) == 0);
	show("too far", raw(SYS_pwrite64, fd, "x", 1, 0x7fffffffffffffff));
	show("fsync", raw(SYS_fsync, fd) + raw(SYS_fdatasync, fd) + raw(SYS_syncfs, fd));
	show("sync_file_range", raw(SYS_sync_file_range, fd, 0, 0, 7));
	show("sync_file_range nonsense", raw(SYS_sync_file_range, fd, 0, 0, 8));
	show("readahead", raw(SYS_readahead, fd, 0, 100));
	show("O_TRUNC", (ap = (int)raw(SYS_open, "data", O_RDONLY | O_TRUNC)) >= 0);
	show("is done for readers too", raw(SYS_lseek, ap, 0, SEEK_END));
	raw(SYS_close, ro);
	raw(SYS_close, ap);
	raw(SYS_close, fd);
	munmap(page, 4096);
}

#define MIB (1l << 20)

static void holes(void)
{
	int fd = make("holes", 0), null = (int)raw(SYS_open, "/dev/null", O_RDWR);
	struct stat st;

	raw(SYS_ftruncate, fd, 40 * MIB);
	raw(SYS_fstat, fd, &st);
	show("a hole has no blocks", (long)st.st_blocks);
	show("no data", raw(SYS_lseek, fd, 0, SEEK_DATA));
	raw(SYS_pwrite64, fd, "x", 1, 20 * MIB);
	show("data", raw(SYS_lseek, fd, 5 * MIB, SEEK_DATA));
	show("hole", raw(SYS_lseek, fd, 5 * MIB, SEEK_HOLE));
	show("data behind", raw(SYS_lseek, fd, 30 * MIB, SEEK_DATA));
	show("behind the end", raw(SYS_lseek, fd, 40 * MIB, SEEK_HOLE));
	show("negative", raw(SYS_lseek, fd, -1, SEEK_DATA));
	raw(SYS_pwrite64, fd, "y", 1, 20 * MIB + 10);
	show("fallocate", raw(SYS_fallocate, fd, 0, 10 * MIB, 100000));
	show("keep the size", raw(SYS_fallocate, fd, 1, 50 * MIB, 4096));
	raw(SYS_fstat, fd, &st);
	show("size", (long)st.st_size);
	show("punch", raw(SYS_fallocate, fd, 3, 20 * MIB + 5, 100));
	raw(SYS_pread64, fd, buf, 11, 20 * MIB);
	show("x stays, y is gone", buf[0] == 'x' && buf[10] == 0);
	show("punch all", raw(SYS_fallocate, fd, 3, 0, 60 * MIB));
	raw(SYS_fstat, fd, &st);
	show("blocks", (long)st.st_blocks);
	show("mode", raw(SYS_fallocate, fd, 2, 0, 1));
	show("length 0", raw(SYS_fallocate, fd, 0, 0, 0));
	show("too much", raw(SYS_fallocate, fd, 0, 0, 1l << 50) == -ENOSPC);
	raw(SYS_fstat, fd, &st);
	show("nothing of it", (long)st.st_blocks);
	show("too far", raw(SYS_fallocate, fd, 0, 0x7fffffffffffffff, 2));
	show("a device", raw(SYS_fallocate, null, 0, 0, 1));
	show("a pipe", (raw(SYS_pipe, buf), raw(SYS_fallocate, ((int *)buf)[1], 0, 0, 1)));
	raw(SYS_close, ((int *)buf)[0]);
	raw(SYS_close, ((int *)buf)[1]);
	raw(SYS_close, fd);
	raw(SYS_close, null);
}

static void copies(void)
{
	int from = make("from", 5000), to = make("to", 0), dir;
	int64_t a = 1000, b = 70000;

	show("copy_file_range", raw(SYS_copy_file_range, from, &a, to, &b, 100000, 0));
	printf("%ld %ld\n", (long)a, (long)b);
	raw(SYS_pread64, to, buf, 4000, 70000);
	show("the same bytes", (unsigned char)buf[0] == (1001 & 255));
	show("nothing left", raw(SYS_copy_file_range, from, &a, to, &b, 10, 0));
	show("flags", raw(SYS_copy_file_range, from, &a, to, &b, 10, 1));
	a = 0;
	b = 10;
	show("over itself", raw(SYS_copy_file_range, from, &a, from, &b, 100, 0));
	b = 4990;
	show("beside itself", raw(SYS_copy_file_range, from, &a, from, &b, 4990, 0));
	raw(SYS_lseek, from, 100, SEEK_SET);
	raw(SYS_lseek, to, 0, SEEK_SET);
	show("by positions", raw(SYS_copy_file_range, from, 0, to, 0, 50, 0));
	show("one position", raw(SYS_lseek, from, 0, SEEK_CUR));
	show("the other", raw(SYS_lseek, to, 0, SEEK_CUR));
	dir = (int)raw(SYS_open, ".", O_RDONLY);
	show("a folder", raw(SYS_copy_file_range, dir, 0, to, 0, 50, 0));
	show("sendfile", raw(SYS_sendfile, to, from, 0, 60));
	show("one position", raw(SYS_lseek, from, 0, SEEK_CUR));
	a = 9000;
	show("sendfile at the end", raw(SYS_sendfile, to, from, &a, 60000));
	show("its position", (long)a);
	raw(SYS_fcntl, to, F_SETFL, O_APPEND);
	show("sendfile appending", raw(SYS_sendfile, to, from, 0, 60));
	show("copy appending", raw(SYS_copy_file_range, from, 0, to, 0, 50, 0));
	raw(SYS_close, dir);
	raw(SYS_close, from);
	raw(SYS_close, to);
}

static void names(void)
{
	struct stat st;
	int fd = make("one", 1);

	show("link", raw(SYS_link, "one", "two"));
	raw(SYS_fstat, fd, &st);
	show("links", (long)st.st_nlink);
	show("rename to the same file", raw(SYS_rename, "one", "two"));
	show("both are there", raw(SYS_access, "one", 0) + raw(SYS_access, "two", 0));
	raw(SYS_close, make("three", 3));
	show("rename over", raw(SYS_rename, "three", "two"));
	raw(SYS_fstat, fd, &st);
	show("links", (long)st.st_nlink);
	show("exchange", raw(SYS_renameat2, AT_FDCWD, "one", AT_FDCWD, "two", 2));
	raw(SYS_lstat, "one", &st);
	show("its size", (long)st.st_size);
	show("no replace", raw(SYS_renameat2, AT_FDCWD, "one", AT_FDCWD, "two", 1));
	raw(SYS_mkdir, "full", 0755);
	raw(SYS_mkdir, "full/in", 0755);
	raw(SYS_mkdir, "empty", 0755);
	raw(SYS_lstat, "full", &st);
	show("links of a folder", (long)st.st_nlink);
	show("file over folder", raw(SYS_rename, "one", "empty"));
	show("folder over file", raw(SYS_rename, "empty", "one"));
	show("folder over full", raw(SYS_rename, "empty", "full"));
	show("full over folder", raw(SYS_rename, "full", "empty"));
	show("what was in it", raw(SYS_access, "empty/in", 0));
	show("exchange file and folder", raw(SYS_renameat2, AT_FDCWD, "one", AT_FDCWD, "empty", 2));
	show("below", raw(SYS_access, "one/in", 0));
	show("a folder below itself", raw(SYS_renameat2, AT_FDCWD, "one", AT_FDCWD, "one/in", 2));
	show("above itself", raw(SYS_rename, "one/in", "one"));
	show("link of a folder", raw(SYS_link, "one", "one2"));
	show("link of a link", (raw(SYS_symlink, "two", "sym"), raw(SYS_link, "sym", "sym2")));
	show("is a link", mode_of("sym2"));
	show("rmdir of a file", raw(SYS_rmdir, "two"));
	show("rmdir of a full one", raw(SYS_rmdir, "one"));
	show("unlink with slash", raw(SYS_unlink, "two/"));
	show("rename with slash", raw(SYS_rename, "two", "four/"));
	show("folder with slash", raw(SYS_rename, "one", "four/"));
	raw(SYS_close, fd);
}

/* Everything is read exactly once though it is removed meanwhile, and what is read can be gone back
 * to. */
static void folders(void)
{
	struct dirent *d;
	char name[300], first[300] = "";
	unsigned seen = 0;
	long place = 0;
	DIR *dir;

	raw(SYS_mkdir, "many", 0755);
	for (int i = 0; i < 1000; i++) {
		sprintf(name, "many/%d", i);
		close((int)raw(SYS_open, name, O_CREAT | O_WRONLY, 0600));
	}
	dir = opendir("many");
	while ((d = readdir(dir)) != NULL) {
		if (d->d_name[0] == '.')
			continue;
		seen++;
		if (seen == 500) {
			place = telldir(dir);
			d = readdir(dir);
			strcpy(first, d->d_name);
			seekdir(dir, place);
			d = readdir(dir);
			show("gone back", strcmp(first, d->d_name));
			seen++;
		}
		sprintf(name, "many/%s", d->d_name);
		raw(SYS_unlink, name);
	}
	show("seen", seen);
	rewinddir(dir);
	for (seen = 0; readdir(dir) != NULL; seen++)
		;
	show("left", seen);
	show("rmdir", raw(SYS_rmdir, "many"));
	closedir(dir);
}

static void *fifo_other(void *arg)
{
	int fd = (int)raw(SYS_open, "fifo", arg == NULL ? O_WRONLY : O_RDONLY);
	long n;

	if (arg == NULL)
		n = raw(SYS_write, fd, "through", 7);
	else
		n = raw(SYS_read, fd, buf + 1000, 100);
	raw(SYS_close, fd);
	return (void *)n;
}

static void fifos(void)
{
	struct pollfd p;
	pthread_t t;
	void *result;
	int fd, wr;

	show("mkfifo", raw(SYS_mknod, "fifo", S_IFIFO | 0600, 0));
	printf("%o\n", (unsigned)mode_of("fifo"));
	show("nobody reads", raw(SYS_open, "fifo", O_WRONLY | O_NONBLOCK));
	show("nobody writes", (fd = (int)raw(SYS_open, "fifo", O_RDONLY | O_NONBLOCK)) >= 0);
	show("read nothing", raw(SYS_read, fd, buf, 10));
	p = (struct pollfd){fd, POLLIN, 0};
	show("poll", raw(SYS_poll, &p, 1, 0));
	show("now somebody reads", (wr = (int)raw(SYS_open, "fifo", O_WRONLY)) >= 0);
	show("read nothing yet", raw(SYS_read, fd, buf, 10));
	show("write", raw(SYS_write, wr, "abc", 3));
	show("read", raw(SYS_read, fd, buf, 10));
	raw(SYS_close, wr);
	show("poll", raw(SYS_poll, &p, 1, 0));
	show("hung up", p.revents);
	raw(SYS_close, fd);
	show("both ends", (fd = (int)raw(SYS_open, "fifo", O_RDWR)) >= 0);
	raw(SYS_write, fd, "kept", 4);
	show("own bytes", raw(SYS_read, fd, buf, 10));
	raw(SYS_write, fd, "lost", 4);
	raw(SYS_close, fd);
	pthread_create(&t, NULL, fifo_other, NULL);
	fd = (int)raw(SYS_open, "fifo", O_RDONLY);
	show("meets a writer", raw(SYS_read, fd, buf, 100));
	show("and its end", raw(SYS_read, fd, buf + 10, 100));
	printf("%.7s\n", buf);
	pthread_join(t, &result);
	raw(SYS_close, fd);
	pthread_create(&t, NULL, fifo_other, buf);
	fd = (int)raw(SYS_open, "fifo", O_WRONLY);
	show("meets a reader", raw(SYS_write, fd, "hello", 5));
	pthread_join(t, &result);
	show("who reads it", (long)result);
	show("who has left", raw(SYS_write, fd, "x", 1));
	show("lseek", raw(SYS_lseek, fd, 0, SEEK_SET));
	raw(SYS_close, fd);
}

static void memory_files(void)
{
	int fd = (int)raw(SYS_memfd_create, "mem", MFD_ALLOW_SEALING | MFD_CLOEXEC), plain;
	char *map;

	show("cloexec", raw(SYS_fcntl, fd, F_GETFD));
	sprintf(buf, "/proc/self/fd/%d", fd);
	printf("%.*s\n", (int)raw(SYS_readlink, buf, buf + 100, 100), buf + 100);
	show("write", raw(SYS_write, fd, "memory", 6));
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	printf("%.6s\n", map);
	map[0] = 'M';
	raw(SYS_pread64, fd, buf, 6, 0);
	printf("%.6s %d\n", buf, map[100]);
	munmap(map, 4096);
	show("F_GET_SEALS", raw(SYS_fcntl, fd, F_GET_SEALS));
	show("F_ADD_SEALS", raw(SYS_fcntl, fd, F_ADD_SEALS, 2));
	show("shrink", raw(SYS_ftruncate, fd, 1));
	show("grow", raw(SYS_ftruncate, fd, 100));
	show("F_ADD_SEALS", raw(SYS_fcntl, fd, F_ADD_SEALS, 4));
	show("grow", raw(SYS_ftruncate, fd, 200));
	show("grow by writing", raw(SYS_pwrite64, fd, "xx", 2, 99));
	show("write", raw(SYS_pwrite64, fd, "xx", 2, 98));
	show("F_ADD_SEALS", raw(SYS_fcntl, fd, F_ADD_SEALS, 8 | 1));
	show("write", raw(SYS_pwrite64, fd, "xx", 2, 98));
	show("punch", raw(SYS_fallocate, fd, 3, 0, 10));
	show("more seals", raw(SYS_fcntl, fd, F_ADD_SEALS, 8));
	show("F_GET_SEALS", raw(SYS_fcntl, fd, F_GET_SEALS));
	plain = (int)raw(SYS_memfd_create, "plain", 0);
	show("no seals", raw(SYS_fcntl, plain, F_ADD_SEALS, 2));
	show("F_GET_SEALS", raw(SYS_fcntl, plain, F_GET_SEALS));
	show("no such flag", raw(SYS_memfd_create, "x", 0x1000));
	memset(buf, 'n', 300);
	buf[250] = 0;
	show("name too long", raw(SYS_memfd_create, buf, 0));
	raw(SYS_close, fd);
	raw(SYS_close, plain);
}

static void *flock_later(void *arg)
{
	struct timespec ts = {0, 30000000};

	nanosleep(&ts, NULL);
	raw(SYS_flock, *(int *)arg, LOCK_UN);
	return NULL;
}

static void locks(void)
{
	int a = make("lock", 1), b = (int)raw(SYS_open, "lock", O_RDONLY), c = (int)raw(SYS_dup, a);
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10};
	pthread_t t;

	show("exclusive", raw(SYS_flock, a, LOCK_EX));
	show("not for another one", raw(SYS_flock, b, LOCK_SH | LOCK_NB));
	show("but for a copy", raw(SYS_flock, c, LOCK_EX | LOCK_NB));
	show("nonsense", raw(SYS_flock, a, 3));
	show("shared", raw(SYS_flock, a, LOCK_SH));
	show("two of them", raw(SYS_flock, b, LOCK_SH | LOCK_NB));
	show("exclusive no more", raw(SYS_flock, a, LOCK_EX | LOCK_NB));
	raw(SYS_flock, b, LOCK_EX);
	pthread_create(&t, NULL, flock_later, &b);
	show("wait for it", raw(SYS_flock, a, LOCK_EX));
	pthread_join(t, NULL);
	raw(SYS_close, a);
	show("a copy keeps it", raw(SYS_flock, b, LOCK_SH | LOCK_NB));
	raw(SYS_close, c);
	show("gone with the last one", raw(SYS_flock, b, LOCK_EX | LOCK_NB));
	show("F_SETLK, not writable", raw(SYS_fcntl, b, F_SETLK, &l));
	l.l_type = F_RDLCK;
	show("F_SETLK", raw(SYS_fcntl, b, F_SETLK, &l));
	show("F_SETLKW", raw(SYS_fcntl, b, F_SETLKW, &l));
	show("F_GETLK", raw(SYS_fcntl, b, F_GETLK, &l));
	show("is free", l.l_type == F_UNLCK);
	l.l_type = 7;
	show("no such type", raw(SYS_fcntl, b, F_SETLK, &l));
	l = (struct flock){.l_type = F_UNLCK, .l_whence = 9};
	show("from nowhere", raw(SYS_fcntl, b, F_SETLK, &l));
	l = (struct flock){.l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = -1};
	show("before the begin", raw(SYS_fcntl, b, F_SETLK, &l));
	raw(SYS_close, b);
}

static void mappings(void)
{
	int fd = make("map", 5000), wr = (int)raw(SYS_open, "map", O_WRONLY);
	struct statfs fs;
	char *map = mmap(NULL, 12288, PROT_READ, MAP_PRIVATE, fd, 0);

	show("mapped", map != MAP_FAILED && (unsigned char)map[4999] == (5000 & 255));
	show("zeros to the page's end", map[5000] + map[8191]);
	munmap(map, 12288);
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 4096);
	show("from its second page", (unsigned char)map[0] == (4097 & 255));
	show("into a mapping of itself", raw(SYS_pread64, fd, map, 904, 4096));
	show("from a mapping of itself", raw(SYS_pwrite64, fd, map, 904, 0));
	munmap(map, 4096);
	show("not readable", (long)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, wr, 0) == -1);
	show("statfs", raw(SYS_statfs, ".", &fs));
	show("tmpfs", fs.f_type == 0x01021994 && fs.f_blocks > 0 && fs.f_bfree < fs.f_blocks);
	show("names", (long)fs.f_namelen);
	raw(SYS_close, fd);
	raw(SYS_close, wr);
}

static void begin(void)
{
	strcpy(base, access("/dev/shm", W_OK) == 0 ? "/dev/shm/treeXXXXXX" : "/tmp/treeXXXXXX");
	if (mkdtemp(base) == NULL || chdir(base) != 0)
		exit(99);
	signal(SIGPIPE, SIG_IGN);
}

int main(void)
{
	char command[100];

	begin();
	modes();
	times();
	paths();
	descriptors();
	data();
	holes();
	copies();
	names();
	folders();
	fifos();
	memory_files();
	locks();
	mappings();
	/* Only on Linux something is left. */
	sprintf(command, "cd / && rm -rf %s", base);
	return access("/bin/rm", X_OK) == 0 ? system(command) : 0;
}
