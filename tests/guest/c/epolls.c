/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: diff
//@ cpus: 1 2
//@ compare: stdout status
/* epoll and timerfd: errors, levels, edges, one-shots, files that go away, sets in sets, signal
 * masks, threads that wait together. */
#include "test.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <poll.h>
#include <unistd.h>

static int ep, p[2];
static struct epoll_event ev[8];

static void show(const char *what, long value)
{
	printf("%s %ld\n", what, value);
	fflush(stdout);
}

static long control(int op, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event e = {.events = events, .data.u64 = data};

	return raw(SYS_epoll_ctl, ep, op, fd, &e);
}

/* Wait and show what came, in the order of data (the kernel's order is its own). */
static void wait_show(const char *what, int max, int ms)
{
	long n = raw(SYS_epoll_wait, ep, ev, max, ms);

	show(what, n);
	for (uint64_t data = 0; data < 16; data++)
		for (long i = 0; i < n; i++)
			if (ev[i].data.u64 == data)
				printf("  %lu: %#x\n", (unsigned long)data, ev[i].events);
}

static void drain(int fd)
{
	char buf[64];

	(void)!read(fd, buf, sizeof(buf));
}

static void errors(void)
{
	int file = open("/", O_RDONLY);
	struct epoll_event e = {.events = EPOLLIN};

	show("create 0", raw(SYS_epoll_create, 0));
	show("create1 bad flags", raw(SYS_epoll_create1, 1));
	show("add to no set", raw(SYS_epoll_ctl, p[0], EPOLL_CTL_ADD, p[1], &e));
	show("add nothing", control(EPOLL_CTL_ADD, 777, EPOLLIN, 0));
	show("add to nothing", raw(SYS_epoll_ctl, 777, EPOLL_CTL_ADD, p[0], &e));
	show("add itself", control(EPOLL_CTL_ADD, ep, EPOLLIN, 0));
	show("add a file", control(EPOLL_CTL_ADD, file, EPOLLIN, 0));
	show("bad operation", control(9, p[0], EPOLLIN, 0));
	show("change what is not there", control(EPOLL_CTL_MOD, p[0], EPOLLIN, 0));
	show("remove what is not there", control(EPOLL_CTL_DEL, p[0], EPOLLIN, 0));
	show("bad pointer", raw(SYS_epoll_ctl, ep, EPOLL_CTL_ADD, p[0], 8));
	show("add", control(EPOLL_CTL_ADD, p[0], EPOLLIN, 1));
	show("add twice", control(EPOLL_CTL_ADD, p[0], EPOLLIN, 1));
	show("exclusive change", control(EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLEXCLUSIVE, 1));
	show("remove without event", raw(SYS_epoll_ctl, ep, EPOLL_CTL_DEL, p[0], 0));
	show("exclusive one-shot",
	     control(EPOLL_CTL_ADD, p[0], EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT, 1));
	show("wait for none", raw(SYS_epoll_wait, ep, ev, 0, 0));
	show("wait on no set", raw(SYS_epoll_wait, p[0], ev, 1, 0));
	show("wait on nothing", raw(SYS_epoll_wait, 777, ev, 1, 0));
	show("wait into nowhere, nothing there", raw(SYS_epoll_wait, ep, ev, 8, 0));
	close(file);
}

static void levels_and_edges(void)
{
	show("level", control(EPOLL_CTL_ADD, p[0], EPOLLIN, 1));
	wait_show("nothing", 8, 0);
	(void)!write(p[1], "ab", 2);
	wait_show("there", 8, 0);
	wait_show("still there", 8, 0);
	drain(p[0]);
	wait_show("gone", 8, 0);
	show("edge", control(EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLET, 2));
	(void)!write(p[1], "c", 1);
	wait_show("one edge", 8, 0);
	wait_show("told already", 8, 0);
	(void)!write(p[1], "d", 1);
	wait_show("another edge", 8, 0);
	show("change while there", control(EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLET, 3));
	wait_show("told anew", 8, 0);
	drain(p[0]);
	show("one shot", control(EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLONESHOT, 4));
	(void)!write(p[1], "e", 1);
	wait_show("the shot", 8, 0);
	(void)!write(p[1], "f", 1);
	wait_show("no second one", 8, 0);
	show("armed again", control(EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLONESHOT, 5));
	wait_show("the second one", 8, 0);
	drain(p[0]);
	show("add the other end", control(EPOLL_CTL_ADD, p[1], EPOLLOUT, 6));
	wait_show("writable", 8, 0);
	show("no events", control(EPOLL_CTL_MOD, p[1], 0, 7));
	wait_show("not asked", 8, 0);
	show("remove", control(EPOLL_CTL_DEL, p[1], 0, 0));
	show("remove", control(EPOLL_CTL_DEL, p[0], 0, 0));
	(void)!write(p[1], "g", 1);
	wait_show("removed", 8, 0);
	drain(p[0]);
}

/* Closed descriptors leave the set by themselves, with the last one that is the same file. */
static void files_go_away(void)
{
	int q[2], copy, e[4];

	(void)!pipe(q);
	show("add", control(EPOLL_CTL_ADD, q[0], EPOLLIN, 1));
	copy = dup(q[0]);
	show("add its copy", control(EPOLL_CTL_ADD, copy, EPOLLIN, 2));
	close(q[1]);
	wait_show("both hang up", 8, 0);
	close(copy);
	wait_show("the file is still open", 8, 0);
	close(q[0]);
	wait_show("it is gone", 8, 0);
	for (int i = 0; i < 4; i++) {
		e[i] = eventfd(i % 2, 0);
		control(EPOLL_CTL_ADD, e[i], EPOLLIN, (uint64_t)i);
	}
	wait_show("one at a time", 1, 0);
	wait_show("two", 8, 0);
	for (int i = 0; i < 4; i++)
		close(e[i]);
	wait_show("none", 8, 0);
	show("nowhere to store", 0);
	(void)!write(p[1], "x", 1);
	control(EPOLL_CTL_ADD, p[0], EPOLLIN, 1);
	show("fault", raw(SYS_epoll_wait, ep, 8, 8, 0));
	wait_show("not lost", 8, 0);
	control(EPOLL_CTL_DEL, p[0], 0, 0);
	drain(p[0]);
}

static void sets_in_sets(void)
{
	int outer = ep, inner = epoll_create1(EPOLL_CLOEXEC);
	struct pollfd f = {inner, POLLIN, 0};

	ep = inner;
	show("into the inner one", control(EPOLL_CTL_ADD, p[0], EPOLLIN, 1));
	ep = outer;
	show("set in a set", control(EPOLL_CTL_ADD, inner, EPOLLIN, 2));
	wait_show("nothing", 8, 0);
	(void)!write(p[1], "x", 1);
	show("the set can be polled", poll(&f, 1, 1000));
	wait_show("the inner set", 8, 1000);
	ep = inner;
	wait_show("in the inner set", 8, 0);
	show("no rings", control(EPOLL_CTL_ADD, outer, EPOLLIN, 3));
	ep = outer;
	drain(p[0]);
	close(inner);
	wait_show("closed", 8, 0);
}

/* Edges of a set whose item stays on its list, for it asks for levels. */
static void edges_of_sets(void)
{
	int outer = ep, inner = epoll_create1(EPOLL_CLOEXEC);

	ep = inner;
	show("a level", control(EPOLL_CTL_ADD, p[0], EPOLLIN, 1));
	ep = outer;
	show("edges of its set", control(EPOLL_CTL_ADD, inner, EPOLLIN | EPOLLET, 2));
	for (int i = 0; i < 3; i++) {
		(void)!write(p[1], "x", 1);
		wait_show("an edge", 8, 1000);
		ep = inner;
		wait_show("the level", 8, 0);
		drain(p[0]);
		ep = outer;
	}
	close(inner);
}

/* Standard output without waiting, in a set that waits for room. */
static void output(void)
{
	int flags = fcntl(1, F_GETFL);
	long n;

	ep = epoll_create1(EPOLL_CLOEXEC);
	if (control(EPOLL_CTL_ADD, 1, EPOLLOUT | EPOLLET, 3) != 0)
		return; /* a file, on which Linux does not wait */
	fcntl(1, F_SETFL, flags | O_NONBLOCK);
	raw(SYS_epoll_wait, ep, ev, 8, 0);
	n = write(1, "written\n", 8);
	fcntl(1, F_SETFL, flags);
	show("written", n);
	close(ep);
}

static void timers(void)
{
	struct itimerspec its = {{0, 0}, {0, 20000000}}, old;
	uint64_t count = 0, start;
	int t = (int)raw(SYS_timerfd_create, CLOCK_MONOTONIC, TFD_NONBLOCK), q[2];

	(void)!pipe(q);
	show("bad clock", raw(SYS_timerfd_create, 77, 0));
	show("bad flags", raw(SYS_timerfd_create, CLOCK_MONOTONIC, 1));
	show("settime on a pipe", raw(SYS_timerfd_settime, q[0], 0, &its, 0));
	show("gettime unset", raw(SYS_timerfd_gettime, t, &old));
	show("value", old.it_value.tv_nsec + old.it_interval.tv_nsec);
	show("read unset", raw(SYS_read, t, &count, 8));
	show("read little", raw(SYS_read, t, &count, 4));
	show("write", raw(SYS_write, t, &count, 8));
	show("add", control(EPOLL_CTL_ADD, t, EPOLLIN, 1));
	start = now_ns();
	show("settime", raw(SYS_timerfd_settime, t, 0, &its, &old));
	wait_show("expires", 8, 5000);
	show("not early", now_ns() - start >= 20000000);
	show("read", raw(SYS_read, t, &count, 8));
	show("count", (long)count);
	show("read again", raw(SYS_read, t, &count, 8));
	its.it_interval.tv_nsec = 5000000;
	its.it_value.tv_nsec = 1;
	show("interval", raw(SYS_timerfd_settime, t, 0, &its, 0));
	usleep(30000);
	show("read many", raw(SYS_read, t, &count, 8));
	show("several", count >= 5);
	show("gettime", raw(SYS_timerfd_gettime, t, &old));
	show("interval", old.it_interval.tv_nsec);
	show("rest", old.it_value.tv_nsec > 0 && old.it_value.tv_nsec <= 5000000);
	fcntl(t, F_SETFL, 0);
	show("read waits", raw(SYS_read, t, &count, 8));
	its.it_value.tv_nsec = 0;
	show("unset", raw(SYS_timerfd_settime, t, 0, &its, 0));
	wait_show("unset", 8, 0);
	clock_gettime(CLOCK_REALTIME, &its.it_value);
	its.it_interval.tv_nsec = 0;
	close(t);
	t = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC);
	show("past", raw(SYS_timerfd_settime, t, TFD_TIMER_ABSTIME, &its, 0));
	show("read past", raw(SYS_read, t, &count, 8));
	its.it_interval.tv_nsec = 400000000;
	clock_gettime(CLOCK_REALTIME, &its.it_value);
	its.it_value.tv_sec -= 3; /* 7.5 intervals: 8 are over, the next one is half over */
	show("long past", raw(SYS_timerfd_settime, t, TFD_TIMER_ABSTIME, &its, 0));
	show("read long past", raw(SYS_read, t, &count, 8));
	show("count", (long)count);
	show("gettime", raw(SYS_timerfd_gettime, t, &old));
	show("keeps its phase",
	     old.it_value.tv_nsec > 50000000 && old.it_value.tv_nsec <= 200000000);
	its.it_value.tv_nsec = 1000000000;
	show("bad value", raw(SYS_timerfd_settime, t, 0, &its, 0));
	close(t);
	close(q[0]);
	close(q[1]);
}

static volatile int caught;

static void on_signal(int sig)
{
	caught = sig;
}

static void masks(void)
{
	struct sigaction sa = {.sa_handler = on_signal};
	uint64_t none = 0, blocked = 1ul << (SIGUSR1 - 1);
	struct timespec ts = {0, 20000000};

	sigaction(SIGUSR1, &sa, 0);
	raw(SYS_rt_sigprocmask, SIG_BLOCK, &blocked, 0, 8);
	kill(getpid(), SIGUSR1);
	show("blocked", raw(SYS_epoll_pwait, ep, ev, 8, 20, 0, 8));
	show("caught", caught);
	show("mask of an odd size", raw(SYS_epoll_pwait, ep, ev, 8, 20, &none, 4));
	show("unblocked meanwhile", raw(SYS_epoll_pwait, ep, ev, 8, 5000, &none, 8));
	show("caught", caught);
	show("pwait2 times out", raw(SYS_epoll_pwait2, ep, ev, 8, &ts, 0, 8));
	ts.tv_nsec = 1000000000;
	show("pwait2 bad time", raw(SYS_epoll_pwait2, ep, ev, 8, &ts, 0, 8));
}

#define WAITERS 4
static int woken[WAITERS];

static void *waiter(void *arg)
{
	struct epoll_event e;
	uint64_t value;

	if (epoll_wait(ep, &e, 1, 10000) == 1 && read(e.data.fd, &value, 8) == 8)
		woken[(long)arg] = 1;
	return NULL;
}

/* Each event is for one of the threads that wait. */
static void threads(void)
{
	pthread_t t[WAITERS];
	uint64_t one = 1;
	int e[WAITERS], sum = 0;

	for (int i = 0; i < WAITERS; i++) {
		struct epoll_event event = {.events = EPOLLIN | EPOLLET};

		event.data.fd = e[i] = eventfd(0, 0);
		epoll_ctl(ep, EPOLL_CTL_ADD, e[i], &event);
	}
	for (long i = 0; i < WAITERS; i++)
		pthread_create(&t[i], 0, waiter, (void *)i);
	for (int i = 0; i < WAITERS; i++) {
		usleep(5000);
		(void)!write(e[i], &one, 8);
	}
	for (int i = 0; i < WAITERS; i++) {
		pthread_join(t[i], 0);
		sum += woken[i];
	}
	show("threads woken", sum);
	for (int i = 0; i < WAITERS; i++)
		close(e[i]);
}

int main(void)
{
	ep = (int)raw(SYS_epoll_create, 5);
	(void)!pipe(p);
	errors();
	levels_and_edges();
	files_go_away();
	sets_in_sets();
	timers();
	masks();
	threads();
	edges_of_sets();
	output();
	return 0;
}
