/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The command line's tokens: what was encoded comes back, and garbage does no harm.
 *
 * sources: base/cmdline.c base/string.c
 * fakes: random
 */
#include "fake/fake.h"

#include "base/cmdline.h"
#include "base/errno.h"

static ssize64_t decode(const char *text, char *out)
{
	const struct cmdline_token token = {text, strlen(text)};

	return cmdline_decode(&token, out);
}

static void tokens_are_split_at_spaces(void **state)
{
	const char *at = "  prog=x  verbose -- a% ";
	struct cmdline_token t, rest;

	assert_true(cmdline_next(&at, &t));
	assert_true(cmdline_has_prefix(&t, "prog=", &rest));
	assert_true(cmdline_is(&rest, "x"));
	assert_true(cmdline_next(&at, &t));
	assert_true(cmdline_is(&t, "verbose"));
	assert_false(cmdline_is(&t, "verb"));
	assert_false(cmdline_is(&t, "verbose!"));
	assert_true(cmdline_next(&at, &t));
	assert_true(cmdline_is(&t, "--"));
	assert_true(cmdline_next(&at, &t));
	assert_int_equal(t.len, 2);
	assert_false(cmdline_next(&at, &t));
	assert_false(cmdline_next(&at, &t));
}

static void escapes_become_bytes(void **state)
{
	char out[40];

	assert_int_equal(decode("a%20b%25%7e%7E", out), 6);
	assert_string_equal(out, "a b%~~");
	assert_int_equal(decode("%", out), 0);
	assert_string_equal(out, "");
	assert_int_equal(decode("%ff%01", out), 2);
	assert_memory_equal(out, "\xff\x01", 3);
}

static void broken_escapes_are_refused(void **state)
{
	static const char *const broken[] = {"%2", "%%", "a%", "%zz", "%0", "%00", "x%1g", "%-1"};
	char out[40];

	for (size_t i = 0; i < ARRAY_SIZE(broken); i++)
		assert_int_equal(decode(broken[i], out), -EINVAL);
}

static void encoded_arguments_come_back(void **state)
{
	for (unsigned round = 0; round < 2000; round++) {
		char args[5][20], line[400] = "", out[100];
		const char *at = line;
		struct cmdline_token t;
		size_t len = 0;

		for (unsigned i = 0; i < 5; i++) {
			size_t n = fake_random_below(18);

			for (size_t k = 0; k < n; k++)
				args[i][k] = (char)(1 + fake_random_below(255));
			args[i][n] = 0;
			if (n == 0)
				line[len++] = '%';
			for (size_t k = 0; k < n; k++) {
				unsigned char c = (unsigned char)args[i][k];
				bool plain = c > ' ' && c != '%' && fake_random_below(4) > 0;

				len += (size_t)sprintf(line + len, plain ? "%c" : "%%%02x", c);
			}
			line[len++] = ' ';
			line[len] = 0;
		}
		for (unsigned i = 0; i < 5; i++) {
			assert_true(cmdline_next(&at, &t));
			assert_in_range(t.len + 1, 1, sizeof(out));
			assert_int_equal(cmdline_decode(&t, out), strlen(args[i]));
			assert_string_equal(out, args[i]);
		}
		assert_false(cmdline_next(&at, &t));
	}
}

/* The sanitizers watch: output has exactly the room that is promised to be enough. */
static void garbage_stays_within_bounds(void **state)
{
	for (unsigned round = 0; round < 20000; round++) {
		size_t n = fake_random_below(30);
		char *line = malloc(n + 1);
		const char *at = line;
		struct cmdline_token t;

		for (size_t i = 0; i < n; i++)
			line[i] = "% 0a9fzZ=-\xff"[fake_random_below(11)];
		line[n] = 0;
		while (cmdline_next(&at, &t)) {
			char *out = malloc(t.len + 1);
			ssize64_t len = cmdline_decode(&t, out);

			assert_true(len == -EINVAL || (len >= 0 && (size_t)len <= t.len &&
						       strlen(out) == (size_t)len));
			free(out);
		}
		free(line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_are_split_at_spaces),
		cmocka_unit_test(escapes_become_bytes),
		cmocka_unit_test(broken_escapes_are_refused),
		cmocka_unit_test(encoded_arguments_come_back),
		cmocka_unit_test(garbage_stays_within_bounds),
	};

	fake_seed_from_env();
	return cmocka_run_group_tests_name("cmdline", tests, NULL, NULL);
}
