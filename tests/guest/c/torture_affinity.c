/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ timeout: 120
/*
 * A thread is sent to another CPU while it sleeps, falls asleep, is woken, by several wakers and by
 * the clock: once sched_setaffinity() has returned, it does not run anywhere else.
 */
#include "test.h"
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROUNDS 1500

static uint64_t all;
static unsigned count;
static _Atomic uint32_t ball; /* even: with main, odd: with the wanderer */
static _Atomic bool noise_stop;
static _Atomic uint32_t place; /* the CPU on which the wanderer got the ball */
static _Atomic int wanderer_tid;

static unsigned cpu_now(void)
{
	unsigned cpu = ~0u;

	raw(SYS_getcpu, &cpu, 0, 0);
	return cpu;
}

static unsigned random_cpu(struct rng *rng)
{
	for (;;) {
		unsigned cpu = (unsigned)rng_below(rng, 64);

		if (all & 1UL << cpu)
			return cpu;
	}
}

static long pin(long tid, unsigned cpu)
{
	uint64_t mask = 1UL << cpu;

	return raw(SYS_sched_setaffinity, tid, sizeof(mask), &mask);
}

/* What is done until the ball is not `value` any more; spinning only for a while. */
enum patience { SLEEPING, NAPPING, SPINNING, PATIENCE_COUNT };

static void ball_await(uint32_t value, enum patience how)
{
	const struct timespec nap = {.tv_nsec = 20000};

	for (unsigned n = 0; atomic_load(&ball) == value; n++)
		if (how != SPINNING || n > 5000)
			raw(SYS_futex, &ball, FUTEX_WAIT, value, how == NAPPING ? &nap : NULL);
}

static void ball_throw(void)
{
	atomic_fetch_add(&ball, 1);
	raw(SYS_futex, &ball, FUTEX_WAKE, 64);
}

static void *wander(void *arg)
{
	struct rng rng = rng_make(1);

	atomic_store(&wanderer_tid, (int)raw(SYS_gettid));
	for (uint32_t i = 0; i < ROUNDS; i++) {
		ball_await(2 * i, rng_below(&rng, PATIENCE_COUNT));
		atomic_store(&place, cpu_now());
		ball_throw();
	}
	return arg;
}

/* Wakes all the time whoever waits for the ball, though it has not moved. */
static void *disturb(void *arg)
{
	pin(0, (unsigned)(uintptr_t)arg);
	for (unsigned n = 0; !atomic_load(&noise_stop); n++) {
		raw(SYS_futex, &ball, FUTEX_WAKE, 64);
		for (volatile int i = 0; i < 300; i++)
			;
		if (n % 16 == 0)
			usleep(200);
	}
	return NULL;
}

static void lead(bool spin_between)
{
	struct rng rng = rng_make(2);
	unsigned wrong = 0, errors = 0;
	pthread_t wanderer;

	atomic_store(&ball, 0);
	atomic_store(&wanderer_tid, 0);
	pthread_create(&wanderer, NULL, wander, NULL);
	while (!atomic_load(&wanderer_tid))
		sched_yield();
	for (uint32_t i = 0; i < ROUNDS; i++) {
		unsigned to = random_cpu(&rng);

		if (rng_below(&rng, 4) == 0)
			errors += pin(0, random_cpu(&rng)) != 0;
		for (volatile uint64_t n = rng_below(&rng, spin_between ? 30000 : 3); n > 0; n--)
			;
		errors += pin(wanderer_tid, to) != 0;
		ball_throw();
		ball_await(2 * i + 1, SLEEPING);
		wrong += atomic_load(&place) != to;
	}
	pthread_join(wanderer, NULL);
	is(errors, 0, "every place can be gone to");
	is(wrong, 0, "who is sent somewhere wakes there");
}

int main(void)
{
	pthread_t t[2];

	if (raw(SYS_sched_getaffinity, 0, sizeof(all), &all) < 8)
		return 1;
	count = (unsigned)__builtin_popcountl(all);
	lead(false);
	lead(true);
	for (unsigned i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, disturb, (void *)(uintptr_t)(i % count));
	lead(false);
	atomic_store(&noise_stop, true);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	return done();
}
