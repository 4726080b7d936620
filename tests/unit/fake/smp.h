/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A machine with several CPUs for core: each is a host thread with its own %gs, the kernel's
 * threads are contexts that move between them, and the clock is the host's. Interrupts (kicks and
 * the timer) come at the points where the machine is called: while a program spends time, while a
 * CPU waits or halts, at a look at the clock, and before each lock is taken or given back. There a
 * seeded generator also makes the CPU pause now and then, so that narrow windows open.
 *
 * One process is one machine that runs all of its tests, one after the other, in its main thread.
 * Environment: SEED, CPUS (2 to 4; else by the seed), SECONDS_EACH (for each test).
 */
#ifndef FAKE_SMP_H
#define FAKE_SMP_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/errno.h"
#include "core/thread.h"

#define SMP_CPUS_MAX 4u

#define CHECK(condition) ((condition) ? (void)0 : smp_fail(__FILE__, __LINE__, #condition))
#define CHECK_EQ(a, b)                                                                             \
	do {                                                                                       \
		long long a_ = (long long)(a), b_ = (long long)(b);                                \
		if (a_ != b_) {                                                                    \
			fprintf(stderr, "# %s is %lld, %s is %lld\n", #a, a_, #b, b_);             \
			smp_fail(__FILE__, __LINE__, #a " == " #b);                                \
		}                                                                                  \
	} while (0)

/* Tell what failed and what all threads do, and end the process. */
NORETURN void smp_fail(const char *file, int line, const char *what);

struct smp_test {
	const char *name;
	void (*run)(void); /* in the main thread */
};

/* Run the tests: main()'s result. */
int smp_run(const struct smp_test *tests, unsigned n);

extern unsigned smp_cpus; /* how many there are */
/* Is the test's time over? */
bool smp_over(void);
uint64_t smp_now_ns(void);

/* --- the program: what a C library would be --- */

#define SMP_FRAMES_MAX 8u

/* A thread as the program knows it. */
struct smp_thread {
	_Atomic uint32_t tid; /* 0: it has ended (CLONE_CHILD_CLEARTID) */
	void (*fn)(void *arg);
	void *arg;
	uint64_t random;
	bool restart; /* the call that was interrupted is to be made again */
	/* Handlers that the kernel has made it enter, the last first. */
	unsigned frames;
	struct smp_frame {
		uint64_t mask;
		struct k_siginfo info;
	} frame[SMP_FRAMES_MAX];
	uint64_t data; /* the test's */
};

/* A thread that runs fn(arg). */
struct smp_thread *smp_start(void (*fn)(void *arg), void *arg);
/* Wait for its end and free it. */
void smp_join(struct smp_thread *t);
/* n threads at once; arg is what each gets. */
void smp_crowd(unsigned n, void (*fn)(void *arg), void *arg);

struct smp_thread *smp_self(void);
/* 0 … n-1, by the thread's own generator. */
uint64_t smp_random(uint64_t n);
/* The CPU that runs the program, this moment. */
unsigned smp_cpu(void);

/* Will the timer interrupt this CPU in time for all whose sleep is to end here? */
bool smp_timer_is_set(void);

/* The program computes for a moment: interrupts may come. */
void smp_point(void);
/* … for some time. */
void smp_spend(uint64_t ns);

/* Called for each signal that is handled; with all signals blocked that the action says. */
extern void (*smp_handler)(const struct k_siginfo *info);

/* The way out of the kernel with a call's result; the program's handlers run. */
long smp_leave(long result);

/* A system call, made again if it is to be restarted. */
#define SMP_CALL(call)                                                                             \
	({                                                                                         \
		long r__;                                                                          \
		do {                                                                               \
			smp_point();                                                               \
			smp_self()->restart = false;                                               \
			r__ = smp_leave(call);                                                     \
		} while (smp_self()->restart);                                                     \
		r__;                                                                               \
	})

/* --- locks of the program, made of futexes --- */

struct smp_mutex {
	_Atomic uint32_t word; /* 0 free, 1 held, 2 held and waited for */
};
bool smp_mutex_lock(struct smp_mutex *m, uint64_t deadline_ns); /* false: too late */
void smp_mutex_unlock(struct smp_mutex *m);

struct smp_cond {
	_Atomic uint32_t seq;
};
/* m is held, before and behind; true: woken (perhaps for nothing), false: too late. */
bool smp_cond_wait(struct smp_cond *c, struct smp_mutex *m, uint64_t deadline_ns);
void smp_cond_signal(struct smp_cond *c);
/* Wakes one and lets the others wait for m, which is held. */
void smp_cond_broadcast(struct smp_cond *c, struct smp_mutex *m);

#endif
