/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ cpus: 1 2 4
//@ alone: yes
/*
 * Nobody goes without the CPU, whatever the others do: sleep for moments, yield, wake each other.
 * All threads share one CPU; each has to get on.
 */
#include "test.h"
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TEST_MS 400
#define CROWD 3

static _Atomic bool stop;

static void compute_us(uint64_t us)
{
	uint64_t end = now_ns() + us * 1000;

	while (now_ns() < end)
		;
}

static void nap(void)
{
	compute_us(60);
	usleep(1);
}

static void nap_long(void)
{
	compute_us(1000);
	usleep(300);
}

static void yield_cpu(void)
{
	sched_yield();
}

static void compute(void)
{
	compute_us(10);
}

/* Wakes one of those who wait for the word, and waits for it itself. */
static void pass_on(void)
{
	static uint32_t word;
	const struct timespec limit = {.tv_nsec = 500000};

	raw(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1);
	raw(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &limit);
}

struct worker {
	pthread_t thread;
	void (*turn)(void);
	_Atomic long turns;
};

static void *work(void *arg)
{
	struct worker *w = arg;

	while (!atomic_load(&stop)) {
		w->turn();
		atomic_fetch_add(&w->turns, 1);
	}
	return NULL;
}

/* One victim beside a crowd of others. */
static void check(void (*victim)(void), void (*others)(void), const char *name)
{
	struct worker w[CROWD + 1] = {0};
	long least;

	atomic_store(&stop, false);
	for (int i = 0; i <= CROWD; i++) {
		w[i].turn = i == 0 ? victim : others;
		pthread_create(&w[i].thread, NULL, work, &w[i]);
	}
	usleep(TEST_MS * 1000);
	least = w[0].turns;
	for (int i = 1; i <= CROWD; i++)
		if (w[i].turns < least)
			least = w[i].turns;
	printf("# %ld turns beside %ld\n", w[0].turns, w[1].turns);
	atomic_store(&stop, true);
	for (int i = 0; i <= CROWD; i++)
		pthread_join(w[i].thread, NULL);
	ok(least >= 5, "%s", name);
}

int main(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		return 1;
	check(compute, compute, "one that computes beside others that do");
	check(compute, nap, "one that computes beside some that sleep for moments");
	check(compute, nap_long, "one that computes beside some that compute and sleep");
	check(yield_cpu, nap, "one that yields beside some that sleep for moments");
	check(pass_on, nap, "one that waits beside some that sleep for moments");
	check(nap, compute, "one that sleeps for moments beside some that compute");
	check(compute, yield_cpu, "one that computes beside some that yield");
	check(compute, pass_on, "one that computes beside some that wake each other");
	check(yield_cpu, pass_on, "one that yields beside some that wake each other");
	return done();
}
