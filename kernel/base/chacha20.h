/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The ChaCha20 block function (RFC 8439, 2.3): what the random number generator is made of. */
#ifndef BASE_CHACHA20_H
#define BASE_CHACHA20_H

#include "base/types.h"

#define CHACHA20_KEY_WORDS 8
#define CHACHA20_INPUT_WORDS 4
#define CHACHA20_BLOCK_WORDS 16

/* out = the block of key and input (word 0 the counter, 1 to 3 the nonce), words in the machine's
 * order. */
void chacha20_block(uint32_t out[CHACHA20_BLOCK_WORDS], const uint32_t key[CHACHA20_KEY_WORDS],
		    const uint32_t input[CHACHA20_INPUT_WORDS]);

#endif
