/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the C guest programs share: TAP output, a seeded random number generator, and system calls
 * made with the syscall instruction itself (not through libc, so that they trap).
 */
#ifndef TEST_H
#define TEST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int test_count, test_failures;

/* One TAP result. */
__attribute__((format(printf, 2, 3), unused)) static bool ok(bool cond, const char *fmt, ...)
{
	__builtin_va_list ap;
	char name[200];

	__builtin_va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	__builtin_va_end(ap);
	test_count++;
	if (!cond)
		test_failures++;
	printf("%sok %d - %s\n", cond ? "" : "not ", test_count, name);
	fflush(stdout);
	return cond;
}

/* One TAP result: two numbers must be equal. */
__attribute__((unused)) static bool is(long got, long want, const char *name)
{
	if (got != want)
		printf("# got %ld (0x%lx), expected %ld (0x%lx), errno %d\n", got,
		       (unsigned long)got, want, (unsigned long)want, errno);
	return ok(got == want, "%s", name);
}

/* The plan; the value for main to return. */
__attribute__((unused)) static int done(void)
{
	printf("1..%d\n", test_count);
	return test_failures != 0;
}

__attribute__((unused)) static uint64_t test_seed(void)
{
	const char *s = getenv("TEST_SEED");

	return s ? strtoull(s, NULL, 10) : 1;
}

struct rng {
	uint64_t x;
};

/* stream keeps several generators of one run apart. */
__attribute__((unused)) static struct rng rng_make(uint64_t stream)
{
	uint64_t x = test_seed() * 0x9e3779b97f4a7c15u ^ stream * 0xd1342543de82ef95u;

	return (struct rng){(x ^ x >> 31) | 1};
}

__attribute__((unused)) static uint64_t rng_next(struct rng *r)
{
	r->x ^= r->x >> 12;
	r->x ^= r->x << 25;
	r->x ^= r->x >> 27;
	return r->x * 0x2545f4914f6cdd1du;
}

__attribute__((unused)) static uint64_t rng_below(struct rng *r, uint64_t n)
{
	return (rng_next(r) >> 33) % n;
}

/* The syscall instruction with six arguments; Linux's own return value. */
__attribute__((unused)) static inline long raw_syscall(long nr, long a, long b, long c, long d,
						       long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}
#define RAW_1(nr, n, a, b, c, d, e, f, ...)                                                        \
	raw_syscall(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
/* raw(SYS_name, args...) */
#define raw(nr, ...) RAW_1(nr, 0, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

__attribute__((unused)) static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

#endif
