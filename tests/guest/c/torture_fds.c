/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ repeat: 3
//@ timeout: 180
/*
 * One table of descriptors and many threads: opening, duplicating, closing and using the same
 * numbers at once. A call finds the file that a number stood for or EBADF, never another one's
 * bytes; files live exactly as long as they are referred to.
 */
#include "test.h"
#include "watchdog.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

#define THREADS 6
#define STEPS 4000
#define FIRST 100 /* the numbers that all threads use */
#define SLOTS 24

static volatile long bad;

static void complain(const char *what, long a, long b)
{
	if (__atomic_fetch_add(&bad, 1, __ATOMIC_RELAXED) < 5)
		printf("# %s: %ld, %ld\n", what, a, b);
}

static long count_open(void)
{
	long n = 0;

	for (int fd = 0; fd < 1000; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* --- a pipe whose writing end comes and goes under many numbers --- */

static int ends[2];

static void *pipe_reader(void *arg)
{
	char buf[1000];
	long total = 0;
	ssize_t n;

	(void)arg;
	while ((n = read(ends[0], buf, sizeof(buf))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			if (buf[i] != 'x')
				complain("pipe read", buf[i], i);
		total += n;
		progress++;
	}
	return (void *)total;
}

/* Bytes written. */
static void *pipe_user(void *arg)
{
	struct rng r = rng_make((uint64_t)(long)arg);
	long written = 0, n;

	for (int i = 0; i < STEPS; i++) {
		int fd = FIRST + (int)rng_below(&r, SLOTS),
		    other = FIRST + (int)rng_below(&r, SLOTS);

		switch (rng_below(&r, 8)) {
		case 0:
			n = raw(SYS_close, fd);
			if (n != 0 && n != -EBADF)
				complain("close", fd, n);
			break;
		case 1:
			n = raw(SYS_dup2, ends[1], fd);
			if (n != fd && n != -EBUSY)
				complain("dup2", fd, n);
			break;
		case 2:
			n = raw(SYS_dup3, fd, other, O_CLOEXEC);
			if (n != other && n != -EBADF && n != -EBUSY && n != -EINVAL)
				complain("dup3", fd, n);
			break;
		case 3:
			n = raw(SYS_fcntl, fd, F_SETFD, (long)rng_below(&r, 2));
			if (n != 0 && n != -EBADF)
				complain("F_SETFD", fd, n);
			break;
		case 4:
			n = raw(SYS_dup, fd);
			if (n == -EBADF)
				break;
			if (n < 0 || raw(SYS_write, n, "x", 1) != 1)
				complain("write to a copy", fd, n);
			else
				written++;
			raw(SYS_close, n);
			break;
		default:
			n = raw(SYS_write, fd, "xxx", 3);
			if (n == 3)
				written += 3;
			else if (n != -EBADF)
				complain("write", fd, n);
		}
		progress++;
		disturb(&r);
	}
	return (void *)written;
}

static void pipe_storm(void)
{
	struct crew users, reader;
	long before = count_open(), written;

	pipe(ends);
	crew_start(&reader, 1, pipe_reader);
	crew_start(&users, THREADS, pipe_user);
	written = crew_join(&users);
	raw(SYS_close_range, FIRST, FIRST + SLOTS - 1, 0);
	close(ends[1]);
	is(crew_join(&reader), written, "the reader gets what was written, and the end");
	close(ends[0]);
	is(count_open(), before, "no descriptor is left");
}

/* --- files of several kinds change places while they are read --- */

static int zero, null, event;

static void *kind_changer(void *arg)
{
	struct rng r = rng_make((uint64_t)(long)arg + 50);

	for (int i = 0; i < STEPS; i++) {
		static int *const sources[] = {&zero, &null, &event};
		int fd = FIRST + (int)rng_below(&r, SLOTS);

		if (rng_below(&r, 4))
			raw(SYS_dup2, *sources[rng_below(&r, 3)], fd);
		else if (rng_below(&r, 4))
			raw(SYS_close, fd);
		else
			raw(SYS_close_range, fd, fd + (int)rng_below(&r, 4), rng_below(&r, 2) * 4);
		progress++;
		disturb(&r);
	}
	return NULL;
}

/* 100 zeros, nothing at all, 8 bytes of an eventfd that holds 7, or EBADF. */
static void *kind_reader(void *arg)
{
	struct rng r = rng_make((uint64_t)(long)arg + 80);

	for (int i = 0; i < STEPS; i++) {
		int fd = FIRST + (int)rng_below(&r, SLOTS);
		uint8_t buf[104];
		struct pollfd p = {fd, POLLIN, 0};
		long n;

		if (rng_below(&r, 8) == 0) {
			n = raw(SYS_poll, &p, 1, 0);
			/* Nothing: an eventfd that somebody else has taken just now. */
			if (n != 0 && (n != 1 || (p.revents != POLLIN && p.revents != POLLNVAL)))
				complain("poll", n, p.revents);
		}
		memset(buf, 0xee, sizeof(buf));
		n = raw(SYS_read, fd, buf, 100);
		for (int k = 0; k < 100; k++) {
			uint8_t want = n == 100           ? 0
				       : n == 8 && k == 0 ? 7
				       : n == 8 && k < 8  ? 0
							  : 0xee;

			if (buf[k] != want)
				complain("read bytes", n, buf[k]);
		}
		if (n == 8 && raw(SYS_write, event, buf, 8) != 8)
			complain("event write", n, 0);
		if (n != 100 && n != 0 && n != 8 && n != -EBADF && n != -EAGAIN)
			complain("read", fd, n);
		progress++;
	}
	return NULL;
}

static void kind_storm(void)
{
	struct crew changers, readers;
	long before = count_open();

	zero = open("/dev/zero", O_RDONLY);
	null = open("/dev/null", O_RDONLY);
	/* A semaphore would hand out ones: here each reader takes all of it and gives it back. */
	event = eventfd(7, EFD_NONBLOCK);
	crew_start(&changers, THREADS / 2, kind_changer);
	crew_start(&readers, THREADS / 2, kind_reader);
	crew_join(&changers);
	crew_join(&readers);
	raw(SYS_close_range, FIRST, FIRST + SLOTS - 1, 0);
	close(zero);
	close(null);
	close(event);
	is(count_open(), before, "no descriptor is left");
}

/* --- everybody opens and closes the lowest numbers, and no two get the same --- */

static uint8_t owned[1024];

static void own(long fd, const char *what)
{
	if (fd < 0 || fd >= 1024)
		complain(what, fd, 0);
	else if (__atomic_exchange_n(&owned[fd], 1, __ATOMIC_ACQ_REL) != 0)
		complain("a number is given twice", fd, 0);
}

static void disown(long fd)
{
	__atomic_store_n(&owned[fd], 0, __ATOMIC_RELEASE);
	if (raw(SYS_close, fd) != 0)
		complain("close of an own number", fd, 0);
}

static void *opener(void *arg)
{
	struct rng r = rng_make((uint64_t)(long)arg + 110);
	long mine[16];
	int n = 0, p[2];

	for (int i = 0; i < STEPS; i++) {
		if (n > 14 || (n > 0 && rng_below(&r, 2))) {
			int k = (int)rng_below(&r, (uint64_t)n);

			disown(mine[k]);
			mine[k] = mine[--n];
		} else if (rng_below(&r, 3) == 0) {
			raw(SYS_pipe2, p, O_CLOEXEC);
			own(mine[n++] = p[0], "pipe2");
			own(mine[n++] = p[1], "pipe2");
		} else {
			mine[n] = rng_below(&r, 2) ? raw(SYS_eventfd2, 1, 0)
						   : raw(SYS_open, "/dev/null", O_RDWR);
			own(mine[n++], "open");
		}
		progress++;
	}
	while (n > 0)
		disown(mine[--n]);
	return NULL;
}

static void open_storm(void)
{
	struct crew c;
	long before = count_open();
	int lowest = open("/dev/null", O_RDONLY);

	close(lowest);
	crew_start(&c, THREADS, opener);
	crew_join(&c);
	is(count_open(), before, "no descriptor is left");
	is(open("/dev/null", O_RDONLY), lowest, "the lowest number is free again");
	close(lowest);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	watchdog_start();
	pipe_storm();
	kind_storm();
	open_storm();
	is(bad, 0, "nothing to complain about");
	return done();
}
