/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Stand-ins for the kernel's lower parts, for tests on the host. Each has a switch to make the n-th
 * request fail. Include this first: it brings cmocka and what cmocka needs.
 */
#ifndef FAKE_FAKE_H
#define FAKE_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/types.h"

/* --- fail.c: which request fails. One counter for all fakes of a test. --- */

/* The n-th request from now on fails (1: the next), once; 0: none. */
void fake_fail_at(unsigned n);
/* Asked by the fakes: shall this request fail? */
bool fake_fails(void);
/* Did a request fail since fake_fail_at()? */
bool fake_has_failed(void);

/* Run `body` with the 1st, 2nd, … request failing until it gets by with none failing; body sees the
 * number in fail_n. */
#define FOR_EACH_FAILURE(body)                                                                     \
	for (unsigned fail_n = 1;; fail_n++) {                                                     \
		fake_fail_at(fail_n);                                                              \
		body;                                                                              \
		bool failed_ = fake_has_failed();                                                  \
		fake_fail_at(0);                                                                   \
		if (!failed_)                                                                      \
			break;                                                                     \
		assert_in_range(fail_n, 1, 10000);                                                 \
	}

/* --- log.c: panic() fails the test, unless it is expected. --- */

extern jmp_buf fake_panic_jump;
extern bool fake_panic_expected;
/* The log goes nowhere. */
extern bool fake_log_quiet;

/* lock.c: give all locks of all CPUs back. */
void fake_locks_drop(void);

/* The statement must panic; the locks that it held are given back. */
#define EXPECT_PANIC(statement)                                                                    \
	do {                                                                                       \
		fake_panic_expected = true;                                                        \
		if (setjmp(fake_panic_jump) == 0) {                                                \
			statement;                                                                 \
			fake_panic_expected = false;                                               \
			fail_msg("no panic: %s", #statement);                                      \
		}                                                                                  \
		fake_locks_drop();                                                                 \
		fake_panic_expected = false;                                                       \
	} while (0)

/* --- random.c: a seeded generator behind random_u64(), for the tests too. --- */

/* SEED from the environment, or one from the clock; printed. */
uint64_t fake_seed_from_env(void);
void fake_seed(uint64_t seed);
/* 0 … n-1. */
uint64_t fake_random_below(uint64_t n);

/* --- page.c, heap.c: the allocators over malloc(), so that the sanitizer watches them. --- */

extern _Atomic uint64_t fake_pages_in_use;
extern uint64_t fake_pages_total;
extern _Atomic uint64_t fake_heap_objects;

#endif
