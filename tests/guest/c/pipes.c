/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: diff
//@ compare: stdout status
/* Pipes and eventfds: capacity, blocking, what each end learns of the other, atomic writes, signals
 * in between. */
#include "test.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef F_GETPIPE_SZ
#define F_SETPIPE_SZ 1031
#define F_GETPIPE_SZ 1032
#endif

static char buf[200000];

static void show(const char *what, long value)
{
	printf("%s %ld\n", what, value);
	fflush(stdout);
}

static short poll_of(int fd, short events)
{
	struct pollfd p = {fd, events, 0};

	raw(SYS_poll, &p, 1, 0);
	return p.revents;
}

static void simple(void)
{
	int p[2], n = 0;

	show("pipe2 bad flag", raw(SYS_pipe2, p, 1));
	show("pipe bad pointer", raw(SYS_pipe, 8));
	show("pipe", raw(SYS_pipe, p));
	show("reader's flags", raw(SYS_fcntl, p[0], F_GETFL));
	show("writer's flags", raw(SYS_fcntl, p[1], F_GETFL));
	show("write to the reader", raw(SYS_write, p[0], buf, 1));
	show("read from the writer", raw(SYS_read, p[1], buf, 1));
	show("poll reader", poll_of(p[0], POLLIN | POLLOUT));
	show("poll writer", poll_of(p[1], POLLIN | POLLOUT));
	show("write", raw(SYS_write, p[1], "abcdef", 6));
	show("poll reader", poll_of(p[0], POLLIN | POLLOUT | POLLRDNORM));
	show("FIONREAD", raw(SYS_ioctl, p[0], FIONREAD, &n));
	show("waiting", n);
	show("read 4", raw(SYS_read, p[0], buf, 4));
	show("read 0", raw(SYS_read, p[0], buf, 0));
	show("read rest", raw(SYS_read, p[0], buf + 4, 100));
	printf("%.6s\n", buf);
	show("lseek", raw(SYS_lseek, p[0], 0, SEEK_CUR));
	show("pread64", raw(SYS_pread64, p[0], buf, 1, 0));
	show("pwrite64", raw(SYS_pwrite64, p[1], buf, 1, 0));
	show("read bad pointer", (raw(SYS_write, p[1], "x", 1), raw(SYS_read, p[0], 8, 1)));
	show("still there", raw(SYS_read, p[0], buf, 10));
	show("write bad pointer", raw(SYS_write, p[1], 8, 10));
	show("ioctl", raw(SYS_ioctl, p[1], TCGETS, buf));
	show("write nothing", raw(SYS_write, p[1], buf, 0));
	show("poll reader", poll_of(p[0], POLLIN));
	raw(SYS_close, p[0]);
	show("poll writer", poll_of(p[1], POLLOUT));
	raw(SYS_close, p[1]);
}

static void ends(void)
{
	int p[2];

	raw(SYS_pipe, p);
	raw(SYS_write, p[1], "xy", 2);
	raw(SYS_close, p[1]);
	show("poll hung up, with data", poll_of(p[0], POLLIN));
	show("read", raw(SYS_read, p[0], buf, 10));
	show("read at the end", raw(SYS_read, p[0], buf, 10));
	show("poll hung up", poll_of(p[0], POLLIN));
	raw(SYS_close, p[0]);

	signal(SIGPIPE, SIG_IGN);
	raw(SYS_pipe2, p, O_CLOEXEC);
	show("flag", raw(SYS_fcntl, p[0], F_GETFD));
	raw(SYS_close, p[0]);
	show("write without a reader", raw(SYS_write, p[1], "x", 1));
	raw(SYS_close, p[1]);
}

static void capacity(void)
{
	int p[2];
	long n = 0, r;

	raw(SYS_pipe2, p, O_NONBLOCK);
	show("F_GETPIPE_SZ", raw(SYS_fcntl, p[0], F_GETPIPE_SZ));
	show("read nothing", raw(SYS_read, p[0], buf, 10));
	while ((r = raw(SYS_write, p[1], buf, 1000)) > 0)
		n += r;
	show("full", r);
	show("after whole writes only", n % 1000 == 0 && n <= 65536 && n > 60000);
	show("poll full", poll_of(p[1], POLLOUT));
	while ((r = raw(SYS_read, p[0], buf, 4096)) > 0)
		n -= r;
	show("all read", n);
	show("large write", raw(SYS_write, p[1], buf, 100000));
	show("full", raw(SYS_write, p[1], buf, 1));
	show("read a page", raw(SYS_read, p[0], buf, 4096));
	show("poll", poll_of(p[1], POLLOUT));
	show("write a page", raw(SYS_write, p[1], buf, 4096));
	show("poll full", poll_of(p[1], POLLOUT));
	show("too small for what is in it", raw(SYS_fcntl, p[1], F_SETPIPE_SZ, 4096));
	show("F_SETPIPE_SZ", raw(SYS_fcntl, p[1], F_SETPIPE_SZ, 100000));
	show("write more", raw(SYS_write, p[1], buf, 200000));
	for (n = 0; (r = raw(SYS_read, p[0], buf, sizeof(buf))) > 0; n += r)
		;
	show("read all", n);
	show("smaller", raw(SYS_fcntl, p[1], F_SETPIPE_SZ, 1));
	show("write", raw(SYS_write, p[1], buf, 10000));
	raw(SYS_close, p[0]);
	raw(SYS_close, p[1]);
}

static int shared[2];

static void *late_writer(void *arg)
{
	struct iovec v[2] = {{"late ", 5}, {"bytes", 5}};

	usleep(20000);
	raw(SYS_writev, shared[1], v, 2);
	return arg;
}

static void *late_closer(void *arg)
{
	usleep(20000);
	raw(SYS_close, shared[1]);
	return arg;
}

static void *late_reader(void *arg)
{
	long total = 0, n;

	usleep(20000);
	while ((n = raw(SYS_read, shared[0], arg, 3000)) > 0)
		total += n;
	return (void *)total;
}

static void blocking(void)
{
	static char sink[3000];
	pthread_t t;
	void *total;

	raw(SYS_pipe, shared);
	pthread_create(&t, NULL, late_writer, NULL);
	show("read waits", raw(SYS_read, shared[0], buf, 100));
	printf("%.10s\n", buf);
	pthread_join(t, NULL);
	pthread_create(&t, NULL, late_closer, NULL);
	show("read learns of the end", raw(SYS_read, shared[0], buf, 100));
	pthread_join(t, NULL);
	raw(SYS_close, shared[0]);

	raw(SYS_pipe, shared);
	pthread_create(&t, NULL, late_reader, sink);
	show("write waits until all is gone", raw(SYS_write, shared[1], buf, sizeof(buf)));
	raw(SYS_close, shared[1]);
	pthread_join(t, &total);
	show("read by the other", (long)total);
	raw(SYS_close, shared[0]);
}

static volatile int caught;

static void on_signal(int sig)
{
	caught = sig;
}

static void *late_signal(void *arg)
{
	usleep(20000);
	pthread_kill(*(pthread_t *)arg, SIGUSR1);
	usleep(20000);
	raw(SYS_write, shared[1], "after", 5);
	return NULL;
}

static void interrupted(int flags)
{
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = flags};
	pthread_t self = pthread_self(), t;

	sigaction(SIGUSR1, &sa, NULL);
	caught = 0;
	raw(SYS_pipe, shared);
	pthread_create(&t, NULL, late_signal, &self);
	long n = raw(SYS_read, shared[0], buf, 100);
	show(flags ? "read restarted" : "read interrupted", n);
	show("caught", caught);
	pthread_join(t, NULL);
	raw(SYS_close, shared[0]);
	raw(SYS_close, shared[1]);
}

/* Writers of records up to PIPE_BUF: none is torn. */
static void *record_writer(void *arg)
{
	char id = *(char *)arg, record[600];
	struct rng r = rng_make((uint64_t)id);

	for (int i = 0; i < 300; i++) {
		unsigned n = 2 + (unsigned)rng_below(&r, 500);

		memset(record, id, n);
		record[0] = (char)(n >> 8);
		record[1] = (char)n;
		raw(SYS_write, shared[1], record, n);
	}
	return NULL;
}

static bool read_all(int fd, char *to, size_t n)
{
	while (n > 0) {
		long r = raw(SYS_read, fd, to, n);

		if (r <= 0)
			return false;
		to += r;
		n -= (size_t)r;
	}
	return true;
}

static void atomic(void)
{
	static char ids[4] = {'a', 'b', 'c', 'd'};
	pthread_t t[4];
	int counts[4] = {0}, torn = 0;

	raw(SYS_pipe, shared);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, record_writer, &ids[i]);
	for (int i = 0; i < 4 * 300; i++) {
		unsigned char head[2];
		unsigned n;

		if (!read_all(shared[0], (char *)head, 2))
			break;
		n = head[0] * 256u + head[1] - 2;
		read_all(shared[0], buf, n);
		for (unsigned k = 1; k < n; k++)
			torn += buf[k] != buf[0];
		if (n > 0 && buf[0] >= 'a' && buf[0] <= 'd')
			counts[buf[0] - 'a']++;
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], NULL);
		show("records", counts[i] > 290);
	}
	show("torn", torn);
	raw(SYS_close, shared[0]);
	raw(SYS_close, shared[1]);
}

static void *late_event(void *arg)
{
	uint64_t v = 7;

	usleep(20000);
	raw(SYS_write, *(int *)arg, &v, 8);
	return NULL;
}

static void events(void)
{
	uint64_t v = 0;
	int fd = (int)raw(SYS_eventfd2, 3, EFD_NONBLOCK), sem, wait;
	pthread_t t;

	show("eventfd2 bad flag", raw(SYS_eventfd2, 0, 8));
	show("poll", poll_of(fd, POLLIN | POLLOUT));
	show("read", raw(SYS_read, fd, &v, 8));
	show("value", (long)v);
	show("read again", raw(SYS_read, fd, &v, 8));
	show("read too few", raw(SYS_read, fd, &v, 7));
	v = ~0ul;
	show("write too much", raw(SYS_write, fd, &v, 8));
	v = ~0ul - 1;
	show("write the most", raw(SYS_write, fd, &v, 8));
	show("poll", poll_of(fd, POLLIN | POLLOUT));
	v = 1;
	show("write beyond", raw(SYS_write, fd, &v, 8));
	show("read", raw(SYS_read, fd, &v, 16));
	show("value", v == ~0ul - 1);
	show("lseek", raw(SYS_lseek, fd, 0, SEEK_SET));
	sem = (int)raw(SYS_eventfd2, 2, EFD_NONBLOCK | EFD_SEMAPHORE);
	show("semaphore", raw(SYS_read, sem, &v, 8));
	show("value", (long)v);
	show("semaphore", raw(SYS_read, sem, &v, 8));
	show("semaphore", raw(SYS_read, sem, &v, 8));
	wait = (int)raw(SYS_eventfd, 0);
	pthread_create(&t, NULL, late_event, &wait);
	show("read waits", raw(SYS_read, wait, &v, 8));
	show("value", (long)v);
	pthread_join(t, NULL);
	raw(SYS_close, fd);
	raw(SYS_close, sem);
	raw(SYS_close, wait);
}

int main(void)
{
	simple();
	ends();
	capacity();
	blocking();
	interrupted(0);
	interrupted(SA_RESTART);
	atomic();
	events();
	return 0;
}
