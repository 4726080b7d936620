/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * C between two Rust libraries: callbacks, strings and ownership cross in all directions, and a
 * panic stops at the boundary.
 */
#include "mixed.h"

#include <stdio.h>
#include <stdlib.h>

void c_count_word(struct counter *c, const char *word)
{
	counter_add(c, word);
}

static int print_word(void *ctx, const char *word, size_t count)
{
	int *lines = ctx;

	printf("%s: %zu\n", word, count);
	return ++*lines == 3; /* three are enough */
}

static int descending(int a, int b)
{
	return a < b ? 1 : a > b ? -1 : 0;
}

static void count_words(void)
{
	struct counter *c = counter_new();
	int lines = 0;

	printf("words: %zu\n", text_count_words("to be or not to be that is the question", c));
	printf("stopped: %d\n", counter_each(c, print_word, &lines));
	counter_free(c);
}

int main(void)
{
	int numbers[] = {3, 1, 4, 1, 5, 9, 2, 6}, result = 0;
	char *upper = text_upper("gr\xc3\xbc\xc3\x9f dich"), *process = text_describe_process();

	puts(upper);
	puts(process);
	text_free(upper);
	text_free(process);
	printf("not UTF-8: %s\n", text_upper("\xff") ? "accepted" : "refused");

	count_words();

	printf("7 / 2: %d", counter_divide(7, 2, &result));
	printf(", %d\n", result);
	fflush(stdout);
	printf("7 / 0: %d\n", counter_divide(7, 0, &result));

	counter_sort(numbers, sizeof(numbers) / sizeof(numbers[0]), descending);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		printf("%d%s", numbers[i],
		       i + 1 < sizeof(numbers) / sizeof(numbers[0]) ? " " : "\n");
	return EXIT_SUCCESS;
}
