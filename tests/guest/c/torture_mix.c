/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ repeat: 3
//@ timeout: 180
//@ memory: 256M
/*
 * Everything at once: threads that map, protect, fill and unmap memory, allocate, start and join
 * threads, pass bytes through pipes, sleep, spin and take signals, in a seeded order. Each piece of
 * memory holds a pattern that is checked before it goes.
 */
#include "test.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#define THREADS 8
#define PIECES 16
#define SECONDS 3

static volatile bool stop;
static volatile long signals, steps;
static pthread_t threads[THREADS];
static int pipes[2];
static long piped_in, piped_out;

struct piece {
	uint64_t *words;
	size_t bytes;
	uint64_t tag;
	bool mapped, read_only;
};

static void on_signal(int sig)
{
	char scribble[300];

	memset(scribble, sig, sizeof(scribble));
	__asm__ volatile("" : : "r"(scribble) : "memory");
	__atomic_add_fetch(&signals, 1, __ATOMIC_RELAXED);
}

/* One word in each 512 bytes is looked at. */
static void piece_fill(struct piece *p)
{
	for (size_t i = 0; i < p->bytes / 8; i += 64)
		p->words[i] = p->tag + i;
}

static bool piece_good(const struct piece *p)
{
	for (size_t i = 0; i < p->bytes / 8; i += 64)
		if (p->words[i] != p->tag + i)
			return false;
	return true;
}

static bool piece_new(struct piece *p, struct rng *r)
{
	p->mapped = rng_below(r, 2);
	p->read_only = false;
	p->tag = rng_next(r);
	if (p->mapped) {
		p->bytes = 4096 * (1 + rng_below(r, 50));
		p->words = mmap(NULL, p->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				-1, 0);
		if (p->words == MAP_FAILED)
			return false;
		/* New memory is zero, whoever had it before. */
		for (size_t i = 0; i < p->bytes / 8; i += 61)
			if (p->words[i] != 0)
				return false;
	} else {
		p->bytes = 8 * (1 + rng_below(r, rng_below(r, 8) == 0 ? 30000 : 100));
		p->words = malloc(p->bytes);
		if (!p->words)
			return false;
	}
	piece_fill(p);
	return true;
}

static void piece_drop(struct piece *p)
{
	if (p->mapped)
		munmap(p->words, p->bytes);
	else
		free(p->words);
	p->words = NULL;
}

static bool piece_change(struct piece *p, struct rng *r)
{
	if (!p->mapped) {
		size_t bytes = 8 * (1 + rng_below(r, 2000));
		size_t common = bytes < p->bytes ? bytes : p->bytes;
		uint64_t *words = realloc(p->words, bytes);

		if (!words)
			return false;
		p->words = words;
		p->bytes = common;
		bool good = piece_good(p);
		p->bytes = bytes;
		piece_fill(p);
		return good;
	}
	switch (rng_below(r, 3)) {
	case 0:
		p->read_only = !p->read_only;
		return mprotect(p->words, p->bytes,
				p->read_only ? PROT_READ : PROT_READ | PROT_WRITE) == 0;
	case 1: {
		size_t bytes = 4096 * (1 + rng_below(r, 60));
		void *q = mremap(p->words, p->bytes, bytes, MREMAP_MAYMOVE);

		if (q == MAP_FAILED)
			return false;
		p->words = q;
		p->bytes = bytes < p->bytes ? bytes : p->bytes;
		bool good = piece_good(p);
		p->bytes = bytes;
		if (!p->read_only)
			piece_fill(p);
		else
			return good && mprotect(q, bytes, PROT_READ | PROT_WRITE) == 0 &&
			       (p->read_only = false, piece_fill(p), true);
		return good;
	}
	default:
		if (p->read_only)
			return piece_good(p);
		if (madvise(p->words, p->bytes, MADV_DONTNEED))
			return false;
		for (size_t i = 0; i < p->bytes / 8; i += 61)
			if (p->words[i] != 0)
				return false;
		piece_fill(p);
		return true;
	}
}

static void *short_life(void *arg)
{
	volatile char frame[3000];

	for (unsigned i = 0; i < sizeof(frame); i += 100)
		frame[i] = (char)i;
	return (void *)((long)arg * 3 + frame[0]);
}

static bool thread_life(struct rng *r)
{
	long n = (long)rng_below(r, 1000);
	pthread_t t;
	void *result;

	if (pthread_create(&t, NULL, short_life, (void *)n))
		return false;
	pthread_join(t, &result);
	return (long)result == n * 3;
}

static bool pass_bytes(struct rng *r)
{
	char buf[200];
	size_t n = 1 + rng_below(r, sizeof(buf));

	memset(buf, 0x42, n);
	/* Each writes as much as it reads, so nobody waits for ever. */
	ssize_t w = write(pipes[1], buf, n);
	if (w <= 0)
		return false;
	__atomic_add_fetch(&piped_in, w, __ATOMIC_RELAXED);
	for (ssize_t left = w, got; left > 0; left -= got) {
		got = read(pipes[0], buf, (size_t)left);
		if (got <= 0 || buf[0] != 0x42)
			return false;
		__atomic_add_fetch(&piped_out, got, __ATOMIC_RELAXED);
	}
	return true;
}

static bool step(struct piece *pieces, struct rng *r)
{
	struct piece *p = &pieces[rng_below(r, PIECES)];
	struct timespec ts = {0, (long)rng_below(r, 300000)};

	switch (rng_below(r, 10)) {
	case 0:
		sched_yield();
		return true;
	case 1:
		nanosleep(&ts, NULL);
		return true;
	case 2:
		return thread_life(r);
	case 3:
		return pass_bytes(r);
	case 4:
		return pthread_kill(threads[rng_below(r, THREADS)], SIGUSR1) == 0;
	default:
		break;
	}
	if (!p->words)
		return piece_new(p, r);
	if (rng_below(r, 2))
		return piece_change(p, r);
	bool good = piece_good(p);
	piece_drop(p);
	return good;
}

static void *body(void *arg)
{
	struct rng r = rng_make((uint64_t)(uintptr_t)arg + 1);
	struct piece pieces[PIECES] = {0};
	sigset_t all;
	long bad = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_UNBLOCK, &all, NULL);
	while (!stop) {
		if (!step(pieces, &r))
			bad++;
		__atomic_add_fetch(&steps, 1, __ATOMIC_RELAXED);
	}
	for (int i = 0; i < PIECES; i++)
		if (pieces[i].words) {
			bad += !piece_good(&pieces[i]);
			piece_drop(&pieces[i]);
		}
	return (void *)bad;
}

int main(void)
{
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	struct itimerval it = {{0, 3000}, {0, 3000}}, off = {0};
	struct timespec ts = {SECONDS, 0};
	sigset_t all, old;
	long bad = 0;
	void *r;

	printf("# seed %lu\n", (unsigned long)test_seed());
	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGALRM, &sa, NULL);
	if (pipe(pipes))
		return 2;
	/* No signal before all threads have their names in the table. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	for (long i = 0; i < THREADS; i++)
		threads[i] = pthread_self();
	for (long i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, body, (void *)i);
	setitimer(ITIMER_REAL, &it, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	do
		for (struct timespec left = ts; nanosleep(&left, &left);)
			;
	while (signals <= 100); /* the host may be busy */
	setitimer(ITIMER_REAL, &off, NULL);
	stop = true;
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &r);
		bad += (long)r;
	}
	printf("# %ld steps, %ld signals, %ld bytes\n", steps, signals, piped_in);
	is(bad, 0, "every piece of memory kept its contents, every call succeeded");
	is(piped_out, piped_in, "every byte came through");
	return done();
}
