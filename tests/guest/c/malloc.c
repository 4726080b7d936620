/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ cpus: 1 2 4
//@ timeout: 180
//@ memory: 192M
//@ case: all
//@ case: machine
//@ platforms: kvm
//@ args: machine
/*
 * The C library's allocator: no block changes while it is held, whoever frees it; calloc, realloc
 * and alignment keep their promises on memory that was used before; what was freed goes back to the
 * system, also when many threads have come and gone.
 */
#include "proc_status.h"
#include "test.h"
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>

#define THREADS 8
#define SLOTS 400
#define ROUNDS 6000
#define MIB (1ul << 20)
#define KEPT_KIB_MAX (18 * 1024) /* by the allocator, and so not given back */

struct block {
	size_t size;
	uint64_t stamp;
	unsigned char bytes[];
};

static _Atomic(struct block *) shared[SLOTS];
static atomic_long broken;

static size_t size_some(struct rng *r)
{
	switch (rng_below(r, 64)) {
	case 0:
		return rng_below(r, 400000);
	case 1 ... 4:
		return rng_below(r, 70000);
	case 5 ... 16:
		return rng_below(r, 5000);
	default:
		return rng_below(r, 300);
	}
}

static unsigned char byte_of(const struct block *b, size_t i)
{
	return (unsigned char)(b->stamp >> (i % 8 * 8));
}

/* Of long blocks the beginning, the end, and some bytes of each page are looked at. */
static size_t step_of(const struct block *b, size_t i)
{
	return b->size < 2000 || i < 300 || b->size - i < 300 ? 1 : 257;
}

static void block_fill(struct block *b, size_t from)
{
	for (size_t i = from; i < b->size; i++)
		b->bytes[i] = byte_of(b, i);
}

static bool block_good(const struct block *b, size_t size)
{
	for (size_t i = 0; i < size; i += step_of(b, i))
		if (b->bytes[i] != byte_of(b, i))
			return false;
	return true;
}

static bool all_zero(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

static struct block *block_make(struct rng *r)
{
	size_t size = size_some(r), align = 16;
	struct block *b = NULL;
	void *p;

	switch (rng_below(r, 8)) {
	case 0:
		b = calloc(1, sizeof(*b) + size);
		if (b && !all_zero(b->bytes, size))
			atomic_fetch_add(&broken, 1);
		break;
	case 1:
		align = (size_t)16 << rng_below(r, rng_below(r, 16) ? 8 : 17);
		if (posix_memalign(&p, align, sizeof(*b) + size) == 0)
			b = p;
		break;
	default:
		b = malloc(sizeof(*b) + size);
	}
	if (!b || (uintptr_t)b % align != 0 || malloc_usable_size(b) < sizeof(*b) + size) {
		atomic_fetch_add(&broken, 1);
		return NULL;
	}
	b->size = size;
	b->stamp = rng_next(r);
	block_fill(b, 0);
	return b;
}

static void block_drop(struct block *b)
{
	if (!b)
		return;
	if (!block_good(b, b->size))
		atomic_fetch_add(&broken, 1);
	b->stamp = 0;
	free(b);
}

static struct block *block_resize(struct block *b, struct rng *r)
{
	size_t old = b->size, size = size_some(r);

	b = realloc(b, sizeof(*b) + size);
	if (!b || !block_good(b, old < size ? old : size)) {
		atomic_fetch_add(&broken, 1);
		return NULL;
	}
	b->size = size;
	block_fill(b, old < size ? old : size);
	return b;
}

/* Blocks change hands through the table: most are freed by another thread than the one that made
 * them. */
static void *churn(void *arg)
{
	struct rng r = rng_make((uintptr_t)arg);

	for (int i = 0; i < ROUNDS; i++) {
		_Atomic(struct block *) *slot = &shared[rng_below(&r, SLOTS)];
		struct block *b = atomic_exchange(slot, NULL);

		if (b && rng_below(&r, 4) == 0)
			b = block_resize(b, &r);
		else
			block_drop(b), b = block_make(&r);
		block_drop(atomic_exchange(slot, b));
	}
	return NULL;
}

static void test_churn(void)
{
	pthread_t t[THREADS];

	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, churn, (void *)(i + 1));
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < SLOTS; i++)
		block_drop(atomic_exchange(&shared[i], NULL));
	is(broken, 0, "blocks keep their contents and are aligned, in many threads");
}

static void test_zero(void)
{
	bool good = true;

	for (size_t size = 1; size <= MIB; size += size / 7 + 1) {
		unsigned char *p[4];

		for (int round = 0; round < 3; round++) {
			for (int i = 0; i < 4; i++) {
				p[i] = calloc(1, size);
				good = good && p[i] && all_zero(p[i], size);
				memset(p[i], 0xa5, size);
			}
			for (int i = 0; i < 4; i++)
				free(p[i]);
		}
	}
	ok(good, "calloc gives zeroes where other bytes were");
}

static void test_align(void)
{
	bool good = true;

	for (size_t align = 16; align <= MIB; align *= 2)
		for (size_t size = 1; size < 3 * MIB; size *= 5) {
			unsigned char *p[3];

			for (int i = 0; i < 3; i++) {
				p[i] = aligned_alloc(align, size);
				good = good && p[i] && (uintptr_t)p[i] % align == 0 &&
				       malloc_usable_size(p[i]) >= size;
				memset(p[i], i + 1, size);
			}
			for (int i = 0; i < 3; i++) {
				good = good && p[i][0] == i + 1 && p[i][size - 1] == i + 1;
				free(p[i]);
			}
		}
	ok(good, "alignment up to 1 MiB");
}

static void test_grow(void)
{
	unsigned char *p = NULL;
	size_t size = 0;
	bool good = true;

	for (size_t next = 1; next <= 4 * MIB; next += next / 2 + 1) {
		p = realloc(p, next);
		for (size_t i = 0; i < size; i += 61)
			good = good && p[i] == (unsigned char)(i * 7);
		for (size_t i = 0; i < next; i++)
			p[i] = (unsigned char)(i * 7);
		size = next;
	}
	for (; size > 1; size = size / 3 + 1) {
		p = realloc(p, size / 3 + 1);
		for (size_t i = 0; i <= size / 3; i++)
			good = good && p[i] == (unsigned char)(i * 7);
	}
	free(p);
	ok(good, "realloc keeps the contents, up to 4 MiB and down again");
}

static void test_refused(void)
{
	static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 4096, SIZE_MAX / 2, (size_t)1 << 60};
	volatile size_t half = (size_t)1 << 33; /* the compiler must not know */
	bool good = true;
	void *p = malloc(100);

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		volatile size_t n = sizes[i];

		errno = 0;
		good = good && !malloc(n) && errno == ENOMEM;
		errno = 0;
		good = good && !calloc(1, n) && errno == ENOMEM;
		errno = 0;
		good = good && !realloc(p, n) && errno == ENOMEM;
		errno = 0;
		good = good && !aligned_alloc(4096, n) && errno == ENOMEM;
	}
	errno = 0;
	good = good && !calloc(half, half) && errno == ENOMEM;
	free(p);
	ok(good, "what is too large is refused with ENOMEM");
	is(posix_memalign(&p, 3, 1), EINVAL, "an alignment that is no power of two is refused");
}

static long rss_kib(void)
{
	char text[100];

	read_status("VmRSS:", text);
	return *text ? atol(text) : -1;
}

static long free_kib(void)
{
	struct sysinfo si;

	return sysinfo(&si) ? -1 : (long)(si.freeram * si.mem_unit >> 10);
}

/* Allocate, touch and free 64 MiB in blocks of a size: the allocator may keep some of it, and may
 * have had that from before. */
static void test_returned(size_t size, bool machine)
{
	size_t n = 64 * MIB / size;
	char **p = malloc(n * sizeof(*p));
	long before = rss_kib(), free_before = free_kib(), peak;

	for (size_t i = 0; i < n; i++) {
		p[i] = malloc(size);
		for (size_t j = 0; j < size; j += 64)
			p[i][j] = 1;
	}
	peak = rss_kib();
	for (size_t i = 0; i < n; i++)
		free(p[i]);
	free(p);
	long left = rss_kib() - before, taken = free_before - free_kib();

	printf("# blocks of %zu: %ld KiB before, %ld at most, %ld more after; machine: %ld less "
	       "free\n",
	       size, before, peak, left, taken);
	if (machine)
		ok(taken < KEPT_KIB_MAX, "memory of blocks of %zu bytes returns to the machine",
		   size);
	else
		ok(peak - before > 64 * 1024 - KEPT_KIB_MAX && left < KEPT_KIB_MAX,
		   "memory of blocks of %zu bytes returns", size);
}

/* No address space: everything is refused until there is some again. */
static void test_exhausted(void)
{
	enum { MAPS = 4000 };
	static void *maps[MAPS], *blocks[100000];
	static size_t lens[MAPS];
	int n = 0, count = 0;
	bool good = true;

	for (size_t len = (size_t)1 << 46; len >= 4096 && n < MAPS; len /= 2)
		while (n < MAPS) {
			void *p = mmap(NULL, len, PROT_NONE,
				       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

			if (p == MAP_FAILED)
				break;
			maps[n] = p;
			lens[n++] = len;
		}
	errno = 0;
	while (count < 100000 && (blocks[count] = malloc(3000)))
		memset(blocks[count++], 1, 3000);
	good = count < 100000 && errno == ENOMEM;
	errno = 0;
	good = good && !malloc(MIB) && errno == ENOMEM;
	/* What is free in small pieces serves for large ones. */
	for (int i = 0; i < count / 2; i++) {
		free(blocks[i]);
		blocks[i] = NULL;
	}
	if (count > 1000) {
		void *large = calloc(1, 100000), *larger = large ? realloc(large, 200000) : NULL;

		printf("# %p %p\n", large, larger);
		good = good && larger;
		free(larger ? larger : large);
	}
	for (int i = 0; i < n; i++)
		munmap(maps[i], lens[i]);
	printf("# %d mappings, then %d blocks\n", n, count);
	for (int i = 0; i < count; i++)
		free(blocks[i]);
	for (int i = 0; i < 100; i++) {
		blocks[i] = malloc(100000);
		good = good && blocks[i];
	}
	for (int i = 0; i < 100; i++)
		free(blocks[i]);
	ok(good, "without address space malloc gives nothing, and gives again when there is some");
}

static void *use_some(void *arg)
{
	struct rng r = rng_make((uintptr_t)arg);
	void *p[20];

	for (int i = 0; i < 20; i++)
		p[i] = malloc(rng_below(&r, 1000) + 1);
	for (int i = 0; i < 20; i++)
		free(p[i]);
	return malloc(100);
}

/* Each leaves a block behind, which this thread frees. */
static void test_threads(int total)
{
	long before = 0, more;

	for (int i = 0; i < total; i += 4) {
		pthread_t t[4];
		void *left;

		for (int k = 0; k < 4; k++)
			pthread_create(&t[k], NULL, use_some, (void *)(uintptr_t)(i + k));
		for (int k = 0; k < 4; k++) {
			pthread_join(t[k], &left);
			free(left);
		}
		if (i == total / 10)
			before = rss_kib();
	}
	more = rss_kib() - before;
	printf("# %ld KiB more after %d threads\n", more, total);
	/* The allocator maps up to 1 MiB at a time. */
	ok(more < 2500, "threads that come and go leave no memory behind");
}

int main(int argc, char **argv)
{
	bool machine = argc > 1 && !strcmp(argv[1], "machine");

	if (!machine) {
		test_churn();
		test_zero();
		test_align();
		test_grow();
		test_refused();
		test_threads(4000);
	}
	/* glibc keeps what lies below a block that is in use. */
#ifdef __kiln__
	test_returned(64, machine);
	test_returned(1000, machine);
	test_returned(20000, machine);
	test_returned(MIB, machine);
#else
	(void)test_returned;
#endif
	if (!machine)
		test_exhausted();
	return done();
}
