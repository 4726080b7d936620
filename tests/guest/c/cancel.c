/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: diff
//@ cpus: 1 2 4
/*
 * pthread_cancel of threads that wait in system calls of all kinds, test for it, or allow it at any
 * time; at once, after they have begun to wait, and as they begin.
 */
#include "test.h"
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <unistd.h>

static volatile int cleaned;
static sem_t ready;
static int pipe_ends[2];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

static void clean(void *arg)
{
	cleaned++;
}

static void unlock(void *arg)
{
	pthread_mutex_unlock(&mutex);
	cleaned++;
}

#define WAITER(name, ...)                                                                          \
	static void *name(void *arg)                                                               \
	{                                                                                          \
		pthread_cleanup_push(clean, NULL);                                                 \
		sem_post(&ready);                                                                  \
		__VA_ARGS__;                                                                       \
		pthread_cleanup_pop(0);                                                            \
		return NULL;                                                                       \
	}

static sem_t never;
static char byte;

WAITER(wait_sem, sem_wait(&never))
WAITER(wait_sleep, sleep(100))
WAITER(wait_pause, pause())
WAITER(wait_read, if (read(pipe_ends[0], &byte, 1) == 1) printf("read something\n"))
WAITER(wait_test, for (;;) pthread_testcancel())

static void *wait_cond(void *arg)
{
	pthread_mutex_lock(&mutex);
	pthread_cleanup_push(unlock, NULL);
	sem_post(&ready);
	for (;;)
		pthread_cond_wait(&cond, &mutex);
	pthread_cleanup_pop(0);
	return NULL;
}

static void *wait_async(void *arg)
{
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	pthread_cleanup_push(clean, NULL);
	sem_post(&ready);
	for (;;)
		;
	pthread_cleanup_pop(0);
	return NULL;
}

static void each_kind(bool late)
{
	static const struct {
		const char *name;
		void *(*fn)(void *);
	} kinds[] = {
		{"semaphore", wait_sem},  {"sleep", wait_sleep},    {"pause", wait_pause},
		{"read", wait_read},      {"condition", wait_cond}, {"test", wait_test},
		{"any time", wait_async},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		pthread_t t;
		void *result;

		cleaned = 0;
		pthread_create(&t, NULL, kinds[i].fn, NULL);
		sem_wait(&ready);
		if (late)
			usleep(20000);
		pthread_cancel(t);
		pthread_join(t, &result);
		printf("%s: cancelled %d, cleaned %d\n", kinds[i].name, result == PTHREAD_CANCELED,
		       cleaned);
		fflush(stdout);
	}
}

static void *begin_to_wait(void *arg)
{
	pthread_cleanup_push(clean, NULL);
	sem_wait(arg);
	sleep(100);
	pthread_cleanup_pop(0);
	return NULL;
}

/* The cancellation comes at some point on the way into a system call. */
static void as_it_begins(void)
{
	struct rng rng = rng_make(1);
	int cancelled = 0;

	for (int i = 0; i < 1000; i++) {
		pthread_t t;
		void *result;
		sem_t go;

		sem_init(&go, 0, 0);
		pthread_create(&t, NULL, begin_to_wait, &go);
		for (volatile uint64_t n = rng_below(&rng, 3000); n > 0; n--)
			;
		if (rng_below(&rng, 3) == 0)
			sched_yield();
		pthread_cancel(t);
		sem_post(&go);
		pthread_join(t, &result);
		cancelled += result == PTHREAD_CANCELED;
	}
	printf("as it begins: cancelled %d\n", cancelled);
}

int main(void)
{
	sem_init(&ready, 0, 0);
	sem_init(&never, 0, 0);
	if (pipe(pipe_ends))
		return 1;
	each_kind(false);
	each_kind(true);
	as_it_begins();
	return 0;
}
