/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The random number generator over made-up sources: it asks until it has a seed, repeats nothing,
 * and what it gave cannot be read off its state.
 *
 * sources: core/random.c base/chacha20.c base/string.c
 * fakes: cpu lock log
 */
#include "fake/fake.h"

#include "base/chacha20.h"
#include "core/random.h"
#include "plat/plat.h"

static size_t entropy_bytes; /* what the platform has */
static bool processor_has;
static unsigned processor_asked;

static size_t fake_entropy(void *buf, size_t n)
{
	n = MIN(n, entropy_bytes);
	memset(buf, 0x5a, n);
	return n;
}

bool arch_random_u64(uint64_t *out)
{
	processor_asked++;
	if (processor_has)
		*out = 0x0123456789abcdefu * processor_asked;
	return processor_has;
}

static uint64_t fake_clock(void)
{
	return 42;
}

static const struct plat_ops ops = {
	.name = "fake", .entropy = fake_entropy, .clock_realtime_ns = fake_clock};
const struct plat_ops *plat = &ops;

static void chacha20_makes_the_block_of_rfc_8439(void **state)
{
	/* Section 2.3.2. */
	static const uint32_t want[16] = {0xe4e7f110, 0x15593bd1, 0x1fdd0f50, 0xc47120a3,
					  0xc7f4d1c7, 0x0368c033, 0x9aaa2204, 0x4e6cd4c3,
					  0x466482d2, 0x09aa9f07, 0x05d7c214, 0xa2028bd9,
					  0xd19c12b5, 0xb94e16de, 0xe883d0cb, 0x4e3c50a2};
	const uint32_t input[4] = {1, 0x09000000, 0x4a000000, 0};
	uint8_t key_bytes[32];
	uint32_t key[8], out[16];

	for (unsigned i = 0; i < sizeof(key_bytes); i++)
		key_bytes[i] = (uint8_t)i;
	memcpy(key, key_bytes, sizeof(key));
	chacha20_block(out, key, input);
	assert_memory_equal(out, want, sizeof(want));
}

/* Everything below runs in one process and so seeds once, in this order: the first test has no
 * source but time. */
static void time_alone_makes_a_seed(void **state)
{
	uint64_t a, b;

	entropy_bytes = 5;
	a = random_u64();
	b = random_u64();
	assert_int_not_equal(a, b);
	assert_in_range(processor_asked, 1, 100);
}

static void bytes_come_in_any_amount(void **state)
{
	uint8_t buf[300];

	for (size_t n = 0; n < 200; n++) {
		memset(buf, 0, sizeof(buf));
		random_bytes(buf + 10, n);
		for (size_t i = 0; i < 10; i++)
			assert_int_equal(buf[i] | buf[10 + n + i], 0);
	}
}

static void nothing_repeats(void **state)
{
	static uint64_t seen[20000];

	for (size_t i = 0; i < ARRAY_SIZE(seen); i++)
		seen[i] = random_u64();
	for (size_t i = 0; i < ARRAY_SIZE(seen); i += 97)
		for (size_t k = 0; k < ARRAY_SIZE(seen); k++)
			if (k != i)
				assert_int_not_equal(seen[k], seen[i]);
}

static void bits_are_balanced(void **state)
{
	unsigned ones[64] = {0};

	for (unsigned i = 0; i < 10000; i++) {
		uint64_t v = random_u64();

		for (unsigned bit = 0; bit < 64; bit++)
			ones[bit] += (unsigned)(v >> bit & 1);
	}
	/* 10000 throws of a coin: six standard deviations are 300. */
	for (unsigned bit = 0; bit < 64; bit++)
		assert_in_range(ones[bit], 4700, 5300);
}

static void the_processor_is_asked_again(void **state)
{
	unsigned before = processor_asked;
	uint8_t buf[64 * 1024];

	processor_has = true;
	random_bytes(buf, sizeof(buf));
	assert_in_range(processor_asked - before, 1, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chacha20_makes_the_block_of_rfc_8439),
		cmocka_unit_test(time_alone_makes_a_seed),
		cmocka_unit_test(bytes_come_in_any_amount),
		cmocka_unit_test(nothing_repeats),
		cmocka_unit_test(bits_are_balanced),
		cmocka_unit_test(the_processor_is_asked_again),
	};

	return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
