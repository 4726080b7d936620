/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: diff
//@ alone: yes
/* The clocks and ways to sleep of clock_gettime(2), clock_nanosleep(2), times(2): arguments,
 * errors, relations. */
#include "test.h"
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <unistd.h>

static void show(const char *what, long value)
{
	printf("%s %ld\n", what, value);
	fflush(stdout);
}

static int64_t get(clockid_t clock)
{
	struct timespec ts = {-1, -1};

	if (clock_gettime(clock, &ts))
		return -errno;
	return ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void reading(void)
{
	static const struct {
		clockid_t id;
		const char *name;
	} clocks[] = {
		{CLOCK_REALTIME, "realtime"},
		{CLOCK_MONOTONIC, "monotonic"},
		{CLOCK_PROCESS_CPUTIME_ID, "process"},
		{CLOCK_THREAD_CPUTIME_ID, "thread"},
		{CLOCK_MONOTONIC_RAW, "raw"},
		{CLOCK_REALTIME_COARSE, "realtime coarse"},
		{CLOCK_MONOTONIC_COARSE, "monotonic coarse"},
		{CLOCK_BOOTTIME, "boottime"},
	};
	struct timespec ts;

	for (unsigned i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		int64_t a = get(clocks[i].id), b = get(clocks[i].id);
		int e = clock_getres(clocks[i].id, &ts);
		printf("%s: reads %d, goes on %d, resolution %d %d\n", clocks[i].name, a >= 0,
		       b >= a, e,
		       e == 0 && ts.tv_sec == 0 && ts.tv_nsec > 0 && ts.tv_nsec <= 10000000);
	}
	show("realtime is coarse realtime",
	     llabs(get(CLOCK_REALTIME) - get(CLOCK_REALTIME_COARSE)) < 100000000);
	struct timeval tv;
	show("gettimeofday", gettimeofday(&tv, NULL));
	show("is realtime", llabs(tv.tv_sec - time(NULL)) <= 1);
	show("clock 99", clock_gettime(99, &ts) ? -errno : 0);
	show("getres 99", clock_getres(99, &ts) ? -errno : 0);
	show("getres nowhere", clock_getres(CLOCK_MONOTONIC, NULL));
	show("time", raw(SYS_time, 0) > 1600000000);
	show("bad pointer", raw(SYS_clock_gettime, CLOCK_MONOTONIC, 8));
	show("gettimeofday bad pointer", raw(SYS_gettimeofday, 8, 0));
}

static void sleeping(void)
{
	struct timespec ts = {0, 20000000};
	int64_t start = get(CLOCK_MONOTONIC);

	show("nanosleep", nanosleep(&ts, NULL));
	show("long enough", get(CLOCK_MONOTONIC) - start >= 20000000);
	start = get(CLOCK_MONOTONIC);
	ts.tv_sec = (start + 30000000) / 1000000000;
	ts.tv_nsec = (start + 30000000) % 1000000000;
	show("absolute", clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL));
	show("long enough", get(CLOCK_MONOTONIC) - start >= 30000000);
	show("past", clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL));
	start = get(CLOCK_REALTIME) + 20000000;
	ts = (struct timespec){start / 1000000000, start % 1000000000};
	show("absolute realtime", clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &ts, NULL));
	show("long enough", get(CLOCK_REALTIME) >= start);
	ts = (struct timespec){0, -1};
	show("negative", clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL));
	ts = (struct timespec){-1, 0};
	show("negative seconds", clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL));
	ts = (struct timespec){0, 1000000000};
	show("too many", clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL));
	show("thread clock", clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &ts, NULL));
	ts = (struct timespec){0, 0};
	show("nothing", clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL));
}

static volatile long work;

static void *burn(void *arg)
{
	int64_t end = get(CLOCK_THREAD_CPUTIME_ID) + (long)arg * 1000000;

	while (get(CLOCK_THREAD_CPUTIME_ID) < end)
		work++;
	return (void *)get(CLOCK_THREAD_CPUTIME_ID);
}

static void processor_time(void)
{
	int64_t before = get(CLOCK_PROCESS_CPUTIME_ID), mine = get(CLOCK_THREAD_CPUTIME_ID);
	struct timespec ts = {0, 100000000};
	pthread_t t[2];
	void *r;

	nanosleep(&ts, NULL);
	show("sleeping takes none", get(CLOCK_PROCESS_CPUTIME_ID) - before < 50000000);
	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, burn, (void *)40L);
	for (int i = 0; i < 2; i++) {
		pthread_join(t[i], &r);
		show("a thread's own time", (long)r >= 40000000 && (long)r < 2000000000);
	}
	show("the process's is the sum", get(CLOCK_PROCESS_CPUTIME_ID) - before >= 80000000);
	show("waiting for them took none", get(CLOCK_THREAD_CPUTIME_ID) - mine < 50000000);
	struct rusage u;
	show("getrusage", getrusage(RUSAGE_SELF, &u));
	show("its time", (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec +
					 u.ru_stime.tv_usec >=
				 80000);
	struct tms tms;
	show("times", times(&tms) != (clock_t)-1);
	show("its time", tms.tms_utime + tms.tms_stime >= 7);
	show("clock()", clock() >= 80000);
}

static volatile bool runs, measured;

static void *run_before(void *arg)
{
	runs = true;
	while (!measured)
		;
	return (void *)get(CLOCK_THREAD_CPUTIME_ID);
}

/* A thread that has run since before anybody asked for such a time. */
static void first_asked(void)
{
	pthread_t t;
	void *r;

	pthread_create(&t, NULL, run_before, NULL);
	while (!runs)
		;
	get(CLOCK_THREAD_CPUTIME_ID);
	measured = true;
	pthread_join(t, &r);
	show("it has not run for longer than there is the program", (long)r < 2000000000);
}

static volatile bool napping;

static void *nap(void *arg)
{
	struct timespec ts = {0, 20000};

	while (napping)
		nanosleep(&ts, NULL);
	return NULL;
}

/* Beside CPUs that begin and end to idle all the time. */
static void process_time_goes_on(void)
{
	enum { NAPPERS = 3 };
	int64_t end = get(CLOCK_MONOTONIC) + 300000000, last = 0, most = 0;
	pthread_t t[NAPPERS];

	napping = true;
	for (int i = 0; i < NAPPERS; i++)
		pthread_create(&t[i], NULL, nap, NULL);
	while (get(CLOCK_MONOTONIC) < end) {
		int64_t now = get(CLOCK_PROCESS_CPUTIME_ID);

		if (last - now > most)
			most = last - now;
		last = now;
	}
	napping = false;
	for (int i = 0; i < NAPPERS; i++)
		pthread_join(t[i], NULL);
	show("the process's has gone back by", most);
}

int main(void)
{
	first_asked();
	reading();
	sleeping();
	processor_time();
	process_time_goes_on();
	return 0;
}
