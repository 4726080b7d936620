/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ repeat: 3
//@ timeout: 120
/*
 * Large areas, which Kiln maps by large pages where a program walks through them: their parts are
 * taken away, protected, moved and emptied at random, and contents are what they were. Several
 * threads walk through one area at once.
 */
#include "test.h"
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#define PAGE 4096ul
#define LARGE (2ul << 20)
#define AREA (10 * LARGE)
#define PAGES (AREA / PAGE)
#define ROUNDS 40
#define THREADS 4
#define RW (PROT_READ | PROT_WRITE)

static char *area;
/* What the program knows of each page: its number is written at its start, 0 is an empty one. */
static struct page {
	bool mapped, writable;
	uint64_t value;
} pages[PAGES];
static uint64_t next_value = 1;
static sigjmp_buf fault_jump;

static uint64_t *word(size_t page)
{
	return (uint64_t *)(area + page * PAGE);
}

static void on_fault(int sig)
{
	(void)sig;
	siglongjmp(fault_jump, 1);
}

static bool write_faults(size_t page)
{
	if (sigsetjmp(fault_jump, 1) != 0)
		return true;
	*(volatile uint64_t *)word(page) = pages[page].value;
	return false;
}

/* Map [from, to) anew and walk through it. */
static void refill(size_t from, size_t to)
{
	char *p = mmap(word(from), (to - from) * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		       -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	for (size_t i = from; i < to; i++) {
		pages[i] = (struct page){true, true, next_value++};
		if (*word(i) != 0)
			ok(false, "page %zu is not empty", i);
		*word(i) = pages[i].value;
	}
}

static bool all_mapped(size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (!pages[i].mapped)
			return false;
	return true;
}

static void change(struct rng *r)
{
	/* Now and then exactly a large page, or several. */
	size_t unit = rng_below(r, 3) == 0 ? LARGE / PAGE : 1;
	size_t n = (1 + rng_below(r, unit == 1 ? 700 : 3)) * unit;
	size_t from = rng_below(r, (PAGES - n) / unit + 1) * unit;
	struct page none = {0};

	switch (rng_below(r, 5)) {
	case 0:
		/* Nothing else is to come here. */
		mmap(word(from), n * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		     0);
		for (size_t i = from; i < from + n; i++)
			pages[i] = none;
		break;
	case 1:
		for (size_t i = from; i < from + n; i++)
			if (pages[i].mapped && mprotect(word(i), PAGE, PROT_READ) == 0)
				pages[i].writable = false;
		break;
	case 2:
		if (all_mapped(from, from + n) && mprotect(word(from), n * PAGE, RW) == 0)
			for (size_t i = from; i < from + n; i++)
				pages[i].writable = true;
		break;
	case 3:
		if (all_mapped(from, from + n) && madvise(word(from), n * PAGE, MADV_DONTNEED) == 0)
			for (size_t i = from; i < from + n; i++)
				pages[i].value = 0;
		break;
	default:
		refill(from, from + n);
	}
}

/* Away, and back again. */
static void move(size_t page, size_t n)
{
	void *elsewhere;

	if (!all_mapped(page, page + n))
		return;
	elsewhere = mremap(word(page), n * PAGE, n * PAGE + LARGE, MREMAP_MAYMOVE);
	if (elsewhere == MAP_FAILED)
		return; /* it is several mappings */
	for (size_t i = 0; i < n; i++)
		if (*(uint64_t *)((char *)elsewhere + i * PAGE) != pages[page + i].value)
			ok(false, "page %zu has lost its contents on the way", page + i);
	if (mremap(elsewhere, n * PAGE + LARGE, n * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		   word(page)) == MAP_FAILED) {
		perror("mremap");
		exit(2);
	}
}

static long wrong_pages(void)
{
	long wrong = 0;

	for (size_t i = 0; i < PAGES; i++) {
		if (!pages[i].mapped)
			continue;
		if (*word(i) != pages[i].value || write_faults(i) == pages[i].writable)
			wrong++;
	}
	return wrong;
}

static void change_at_random(void)
{
	struct rng r = rng_make(0);
	long wrong = 0;

	refill(0, PAGES);
	for (int i = 0; i < ROUNDS; i++) {
		change(&r);
		if (i % 8 == 7) {
			size_t from = rng_below(&r, PAGES / 2);

			move(from, 1 + rng_below(&r, PAGES / 2 - 1));
			wrong += wrong_pages();
		}
	}
	is(wrong, 0, "pages hold what they should, and are as writable");
}

static void *walk(void *arg)
{
	uint64_t *wrong = arg;

	for (size_t i = 0; i < PAGES; i++)
		*wrong += __atomic_add_fetch(word(i), 1, __ATOMIC_RELAXED) > THREADS;
	return NULL;
}

static void walk_together(void)
{
	pthread_t threads[THREADS];
	uint64_t wrong[THREADS] = {0};
	long sum = 0;

	mmap(area, AREA, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, walk, &wrong[i]);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		sum += (long)wrong[i];
	}
	for (size_t i = 0; i < PAGES; i++)
		sum += *word(i) != THREADS;
	is(sum, 0, "threads that walk through an area at once share its pages");
}

int main(void)
{
	char *all = mmap(NULL, AREA + LARGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	printf("# seed %lu\n", (unsigned long)test_seed());
	signal(SIGSEGV, on_fault);
	area = (char *)(((uintptr_t)all + LARGE - 1) & ~(LARGE - 1));
	change_at_random();
	for (int i = 0; i < 10; i++)
		walk_together();
	return done();
}
