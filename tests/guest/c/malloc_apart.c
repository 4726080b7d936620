/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ cpus: 1 2 4
//@ platforms: kvm linuxu
/*
 * Two threads that allocate at the same time do not write where the other one reads: where a block
 * is, and the header of its group, which free() reads, are in cache lines in which the other thread
 * has no block; nearly always, and also after each has freed what the other one allocated. How the
 * header is found is mallocng's affair (meta.h); so the test knows Kiln's C library.
 */
#include "test.h"
#include <pthread.h>
#include <stdlib.h>

#define BLOCKS 1000
#define UNIT 16
#define LINE 64
#define SHARED_MAX (2 * BLOCKS / 50)

static pthread_barrier_t turn;
static unsigned char *blocks[2][BLOCKS];
static int shared[2];

/* Blocks of 300 to 1000 bytes, the same sizes in both threads. Groups of smaller ones are nested in
 * others, whose lines they share. */
static size_t size_of(int i)
{
	return 300 + (size_t)i * 7919 % 701;
}

static uintptr_t header_of(const unsigned char *p)
{
	uint16_t units;

	memcpy(&units, p - sizeof(units), sizeof(units));
	return (uintptr_t)p - (units + 1u) * UNIT;
}

/* Has the thread a block in one of the lines from start to last? */
static bool has_block(int thread, uintptr_t start, uintptr_t last)
{
	for (int i = 0; i < BLOCKS; i++) {
		uintptr_t p = (uintptr_t)blocks[thread][i];

		if (p / LINE <= last / LINE && (p + size_of(i) - 1) / LINE >= start / LINE)
			return true;
	}
	return false;
}

/* How many blocks have lines in common with the other thread's. */
static int shared_blocks(void)
{
	int n = 0;

	for (int t = 0; t < 2; t++)
		for (int i = 0; i < BLOCKS; i++) {
			uintptr_t p = (uintptr_t)blocks[t][i], header = header_of(blocks[t][i]);

			n += has_block(!t, p, p + size_of(i) - 1) || has_block(!t, header, header);
		}
	printf("# %d of %d blocks\n", n, 2 * BLOCKS);
	return n;
}

static void *allocate(void *arg)
{
	int me = (int)(uintptr_t)arg;

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < BLOCKS; i++) {
			if (i % 8 == 0)
				pthread_barrier_wait(&turn);
			blocks[me][i] = malloc(size_of(i));
		}
		if (pthread_barrier_wait(&turn) == PTHREAD_BARRIER_SERIAL_THREAD)
			shared[round] = shared_blocks();
		pthread_barrier_wait(&turn);
		for (int i = 0; i < BLOCKS; i++)
			free(blocks[!me][i]);
		pthread_barrier_wait(&turn);
	}
	return NULL;
}

int main(void)
{
	pthread_t other;

	pthread_barrier_init(&turn, NULL, 2);
	pthread_create(&other, NULL, allocate, (void *)1);
	allocate(NULL);
	pthread_join(other, NULL);
	ok(shared[0] <= SHARED_MAX, "two threads' blocks lie apart");
	ok(shared[1] <= SHARED_MAX, "also when each freed those of the other one");
	return done();
}
