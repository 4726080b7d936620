/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Memory and string functions against the C library's, at all small lengths, alignments and
 * overlaps. They are compiled under other names (Makefile).
 *
 * sources: base/string.c
 * fakes: random
 */
#include "fake/fake.h"

void *kiln_memcpy(void *dst, const void *src, size_t n);
void *kiln_memmove(void *dst, const void *src, size_t n);
void *kiln_memset(void *dst, int c, size_t n);
int kiln_memcmp(const void *a, const void *b, size_t n);
size_t kiln_strlen(const char *s);
size_t kiln_strnlen(const char *s, size_t max);
int kiln_strcmp(const char *a, const char *b);
int kiln_strncmp(const char *a, const char *b, size_t n);
bool str_prefix(const char *s, const char *prefix, const char **rest);

#define ROOM 1200

static unsigned char a[ROOM], b[ROOM], source[ROOM];

static void fill(void)
{
	for (size_t i = 0; i < ROOM; i++) {
		source[i] = (unsigned char)fake_random_below(256);
		a[i] = b[i] = (unsigned char)fake_random_below(256);
	}
}

static int sign(int x)
{
	return (x > 0) - (x < 0);
}

static void memcpy_copies_all_lengths(void **state)
{
	for (size_t n = 0; n < 600; n++) {
		size_t d = fake_random_below(16), s = fake_random_below(16);

		fill();
		assert_ptr_equal(kiln_memcpy(a + d, source + s, n), a + d);
		memcpy(b + d, source + s, n);
		assert_memory_equal(a, b, ROOM);
	}
}

static void memmove_allows_overlap(void **state)
{
	for (unsigned i = 0; i < 5000; i++) {
		size_t n = fake_random_below(i % 2 ? 40 : 500), d = fake_random_below(600);
		size_t s = i % 3 ? d + fake_random_below(20) : fake_random_below(600);

		fill();
		assert_ptr_equal(kiln_memmove(a + d, a + s, n), a + d);
		memmove(b + d, b + s, n);
		assert_memory_equal(a, b, ROOM);
	}
}

static void memset_sets_all_lengths(void **state)
{
	for (size_t n = 0; n < 600; n++) {
		size_t d = fake_random_below(16);

		fill();
		assert_ptr_equal(kiln_memset(a + d, (int)n, n), a + d);
		memset(b + d, (int)n, n);
		assert_memory_equal(a, b, ROOM);
	}
}

static void memcmp_finds_the_first_difference(void **state)
{
	for (size_t n = 1; n < 100; n++) {
		fill();
		memcpy(a, source, n);
		assert_int_equal(kiln_memcmp(a, source, n), 0);
		a[fake_random_below(n)] ^= (unsigned char)(1 + fake_random_below(255));
		assert_int_equal(sign(kiln_memcmp(a, source, n)), sign(memcmp(a, source, n)));
	}
}

static void strings_compare_as_in_c(void **state)
{
	static const char *const s[] = {"", "a", "ab", "abc", "abd", "b", "\xff", "ab\x80"};

	for (size_t i = 0; i < ARRAY_SIZE(s); i++) {
		assert_int_equal(kiln_strlen(s[i]), strlen(s[i]));
		for (size_t n = 0; n < 5; n++)
			assert_int_equal(kiln_strnlen(s[i], n), strnlen(s[i], n));
		for (size_t k = 0; k < ARRAY_SIZE(s); k++) {
			assert_int_equal(sign(kiln_strcmp(s[i], s[k])), sign(strcmp(s[i], s[k])));
			for (size_t n = 0; n < 5; n++)
				assert_int_equal(sign(kiln_strncmp(s[i], s[k], n)),
						 sign(strncmp(s[i], s[k], n)));
		}
	}
}

static void prefix_is_found_and_cut(void **state)
{
	const char *rest = NULL;

	assert_true(str_prefix("log=debug", "log=", &rest));
	assert_string_equal(rest, "debug");
	assert_true(str_prefix("log=", "log=", &rest));
	assert_string_equal(rest, "");
	assert_false(str_prefix("log", "log=", &rest));
	assert_true(str_prefix("log", "", NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memcpy_copies_all_lengths),
		cmocka_unit_test(memmove_allows_overlap),
		cmocka_unit_test(memset_sets_all_lengths),
		cmocka_unit_test(memcmp_finds_the_first_difference),
		cmocka_unit_test(strings_compare_as_in_c),
		cmocka_unit_test(prefix_is_found_and_cut),
	};

	fake_seed_from_env();
	return cmocka_run_group_tests_name("string", tests, NULL, NULL);
}
