/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The random number generator: ChaCha20 with fast key erasure. Each block made from the key gives
 * the next key and 32 bytes of output, so that what was handed out cannot be computed from what
 * lies in memory now. The block's counter and nonce are used to stir in the cycle counter each
 * time, and fresh bits of the processor now and then.
 */
#include "core/random.h"
#include "arch/arch.h"
#include "base/atomic.h"
#include "base/chacha20.h"
#include "base/string.h"
#include "core/log.h"
#include "plat/plat.h"

/* Blocks between two times that the processor's generator is asked again. */
#define RANDOM_RESEED_BLOCKS 1024
/* Jitter: samples that differ from the one before, and how many may be taken to get them. One such
 * sample is taken to be worth one bit only, and half of that would be enough. */
#define RANDOM_JITTER_GOOD 512
#define RANDOM_JITTER_MAX 65536

#define RANDOM_OUT_BYTES (4 * (CHACHA20_BLOCK_WORDS - CHACHA20_KEY_WORDS))

static struct {
	struct spinlock lock; /* guards all of it */
	bool seeded;
	uint32_t blocks; /* made so far */
	uint32_t key[CHACHA20_KEY_WORDS];
	uint64_t stir[2]; /* goes into the next block as its counter and nonce */
	uint8_t out[RANDOM_OUT_BYTES];
	size_t left; /* bytes of out not handed out yet: the last ones */
} rng = {.lock = SPINLOCK_INIT(LOCK_RANDOM)};

/* One block of the current key: 32 bytes of it are the next key, 32 go to out. */
static void random_step(uint8_t out[RANDOM_OUT_BYTES])
{
	uint32_t block[CHACHA20_BLOCK_WORDS];
	uint32_t input[CHACHA20_INPUT_WORDS];
	uint64_t fresh;

	rng.stir[0] += plat_cycles();
	if (rng.blocks++ % RANDOM_RESEED_BLOCKS == 0 && !plat_is_deterministic() &&
	    arch_random_u64(&fresh))
		rng.stir[1] ^= fresh;
	memcpy(input, rng.stir, sizeof(input));
	chacha20_block(block, rng.key, input);
	memcpy(rng.key, block, sizeof(rng.key));
	memcpy(out, block + CHACHA20_KEY_WORDS, RANDOM_OUT_BYTES);
	memset(block, 0, sizeof(block));
	__asm__ volatile("" : : "r"(block) : "memory"); /* the clearing is not a dead store */
}

/*
 * No source but time itself: stir in the cycles that a walk through a cache line takes, which
 * interrupts, caches and the machine around us make uncertain. Returns false if time does not vary
 * as it should.
 */
static bool random_gather_jitter(void)
{
	uint8_t discard[RANDOM_OUT_BYTES];
	volatile uint32_t *walk = rng.key;
	uint64_t before = plat_cycles(), delta_before = 0;
	unsigned good = 0;

	for (unsigned i = 0; i < RANDOM_JITTER_MAX && good < RANDOM_JITTER_GOOD; i++) {
		uint64_t now, delta;

		for (unsigned k = 0; k < 8 + (before & 7); k++)
			(void)walk[k % CHACHA20_KEY_WORDS];
		now = plat_cycles();
		delta = now - before;
		good += delta != delta_before;
		rng.stir[i % 2] = (rng.stir[i % 2] << 7 | rng.stir[i % 2] >> 57) ^ delta;
		if (i % 64 == 63)
			random_step(discard);
		before = now;
		delta_before = delta;
	}
	return good >= RANDOM_JITTER_GOOD;
}

static void random_seed(void)
{
	size_t have = plat->entropy(rng.key, sizeof(rng.key));
	uint64_t word;
	uint8_t discard[RANDOM_OUT_BYTES];

	rng.seeded = true;
	if (have >= sizeof(rng.key))
		return;
	/* Four times 64 bits of the processor; what the platform gave stays mixed in. */
	for (have = 0; have < sizeof(rng.key) && arch_random_u64(&word); have += sizeof(word)) {
		rng.key[have / 4] ^= (uint32_t)word;
		rng.key[have / 4 + 1] ^= (uint32_t)(word >> 32);
	}
	if (have >= sizeof(rng.key))
		return;
	rng.stir[1] ^= plat->clock_realtime_ns();
	if (!random_gather_jitter())
		log_line(LOG_WARN,
			 "random numbers may be predictable: the processor has no RDRAND and its "
			 "clock "
			 "runs too evenly; give the machine another CPU model (kiln run does)");
	random_step(discard);
}

void random_bytes(void *buf, size_t n)
{
	uint8_t *p = buf;

	spin_lock(&rng.lock);
	if (unlikely(!rng.seeded))
		random_seed();
	while (n > 0) {
		size_t take;

		if (rng.left == 0) {
			random_step(rng.out);
			rng.left = RANDOM_OUT_BYTES;
		}
		take = MIN(n, rng.left);
		memcpy(p, rng.out + RANDOM_OUT_BYTES - rng.left, take);
		memset(rng.out + RANDOM_OUT_BYTES - rng.left, 0, take);
		rng.left -= take;
		p += take;
		n -= take;
	}
	spin_unlock(&rng.lock);
}

uint64_t random_u64(void)
{
	uint64_t value;

	random_bytes(&value, sizeof(value));
	return value;
}
