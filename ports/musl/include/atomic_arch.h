/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * musl stops a program that it finds corrupted with `hlt`, which faults in a process but not in ring 0,
 * where execution would run on. An invalid instruction faults in both.
 */
#include_next "atomic_arch.h"

#undef a_crash
#define a_crash() __builtin_trap()
