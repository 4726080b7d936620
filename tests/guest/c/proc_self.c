/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ cpus: 1 2 4
/*
 * /proc/self is the process: its name and its CPUs are the main thread's, whichever thread asks.
 */
#include "proc_status.h"
#include "test.h"
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

static void *other(void *arg)
{
	char name[32] = "", text[100], cpus[100];
	cpu_set_t set;
	FILE *f;

	(void)arg;
	read_status("Cpus_allowed:", cpus);
	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	is(sched_setaffinity(0, sizeof(set), &set), 0, "a thread keeps to one CPU");
	prctl(PR_SET_NAME, "other");
	f = fopen("/proc/self/comm", "r");
	ok(f != NULL && fgets(name, sizeof(name), f) != NULL && strcmp(name, "main\n") == 0,
	   "the process's name is the main thread's");
	if (f != NULL)
		fclose(f);
	read_status("Name:", text);
	ok(strcmp(text, "main") == 0, "so it is in its status");
	read_status("Cpus_allowed:", text);
	ok(strcmp(text, cpus) == 0 && *text != 0, "and its CPUs are the main thread's");
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
