/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ timeout: 120
/*
 * Threads that sleep until a signal comes: none is lost that comes while they fall asleep, and none
 * is taken for one that ends the program while they leave sigwait.
 */
#include "test.h"
#include "watchdog.h"
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>

#define ALARMS 5000
#define PAIRS 10000

static _Atomic long rung, taken, others;
static _Atomic int over;

static void ring(int sig)
{
	(void)sig;
	rung++;
}

/* Others are at work, so that a CPU with nothing to do looks for some before it halts. */
static void *work(void *arg)
{
	while (!over)
		;
	return arg;
}

static void alarms(void)
{
	struct sigaction sa = {.sa_handler = ring};
	struct rng rng = rng_make(1);
	sigset_t alarm_only, none;
	struct crew crew;

	sigemptyset(&none);
	sigemptyset(&alarm_only);
	sigaddset(&alarm_only, SIGALRM);
	sigaction(SIGALRM, &sa, NULL);
	pthread_sigmask(SIG_BLOCK, &alarm_only, NULL);
	crew_start(&crew, 1, work);
	for (int i = 0; i < ALARMS; i++) {
		struct itimerval it = {{0, 0}, {0, 1 + (long)rng_below(&rng, 60)}};

		setitimer(ITIMER_REAL, &it, NULL);
		sigsuspend(&none);
		progress++;
	}
	over = 1;
	crew_join(&crew);
	is(rung, ALARMS, "each alarm ends a sigsuspend()");
}

static void *take(void *arg)
{
	sigset_t *set = arg;

	while (taken < 2 * PAIRS) {
		int sig = sigwaitinfo(set, NULL);

		if (sig == SIGUSR1 || sig == SIGUSR2)
			taken++;
		else
			others++;
	}
	return NULL;
}

/* Two signals that would end the program, one short after the other. */
static void pairs(void)
{
	struct rng rng = rng_make(2);
	sigset_t set;
	pthread_t t;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	pthread_create(&t, NULL, take, &set);
	for (long i = 0; i < PAIRS; i++) {
		kill(getpid(), SIGUSR1);
		while (taken == 2 * i && rng_below(&rng, 64))
			;
		for (volatile uint32_t n = rng_below(&rng, 200); n > 0; n--)
			;
		kill(getpid(), SIGUSR2);
		while (taken < 2 * i + 2)
			sched_yield();
		progress++;
	}
	pthread_join(t, NULL);
	is(taken, 2 * PAIRS, "all are taken");
	is(others, 0, "and nothing else");
}

int main(void)
{
	sigset_t all; /* blocked in all threads but where they wait */

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	watchdog_start();
	alarms();
	pairs();
	return done();
}
