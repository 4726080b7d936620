/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ cpus: 1 2 4
//@ repeat: 10
/*
 * The x87 remembers an exception when the first threads are created, for which other CPUs are
 * started: it stays the main thread's, and harms nobody.
 */
#include "test.h"
#include <fenv.h>
#include <pthread.h>
#include <sched.h>

#define THREADS 8

static volatile long double one = 1, three = 3;
static volatile int wrong;

static void *body(void *arg)
{
	for (int i = 0; i < 50; i++) {
		volatile long double third = one / three;

		sched_yield();
		if (third * 3 < 0.99L || third * 3 > 1.01L)
			wrong++;
	}
	return arg;
}

int main(void)
{
	pthread_t threads[THREADS];
	volatile long double third;

	feclearexcept(FE_ALL_EXCEPT);
	third = one / three;
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, body, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ok(fetestexcept(FE_INEXACT) != 0, "the exception is remembered");
	is(wrong, 0, "and others compute as ever");
	return third > 1 ? 2 : done();
}
