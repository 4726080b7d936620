/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ cpus: 1 2 4
//@ timeout: 120
//@ alone: yes
/*
 * Which CPUs there are, which of them a thread may run on, that threads on different CPUs run at
 * the same time, and that a nice value has an effect.
 */
#include "test.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static unsigned cpu_now(void)
{
	unsigned cpu = ~0u, node = ~0u;

	if (raw(SYS_getcpu, &cpu, &node, 0) != 0 || node != 0)
		return ~0u;
	return cpu;
}

static long pin(long tid, uint64_t mask)
{
	return raw(SYS_sched_setaffinity, tid, sizeof(mask), &mask);
}

static uint64_t affinity(long tid)
{
	uint64_t mask[16] = {0};
	long n = raw(SYS_sched_getaffinity, tid, sizeof(mask), mask);

	return n >= 8 && n % 8 == 0 ? mask[0] : 0;
}

static uint64_t all;
static unsigned count;

static void check_count(void)
{
	const char *expected = getenv("TEST_CPUS");
	uint64_t word = 0;

	all = affinity(0);
	count = (unsigned)__builtin_popcountl(all);
	ok(all != 0, "there are CPUs: %lx", all);
	if (expected)
		is(count, atol(expected), "as many as the machine was given");
	is(sysconf(_SC_NPROCESSORS_ONLN), count, "sysconf says the same");
	is(raw(SYS_sched_getaffinity, 0, 4, &word), -EINVAL, "a mask too short");
	is(raw(SYS_sched_getaffinity, 999999, 8, &word), -ESRCH, "the mask of nobody");
	is(raw(SYS_sched_getaffinity, 0, 8, 8), -EFAULT, "a mask at no address");
}

static void check_moving(void)
{
	unsigned wrong = 0;

	for (int round = 0; round < 200; round++) {
		for (unsigned cpu = 0; cpu < 64; cpu++) {
			if (!(all & 1UL << cpu))
				continue;
			if (pin(0, 1UL << cpu) != 0 || affinity(0) != 1UL << cpu ||
			    cpu_now() != cpu)
				wrong++;
			sched_yield();
			if (cpu_now() != cpu)
				wrong++;
		}
	}
	is(wrong, 0, "a thread is where it was sent, at once");
	is(pin(0, 0), -EINVAL, "nowhere to run");
	is(pin(0, ~all), -EINVAL, "only CPUs that there are not");
	is(pin(0, ~0UL), 0, "everywhere");
	is((long)affinity(0), (long)all, "that is: on all there are");
	is(pin(999999, 1), -ESRCH, "nobody moved");
}

struct spinner {
	pthread_t thread;
	_Atomic int tid;
	unsigned cpu;
	_Atomic uint64_t turns;
};

static _Atomic bool stop;
static _Atomic unsigned wrong_places;

/* Runs where it is told to, without a system call but getcpu(2). */
static void *spin(void *arg)
{
	struct spinner *s = arg;

	atomic_store(&s->tid, (int)raw(SYS_gettid));
	if (s->cpu != ~0u && pin(0, 1UL << s->cpu) != 0)
		atomic_fetch_add(&wrong_places, 1);
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		atomic_fetch_add_explicit(&s->turns, 1, memory_order_relaxed);
		if (s->cpu != ~0u && (s->turns & 0xffff) == 0 && cpu_now() != s->cpu)
			atomic_fetch_add(&wrong_places, 1);
	}
	return NULL;
}

static void spinners_start(struct spinner *s, unsigned n)
{
	atomic_store(&stop, false);
	for (unsigned i = 0; i < n; i++)
		pthread_create(&s[i].thread, NULL, spin, &s[i]);
	for (unsigned i = 0; i < n; i++)
		while (!atomic_load(&s[i].tid))
			sched_yield();
}

static void spinners_stop(struct spinner *s, unsigned n)
{
	atomic_store(&stop, true);
	for (unsigned i = 0; i < n; i++)
		pthread_join(s[i].thread, NULL);
}

/* Two that hand a word to and fro without a system call get on only if both run. */
static _Atomic uint32_t ball;

static void *play(void *arg)
{
	const uint32_t parity = (uint32_t)(uintptr_t)arg;
	const uint64_t end = now_ns() + 20000000000;

	for (uint32_t i = 0; i < 200;) {
		if ((atomic_load(&ball) & 1) == parity) {
			atomic_fetch_add(&ball, 1);
			i++;
		}
		if ((i & 15) == 0 && now_ns() > end)
			return (void *)1;
	}
	return NULL;
}

static void check_parallel(void)
{
	pthread_t other;
	void *late;
	uint64_t begin = now_ns(), took;

	if (count < 2)
		return;
	/* With slices of 87 ms or more, so that it is not a busy host that runs one of two CPUs. */
	is(setpriority(PRIO_PROCESS, 0, -20), 0, "nice -20");
	pthread_create(&other, NULL, play, (void *)1);
	late = play((void *)0);
	is((long)late, 0, "two threads hand a word to and fro");
	pthread_join(other, &late);
	took = now_ns() - begin;
	printf("# %lu us\n", took / 1000);
	is(setpriority(PRIO_PROCESS, 0, 0), 0, "nice 0");
	/* One after the other each turn would cost a slice. */
	ok(took < 8000000000, "so they run at the same time");
}

static void check_others_move(void)
{
	struct spinner s[4] = {{.cpu = ~0u}, {.cpu = ~0u}, {.cpu = ~0u}, {.cpu = ~0u}};
	uint64_t before[4];
	unsigned errors = 0;

	spinners_start(s, 4);
	for (int i = 0; i < 400; i++)
		errors += pin(s[i % 4].tid, i % 3 == 0 ? all : all & -all) != 0;
	for (int i = 0; i < 4; i++)
		before[i] = s[i].turns;
	usleep(300000);
	for (int i = 0; i < 4; i++)
		errors += s[i].turns == before[i];
	spinners_stop(s, 4);
	is(errors, 0, "running threads are sent about and go on");
}

static void check_pinned(void)
{
	struct spinner s[8] = {{0}};
	unsigned n = 0;

	for (unsigned cpu = 0; cpu < 64 && n < 8; cpu++)
		if (all & 1UL << cpu)
			s[n++].cpu = cpu;
	for (; n < 8; n++)
		s[n].cpu = s[n % count].cpu;
	spinners_start(s, 8);
	usleep(300000);
	spinners_stop(s, 8);
	is(wrong_places, 0, "threads stay where they were sent");
	for (unsigned i = 0; i < 8; i++)
		ok(s[i].turns > 0, "spinner %u ran", i);
}

static void check_nice(void)
{
	const unsigned first = (unsigned)__builtin_ctzl(all);
	struct spinner s[2] = {{.cpu = first}, {.cpu = first}};

	is(raw(SYS_getpriority, PRIO_PROCESS, 0), 20, "nice is 0");
	is(raw(SYS_getpriority, 9, 0), -EINVAL, "getpriority of what");
	is(raw(SYS_getpriority, PRIO_PROCESS, 999999), -ESRCH, "getpriority of nobody");
	is(raw(SYS_setpriority, 9, 0, 0), -EINVAL, "setpriority of what");
	is(raw(SYS_setpriority, PRIO_PROCESS, 999999, 0), -ESRCH, "setpriority of nobody");
	spinners_start(s, 2);
	/* On a busy host the end of a slice can be some milliseconds late. */
	is(raw(SYS_setpriority, PRIO_PROCESS, s[0].tid, -20), 0, "nice -20");
	is(raw(SYS_getpriority, PRIO_PROCESS, s[0].tid), 40, "it is");
	is(raw(SYS_setpriority, PRIO_PROCESS, s[1].tid, 3), 0, "nice 3");
	is(raw(SYS_getpriority, PRIO_PROCESS, s[1].tid), 17, "it is");
	s[0].turns = s[1].turns = 0;
	usleep(1500000);
	uint64_t polite = s[1].turns, other = s[0].turns;
	spinners_stop(s, 2);
	printf("# %lu against %lu\n", other, polite);
	ok(polite > 0 && other > 4 * polite, "nice 3 gets much less, but something");
}

int main(void)
{
	check_count();
	check_moving();
	check_parallel();
	check_others_move();
	check_pinned();
	check_nice();
	return done();
}
