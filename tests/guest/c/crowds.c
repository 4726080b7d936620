/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ cpus: 1 2 4
//@ memory: 1G
//@ timeout: 240
//@ max-rss: 1000
//@ case: at_once
//@ args: at_once 10000
//@ case: in_turn
//@ args: in_turn 100000
//@ max-rss: 200
//@ case: detached
//@ args: detached 20000
//@ max-rss: 200
/*
 * Threads in great numbers, at once and one after the other, and that nothing of them is left: the
 * machine's free memory on kvm, what is mapped and used elsewhere (the driver looks at what the
 * kernel took there).
 */
#include "test.h"
#include <pthread.h>
#include <sched.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define THREADS_MAX 10000
#define PATIENCE_MS 5000 /* until the last of what ended is cleared away */
#define KIB 1024L

static pthread_t threads[THREADS_MAX];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_here = PTHREAD_COND_INITIALIZER, leave = PTHREAD_COND_INITIALIZER;
static long here, expected;
static bool leaving;

/* The number after name in a file of lines like /proc/self/status, or -1. */
static long file_number(const char *path, const char *name)
{
	FILE *f = fopen(path, "r");
	char line[300];
	long value = -1;

	while (f && value < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			value = atol(line + strlen(name));
	if (f)
		fclose(f);
	return value;
}

static bool version_has(const char *what)
{
	FILE *f = fopen("/proc/version", "r");
	char line[300] = "";

	if (f && !fgets(line, sizeof(line), f))
		line[0] = 0;
	if (f)
		fclose(f);
	return strstr(line, what) != NULL;
}

/* KiB in use: of the machine if it is ours, else of the process, address space counted too. */
static long used_kib(void)
{
	struct sysinfo si;

	if (!version_has("Kiln on kvm"))
		return file_number("/proc/self/status", "VmRSS:") +
		       file_number("/proc/self/status", "VmSize:");
	sysinfo(&si);
	return (long)((si.totalram - si.freeram) * si.mem_unit / KIB);
}

/* In the end no more than slack_kib above before is in use. */
static void check_used(long before, long slack_kib, const char *name)
{
	long used = 0;

	for (int ms = 0; ms < PATIENCE_MS; ms += 10) {
		used = used_kib();
		if (used <= before + slack_kib)
			break;
		usleep(10000);
	}
	printf("# %ld KiB before, %ld KiB after\n", before, used);
	ok(used <= before + slack_kib, "%s", name);
}

static void *wait_in_crowd(void *arg)
{
	pthread_mutex_lock(&mutex);
	if (++here == expected)
		pthread_cond_signal(&all_here);
	while (!leaving)
		pthread_cond_wait(&leave, &mutex);
	here--;
	pthread_mutex_unlock(&mutex);
	return arg;
}

/* n threads at once; KiB in use while they are there. */
static long crowd(long n)
{
	long created = 0, joined = 0, used, counted;
	int err = 0;

	pthread_mutex_lock(&mutex);
	leaving = false;
	expected = n;
	pthread_mutex_unlock(&mutex);
	while (created < n && !err) {
		err = pthread_create(&threads[created], NULL, wait_in_crowd, &threads[created]);
		created += !err;
	}
	if (err)
		printf("# thread %ld: %s\n", created, strerror(err));
	pthread_mutex_lock(&mutex);
	while (!err && here < n)
		pthread_cond_wait(&all_here, &mutex);
	pthread_mutex_unlock(&mutex);
	counted = file_number("/proc/self/status", "Threads:");
	used = used_kib();
	pthread_mutex_lock(&mutex);
	leaving = true;
	pthread_cond_broadcast(&leave);
	pthread_mutex_unlock(&mutex);
	for (long i = 0; i < created; i++) {
		void *value = NULL;

		joined += pthread_join(threads[i], &value) == 0 && value == &threads[i];
	}
	if (n >= 1000) {
		is(created, n, "so many threads were created");
		is(counted, n + 1, "/proc/self/status counts them");
		is(joined, n, "each was joined and returned its value");
	}
	return used;
}

static void test_at_once(long n)
{
	const bool on_linux = !version_has("Kiln");
	long before, first, most;

	crowd(64);
	before = used_kib();
	most = crowd(n);
	printf("# %.1f KiB for each thread\n", (double)(most - before) / (double)n);
	/*
	 * Some is kept for the next threads: on kvm page tables and a page of each kernel stack, by
	 * glibc 40 MiB of stacks. But no more the second time.
	 */
	check_used(before, on_linux ? 64 * KIB : 2 * KIB + 5 * n, "most memory comes back");
	first = used_kib();
	crowd(n);
	check_used(first, on_linux ? 8 * KIB : 512, "the second time all of it");
}

static void *add_one(void *arg)
{
	__atomic_add_fetch((long *)arg, 1, __ATOMIC_RELAXED);
	return arg;
}

static void in_turn(long n)
{
	long count = 0;
	pthread_t t;

	for (long i = 0; i < n; i++)
		if (pthread_create(&t, NULL, add_one, &count) || pthread_join(t, NULL))
			break;
	is(count, n, "so many threads, one after the other");
}

static void test_in_turn(long n)
{
	long before;

	in_turn(200);
	before = used_kib();
	in_turn(n);
	check_used(before, 256, "nothing is left of them");
}

/* At most a hundred at a time. */
static void detached(long n)
{
	static long count;
	pthread_attr_t detached;
	long i;

	count = 0;
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	for (i = 0; i < n && !pthread_create(&threads[0], &detached, add_one, &count); i++)
		while (i - __atomic_load_n(&count, __ATOMIC_RELAXED) >= 100)
			sched_yield();
	for (int ms = 0; ms < PATIENCE_MS && __atomic_load_n(&count, __ATOMIC_RELAXED) < i; ms++)
		usleep(1000);
	is(__atomic_load_n(&count, __ATOMIC_RELAXED), n, "so many detached threads");
	pthread_attr_destroy(&detached);
}

static void test_detached(long n)
{
	long before;

	detached(1000);
	usleep(100000);
	before = used_kib();
	detached(n);
	check_used(before, 4 * KIB, "nothing is left of them");
}

int main(int argc, char **argv)
{
	long n = argc == 3 ? atol(argv[2]) : 0;

	if (n < 1 || n > 1000000)
		return 2;
	if (!strcmp(argv[1], "at_once") && n <= THREADS_MAX)
		test_at_once(n);
	else if (!strcmp(argv[1], "in_turn"))
		test_in_turn(n);
	else
		test_detached(n);
	return done();
}
