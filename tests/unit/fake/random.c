/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Random numbers that a seed repeats (splitmix64: Steele, Lea, Flood, OOPSLA 2014). */
#include "fake/fake.h"

#include <time.h>

#include "core/random.h"

static uint64_t random_state = 1;

uint64_t random_u64(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

void random_bytes(void *buf, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)buf)[i] = (uint8_t)random_u64();
}

void fake_seed(uint64_t seed)
{
	random_state = seed;
}

uint64_t fake_seed_from_env(void)
{
	const char *s = getenv("SEED");
	uint64_t seed = s != NULL ? strtoull(s, NULL, 0) : (uint64_t)time(NULL);

	fprintf(stderr, "# SEED=%llu\n", (unsigned long long)seed);
	fake_seed(seed);
	return seed;
}

uint64_t fake_random_below(uint64_t n)
{
	return random_u64() % n;
}
