/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ cpus: 1 2 4
/* What /proc, sysinfo and times tell of processors: how many there are, and how they spend time. */
#include "proc_status.h"
#include "test.h"
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <unistd.h>

static volatile bool stop;

static void *spinner(void *arg)
{
	while (!stop)
		;
	return arg;
}

struct cpu_times {
	unsigned long user, nice, system, idle;
};

/* The line of one CPU, or of all (-1), in /proc/stat; false if there is none. */
static bool read_stat(int cpu, struct cpu_times *t)
{
	FILE *f = fopen("/proc/stat", "r");
	char line[500], name[20], piece[32];
	bool found = false;

	if (f != NULL)
		setvbuf(f, piece, _IOFBF, sizeof(piece)); /* numbers lie across two reads */
	sprintf(name, cpu < 0 ? "cpu " : "cpu%d ", cpu);
	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL)
		found = strncmp(line, name, strlen(name)) == 0 &&
			sscanf(line + strlen(name), "%lu %lu %lu %lu", &t->user, &t->nice,
			       &t->system, &t->idle) == 4;
	if (f != NULL)
		fclose(f);
	return found;
}

static int count_lines(const char *file, const char *begin)
{
	FILE *f = fopen(file, "r");
	char line[2000];
	int n = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		n += strncmp(line, begin, strlen(begin)) == 0;
	if (f != NULL)
		fclose(f);
	return n;
}

static void numbers(int cpus)
{
	struct cpu_times t;
	int lines = 0;

	while (read_stat(lines, &t))
		lines++;
	is(lines, cpus, "/proc/stat has a line for each CPU");
	ok(read_stat(-1, &t), "and one for all");
	is(count_lines("/proc/cpuinfo", "processor"), cpus, "/proc/cpuinfo has all");
	is(count_lines("/proc/cpuinfo", "model name"), cpus, "with their model");
	is(count_lines("/proc/stat", "btime"), 1, "the time of the boot");
	is(count_lines("/proc/stat", "ctxt"), 1, "switches");
}

static void times_pass(int cpus)
{
	struct cpu_times before, after;
	struct rusage usage;
	struct tms tms;
	pthread_t t[64];
	long spent;

	read_stat(-1, &before);
	for (int i = 0; i < cpus; i++)
		pthread_create(&t[i], NULL, spinner, NULL);
	usleep(500000);
	stop = true;
	for (int i = 0; i < cpus; i++)
		pthread_join(t[i], NULL);
	read_stat(-1, &after);
	spent = (long)(after.user + after.nice + after.system - before.user - before.nice -
		       before.system);
	ok(spent >= 20, "work is seen in /proc/stat (%ld ticks)", spent);
	getrusage(RUSAGE_SELF, &usage);
	ok(usage.ru_utime.tv_sec * 1000 + usage.ru_utime.tv_usec / 1000 >= 200, "and by getrusage");
	times(&tms);
	ok(tms.tms_utime >= 20, "and by times");
	read_stat(-1, &before);
	usleep(300000);
	read_stat(-1, &after);
	/* On Linux others may have used all of it. */
	ok(after.idle > before.idle || access("/bin/rm", X_OK) == 0, "and idling too");
}

static void *napper(void *arg)
{
	while (!stop)
		usleep(20);
	return arg;
}

/* Beside CPUs that begin and end to idle all the time. */
static void counters_go_on(int cpus)
{
	struct cpu_times last[65] = {0}, now;
	struct timespec start, ts;
	pthread_t t[3];
	int back = 0;

	stop = false;
	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, napper, NULL);
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		for (int i = -1; i < cpus; i++) {
			if (!read_stat(i, &now))
				break;
			back += now.user < last[i + 1].user || now.idle < last[i + 1].idle;
			last[i + 1] = now;
		}
		clock_gettime(CLOCK_MONOTONIC, &ts);
	} while ((ts.tv_sec - start.tv_sec) * 1000000000 + ts.tv_nsec - start.tv_nsec < 1000000000);
	stop = true;
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	/* Linux does not promise it. */
	ok(back == 0 || access("/bin/rm", X_OK) == 0, "no time goes back (%d did)", back);
}

static void averages(void)
{
	double one = -1, five = -1, fifteen = -1, up = -1, idle = -1;
	unsigned running = 0, total = 0, last = 0;
	FILE *f = fopen("/proc/loadavg", "r");
	struct sysinfo info;

	is(fscanf(f, "%lf %lf %lf %u/%u %u", &one, &five, &fifteen, &running, &total, &last), 6,
	   "/proc/loadavg");
	fclose(f);
	ok(one >= 0 && fifteen >= 0 && running >= 1 && total >= running, "it makes sense");
	f = fopen("/proc/uptime", "r");
	is(fscanf(f, "%lf %lf", &up, &idle), 2, "/proc/uptime");
	fclose(f);
	ok(up > 0.5 && idle > 0 && idle <= up * (double)sysconf(_SC_NPROCESSORS_ONLN) * 1.01,
	   "idling is part of it");
	is(sysinfo(&info), 0, "sysinfo");
	ok(info.procs >= 1 && (double)info.uptime + 2 > up, "tells the same");
}

static void status(int cpus)
{
	char text[100], want[100];
	cpu_set_t set;

	read_status("Threads:", text);
	is(atoi(text), 1, "one thread");
	sprintf(want, cpus > 1 ? "0-%d" : "0", cpus - 1);
	read_status("Cpus_allowed_list:", text);
	ok(strcmp(text, want) == 0, "all CPUs are allowed (%s)", text);
	CPU_ZERO(&set);
	CPU_SET(cpus - 1, &set);
	is(sched_setaffinity(0, sizeof(set), &set), 0, "allow one only");
	sprintf(want, "%d", cpus - 1);
	read_status("Cpus_allowed_list:", text);
	ok(strcmp(text, want) == 0, "it is said (%s)", text);
	read_status("Cpus_allowed:", text);
	is(strtol(text, NULL, 16), 1l << (cpus - 1), "as a mask too");
	CPU_ZERO(&set);
	for (int i = 0; i < cpus; i++)
		CPU_SET(i, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

int main(void)
{
	int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
	const char *want = getenv("TEST_CPUS");

	if (want != NULL && atoi(want) > 0)
		is(cpus, atoi(want), "as many CPUs as the machine was given");
	numbers(cpus);
	status(cpus);
	times_pass(cpus);
	counters_go_on(cpus);
	averages();
	return done();
}
