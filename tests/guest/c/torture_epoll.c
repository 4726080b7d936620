/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ timeout: 120
/*
 * One set, and threads that write to pipes and eventfds, wait for events, add and remove files, and
 * close them under the waiting ones' feet. No byte and no count may be lost: what was written is
 * read in the end.
 */
#include "test.h"
#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define CHANNELS 8
#define WRITERS 3
#define READERS 3
#define ROUNDS 3000

static int ep;
static struct channel {
	int in, out; /* one eventfd, or a pipe */
} channels[CHANNELS];
static _Atomic uint64_t written, got;
static _Atomic int writers_left = WRITERS;

static void *writer(void *arg)
{
	struct rng r = rng_make((uint64_t)(long)arg);

	for (int i = 0; i < ROUNDS; i++) {
		struct channel *c = &channels[rng_below(&r, CHANNELS)];
		uint64_t n = rng_below(&r, 7) + 1;
		char bytes[8] = {0};

		if (c->in == c->out ? write(c->in, &n, 8) != 8
				    : write(c->in, bytes, n) != (ssize_t)n)
			abort();
		written += n;
	}
	writers_left--;
	return NULL;
}

/* Take all that is there; the channels do not block. */
static void channel_drain(const struct channel *c)
{
	char bytes[64];
	uint64_t n;
	ssize_t r;

	if (c->in == c->out) {
		while (read(c->out, &n, 8) == 8)
			got += n;
		return;
	}
	while ((r = read(c->out, bytes, sizeof(bytes))) > 0)
		got += (uint64_t)r;
}

static void *reader(void *arg)
{
	uint64_t end = 0;
	struct epoll_event ev[4];

	(void)arg;
	while (writers_left > 0 || got < written) {
		int n = epoll_wait(ep, ev, 4, 1000);

		if (n == 0) /* an event was lost, or nothing has been written for long */
			end++;
		for (int i = 0; i < n; i++)
			if (ev[i].data.u64 < CHANNELS)
				channel_drain(&channels[ev[i].data.u64]);
		if (end > 10)
			break;
	}
	return NULL;
}

/* Files that come into the set and leave it, by removal or by being closed. */
static void *disturber(void *arg)
{
	struct rng r = rng_make(99);

	(void)arg;
	while (writers_left > 0) {
		struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.u64 = CHANNELS};
		int set = epoll_create1(0), fd = eventfd((unsigned)rng_below(&r, 2), EFD_NONBLOCK);

		epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
		epoll_ctl(set, EPOLL_CTL_ADD, fd, &e);
		epoll_ctl(set, EPOLL_CTL_ADD, channels[0].out, &e);
		if (rng_below(&r, 2))
			epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL);
		if (rng_below(&r, 2))
			close(set);
		else
			set = -1 - set;
		close(fd);
		if (set < 0)
			close(-1 - set);
	}
	return NULL;
}

int main(void)
{
	pthread_t t[WRITERS + READERS + 1];
	int n = 0;

	ep = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < CHANNELS; i++) {
		struct channel *c = &channels[i];
		struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.u64 = (uint64_t)i};
		int p[2];

		if (i % 2) {
			c->in = c->out = eventfd(0, EFD_NONBLOCK);
		} else {
			if (pipe(p))
				return 1;
			fcntl(p[0], F_SETFL, O_NONBLOCK);
			c->in = p[1];
			c->out = p[0];
		}
		epoll_ctl(ep, EPOLL_CTL_ADD, c->out, &e);
	}
	for (long i = 0; i < WRITERS; i++)
		pthread_create(&t[n++], NULL, writer, (void *)i);
	for (long i = 0; i < READERS; i++)
		pthread_create(&t[n++], NULL, reader, (void *)i);
	pthread_create(&t[n++], NULL, disturber, NULL);
	for (int i = 0; i < n; i++)
		pthread_join(t[i], NULL);
	is((long)got, (long)written, "all that was written came by events");
	return done();
}
