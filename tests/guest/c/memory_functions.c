/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
/*
 * memcpy, memmove and memset write what they should and nothing else, for all short lengths,
 * alignments and overlaps, and for some long ones.
 */
#include "test.h"

#define MARGIN 96
#define LENGTH_MAX 700
#define BYTES (LENGTH_MAX + 4 * MARGIN)

static unsigned char memory[BYTES], expected[BYTES];

/* The compiler must not replace these. */
static void *(*volatile do_memcpy)(void *, const void *, size_t) = memcpy;
static void *(*volatile do_memmove)(void *, const void *, size_t) = memmove;
static void *(*volatile do_memset)(void *, int, size_t) = memset;

static void fill(void)
{
	for (size_t i = 0; i < BYTES; i++)
		memory[i] = expected[i] = (unsigned char)(i * 31 + i / 256);
}

static bool same(void)
{
	for (size_t i = 0; i < BYTES; i++)
		if (memory[i] != expected[i])
			return false;
	return true;
}

static bool move_good(void *(*move)(void *, const void *, size_t), size_t to, size_t from, size_t n)
{
	unsigned char copy[LENGTH_MAX];

	fill();
	for (size_t i = 0; i < n; i++)
		copy[i] = expected[from + i];
	for (size_t i = 0; i < n; i++)
		expected[to + i] = copy[i];
	return move(memory + to, memory + from, n) == memory + to && same();
}

static bool set_good(size_t to, int byte, size_t n)
{
	fill();
	for (size_t i = 0; i < n; i++)
		expected[to + i] = (unsigned char)byte;
	return do_memset(memory + to, byte, n) == memory + to && same();
}

int main(void)
{
	static const size_t lengths[] = {383, 384, 385, 512, 640, 641, 699};
	bool moved = true, set = true, copied = true;

	for (size_t i = 0; i < 300 + sizeof(lengths) / sizeof(lengths[0]); i++) {
		size_t n = i < 300 ? i : lengths[i - 300];

		for (size_t to = MARGIN; to < MARGIN + 17; to++)
			set = set && set_good(to, (int)(to + n) - 40, n);
		for (size_t to = MARGIN; to < MARGIN + 16; to += n < 40 ? 1 : 5)
			for (size_t from = MARGIN - 80; from <= MARGIN + 80; from += n < 40 ? 1 : 3)
				moved = moved && move_good(do_memmove, to, from, n);
		if (n <= (BYTES - MARGIN) / 2 - 32)
			for (size_t k = 0; k < 16; k++)
				copied = copied && move_good(do_memcpy, MARGIN + k,
							     MARGIN + n + 16 - k / 2, n);
	}
	ok(moved, "memmove, whatever overlaps");
	ok(copied, "memcpy");
	ok(set, "memset");
	return done();
}
