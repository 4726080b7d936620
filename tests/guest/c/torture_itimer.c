/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ timeout: 120
/*
 * The process's one alarm clock is set, read and stopped by all threads at once, while it rings.
 */
#include "test.h"
#include "watchdog.h"
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>

#define THREADS 4
#define ROUNDS 20000

static _Atomic long alarms, wrong;

static void ring(int sig)
{
	(void)sig;
	atomic_fetch_add(&alarms, 1);
}

static void set(long value_us, long interval_us, struct itimerval *old)
{
	struct itimerval it = {{0, interval_us}, {0, value_us}};

	if (setitimer(ITIMER_REAL, &it, old))
		atomic_fetch_add(&wrong, 1);
}

/* None of the threads sets more than 3 ms. */
static bool is_plausible(const struct itimerval *it)
{
	return it->it_value.tv_sec == 0 && it->it_value.tv_usec <= 3000 &&
	       it->it_interval.tv_sec == 0 && it->it_interval.tv_usec <= 1000;
}

static void *play(void *arg)
{
	struct rng rng = rng_make((uint64_t)(uintptr_t)arg);
	struct itimerval it = {0};

	for (int i = 0; i < ROUNDS; i++) {
		switch (rng_below(&rng, 4)) {
		case 0:
			set(0, 0, &it);
			break;
		case 1:
			set((long)rng_below(&rng, 3000), 0, &it);
			break;
		case 2:
			set((long)rng_below(&rng, 3000), (long)rng_below(&rng, 1000), &it);
			break;
		default:
			if (getitimer(ITIMER_REAL, &it))
				atomic_fetch_add(&wrong, 1);
		}
		if (!is_plausible(&it))
			atomic_fetch_add(&wrong, 1);
		progress++;
	}
	return NULL;
}

int main(void)
{
	struct sigaction sa = {.sa_handler = ring, .sa_flags = SA_RESTART};
	pthread_t t[THREADS];
	uint64_t begin;
	long before;

	sigaction(SIGALRM, &sa, NULL);
	watchdog_start();
	for (long i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, play, (void *)i);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	is(wrong, 0, "all see times that somebody has set");
	set(1000, 1000, NULL);
	before = alarms;
	for (begin = now_ns(); alarms < before + 20 && now_ns() - begin < 20000000000;)
		progress++;
	ok(alarms >= before + 20, "it still rings");
	set(0, 0, NULL);
	usleep(10000);
	before = alarms;
	usleep(50000);
	is(alarms - before, 0, "and is quiet when it was stopped");
	return done();
}
