/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ repeat: 3
//@ timeout: 180
//@ memory: 512M
/*
 * C's __thread: initialised and zero blocks of 1 byte to 1 MiB, alignments from 1 to 4096, arrays
 * of 16 bytes (which the seed's successor gets wrong), pthread keys with destructors, in main and
 * in 1,000 threads.
 */
#include "test.h"
#include <pthread.h>
#include <sched.h>

#define THREADS 1000
#define BATCH 50

#define DECLARE(size, align)                                                                       \
	static __thread uint8_t zero_##size##_##align[size] __attribute__((aligned(align)));       \
	static __thread uint8_t data_##size##_##align[size]                                        \
		__attribute__((aligned(align))) = {0x5a, 1};

/* One byte: there is no room for two initial values. */
static __thread uint8_t zero_one, data_one = 0x5a;

/* size, alignment */
/* clang-format off */
#define BLOCKS(X) \
	X(2, 2) X(3, 1) X(4, 4) X(8, 8) X(16, 1) X(16, 16) X(17, 1) X(24, 8) X(32, 32) X(63, 1) \
	X(64, 64) X(100, 4) X(128, 128) X(255, 1) X(256, 256) X(500, 512) X(1000, 16) \
	X(1024, 1024) X(2048, 2048) X(4096, 4096) X(4097, 1) X(5000, 4096)
/* clang-format on */
BLOCKS(DECLARE)

static __thread uint8_t huge[1 << 20] __attribute__((aligned(64)));
static __thread const char *words[2] = {"relocated", "pointers"};
__thread int global_tls = 42;

static pthread_key_t keys[20];
static long destructed;

static bool block_fresh(const uint8_t *zero, const uint8_t *data, size_t size, size_t align)
{
	if ((uintptr_t)zero % align || (uintptr_t)data % align || data[0] != 0x5a || data[1] != 1 ||
	    zero[0] || zero[1])
		return false;
	for (size_t i = 2; i < size; i += 1 + size / 50)
		if (zero[i] || data[i])
			return false;
	return true;
}

static bool block_holds(const uint8_t *b, size_t size, uint8_t byte)
{
	for (size_t i = 0; i < size; i += 1 + size / 50)
		if (b[i] != byte)
			return false;
	return true;
}

#define FRESH(size, align) &&block_fresh(zero_##size##_##align, data_##size##_##align, size, align)
#define FILL(size, align)                                                                          \
	memset(zero_##size##_##align, byte, size);                                                 \
	memset(data_##size##_##align, byte + 1, size);
#define HOLDS(size, align)                                                                         \
	&&block_holds(zero_##size##_##align, size, byte) &&                                        \
		block_holds(data_##size##_##align, size, (uint8_t)(byte + 1))

static bool all_fresh(void)
{
	return zero_one == 0 && data_one == 0x5a && global_tls == 42 &&
	       strcmp(words[0], "relocated") == 0 &&
	       strcmp(words[1], "pointers") == 0 BLOCKS(FRESH);
}

static void all_fill(uint8_t byte)
{
	zero_one = byte;
	data_one = (uint8_t)(byte + 1);
	global_tls = byte;
	BLOCKS(FILL)
}

static bool all_hold(uint8_t byte)
{
	return zero_one == byte && data_one == (uint8_t)(byte + 1) &&
	       global_tls == byte BLOCKS(HOLDS);
}

static bool huge_works(uint8_t byte)
{
	for (size_t i = 0; i < sizeof(huge); i += 65536) {
		if (huge[i] != 0)
			return false;
		huge[i] = byte;
	}
	sched_yield();
	for (size_t i = 0; i < sizeof(huge); i += 65536)
		if (huge[i] != byte)
			return false;
	return huge[sizeof(huge) - 1] == 0;
}

static void destroy(void *value)
{
	/* Thread-local storage is still there, and other keys can still be used. */
	if ((long)value == global_tls)
		__atomic_add_fetch(&destructed, 1, __ATOMIC_RELAXED);
}

static void *body(void *arg)
{
	long id = (long)arg;
	uint8_t byte = (uint8_t)(id % 250 + 1);
	bool good = all_fresh();

	all_fill(byte);
	for (int i = 0; i < 20; i++)
		pthread_setspecific(keys[i], (void *)(long)byte);
	for (int i = 0; i < 3; i++) {
		sched_yield();
		good = good && all_hold(byte);
	}
	if (id % 40 == 0)
		good = good && huge_works(byte);
	for (int i = 0; i < 20; i++)
		good = good && pthread_getspecific(keys[i]) == (void *)(long)byte;
	return (void *)(long)good;
}

int main(void)
{
	pthread_t t[BATCH];
	pthread_attr_t attr;
	long bad = 0;
	void *r;

	printf("# seed %lu\n", (unsigned long)test_seed());
	ok(all_fresh(), "main's blocks hold their initial values, aligned");
	all_fill(200);
	ok(all_hold(200), "main's blocks can be written");
	ok(huge_works(3), "1 MiB in main");
	for (int i = 0; i < 20; i++)
		pthread_key_create(&keys[i], destroy);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 2 << 20);
	for (long done_count = 0; done_count < THREADS; done_count += BATCH) {
		for (long i = 0; i < BATCH; i++)
			if (pthread_create(&t[i], &attr, body, (void *)(done_count + i)))
				bad++;
		for (int i = 0; i < BATCH; i++) {
			pthread_join(t[i], &r);
			bad += r == NULL;
		}
	}
	is(bad, 0, "1,000 threads each have their own");
	is(destructed, 20L * THREADS, "every destructor ran once");
	ok(all_hold(200), "main's blocks are untouched");
	return done();
}
