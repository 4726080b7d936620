/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ cpus: 1 2 4
/*
 * /proc/self is the process: its name and its CPUs are the main thread's, whichever thread asks.
 */
#include "test.h"
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

static void read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, text, size - 1);

	text[n > 0 ? n : 0] = 0;
	close(fd);
}

/* The line of /proc/self/status that begins with key. */
static void status_line(const char *key, char *line, size_t size)
{
	char text[4096], *start;

	read_text("/proc/self/status", text, sizeof(text));
	start = strstr(text, key);
	snprintf(line, size, "%.*s", start ? (int)strcspn(start, "\n") : 0, start ? start : "");
}

static void *other(void *arg)
{
	char name[32], line[200], cpus[200], now[200];
	cpu_set_t set;

	(void)arg;
	status_line("Cpus_allowed:", cpus, sizeof(cpus));
	sched_getaffinity(0, sizeof(set), &set);
	for (int i = 0, first = -1; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &set) && first < 0)
			first = i;
		else
			CPU_CLR(i, &set);
	is(sched_setaffinity(0, sizeof(set), &set), 0, "a thread keeps to one CPU");
	prctl(PR_SET_NAME, "other");
	read_text("/proc/self/comm", name, sizeof(name));
	ok(strcmp(name, "main\n") == 0, "the process's name is the main thread's");
	status_line("Name:", line, sizeof(line));
	ok(strcmp(line, "Name:\tmain") == 0, "so it is in its status");
	status_line("Cpus_allowed:", now, sizeof(now));
	ok(strcmp(cpus, now) == 0 && *now != 0, "and its CPUs are the main thread's");
	prctl(PR_GET_NAME, name);
	ok(strcmp(name, "other") == 0, "the thread has its own name");
	return NULL;
}

int main(void)
{
	pthread_t t;

	prctl(PR_SET_NAME, "main");
	pthread_create(&t, NULL, other, NULL);
	pthread_join(t, NULL);
	return done();
}
