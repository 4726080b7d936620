/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Formatting against the C library's vsnprintf, with formats put together at random.
 *
 * sources: base/fmt.c base/string.c
 * fakes: random
 */
#include "fake/fake.h"

#include "base/fmt.h"

/* The formats are made at run time, or wrong on purpose. */
#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
#pragma GCC diagnostic ignored "-Wformat-overflow"
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"

#define SAME(...)                                                                                  \
	do {                                                                                       \
		char want_[300], got_[300];                                                        \
		size_t n_ = (size_t)snprintf(want_, sizeof(want_), __VA_ARGS__);                   \
		assert_int_equal(fmt_format(got_, sizeof(got_), __VA_ARGS__), n_);                 \
		assert_string_equal(got_, want_);                                                  \
	} while (0)

static void plain_conversions_are_as_in_c(void **state)
{
	SAME("nothing");
	SAME("%%|%c|%s|%s", 'x', "text", "");
	SAME("%d %d %d %i", 0, -1, INT32_MAX, INT32_MIN);
	SAME("%u %x %X", 4000000000u, 0xdeadbeef, 0xdeadbeef);
	SAME("%ld %lu %lx", INT64_MIN, UINT64_MAX, UINT64_MAX);
	SAME("%lld %llu", (long long)INT64_MIN, (unsigned long long)UINT64_MAX);
	SAME("%zu %zx %zd", SIZE_MAX, (size_t)0, (ssize_t)-5);
	SAME("%hhu %hhd %hu %hd", 511, 255, 70000, 40000);
	SAME("%p", (void *)0x1234);
	SAME("%.3s|%.0s|%.10s", "abcdef", "abc", "abc");
	SAME("%*d|%-*d|%.*s", 6, 5, 6, 5, 2, "abc");
}

static void a_null_string_is_shown(void **state)
{
	char buf[20];

	fmt_format(buf, sizeof(buf), "%s", (char *)NULL);
	assert_string_equal(buf, "(null)");
}

static void what_is_no_conversion_is_left_alone(void **state)
{
	char buf[40];

	fmt_format(buf, sizeof(buf), "100%", 0);
	assert_string_equal(buf, "100%");
	fmt_format(buf, sizeof(buf), "%05y %d", 7);
	assert_string_equal(buf, "%05y 7");
}

static void output_is_cut_and_counted(void **state)
{
	char buf[8];

	for (size_t cap = 0; cap <= sizeof(buf); cap++) {
		memset(buf, 'z', sizeof(buf));
		assert_int_equal(fmt_format(buf, cap, "%d-%s", 12345, "abcdef"), 12);
		if (cap > 0)
			assert_int_equal(strlen(buf), cap - 1);
		for (size_t i = cap; i < sizeof(buf); i++)
			assert_int_equal(buf[i], 'z');
	}
	assert_int_equal(fmt_format(NULL, 0, "%s", "abc"), 3);
}

static void random_formats_are_as_in_c(void **state)
{
	static const char *const flags[] = {"", "0", "-"};
	static const char *const lengths[] = {"", "l", "ll", "z", "h", "hh"};

	for (unsigned i = 0; i < 20000; i++) {
		char fmt[40];
		uint64_t value = fake_random_below(3) ? fake_random_below(1000) - 500
						      : fake_random_below(UINT64_MAX);

		snprintf(fmt, sizeof(fmt), "<%%%s%d%s%c>", flags[fake_random_below(3)],
			 (int)fake_random_below(25) + 1, lengths[fake_random_below(6)],
			 "diuxX"[fake_random_below(5)]);
		SAME(fmt, value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_conversions_are_as_in_c),
		cmocka_unit_test(a_null_string_is_shown),
		cmocka_unit_test(what_is_no_conversion_is_left_alone),
		cmocka_unit_test(output_is_cut_and_counted),
		cmocka_unit_test(random_formats_are_as_in_c),
	};

	fake_seed_from_env();
	return cmocka_run_group_tests_name("fmt", tests, NULL, NULL);
}
