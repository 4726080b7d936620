/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ judge: match
//@ repeat: 3
//@ timeout: 180
//@ stdout: \A(?:a+\n|b+\n|c+\n|d+\n|e+\n|f+\n)+1200 lines\n\Z
//@ stderr: E{100}\n
/*
 * Many threads write lines of their own letter to standard output, by one write or writev each: no
 * line is torn. One writes to standard error meanwhile.
 */
#include "test.h"
#include "watchdog.h"
#include <sys/uio.h>

#define THREADS 6
#define LINES 200

static void *liner(void *arg)
{
	struct rng r = rng_make((uint64_t)(long)arg);
	char line[4096];

	memset(line, 'a' + (int)(long)arg, sizeof(line));
	for (int i = 0; i < LINES; i++) {
		size_t n = rng_below(&r, 8) ? 1 + rng_below(&r, 100) : 1 + rng_below(&r, 1500);
		struct iovec v[3] = {{line, n / 2}, {line, n - n / 2}, {"\n", 1}};

		if (rng_below(&r, 2)) {
			line[n] = '\n';
			if (write(1, line, n + 1) != (ssize_t)n + 1)
				_exit(3);
			line[n] = 'a' + (char)(long)arg;
		} else if (writev(1, v, 3) != (ssize_t)n + 1) {
			_exit(4);
		}
		progress++;
		disturb(&r);
	}
	return (void *)LINES;
}

static void *error_liner(void *arg)
{
	char line[101];

	(void)arg;
	memset(line, 'E', 100);
	line[100] = '\n';
	for (int i = 0; i < LINES / 10; i++)
		if (write(2, line, sizeof(line)) != sizeof(line))
			_exit(5);
	return NULL;
}

int main(void)
{
	struct crew c, e;

	watchdog_start();
	crew_start(&c, THREADS, liner);
	crew_start(&e, 1, error_liner);
	crew_join(&e);
	printf("%ld lines\n", crew_join(&c));
	return 0;
}
