/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ timeout: 120
/*
 * The address space changes under running threads, and only those see it whom it concerns: memory
 * that is replaced, protected and unprotected, or moved back and forth is there for whoever may use
 * it at any time; a stack grows for several threads at once; and what is taken away is gone.
 */
#include "test.h"
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096ul
#define THREADS 4
#define MS_EACH 400

static _Atomic bool stop;
static char *area;
static size_t area_pages;

static char *map(size_t pages, int prot, int flags)
{
	char *p = mmap(NULL, pages * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	return p;
}

/* Run change() again and again while other threads run use(), which counts its failures. */
static void both(void (*change)(struct rng *r), void *(*use)(void *), const char *name)
{
	pthread_t threads[THREADS];
	struct rng r = rng_make(0);
	uint64_t end = now_ns() + MS_EACH * 1000000ul;
	long failures = 0, changes = 0;

	stop = false;
	for (long i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, use, (void *)(i + 1));
	for (; now_ns() < end; changes++)
		change(&r);
	stop = true;
	for (int i = 0; i < THREADS; i++) {
		void *result;

		pthread_join(threads[i], &result);
		failures += (long)result;
	}
	printf("# %ld changes\n", changes);
	is(failures, 0, name);
}

/* Write and read anywhere. What is read is what somebody wrote, or zero. */
static void *use_all(void *arg)
{
	struct rng r = rng_make((uint64_t)arg);
	long failures = 0;

	while (!stop) {
		volatile char *p = area + rng_below(&r, area_pages * PAGE);

		if (rng_below(&r, 2)) {
			*p = 0x55;
		} else {
			char c = *p;

			failures += c != 0 && c != 0x55;
		}
	}
	return (void *)failures;
}

static size_t some_pages(struct rng *r, size_t *first)
{
	*first = rng_below(r, area_pages);
	return 1 + rng_below(r, area_pages - *first);
}

static void change_replace(struct rng *r)
{
	size_t first, n = some_pages(r, &first);

	if (mmap(area + first * PAGE, n * PAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | (rng_below(r, 2) ? MAP_STACK : 0), -1,
		 0) == MAP_FAILED)
		exit(3);
}

static void change_discard(struct rng *r)
{
	size_t first, n = some_pages(r, &first);

	if (madvise(area + first * PAGE, n * PAGE, MADV_DONTNEED))
		exit(3);
}

static void *use_read(void *arg)
{
	struct rng r = rng_make((uint64_t)arg);
	long failures = 0;

	while (!stop)
		failures += *(volatile char *)(area + rng_below(&r, area_pages * PAGE)) != 0;
	return (void *)failures;
}

/* Reading is allowed all the time. */
static void change_protect(struct rng *r)
{
	size_t first, n = some_pages(r, &first);

	if (mprotect(area + first * PAGE, n * PAGE,
		     rng_below(r, 2) ? PROT_READ : PROT_READ | PROT_WRITE))
		exit(3);
}

/* Elsewhere: mappings of others come and go beside the one that is used. */
static void change_beside(struct rng *r)
{
	size_t pages = 1 + rng_below(r, 8);
	char *p = map(pages, PROT_READ | PROT_WRITE, rng_below(r, 2) ? MAP_STACK : 0);
	char *q;

	p[PAGE * rng_below(r, pages)] = 1;
	mprotect(p, PAGE, PROT_NONE);
	mprotect(p, PAGE, PROT_READ | PROT_WRITE);
	q = mremap(p, pages * PAGE, (pages + 4) * PAGE, MREMAP_MAYMOVE);
	if (q == MAP_FAILED || munmap(q, (pages + 4) * PAGE))
		exit(3);
}

/* --- a mapping that is read as long as it is said to be there --- */

static char *_Atomic lent;
static _Atomic int readers;

static void *use_lent(void *arg)
{
	long failures = 0;

	while (!stop) {
		const char *p;

		atomic_fetch_add(&readers, 1);
		p = lent;
		if (p != NULL)
			for (size_t i = 0; i < area_pages; i++)
				failures += *(const volatile char *)(p + i * PAGE) != (char)(i + 1);
		atomic_fetch_sub(&readers, 1);
	}
	return (void *)failures;
}

/* Lent out, called back, moved elsewhere, lent out again. */
static void change_move(struct rng *r)
{
	size_t len = area_pages * PAGE;
	char *to = map(area_pages, PROT_NONE, 0);
	char *from = lent;

	lent = NULL;
	while (readers > 0)
		;
	/* A hole in its rights, so that it is several mappings to the host, and one again. */
	mprotect(from + PAGE * rng_below(r, area_pages), PAGE, PROT_READ);
	mprotect(from, len, PROT_READ | PROT_WRITE);
	if (mremap(from, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
		exit(3);
	lent = to;
}

/* --- a stack that grows for all --- */

static char *_Atomic stack_lowest;

static void *use_stack(void *arg)
{
	struct rng r = rng_make((uint64_t)arg);

	for (long i = 0; i < 3000; i++) {
		char *low = stack_lowest;

		*(volatile char *)(low + rng_below(&r, 256 * PAGE)) = 1;
	}
	return NULL;
}

static void __attribute__((noinline)) grow_stack(int depth)
{
	char room[256 * PAGE];
	pthread_t threads[THREADS];

	/* Not touched by this thread: the others do. */
	__asm__ volatile("" : : "r"(room) : "memory");
	stack_lowest = room;
	for (long i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, use_stack, (void *)(i + 1));
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	if (depth > 1)
		grow_stack(depth - 1);
	__asm__ volatile("" : : "r"(room) : "memory");
}

/* --- what is gone --- */

static __thread sigjmp_buf jump;

static void on_fault(int sig)
{
	siglongjmp(jump, sig);
}

/* Faults are real in spite of other threads that map all the time. */
static void *use_gone(void *arg)
{
	volatile long failures = 0;

	while (!stop) {
		int sig = sigsetjmp(jump, 1);

		if (sig == 0) {
			*(volatile char *)area = 1;
			failures++;
		} else {
			failures += sig != SIGSEGV;
		}
	}
	return (void *)failures;
}

int main(void)
{
	area_pages = 32;
	area = map(area_pages, PROT_READ | PROT_WRITE, 0);
	both(change_replace, use_all, "memory that is replaced is there all the time");
	both(change_discard, use_all, "memory that is discarded is there all the time");
	munmap(area, area_pages * PAGE);
	area = map(area_pages, PROT_READ | PROT_WRITE, 0);
	both(change_protect, use_read, "reading goes on while writing is forbidden and allowed");
	both(change_beside, use_read, "neighbours come and go");
	lent = map(area_pages, PROT_READ | PROT_WRITE, 0);
	for (size_t i = 0; i < area_pages; i++)
		lent[i * PAGE] = (char)(i + 1);
	both(change_move, use_lent, "memory that moves takes its contents along");
	grow_stack(6);
	ok(true, "a stack grows for several threads at once");
	mprotect(area, PAGE, PROT_NONE);
	signal(SIGSEGV, on_fault);
	both(change_beside, use_gone, "what must not be written is not written");
	return done();
}
