/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ platforms: kvm
//@ cpus: 1 3 64
//@ timeout: 180
//@ case: microvm
//@ machine: microvm
//@ case: q35
//@ machine: q35
/*
 * The virtual machine's processors are found, by either kind of table, and all of them run: a
 * thread is bound to each, and all are there at once.
 */
#include "test.h"
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#define CPUS_MAX 64

static long cpus;
static int here[CPUS_MAX];
static pthread_barrier_t all;

static void *visitor(void *arg)
{
	long id = (long)arg;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(id, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		return NULL;
	here[id] = sched_getcpu() == id;
	pthread_barrier_wait(&all);
	here[id] &= sched_getcpu() == id;
	return NULL;
}

int main(void)
{
	const char *want = getenv("TEST_CPUS");
	pthread_t threads[CPUS_MAX];
	long there = 0;

	cpus = sysconf(_SC_NPROCESSORS_ONLN);
	is(cpus, want ? atol(want) : cpus, "the machine's processors are found");
	if (cpus < 1 || cpus > CPUS_MAX)
		return done();
	pthread_barrier_init(&all, NULL, (unsigned)cpus);
	for (long i = 0; i < cpus; i++)
		if (pthread_create(&threads[i], NULL, visitor, (void *)i))
			return 1;
	for (long i = 0; i < cpus; i++)
		pthread_join(threads[i], NULL);
	for (long i = 0; i < cpus; i++)
		there += here[i];
	is(there, cpus, "each one runs a thread that may only run there");
	return done();
}
