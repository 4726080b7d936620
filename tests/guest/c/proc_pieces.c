/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ cpus: 1 2 4
//@ timeout: 120
/*
 * A text of /proc that is read in pieces is one text: what changes between two reads is seen by the
 * next reader, from the begin. (The counters of /proc/stat: proc_cpus.)
 */
#include "test.h"
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define AREAS 3000
#define PAGE 4096ul

static char text[1 << 20], again[1 << 20];
static char *areas, *fixed_place;
static int maps_fd;
static _Atomic bool over, told;
/* It tells an area that has grown together with one before it as a whole. */
static bool on_linux;

static int open_text(const char *name)
{
	int fd = open(name, O_RDONLY);

	if (fd < 0)
		ok(false, "%s cannot be opened: %s", name, strerror(errno));
	return fd;
}

/* The rest, first bytes at first and then piece at a time, as a text. Bytes. */
static size_t read_pieces(int fd, size_t first, size_t piece)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = read(fd, text + len, len == 0 ? first : piece);
		len += n > 0 ? (size_t)n : 0;
	} while (n > 0 && len + piece < sizeof(text));
	text[len] = 0;
	return len;
}

static void names(void)
{
	int fd, other;
	char c[20];

	prctl(PR_SET_NAME, "before");
	fd = open_text("/proc/self/comm");
	is(read(fd, c, 2), 2, "two bytes of a name");
	prctl(PR_SET_NAME, "changed");
	read_pieces(fd, 20, 20);
	ok(strcmp(text, "fore\n") == 0, "the rest of the same name");
	is(read(fd, c, sizeof(c)), 0, "and then the end");
	is(lseek(fd, 0, SEEK_SET), 0, "back to the begin");
	read_pieces(fd, 3, 20);
	ok(strcmp(text, "changed\n") == 0, "the name that it is now");
	is(pread(fd, c, 3, 4), 3, "from the middle");
	ok(memcmp(c, "ged", 3) == 0, "the same");
	prctl(PR_SET_NAME, "altered");
	is(pread(fd, c, 3, 4), 3, "and again");
	ok(memcmp(c, "red", 3) == 0, "is of now");
	is(pread(fd, c, 3, 8), 0, "from the end");
	is(pread(fd, c, 3, 5000), 0, "from behind it");
	is(pread(fd, c, 3, 1l << 40), 0, "from far behind it");
	other = open_text("/proc/self/comm");
	prctl(PR_SET_NAME, "third");
	read_pieces(other, 20, 20);
	ok(strcmp(text, "third\n") == 0, "a text is of the time of its first read");
	is(pread(fd, c, 1, 0), 1, "the other file");
	ok(c[0] == 't', "is of now from its begin");
	close(other);
	close(fd);
}

static void ends(void)
{
	int fd = open_text("/proc/uptime");
	char first[50] = "", second[50] = "";
	uint64_t start = now_ns();
	int longer = 0;

	pread(fd, first, sizeof(first) - 1, 0);
	read_pieces(fd, 1, 1);
	/* Where it becomes longer, from 9.99 to 10.00 seconds or so, nothing is behind its end. */
	while (now_ns() - start < 1000000000u)
		longer += read(fd, second, 1) != 0;
	is(longer, 0, "nothing comes behind the end");
	pread(fd, second, sizeof(second) - 1, 0);
	ok(strcmp(first, second) != 0, "time passes");
	close(fd);
}

/* --- /proc/self/maps --- */

/* Whole lines in order, none over another; has: one for what is mapped all the time. */
static bool maps_are_good(bool *has)
{
	unsigned long start, end, last = 0;
	char *line = text, prot[5];

	*has = false;
	for (; *line != 0; line = strchr(line, '\n') + 1) {
		if (strchr(line, '\n') == NULL ||
		    sscanf(line, "%lx-%lx %4s", &start, &end, prot) != 3 || strlen(prot) != 4 ||
		    start >= end || end <= last || (start < last && !on_linux)) {
			printf("# behind %lx: %.60s\n", last, line);
			return false;
		}
		last = end;
		*has |= start <= (uintptr_t)fixed_place && (uintptr_t)fixed_place < end;
	}
	return true;
}

/* Areas become others, fall apart and grow together. */
static void *mapper(void *arg)
{
	static const int prots[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE};
	struct rng r = rng_make(0);

	while (!over)
		mmap(areas + rng_below(&r, AREAS) * PAGE, (1 + rng_below(&r, 8)) * PAGE,
		     prots[rng_below(&r, 3)], MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	return arg;
}

static size_t maps_read(size_t first, size_t piece)
{
	int fd = open_text("/proc/self/maps");
	size_t n = read_pieces(fd, first, piece);

	close(fd);
	return n;
}

static void maps_that_change(void)
{
	static const size_t pieces[] = {7, 100, 1000, 4096, 100000};
	uint64_t start = now_ns();
	int bad = 0, missing = 0, turns = 0;
	pthread_t t;
	bool has;

	over = false;
	pthread_create(&t, NULL, mapper, NULL);
	while (bad == 0 && (turns < 5 || now_ns() - start < 2000000000u)) {
		maps_read(32, pieces[turns++ % 5]);
		bad += !maps_are_good(&has);
		missing += !has;
	}
	over = true;
	pthread_join(t, NULL);
	is(bad, 0, "maps in pieces are whole lines, in order");
	is(missing, 0, "what is there all the time is in each of them");
}

/* Of the same open file as another thread, from anywhere, when the maps are known. */
static void *prober(void *arg)
{
	struct rng r = rng_make((uintptr_t)arg);
	char piece[500];
	long bad = 0;
	size_t len;

	while (!told)
		usleep(1000);
	len = strlen(again);
	for (int i = 0; i < 40; i++) {
		size_t at = rng_below(&r, len - sizeof(piece));
		ssize_t n = pread(maps_fd, piece, sizeof(piece), (off_t)at);

		bad += n <= 0 || memcmp(piece, again + at, (size_t)n) != 0;
	}
	return (void *)bad;
}

static void long_maps(void)
{
	int here = 0;
	pthread_t t;
	void *bad;
	size_t n;

	maps_fd = open_text("/proc/self/maps");
	for (size_t i = 0; i < AREAS; i++)
		mmap(areas + i * PAGE, PAGE, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	pthread_create(&t, NULL, prober, (void *)1); /* now: its stack is one of them */
	n = maps_read(sizeof(text) / 2, sizeof(text) / 4);
	memcpy(again, text, n + 1);
	for (char *line = text; line != NULL && *line != 0; line = strchr(line, '\n') + 1) {
		unsigned long start = strtoul(line, NULL, 16);

		here += start >= (uintptr_t)areas && start < (uintptr_t)areas + AREAS * PAGE;
	}
	is(here, AREAS, "all of many areas are told");
	is((long)maps_read(1, 333), (long)n, "in pieces as many bytes");
	ok(memcmp(text, again, n) == 0, "and the same");
	told = true;
	is((long)prober((void *)2), 0, "pieces from anywhere are the same");
	pthread_join(t, &bad);
	is((long)bad, 0, "for two that read the same file");
	close(maps_fd);
}

int main(void)
{
	printf("# seed %llu\n", (unsigned long long)test_seed());
	on_linux = access("/bin/rm", X_OK) == 0;
	areas = mmap(NULL, (AREAS + 21) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!ok(areas != MAP_FAILED, "room"))
		return done();
	areas += PAGE; /* no area grows together with what is before all of them */
	fixed_place = areas + (AREAS + 10) * PAGE;
	mprotect(fixed_place, PAGE, PROT_READ);
	names();
	ends();
	maps_that_change();
	long_maps();
	return done();
}
