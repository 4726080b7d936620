/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: diff
//@ cpus: 1 2 4
/* Pipes, eventfds and poll between threads: what blocks, what wakes, what is the end. */
#include "test.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <unistd.h>

static void show(const char *what, long value)
{
	printf("%s %ld\n", what, value < 0 ? -errno : value);
	fflush(stdout);
}

static void pause_ms(long ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&ts, NULL);
}

/* What a thread does a little later, so that the main thread blocks before. */
static struct {
	int fd;
	enum { LATE_WRITE, LATE_READ, LATE_CLOSE, LATE_EVENT } what;
} late;

static void *late_body(void *arg)
{
	char buf[70000];
	uint64_t one = 1;
	ssize_t r = 0;

	pause_ms(30);
	switch (late.what) {
	case LATE_WRITE:
		r = write(late.fd, "late", 4);
		break;
	case LATE_READ:
		r = read(late.fd, buf, sizeof(buf));
		break;
	case LATE_CLOSE:
		r = close(late.fd);
		break;
	case LATE_EVENT:
		r = write(late.fd, &one, 8);
		break;
	}
	return (void *)(long)r;
}

static pthread_t late_start(int fd, int what)
{
	pthread_t t;

	late.fd = fd;
	late.what = what;
	pthread_create(&t, NULL, late_body, NULL);
	return t;
}

static void late_end(pthread_t t)
{
	void *r;

	pthread_join(t, &r);
	show("  the other thread", (long)r);
}

static void blocking(void)
{
	static char big[70000];
	int p[2];
	pthread_t t;

	show("pipe", pipe(p));
	t = late_start(p[1], LATE_WRITE);
	show("read waits", read(p[0], big, sizeof(big)));
	late_end(t);
	fcntl(p[1], F_SETFL, O_NONBLOCK);
	show("write up to full", write(p[1], big, sizeof(big)));
	show("write when full", write(p[1], big, 1));
	struct pollfd full = {p[1], POLLOUT, 0};
	show("poll when full", poll(&full, 1, 0));
	fcntl(p[1], F_SETFL, 0);
	t = late_start(p[0], LATE_READ);
	show("write waits for room", write(p[1], "more", 4));
	late_end(t);
	int left = -1;
	ioctl(p[0], FIONREAD, &left);
	show("left", left);
	show("read them", read(p[0], big, sizeof(big)));
	t = late_start(p[1], LATE_CLOSE);
	show("read to the end", read(p[0], big, sizeof(big)));
	late_end(t);
	show("again", read(p[0], big, 1));
	close(p[0]);

	show("pipe", pipe(p));
	signal(SIGPIPE, SIG_IGN);
	close(p[0]);
	show("write without readers", write(p[1], "x", 1));
	struct pollfd broken = {p[1], POLLOUT, 0};
	show("poll", poll(&broken, 1, 0));
	show("revents", broken.revents);
	close(p[1]);
	signal(SIGPIPE, SIG_DFL);
}

static void polling(void)
{
	int a[2], b[2];
	pthread_t t;

	show("pipes", pipe(a) + pipe(b));
	struct pollfd f[3] = {{a[0], POLLIN, 0}, {b[0], POLLIN, 0}, {-1, POLLIN, 0}};
	uint64_t start = now_ns();
	show("poll times out", poll(f, 3, 40));
	show("  after 40 ms", now_ns() - start >= 40000000);
	t = late_start(b[1], LATE_WRITE);
	show("poll wakes", poll(f, 3, 10000));
	printf("  revents %x %x %x\n", f[0].revents, f[1].revents, f[2].revents);
	late_end(t);
	t = late_start(a[1], LATE_CLOSE);
	f[1].fd = -1;
	show("poll sees the end", poll(f, 3, 10000));
	printf("  revents %x %x %x\n", f[0].revents, f[1].revents, f[2].revents);
	late_end(t);
	f[0] = (struct pollfd){777, POLLIN, 0};
	show("poll of no file", poll(f, 1, 0));
	printf("  revents %x\n", f[0].revents);
	show("poll of nothing", poll(NULL, 0, 10));

	fd_set set;
	FD_ZERO(&set);
	FD_SET(b[0], &set);
	struct timeval tv = {5, 0};
	show("select", select(b[0] + 1, &set, NULL, NULL, &tv));
	show("  it is set", FD_ISSET(b[0], &set));
	char buf[10];
	show("read", read(b[0], buf, 10));
	FD_SET(b[0], &set);
	tv = (struct timeval){0, 10000};
	show("select times out", select(b[0] + 1, &set, NULL, NULL, &tv));
	show("  it is not set", FD_ISSET(b[0], &set));
	close(a[0]);
	close(b[0]);
	close(b[1]);
}

static void events(void)
{
	int e = eventfd(3, 0), s = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
	uint64_t v = 0, big = 0xfffffffffffffffe;
	pthread_t t;

	show("read", read(e, &v, 8));
	show("  value", (long)v);
	t = late_start(e, LATE_EVENT);
	show("read waits", read(e, &v, 8));
	show("  value", (long)v);
	late_end(t);
	show("read too little", read(e, &v, 4));
	show("semaphore", read(s, &v, 8));
	show("  value", (long)v);
	show("semaphore", read(s, &v, 8));
	show("empty", read(s, &v, 8));
	show("fill", write(s, &big, 8));
	v = 1;
	show("overfill", write(s, &v, 8));
	v = ~0ul;
	show("too much", write(s, &v, 8));
	struct pollfd f[2] = {{s, POLLIN | POLLOUT, 0}, {e, POLLIN | POLLOUT, 0}};
	show("poll", poll(f, 2, 0));
	printf("  revents %x %x\n", f[0].revents, f[1].revents);
	close(e);
	close(s);
}

#define RELAY_BYTES 300000

static int relay_in[2], relay_out[2];

static void *relay(void *arg)
{
	struct rng r = rng_make(5);
	char buf[5000];
	ssize_t n;

	while ((n = read(relay_in[0], buf, 1 + rng_below(&r, sizeof(buf)))) > 0)
		for (ssize_t at = 0, w; at < n; at += w)
			if ((w = write(relay_out[1], buf + at, (size_t)(n - at))) <= 0)
				return NULL;
	close(relay_out[1]);
	return NULL;
}

static void *feed(void *arg)
{
	struct rng r = rng_make(6);
	unsigned char buf[9000];

	for (int sent = 0; sent < RELAY_BYTES;) {
		int n = (int)(1 + rng_below(&r, sizeof(buf)));
		n = n < RELAY_BYTES - sent ? n : RELAY_BYTES - sent;
		for (int i = 0; i < n; i++)
			buf[i] = (unsigned char)((sent + i) * 31 >> 3);
		for (int at = 0; at < n;)
			at += (int)write(relay_in[1], buf + at, (size_t)(n - at));
		sent += n;
	}
	close(relay_in[1]);
	return NULL;
}

static void relaying(void)
{
	unsigned char buf[7000];
	pthread_t a, b;
	int got = 0, wrong = 0;
	ssize_t n;

	show("pipes", pipe(relay_in) + pipe(relay_out));
	pthread_create(&a, NULL, relay, NULL);
	pthread_create(&b, NULL, feed, NULL);
	while ((n = read(relay_out[0], buf, sizeof(buf))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			wrong += buf[i] != (unsigned char)((got + i) * 31 >> 3);
		got += (int)n;
	}
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	show("bytes through two pipes", got);
	show("wrong", wrong);
}

int main(void)
{
	blocking();
	polling();
	events();
	relaying();
	return 0;
}
