/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* C frames between two Rust ones: a callback is called through a few of them. Built with unwind
 * tables. */
#include <stddef.h>

typedef void callback(void *);

__attribute__((noinline)) static int frame_inner(callback *f, void *arg, int depth,
						 volatile int *sum)
{
	*sum += depth;
	if (depth == 0)
		f(arg);
	else
		frame_inner(f, arg, depth - 1, sum);
	*sum -= depth;
	return *sum;
}

/* Calls f(arg) below depth C frames. */
int c_call_deep(callback *f, void *arg, int depth)
{
	volatile int sum = 0;

	return frame_inner(f, arg, depth, &sum);
}

/* Sorts like qsort(), by a Rust comparison. */
void c_sort(int *values, size_t n, int (*compare)(int, int))
{
	for (size_t i = 1; i < n; i++)
		for (size_t j = i; j > 0 && compare(values[j - 1], values[j]) > 0; j--) {
			int tmp = values[j];

			values[j] = values[j - 1];
			values[j - 1] = tmp;
		}
}
