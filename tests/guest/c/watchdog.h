/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What torture programs share: threads, seeded disturbance, and a watchdog for lost wake-ups. */
#ifndef WATCHDOG_H
#define WATCHDOG_H

#include "test.h"
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#define WATCHDOG_QUIET 250 /* tenths of a second without progress */

/* Counted up by whoever gets on; a sum of all threads, so that an update may get lost. */
static volatile uint32_t progress;

/* Ends the program with a word about it if nothing goes on for 25 s. */
static void *watchdog_body(void *arg)
{
	uint32_t last = progress;

	(void)arg;
	for (int quiet = 0;; quiet++) {
		struct timespec ts = {0, 100000000};

		nanosleep(&ts, NULL);
		if (progress != last) {
			last = progress;
			quiet = 0;
		} else if (quiet == WATCHDOG_QUIET) {
			printf("# nothing goes on: a wake-up was lost\n");
			fflush(stdout);
			_exit(1);
		}
	}
	return NULL;
}

static void watchdog_start(void)
{
	pthread_t t;

	pthread_create(&t, NULL, watchdog_body, NULL);
	pthread_detach(t);
}

static void disturb(struct rng *r)
{
	struct timespec ts = {0, (long)rng_below(r, 100000)};

	switch (rng_below(r, 16)) {
	case 0:
		sched_yield();
		break;
	case 1:
		nanosleep(&ts, NULL);
		break;
	case 2:
		for (volatile unsigned i = 0; i < rng_below(r, 2000) + 1; i++)
			;
		break;
	}
}

/* A crew of threads, each with its number. */
struct crew {
	pthread_t threads[32];
	int n;
};

static void crew_start(struct crew *c, int n, void *(*body)(void *))
{
	c->n = n;
	for (long i = 0; i < n; i++)
		pthread_create(&c->threads[i], NULL, body, (void *)i);
}

/* The sum of what they return. */
static long crew_join(struct crew *c)
{
	long sum = 0;
	void *r;

	for (int i = 0; i < c->n; i++) {
		pthread_join(c->threads[i], &r);
		sum += (long)r;
	}
	return sum;
}

#endif
