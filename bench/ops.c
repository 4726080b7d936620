/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Single operations in loops. `ops count NAME` runs the loop over N and over 2 N operations between
 * marks, for the counting plugin; `ops time NAME` prints the nanoseconds an operation takes.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "mark.h"

#define TIME_ROUNDS 5

static void op_empty(long n)
{
	for (long i = 0; i < n; i++)
		__asm__ volatile("");
}

static void op_getppid(long n)
{
	for (long i = 0; i < n; i++)
		getppid();
}

/* The syscall instruction itself, as crates with inline assembly use it. */
static void op_getppid_inline(long n)
{
	for (long i = 0; i < n; i++) {
		long ret;

		__asm__ volatile("syscall"
				 : "=a"(ret)
				 : "a"((long)SYS_getppid)
				 : "rcx", "r11", "memory");
	}
}

static void op_clock_gettime(long n)
{
	struct timespec ts;

	for (long i = 0; i < n; i++)
		clock_gettime(CLOCK_MONOTONIC, &ts);
}

/* Another block of the size is in use, as in any program that runs for a while. */
static void op_malloc(long n)
{
	void *volatile other = malloc(64);

	for (long i = 0; i < n; i++) {
		void *volatile p = malloc(64);

		free(p);
	}
	free(other);
}

#define CHURN_BLOCKS 1000

/* Blocks of 16 to 512 bytes take the place of others, as in a program that holds many. */
static void op_malloc_churn(long n)
{
	static void *held[CHURN_BLOCKS];
	uint64_t x = 88172645463325252u;

	for (long i = 0; i < n; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		void **p = &held[x % CHURN_BLOCKS];

		free(*p);
		*p = malloc(16 + (x >> 20) % 497);
	}
}

/* 300 KB, each page of which is written to. */
static void op_malloc_large(long n)
{
	for (long i = 0; i < n; i++) {
		char *volatile p = malloc(300000);

		for (long at = 0; at < 300000; at += 4096)
			p[at] = 1;
		free(p);
	}
}

static volatile bool stop, started;

static void *yielder(void *arg)
{
	(void)arg;
	started = true;
	while (!stop)
		sched_yield();
	return NULL;
}

/* One yield of this thread is two switches: to the other one and back. */
static void op_yield(long n)
{
	for (long i = 0; i < n; i++)
		sched_yield();
}

static void *nothing(void *arg)
{
	return arg;
}

static void op_thread(long n)
{
	pthread_t t;

	for (long i = 0; i < n; i++) {
		pthread_create(&t, NULL, nothing, NULL);
		pthread_join(t, NULL);
	}
}

static const struct op {
	const char *name;
	void (*run)(long n);
	long count_n, time_n;
	bool with_yielder;
} ops[] = {
	{"empty", op_empty, 1000, 10000000, false},
	{"getppid", op_getppid, 1000, 3000000, false},
	{"getppid-inline", op_getppid_inline, 1000, 300000, false},
	{"clock_gettime", op_clock_gettime, 1000, 1000000, false},
	{"malloc", op_malloc, 1000, 1000000, false},
	{"malloc-churn", op_malloc_churn, 10000, 1000000, false},
	{"malloc-large", op_malloc_large, 100, 10000, false},
	{"yield", op_yield, 1000, 300000, true},
	{"thread", op_thread, 100, 5000, false},
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void count_op(const struct op *op)
{
	op->run(op->count_n); /* first touches of memory are not the operation's */
	for (int i = 0; i < 3; i++) {
		BENCH_MARK(1);
		op->run(op->count_n);
		BENCH_MARK(2);
		op->run(2 * op->count_n);
		BENCH_MARK(3);
	}
	printf("%ld operations\n", op->count_n);
}

static void time_op(const struct op *op)
{
	double best = 0;

	for (int i = 0; i < TIME_ROUNDS; i++) {
		uint64_t start = now_ns();
		op->run(op->time_n);
		double ns = (double)(now_ns() - start) / (double)op->time_n;
		if (i == 0 || ns < best)
			best = ns;
	}
	printf("%.2f ns\n", best);
}

int main(int argc, char **argv)
{
	pthread_t other;

	for (size_t i = 0; argc == 3 && i < sizeof(ops) / sizeof(ops[0]); i++) {
		const struct op *op = &ops[i];

		if (strcmp(argv[2], op->name) != 0)
			continue;
		if (op->with_yielder) {
			pthread_create(&other, NULL, yielder, NULL);
			while (!started)
				sched_yield();
		}
		if (strcmp(argv[1], "count") == 0)
			count_op(op);
		else
			time_op(op);
		stop = true;
		if (op->with_yielder)
			pthread_join(other, NULL);
		return 0;
	}
	fprintf(stderr, "usage: ops count|time NAME\n");
	return 2;
}
