/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The kernel's random numbers: ChaCha20 keyed from the platform's entropy, the processor's and
 * timing jitter; reseeded as it goes, key erased after each use.
 */
#ifndef CORE_RANDOM_H
#define CORE_RANDOM_H

#include "base/types.h"

/* Fill buf; never fails, never returns predictable bytes: the first call gathers the seed. */
void random_bytes(void *buf, size_t n);
uint64_t random_u64(void);

#endif
