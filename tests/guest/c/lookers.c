/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: diff
//@ cpus: 1 2 4
//@ timeout: 120
/*
 * Several threads look at the same file at once, and what is there is there for each of them, at
 * any moment: an event that is taken from a set and stays in it, a timer that has expired, the one
 * end of a FIFO that waits for the other.
 */
#include "test.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define TURNS 2000

static _Atomic bool over;

static int poll_once(int fd)
{
	struct pollfd f = {.fd = fd, .events = POLLIN};

	return poll(&f, 1, 0);
}

static int watch(int set, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	return epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
}

/* --- a set --- */

static int set, outer;

static void *taker(void *arg)
{
	struct epoll_event event;

	(void)arg;
	while (!over)
		if (epoll_wait(set, &event, 1, 0) < 0)
			break;
	return NULL;
}

static void sets(void)
{
	int ends[2], polled = 0, waited = 0, nested = 0, stale;
	struct epoll_event event;
	pthread_t thread;
	char byte;

	if (pipe(ends) || write(ends[1], "x", 1) != 1)
		return;
	set = epoll_create1(0);
	outer = epoll_create1(0);
	if (watch(set, ends[0]) || watch(outer, set))
		return;
	over = false;
	pthread_create(&thread, NULL, taker, NULL);
	for (int i = 0; i < TURNS; i++) {
		polled += poll_once(set) == 1;
		waited += epoll_wait(set, &event, 1, 0) == 1;
		nested += epoll_wait(outer, &event, 1, 0) == 1;
	}
	over = true;
	pthread_join(thread, NULL);
	is(polled, TURNS, "poll() of a set finds an event that another thread takes");
	is(waited, TURNS, "epoll_wait() does");
	is(nested, TURNS, "and the set that it is in");
	stale = read(ends[0], &byte, 1) == 1 ? poll_once(set) : -1;
	is(stale, 0, "a set whose files have nothing to tell any more is not readable");
	close(outer);
	close(set);
	close(ends[0]);
	close(ends[1]);
}

/* --- a timer --- */

static int timer;

static void *asker(void *arg)
{
	struct itimerspec left;

	(void)arg;
	while (!over)
		timerfd_gettime(timer, &left);
	return NULL;
}

static void timers(void)
{
	const struct itimerspec soon = {.it_value.tv_nsec = 50000};
	int lost = 0;
	pthread_t thread;

	timer = timerfd_create(CLOCK_MONOTONIC, 0);
	over = false;
	pthread_create(&thread, NULL, asker, NULL);
	for (int i = 0; i < TURNS / 10; i++) {
		timerfd_settime(timer, 0, &soon, NULL);
		while (poll_once(timer) != 1)
			;
		for (int k = 0; k < 20; k++)
			lost += poll_once(timer) != 1;
	}
	over = true;
	pthread_join(thread, NULL);
	is(lost, 0,
	   "a timer that has expired stays so while another thread asks for the time left");
	close(timer);
}

/* --- a FIFO --- */

static char name[64];
static _Atomic int reads, writers_gone;

/* A writer that does not wait comes in when there is a reader, or not at all. */
static void *writer(void *arg)
{
	(void)arg;
	for (int i = 0; i < TURNS; i++) {
		int fd;

		for (int tries = 1; (fd = open(name, O_WRONLY | O_NONBLOCK)) < 0; tries++)
			if (tries % 16 == 0)
				sched_yield();
		if (write(fd, "x", 1) != 1)
			return NULL;
		while (reads == i)
			sched_yield();
		close(fd);
		writers_gone++;
	}
	return NULL;
}

static void fifos(void)
{
	int ended = 0;
	pthread_t thread;

	snprintf(name, sizeof(name), "/tmp/lookers.%d", getpid());
	if (mkfifo(name, 0600))
		return;
	pthread_create(&thread, NULL, writer, NULL);
	for (int i = 0; i < TURNS; i++) {
		char byte;
		int fd = open(name, O_RDONLY);

		while (read(fd, &byte, 1) != 1)
			ended++;
		close(fd);
		reads++;
		while (writers_gone == i)
			sched_yield();
	}
	pthread_join(thread, NULL);
	unlink(name);
	is(ended, 0, "a reader of a FIFO has met a writer that has come in");
}

int main(void)
{
	sets();
	timers();
	fifos();
	return done();
}
