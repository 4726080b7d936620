/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What of musl's processor-dependent code is different here. This header comes before musl's own of
 * the same name. */
#include_next "atomic_arch.h"

/*
 * musl stops a program that it finds corrupted with `hlt`, which faults in a process but not in
 * ring 0, where execution would run on. An invalid instruction faults in both.
 */
#undef a_crash
#define a_crash() __builtin_trap()

/*
 * musl spins a hundred times before it waits for another thread. Threads share one CPU, where the
 * other one cannot get on meanwhile, and a `pause` takes up to 140 cycles.
 */
#undef a_spin
#define a_spin() __asm__ __volatile__("" : : : "memory")

/* musl has instructions for 64 bits only, and computes these by multiplications and tables. */
#define a_ctz_32(x) __builtin_ctz(x)
#define a_clz_32(x) __builtin_clz(x)
