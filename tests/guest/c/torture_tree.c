/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ repeat: 3
//@ timeout: 240
/*
 * One tree of files and many threads: a rename replaces at once, a name that stays is always found,
 * a name goes to one of those who want it, folders never become their own parents, writes and
 * appends are whole, what is read was written by somebody, and in the end nothing is lost or left.
 */
#include "test.h"
#include "watchdog.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

#define THREADS 6
#define ROUNDS 600

static volatile long bad;
static volatile bool finished;
static bool on_linux;

static void complain(const char *what, long a, long b)
{
	if (__atomic_fetch_add(&bad, 1, __ATOMIC_RELAXED) < 8)
		printf("# %s: %ld, %ld\n", what, a, b);
}

static int make(const char *name, int flags)
{
	int fd = open(name, O_RDWR | O_CREAT | flags, 0644);

	if (fd < 0 && errno != EEXIST)
		complain(name, fd, errno);
	return fd;
}

/* --- a file that is replaced again and again is always there, and whole --- */

static void *replacer(void *arg)
{
	long me = (long)arg;
	char name[30], text[3000];
	struct rng r = rng_make((uint64_t)me);

	sprintf(name, "new%ld", me);
	for (int i = 0; i < ROUNDS; i++) {
		int fd = make(name, O_TRUNC);

		memset(text, 'a' + (int)rng_below(&r, 26), sizeof(text));
		if (write(fd, text, sizeof(text)) != sizeof(text))
			complain("write", me, errno);
		close(fd);
		if (rename(name, "current") != 0)
			complain("rename", me, errno);
		progress++;
		disturb(&r);
	}
	return NULL;
}

static void *replaced_reader(void *arg)
{
	char text[4000];

	(void)arg;
	while (!finished) {
		int fd = open("current", O_RDONLY);
		ssize_t n = read(fd, text, sizeof(text));

		if (fd < 0 || n != 3000)
			complain("the current file", fd, n);
		for (ssize_t i = 1; i < n; i++)
			if (text[i] != text[0])
				complain("two files in one", text[0], text[i]);
		close(fd);
		progress++;
	}
	return NULL;
}

static void replacing(void)
{
	struct crew writers, readers;
	char text[3000];
	int fd = make("current", 0);

	memset(text, 'x', sizeof(text));
	write(fd, text, sizeof(text));
	close(fd);
	finished = false;
	crew_start(&readers, 2, replaced_reader);
	crew_start(&writers, THREADS / 2, replacer);
	crew_join(&writers);
	finished = true;
	crew_join(&readers);
	is(unlink("current"), 0, "one file is left of all");
}

/* --- a name for one of many --- */

static long wins[ROUNDS];

static void *winner(void *arg)
{
	struct rng r = rng_make((uint64_t)(long)arg + 20);
	char name[30], own[30];
	long won = 0;

	sprintf(own, "own%ld", (long)arg);
	close(make(own, 0));
	for (int i = 0; i < ROUNDS; i++) {
		int fd, got;

		sprintf(name, "name%d", i);
		switch (i % 5) {
		case 0:
			fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0600);
			got = fd >= 0;
			if (got)
				close(fd);
			break;
		case 1:
			got = mkdir(name, 0700) == 0;
			break;
		case 2:
			got = symlink("somewhere", name) == 0;
			break;
		case 3:
			got = link(own, name) == 0;
			break;
		default:
			/* To be had once: whoever is second finds the name gone. */
			got = syscall(SYS_renameat2, AT_FDCWD, own, AT_FDCWD, name, 1) == 0;
			if (got)
				close(make(own, 0));
		}
		if (got)
			__atomic_fetch_add(&wins[i], 1, __ATOMIC_RELAXED);
		else if (errno != EEXIST)
			complain(name, i, errno);
		won += got;
		progress++;
		if (i % 16 == 0)
			disturb(&r);
	}
	unlink(own);
	return (void *)won;
}

/* Removing too: each name goes once. */
static void *remover(void *arg)
{
	char name[30];
	long removed = 0;

	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		sprintf(name, "name%d", i);
		if ((i % 5 == 1 ? rmdir(name) : unlink(name)) == 0)
			removed++;
		else if (errno != ENOENT)
			complain("remove", i, errno);
		progress++;
	}
	return (void *)removed;
}

static void winning(void)
{
	struct crew c;

	memset(wins, 0, sizeof(wins));
	crew_start(&c, THREADS, winner);
	is(crew_join(&c), ROUNDS, "each name is won once");
	for (int i = 0; i < ROUNDS; i++)
		if (wins[i] != 1)
			complain("won by", i, wins[i]);
	crew_start(&c, THREADS, remover);
	is(crew_join(&c), ROUNDS, "and removed once");
}

/* --- folders move below each other --- */

#define DIRS 8

static void *mover(void *arg)
{
	struct rng r = rng_make((uint64_t)(long)arg + 40);
	char from[200], to[200];

	for (int i = 0; i < ROUNDS * 2; i++) {
		unsigned a = (unsigned)rng_below(&r, DIRS), b = (unsigned)rng_below(&r, DIRS);
		unsigned c = (unsigned)rng_below(&r, DIRS), d = (unsigned)rng_below(&r, DIRS);
		long n;

		if (rng_below(&r, 2))
			sprintf(from, "d%u", a);
		else
			sprintf(from, "d%u/d%u", c, a);
		if (rng_below(&r, 2))
			sprintf(to, "d%u", a);
		else
			sprintf(to, "d%u/%sd%u", b, rng_below(&r, 2) ? "../" : "", a);
		if (rng_below(&r, 8) == 0)
			sprintf(to, "d%u", d);
		n = syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, rng_below(&r, 3) ? 1 : 2);
		if (n != 0 && errno != ENOENT && errno != EINVAL && errno != EEXIST &&
		    errno != ENOTEMPTY)
			complain("rename of folders", a, errno);
		progress++;
	}
	return NULL;
}

/* Folders below path, which ends with its name. A circle would not end. */
static long count_below(char *path, int depth)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	long n = 0, links = 2;
	struct stat st;

	if (dir == NULL || depth > DIRS + 1) {
		complain("a folder", depth, errno);
		return 0;
	}
	while ((e = readdir(dir)) != NULL) {
		size_t end = strlen(path);

		if (e->d_name[0] == '.')
			continue;
		sprintf(path + end, "/%s", e->d_name);
		n += 1 + count_below(path, depth + 1);
		path[end] = 0;
		links++;
	}
	closedir(dir);
	if (stat(path, &st) != 0 || (long)st.st_nlink != links)
		complain("links of a folder", (long)st.st_nlink, links);
	return n;
}

static void remove_below(char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;

	while ((e = readdir(dir)) != NULL) {
		size_t end = strlen(path);

		if (e->d_name[0] == '.')
			continue;
		sprintf(path + end, "/%s", e->d_name);
		remove_below(path);
		path[end] = 0;
	}
	closedir(dir);
	if (rmdir(path) != 0)
		complain("rmdir", 0, errno);
}

static void moving(void)
{
	char path[4096] = "top", name[30];
	struct crew c;

	mkdir("top", 0755);
	chdir("top");
	for (int i = 0; i < DIRS; i++) {
		sprintf(name, "d%d", i);
		mkdir(name, 0755);
	}
	crew_start(&c, THREADS, mover);
	crew_join(&c);
	chdir("..");
	is(count_below(path, 0), DIRS, "all folders are there, and below the top");
	remove_below(path);
	is(access("top", 0), -1, "and can be removed");
}

/* --- one file, written by all --- */

#define RECORD 512

static int shared;

static void *appender(void *arg)
{
	char record[RECORD];
	struct rng r = rng_make((uint64_t)(long)arg + 60);

	memset(record, 'A' + (int)(long)arg, sizeof(record));
	for (int i = 0; i < ROUNDS; i++) {
		if (write(shared, record, sizeof(record)) != sizeof(record))
			complain("append", i, errno);
		progress++;
		disturb(&r);
	}
	return NULL;
}

/* A write over several pages is seen whole, by reads and by other writes. */
#define WIDE 20000

static void *overwriter(void *arg)
{
	static char texts[THREADS][WIDE];
	char *text = texts[(long)arg];

	for (int i = 0; i < ROUNDS / 4; i++) {
		memset(text, 'a' + (int)((long)arg * 4 + i % 4), WIDE);
		if (pwrite(shared, text, WIDE, 100) != WIDE)
			complain("pwrite", i, errno);
		if (pread(shared, text, WIDE, 100) != WIDE)
			complain("pread", i, errno);
		for (int k = 1; k < WIDE && !on_linux; k++) /* where POSIX is not kept here */
			if (text[k] != text[0]) {
				complain("a torn write", text[0], text[k]);
				break;
			}
		progress++;
	}
	return NULL;
}

static void sharing(void)
{
	struct crew c;
	long counts[THREADS] = {0};
	char record[RECORD];

	shared = make("shared", O_APPEND);
	crew_start(&c, THREADS, appender);
	crew_join(&c);
	is(lseek(shared, 0, SEEK_END), (long)THREADS * ROUNDS * RECORD, "nothing is overwritten");
	lseek(shared, 0, SEEK_SET);
	while (read(shared, record, sizeof(record)) == sizeof(record)) {
		for (int i = 1; i < RECORD; i++)
			if (record[i] != record[0])
				complain("a torn record", record[0], record[i]);
		counts[(record[0] - 'A') % THREADS]++;
	}
	for (int i = 0; i < THREADS; i++)
		if (counts[i] != ROUNDS)
			complain("records of one", i, counts[i]);
	close(shared);
	shared = make("shared", O_TRUNC);
	crew_start(&c, THREADS / 2, overwriter);
	crew_join(&c);
	close(shared);
	is(unlink("shared"), 0, "writes of all sizes are whole");
}

/* --- a position that all share --- */

static void *sequel_reader(void *arg)
{
	uint32_t v;
	long sum = 0;

	(void)arg;
	while (read(shared, &v, sizeof(v)) == sizeof(v)) {
		sum += v;
		progress++;
	}
	return (void *)sum;
}

static void positions(void)
{
	struct crew c;
	long sum = 0;

	shared = make("sequel", 0);
	for (uint32_t i = 0; i < 20000; i++) {
		write(shared, &i, sizeof(i));
		sum += i;
	}
	lseek(shared, 0, SEEK_SET);
	crew_start(&c, THREADS, sequel_reader);
	is(crew_join(&c), sum, "reads at one position share the file out");
	close(shared);
	unlink("sequel");
}

/* --- locks of open files --- */

static volatile long inside;

static void *locker(void *arg)
{
	struct rng r = rng_make((uint64_t)(long)arg + 80);
	int fd = open("locked", O_RDWR);

	for (int i = 0; i < ROUNDS / 4; i++) {
		bool exclusive = rng_below(&r, 2);
		long n;

		if (flock(fd, exclusive ? LOCK_EX : LOCK_SH) != 0)
			complain("flock", i, errno);
		n = __atomic_add_fetch(&inside, exclusive ? 1000 : 1, __ATOMIC_SEQ_CST);
		if (exclusive ? n != 1000 : n >= 1000)
			complain("more than one inside", exclusive, n);
		disturb(&r);
		__atomic_sub_fetch(&inside, exclusive ? 1000 : 1, __ATOMIC_SEQ_CST);
		flock(fd, LOCK_UN);
		progress++;
	}
	close(fd);
	return NULL;
}

static void locking(void)
{
	struct crew c;

	close(make("locked", 0));
	crew_start(&c, THREADS, locker);
	crew_join(&c);
	is(unlink("locked"), 0, "locks of files are kept");
}

/* --- everything at once: only that nothing breaks --- */

static void *chaotic(void *arg)
{
	struct rng r = rng_make((uint64_t)(long)arg + 90);
	char a[60], b[60], buf[100];
	struct stat st;
	int fd;

	for (int i = 0; i < ROUNDS * 4; i++) {
		sprintf(a, "%s%u", rng_below(&r, 2) ? "x/" : "", (unsigned)rng_below(&r, 5));
		sprintf(b, "%s%u", rng_below(&r, 2) ? "x/" : "", (unsigned)rng_below(&r, 5));
		switch (rng_below(&r, 10)) {
		case 0:
			mkdir(a, 0755);
			break;
		case 1:
			rename(a, b);
			break;
		case 2:
			unlink(a);
			break;
		case 3:
			rmdir(a);
			break;
		case 4:
			link(a, b);
			break;
		case 5:
			symlink(b, a);
			break;
		case 6:
			stat(a, &st);
			break;
		default:
			fd = open(a, O_RDWR | O_CREAT, 0600);
			if (fd < 0)
				break;
			pwrite(fd, buf, sizeof(buf), (long)rng_below(&r, 100000));
			pread(fd, buf, sizeof(buf), (long)rng_below(&r, 100000));
			ftruncate(fd, (long)rng_below(&r, 100000));
			close(fd);
		}
		progress++;
	}
	return NULL;
}

static void chaos(void)
{
	struct crew c;

	mkdir("x", 0755);
	crew_start(&c, THREADS, chaotic);
	crew_join(&c);
	ok(true, "chaos");
}

static void remove_all(const char *name)
{
	DIR *dir = opendir(name);
	struct dirent *e;

	if (dir == NULL || chdir(name) != 0)
		return;
	while ((e = readdir(dir)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
		    unlink(e->d_name) != 0)
			remove_all(e->d_name);
	closedir(dir);
	if (chdir("..") != 0 || rmdir(name) != 0)
		complain("remove all", 0, errno);
}

int main(void)
{
	char base[] = "/tmp/tortureXXXXXX";
	struct statfs before, after;

	watchdog_start();
	on_linux = access("/bin/rm", 0) == 0;
	statfs("/tmp", &before);
	if (mkdtemp(base) == NULL || chdir(base) != 0)
		return 99;
	replacing();
	winning();
	moving();
	sharing();
	positions();
	locking();
	chaos();
	chdir("/tmp");
	remove_all(base + 5);
	statfs("/tmp", &after);
	/* On Linux others use the same file system. */
	if (!on_linux) {
		is((long)(after.f_bfree - before.f_bfree), 0, "all pages are back");
		is((long)(after.f_ffree - before.f_ffree), 0, "all nodes are back");
	}
	is(bad, 0, "nothing to complain about");
	return done();
}
