/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* ChaCha20, RFC 8439. Data-independent in time: additions, rotations and exclusive ors only. */
#include "base/chacha20.h"

static ALWAYS_INLINE uint32_t chacha20_rotate(uint32_t x, unsigned n)
{
	return x << n | x >> (32 - n);
}

/* RFC 8439, 2.1. */
static ALWAYS_INLINE void chacha20_quarter_round(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
	*a += *b;
	*d = chacha20_rotate(*d ^ *a, 16);
	*c += *d;
	*b = chacha20_rotate(*b ^ *c, 12);
	*a += *b;
	*d = chacha20_rotate(*d ^ *a, 8);
	*c += *d;
	*b = chacha20_rotate(*b ^ *c, 7);
}

void chacha20_block(uint32_t out[CHACHA20_BLOCK_WORDS], const uint32_t key[CHACHA20_KEY_WORDS],
		    const uint32_t input[CHACHA20_INPUT_WORDS])
{
	const uint32_t start[CHACHA20_BLOCK_WORDS] = {
		0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, /* "expand 32-byte k" */
		key[0],     key[1],     key[2],     key[3],     key[4],   key[5],
		key[6],     key[7],     input[0],   input[1],   input[2], input[3],
	};
	uint32_t x[CHACHA20_BLOCK_WORDS];

#pragma GCC unroll 16
	for (unsigned i = 0; i < CHACHA20_BLOCK_WORDS; i++)
		x[i] = start[i];
	for (unsigned round = 0; round < 20; round += 2) {
#pragma GCC unroll 4
		for (unsigned i = 0; i < 4; i++)
			chacha20_quarter_round(&x[i], &x[4 + i], &x[8 + i], &x[12 + i]);
#pragma GCC unroll 4
		for (unsigned i = 0; i < 4; i++)
			chacha20_quarter_round(&x[i], &x[4 + (i + 1) % 4], &x[8 + (i + 2) % 4],
					       &x[12 + (i + 3) % 4]);
	}
#pragma GCC unroll 16
	for (unsigned i = 0; i < CHACHA20_BLOCK_WORDS; i++)
		out[i] = x[i] + start[i];
}
