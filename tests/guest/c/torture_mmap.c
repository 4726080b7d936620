/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ repeat: 3
//@ timeout: 180
/*
 * All CPUs map and unmap at once: what a thread has mapped is zero first, holds what it has written
 * until the end, and is in nobody else's hands.
 */
#include "test.h"
#include <pthread.h>
#include <sys/mman.h>

#define PAGE 4096L
#define THREADS 4
#define PIECES 12
#define STEPS 400
#define PAGES_MAX 40

struct piece {
	uint64_t *at;
	long pages;
	uint64_t tag;
};

static long wrong;

static void piece_check(const struct piece *p)
{
	for (long i = 0; i < p->pages; i++) {
		const uint64_t *w = p->at + i * PAGE / 8;

		if (w[0] != p->tag + (uint64_t)i || w[511] != p->tag || w[256] != 0)
			__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
	}
}

static void piece_new(struct piece *p, struct rng *r, uint64_t tag)
{
	p->pages = 1 + (long)rng_below(r, PAGES_MAX);
	p->tag = tag;
	p->at = mmap(NULL, (size_t)(p->pages * PAGE), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p->at == MAP_FAILED) {
		__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
		p->pages = 0;
	}
	for (long i = 0; i < p->pages; i++) {
		uint64_t *w = p->at + i * PAGE / 8;

		if (w[0] != 0 || w[511] != 0)
			__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
		w[0] = tag + (uint64_t)i;
		w[511] = tag;
	}
}

/* Cut some pages off its end. */
static void piece_trim(struct piece *p, struct rng *r)
{
	long keep = (long)rng_below(r, (uint64_t)p->pages);

	if (munmap((char *)p->at + keep * PAGE, (size_t)((p->pages - keep) * PAGE)))
		__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
	p->pages = keep;
}

static void *mapper(void *arg)
{
	struct rng r = rng_make((uint64_t)arg);
	struct piece pieces[PIECES] = {0};

	for (uint64_t step = 0; step < STEPS; step++) {
		struct piece *p = &pieces[rng_below(&r, PIECES)];

		piece_check(p);
		if (p->pages == 0)
			piece_new(p, &r, (uint64_t)arg << 56 | step << 16);
		else
			piece_trim(p, &r);
	}
	for (int i = 0; i < PIECES; i++)
		piece_check(&pieces[i]);
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];

	printf("# seed %lu\n", (unsigned long)test_seed());
	for (long i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, mapper, (void *)(i + 1)))
			return 1;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	is(wrong, 0, "every mapping was zero, and its own until the end");
	return done();
}
