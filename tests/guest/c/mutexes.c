/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: diff
//@ cpus: 1 2 4
/*
 * Mutexes with an owner that the kernel knows: robust ones and those with priority inheritance,
 * under contention with time limits and signals, and when the owner ends.
 */
#include "test.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#define THREADS 8
#define ROUNDS 2000

static pthread_mutex_t mutex;
static long counter, entered;

static void make_mutex(int type, int protocol, int robust)
{
	pthread_mutexattr_t a;

	pthread_mutexattr_init(&a);
	printf("attributes: %d", pthread_mutexattr_settype(&a, type));
	printf(" %d", pthread_mutexattr_setprotocol(&a, protocol));
	printf(" %d\n", pthread_mutexattr_setrobust(&a, robust));
	pthread_mutex_init(&mutex, &a);
}

static void handler(int sig)
{
}

static int lock_somehow(struct rng *rng)
{
	struct timespec ts;

	switch (rng_below(rng, 8)) {
	case 0:
		return pthread_mutex_trylock(&mutex);
	case 1:
		clock_gettime(CLOCK_REALTIME, &ts);
		ts.tv_nsec += 200000;
		if (ts.tv_nsec >= 1000000000) {
			ts.tv_nsec -= 1000000000;
			ts.tv_sec++;
		}
		return pthread_mutex_timedlock(&mutex, &ts);
	default:
		return pthread_mutex_lock(&mutex);
	}
}

static void *contender(void *arg)
{
	struct rng rng = rng_make((uint64_t)(uintptr_t)arg);

	for (int i = 0; i < ROUNDS; i++) {
		int err = lock_somehow(&rng);
		long seen = counter;

		if (err) {
			if (err != EBUSY && err != ETIMEDOUT)
				printf("lock: %d\n", err);
			continue;
		}
		seen = counter;
		if (rng_below(&rng, 4) == 0)
			sched_yield();
		for (volatile int n = 0; n < 100; n++)
			;
		counter = seen + 1;
		__atomic_add_fetch(&entered, 1, __ATOMIC_RELAXED);
		err = pthread_mutex_unlock(&mutex);
		if (err)
			printf("unlock: %d\n", err);
	}
	return NULL;
}

static void contend(const char *what)
{
	struct sigaction sa = {.sa_handler = handler};
	struct itimerval often = {{0, 1000}, {0, 1000}}, off = {{0, 0}, {0, 0}};
	pthread_t t[THREADS];

	counter = entered = 0;
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (long i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, contender, (void *)i);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	setitimer(ITIMER_REAL, &off, NULL);
	printf("%s: excludes %d\n", what, counter == entered);
	fflush(stdout);
}

static void owner_errors(void)
{
	printf("lock: %d\n", pthread_mutex_lock(&mutex));
	printf("lock again: %d\n", pthread_mutex_lock(&mutex));
	printf("unlock: %d\n", pthread_mutex_unlock(&mutex));
	printf("unlock again: %d\n", pthread_mutex_unlock(&mutex));
}

static void *die_with_it(void *arg)
{
	pthread_mutex_lock(&mutex);
	usleep(20000);
	return NULL;
}

static void owner_dies(const char *what)
{
	pthread_t t;
	int err;

	pthread_create(&t, NULL, die_with_it, NULL);
	usleep(5000);
	err = pthread_mutex_lock(&mutex);
	printf("%s, waiting when the owner ends: %d\n", what, err == EOWNERDEAD);
	pthread_mutex_consistent(&mutex);
	pthread_mutex_unlock(&mutex);
	pthread_join(t, NULL);
	pthread_create(&t, NULL, die_with_it, NULL);
	pthread_join(t, NULL);
	err = pthread_mutex_lock(&mutex);
	printf("%s, coming later: %d\n", what, err == EOWNERDEAD);
	pthread_mutex_unlock(&mutex);
	err = pthread_mutex_lock(&mutex);
	printf("%s, not made consistent: %d\n", what, err == ENOTRECOVERABLE);
	fflush(stdout);
}

int main(void)
{
	make_mutex(PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_STALLED);
	contend("inherit");
	owner_errors();
	make_mutex(PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST);
	contend("robust");
	owner_errors();
	owner_dies("robust");
	make_mutex(PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_ROBUST);
	contend("both");
	owner_dies("both");
	return 0;
}
