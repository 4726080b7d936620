/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: diff
//@ cpus: 1 2 4
//@ compare: stdout status
/* poll, ppoll, select and pselect6: results, time-outs, signal masks, many descriptors, threads
 * that wait together. */
#include "test.h"
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <unistd.h>

static void show(const char *what, long value)
{
	printf("%s %ld\n", what, value);
	fflush(stdout);
}

static int p[2], q[2];

static void results(void)
{
	struct pollfd f[5] = {{p[0], POLLIN, 9},
			      {p[1], POLLOUT, 9},
			      {-1, POLLIN, 9},
			      {77, POLLIN, 9},
			      {q[0], 0, 9}};

	show("poll", raw(SYS_poll, f, 5, 0));
	for (int i = 0; i < 5; i++)
		show("revents", f[i].revents);
	show("poll none", raw(SYS_poll, 0, 0, 0));
	show("poll bad pointer", raw(SYS_poll, 8, 1, 0));
	show("poll too many", raw(SYS_poll, f, 1u << 30, 0));
	close(q[1]);
	show("poll hang-up without asking", raw(SYS_poll, f + 4, 1, 1000));
	show("revents", f[4].revents);
	close(q[0]);
	pipe(q);
}

static void timeouts(void)
{
	struct pollfd f = {p[0], POLLIN, 0};
	struct timespec ts = {0, 30000000};
	struct timeval tv = {0, 30000};
	fd_set in;
	uint64_t t = now_ns();

	show("poll times out", raw(SYS_poll, &f, 1, 30));
	show("not early", now_ns() - t >= 30000000);
	t = now_ns();
	show("ppoll times out", raw(SYS_ppoll, &f, 1, &ts, 0, 8));
	show("not early", now_ns() - t >= 30000000);
	show("time left", ts.tv_sec == 0 && ts.tv_nsec == 0);
	t = now_ns();
	show("select sleeps", raw(SYS_select, 0, 0, 0, 0, &tv));
	show("not early", now_ns() - t >= 30000000);
	show("time left", tv.tv_sec == 0 && tv.tv_usec == 0);
	ts = (struct timespec){0, 20000000};
	FD_ZERO(&in);
	FD_SET(p[0], &in);
	show("pselect6 times out", raw(SYS_pselect6, p[0] + 1, &in, 0, 0, &ts, 0));
	show("set is empty", !FD_ISSET(p[0], &in));
	ts = (struct timespec){0, 1000000000};
	show("ppoll bad time", raw(SYS_ppoll, &f, 1, &ts, 0, 8));
	ts = (struct timespec){-1, 0};
	show("ppoll negative time", raw(SYS_ppoll, &f, 1, &ts, 0, 8));
	ts = (struct timespec){5, 0};
	show("ppoll ready", (raw(SYS_write, p[1], "x", 1), raw(SYS_ppoll, &f, 1, &ts, 0, 8)));
	show("time left", ts.tv_sec >= 3 && ts.tv_sec <= 5);
	show("ppoll bad mask size", raw(SYS_ppoll, &f, 1, &ts, &ts, 4));
	read(p[0], &in, 1);
}

static void selects(void)
{
	fd_set in, out, except;
	struct timeval zero = {0, 0};

	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_ZERO(&except);
	FD_SET(p[0], &in);
	FD_SET(p[1], &out);
	FD_SET(p[0], &except);
	show("select", raw(SYS_select, 64, &in, &out, &except, &zero));
	show("in", FD_ISSET(p[0], &in));
	show("out", FD_ISSET(p[1], &out));
	show("except", FD_ISSET(p[0], &except));
	raw(SYS_write, p[1], "x", 1);
	FD_SET(p[0], &in);
	show("select", raw(SYS_select, 64, &in, &out, 0, &zero));
	show("in", FD_ISSET(p[0], &in));
	FD_SET(60, &in);
	show("select closed", raw(SYS_select, 64, &in, 0, 0, &zero));
	show("select negative", raw(SYS_select, -1, 0, 0, 0, &zero));
	show("select bad pointer", raw(SYS_select, 10, 8, 0, 0, &zero));
	zero.tv_sec = -1;
	show("select negative time", raw(SYS_select, 0, 0, 0, 0, &zero));
	zero = (struct timeval){0, 2000};
	show("select nothing", raw(SYS_select, 0, 0, 0, 0, &zero));
	read(p[0], &in, 1);
}

static void *late_writer(void *arg)
{
	usleep(20000);
	write(*(int *)arg, "w", 1);
	return NULL;
}

static void waking(void)
{
	struct pollfd f[2] = {{p[0], POLLIN, 0}, {q[0], POLLIN, 0}};
	pthread_t t;
	fd_set in;

	pthread_create(&t, NULL, late_writer, &q[1]);
	show("poll wakes", raw(SYS_poll, f, 2, 10000));
	show("first", f[0].revents);
	show("second", f[1].revents);
	pthread_join(t, NULL);
	read(q[0], &in, 1);
	pthread_create(&t, NULL, late_writer, &p[1]);
	FD_ZERO(&in);
	FD_SET(p[0], &in);
	FD_SET(q[0], &in);
	show("select wakes", raw(SYS_select, 64, &in, 0, 0, 0));
	show("first", FD_ISSET(p[0], &in));
	show("second", FD_ISSET(q[0], &in));
	pthread_join(t, NULL);
	read(p[0], &in, 1);
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
	return NULL;
}

static void signals(void)
{
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	struct pollfd f = {p[0], POLLIN, 0};
	struct timespec now = {0};
	uint64_t none = 0, usr1 = 1ul << (SIGUSR1 - 1), old;
	struct {
		void *mask;
		size_t size;
	} arg = {&none, 8};
	pthread_t self = pthread_self(), t;

	sigaction(SIGUSR1, &sa, NULL);
	pthread_create(&t, NULL, late_signal, &self);
	show("poll is interrupted, whatever SA_RESTART", raw(SYS_poll, &f, 1, 10000));
	show("caught", caught);
	pthread_join(t, NULL);

	raw(SYS_rt_sigprocmask, SIG_BLOCK, &usr1, 0, 8);
	caught = 0;
	pthread_kill(self, SIGUSR1);
	show("blocked", caught);
	show("ppoll lets it through", raw(SYS_ppoll, &f, 1, 0, &none, 8));
	show("caught", caught);
	caught = 0;
	pthread_kill(self, SIGUSR1);
	show("without waiting, too", raw(SYS_ppoll, &f, 1, &now, &none, 8));
	show("caught", caught);
	caught = 0;
	pthread_kill(self, SIGUSR1);
	show("pselect6 as well", raw(SYS_pselect6, 0, 0, 0, 0, &now, &arg));
	show("caught", caught);
	caught = 0;
	pthread_create(&t, NULL, late_signal, &self);
	show("pselect6 lets it through", raw(SYS_pselect6, 0, 0, 0, 0, 0, &arg));
	show("caught", caught);
	pthread_join(t, NULL);
	raw(SYS_rt_sigprocmask, SIG_SETMASK, 0, &old, 8);
	show("mask is back", old == usr1);
	raw(SYS_rt_sigprocmask, SIG_UNBLOCK, &usr1, 0, 8);
}

/* Sixty pipes, one of them written to at a time, by a thread. */
#define MANY 60
static int many[MANY][2];

static void *many_writer(void *arg)
{
	struct rng r = rng_make(5);

	for (int i = 0; i < 200; i++) {
		write(many[rng_below(&r, MANY)][1], "m", 1);
		if (i % 16 == 0)
			usleep(1000);
	}
	return arg;
}

static void many_at_once(void)
{
	struct pollfd f[MANY];
	int got = 0, wrong = 0;
	pthread_t t;

	for (int i = 0; i < MANY; i++) {
		pipe(many[i]);
		f[i] = (struct pollfd){many[i][0], POLLIN, 0};
	}
	pthread_create(&t, NULL, many_writer, NULL);
	while (got < 200) {
		char c[100];
		long n = raw(SYS_poll, f, MANY, 5000);

		if (n <= 0)
			break;
		for (int i = 0; i < MANY; i++) {
			if (f[i].revents == 0)
				continue;
			n--;
			wrong += f[i].revents != POLLIN;
			got += (int)read(many[i][0], c, sizeof(c));
		}
		wrong += n != 0;
	}
	pthread_join(t, NULL);
	show("all came", got);
	show("wrong", wrong);
	for (int i = 0; i < MANY; i++) {
		close(many[i][0]);
		close(many[i][1]);
	}
}

int main(void)
{
	pipe(p);
	pipe(q);
	results();
	timeouts();
	selects();
	waking();
	signals();
	many_at_once();
	return 0;
}
