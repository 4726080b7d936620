/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ repeat: 5
//@ timeout: 120
/*
 * First touches by all CPUs at once: of the same page, of neighbours that share a page table, and
 * of new address space for which the tables are missing too. A page that were put twice would lose
 * what went to the first one.
 */
#include "test.h"
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096L
#define THREADS 4
#define PAGES 300
#define ROUNDS 8
#define SPREAD (1L << 30) /* a page table directory for each */
#define SPREAD_PAGES 16

static char *area;
static long stride, count;
static volatile int arrived, turn;

/* All go on at about the same time. */
static void meet(void)
{
	int my_turn = turn;

	if (__atomic_add_fetch(&arrived, 1, __ATOMIC_ACQ_REL) == THREADS) {
		arrived = 0;
		__atomic_store_n(&turn, my_turn + 1, __ATOMIC_RELEASE);
	} else {
		for (int spins = 0; __atomic_load_n(&turn, __ATOMIC_ACQUIRE) == my_turn; spins++)
			if (spins > 200)
				sched_yield();
	}
}

static void *toucher(void *arg)
{
	long me = (long)arg;

	for (long i = 0; i < count; i++) {
		char *page = area + i * stride;

		if (i % 16 == 0)
			meet();
		/* The same word of all, and one of its own. */
		__atomic_add_fetch((uint64_t *)page, 1, __ATOMIC_RELAXED);
		((uint64_t *)page)[1 + me] = (uint64_t)(me + i);
	}
	return NULL;
}

static bool page_good(long i)
{
	const uint64_t *w = (const uint64_t *)(area + i * stride);

	if (w[0] != THREADS)
		return false;
	for (long k = 1; k < 512; k++)
		if (w[k] != (k <= THREADS ? (uint64_t)(k - 1 + i) : 0))
			return false;
	return true;
}

/* Pages that are not what they should be. */
static long round_of(size_t bytes)
{
	pthread_t threads[THREADS];
	long bad = 0;

	area = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (area == MAP_FAILED)
		return -1;
	for (long i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, toucher, (void *)i))
			return -1;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (long i = 0; i < count; i++)
		bad += !page_good(i);
	if (munmap(area, bytes))
		return -1;
	return bad;
}

int main(void)
{
	long bad = 0;

	printf("# seed %lu\n", (unsigned long)test_seed());
	stride = PAGE;
	count = PAGES;
	for (int i = 0; i < ROUNDS; i++)
		bad += round_of(PAGES * PAGE);
	is(bad, 0, "pages that all CPUs touch first are there once");
	stride = SPREAD + PAGE;
	count = SPREAD_PAGES;
	bad = round_of(SPREAD_PAGES * (SPREAD + PAGE));
	is(bad, 0, "and so are their page tables");
	return done();
}
