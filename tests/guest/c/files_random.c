/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: diff
//@ compare: stdout status
//@ repeat: 3
/*
 * A seeded random sequence of calls on descriptors: opening, duplicating, closing, reading,
 * writing, polling, flags. Every result is printed and must be Linux's. Nothing blocks, and no pipe
 * comes near its capacity, which Linux counts in pages.
 */
#include "test.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

#define STEPS 4000
#define FDS 24
#define FIRST 3
#define WRITE_MAX 300
#define IN_ALL_MAX 6000 /* bytes written since the last time that all was closed */

static struct rng r;
static char buf[4096];
static unsigned written;

/* Mostly a descriptor that may be open. */
static int any_fd(void)
{
	return rng_below(&r, 20) == 0 ? (int)rng_below(&r, 200) - 50
				      : FIRST + (int)rng_below(&r, FDS - FIRST);
}

static void show(unsigned step, const char *what, long a, long b, long result)
{
	printf("%u %s(%ld, %ld) = %ld\n", step, what, a, b, result);
}

/* Only what was opened here is written to: 1 and 2 are the report. */
static bool is_ours(int fd)
{
	return fd < 0 || fd >= FIRST;
}

static void open_one(unsigned step)
{
	static const char *const names[] = {"/dev/null", "/dev/zero", "/dev/full",
					    "/dev",      "/none",     "/dev/null/x"};
	static const int flags[] = {
		O_RDONLY, O_WRONLY, O_RDWR, O_RDONLY | O_CLOEXEC, O_RDWR | O_NONBLOCK, O_PATH};
	unsigned n = (unsigned)rng_below(&r, 6), f = (unsigned)rng_below(&r, 6);

	show(step, names[n], flags[f], 0, raw(SYS_openat, AT_FDCWD, names[n], flags[f], 0));
}

static void make_pipe(unsigned step)
{
	int p[2] = {-1, -1};
	long result = raw(SYS_pipe2, p, O_NONBLOCK | (rng_below(&r, 2) ? O_CLOEXEC : 0));

	show(step, "pipe2", p[0], p[1], result);
}

static void write_some(unsigned step, int fd)
{
	unsigned n = (unsigned)rng_below(&r, WRITE_MAX);
	struct iovec v[2] = {{buf, n / 3}, {buf + 100, n - n / 3}};
	bool vector = rng_below(&r, 2);

	if (!is_ours(fd) || written + n > IN_ALL_MAX)
		return;
	written += n;
	for (unsigned i = 0; i < sizeof(buf); i++)
		buf[i] = (char)(step + i);
	show(step, vector ? "writev" : "write", fd, n,
	     vector ? raw(SYS_writev, fd, v, 2) : raw(SYS_write, fd, buf, n));
}

static void read_some(unsigned step, int fd)
{
	unsigned n = (unsigned)rng_below(&r, 1000), sum = 0;
	struct iovec v[3] = {{buf, n / 2}, {buf + 600, 0}, {buf + 700, n - n / 2}};
	long result;

	if (!is_ours(fd))
		return;
	memset(buf, 0, sizeof(buf));
	result = rng_below(&r, 2) ? raw(SYS_readv, fd, v, 3) : raw(SYS_read, fd, buf + 700, n);
	for (unsigned i = 0; i < sizeof(buf); i++)
		sum = sum * 31 + (unsigned char)buf[i];
	show(step, "read", fd, sum, result);
}

static void poll_all(unsigned step)
{
	struct pollfd p[FDS];
	long result;

	for (int i = 0; i < FDS; i++)
		p[i] = (struct pollfd){i < FIRST ? -1 : i, (short)rng_below(&r, 8), 0};
	result = raw(SYS_poll, p, FDS, 0);
	printf("%u poll = %ld:", step, result);
	for (int i = 0; i < FDS; i++)
		printf(" %x", p[i].revents);
	printf("\n");
}

static void stat_one(unsigned step, int fd)
{
	struct stat st = {0};
	long result = raw(SYS_fstat, fd, &st);

	show(step, "fstat", fd, result == 0 && is_ours(fd) ? (long)(st.st_mode & S_IFMT) : 0,
	     result);
}

static void event_value(unsigned step, int fd)
{
	uint64_t v = rng_below(&r, 4) ? rng_below(&r, 5) : ~0ul - rng_below(&r, 3);

	if (is_ours(fd) && written + 8 <= IN_ALL_MAX) {
		written += 8;
		show(step, "write 8", fd, (long)v, raw(SYS_write, fd, &v, 8));
	}
}

static void step_once(unsigned step)
{
	int fd = any_fd(), other = any_fd();
	long arg = (long)rng_below(&r, 3000) - 1000;
	int n = -1;

	switch (rng_below(&r, 18)) {
	case 0:
		open_one(step);
		break;
	case 1:
		make_pipe(step);
		break;
	case 2:
		n = (int)rng_below(&r, 4);
		show(step, "eventfd2", n, 0,
		     raw(SYS_eventfd2, n, EFD_NONBLOCK | (n & 1 ? EFD_SEMAPHORE : 0)));
		break;
	case 3:
	case 4:
	case 5:
		write_some(step, fd);
		break;
	case 6:
	case 7:
		read_some(step, fd);
		break;
	case 8:
		event_value(step, fd);
		break;
	case 9:
		if (is_ours(fd))
			show(step, "close", fd, 0, raw(SYS_close, fd));
		break;
	case 10:
		show(step, "dup", fd, 0, is_ours(fd) ? raw(SYS_dup, fd) : 0);
		break;
	case 11:
		if (is_ours(other) && is_ours(fd) && other < FDS)
			show(step, "dup2", fd, other, raw(SYS_dup2, fd, other));
		break;
	case 12:
		if (is_ours(other) && is_ours(fd) && other < FDS)
			show(step, "dup3", fd, other,
			     raw(SYS_dup3, fd, other, arg & 1 ? O_CLOEXEC : arg & 2));
		break;
	case 13:
		poll_all(step);
		break;
	case 14:
		stat_one(step, fd);
		show(step, "F_GETFD", fd, 0, raw(SYS_fcntl, fd, F_GETFD));
		break;
	case 15:
		if (is_ours(fd)) {
			show(step, "F_GETFL", fd, 0, raw(SYS_fcntl, fd, F_GETFL));
			show(step, "F_SETFD", fd, arg, raw(SYS_fcntl, fd, F_SETFD, arg));
		}
		break;
	case 16:
		if (is_ours(fd))
			show(step, "lseek", fd, arg, raw(SYS_lseek, fd, arg, arg & 1));
		break;
	default:
		if (is_ours(fd))
			show(step, "FIONREAD", fd, raw(SYS_ioctl, fd, FIONREAD, &n), n);
	}
}

int main(void)
{
	r = rng_make(77);
	signal(SIGPIPE, SIG_IGN);
	raw(SYS_close_range, FIRST, ~0u, 0);
	for (unsigned step = 0; step < STEPS; step++) {
		step_once(step);
		if (step % 100 == 99) {
			show(step, "close_range", 0, 0, raw(SYS_close_range, FIRST, ~0u, 0));
			written = 0;
		}
	}
	return 0;
}
