/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Records of system calls on the log, for `kiln run --trace`, which makes text of them:
 *
 *     kiln: > TID NS NR ARG... [@I:BYTES]...     a call begins; BYTES: memory that argument I
 * points to kiln: < TID NS NR RESULT [@I:BYTES]...     a call has ended
 *
 * All numbers but I are hexadecimal. A string has a 0 at its end if it was not cut.
 */
#ifndef ABI_TRACE_H
#define ABI_TRACE_H

#include "arch/arch.h"
#include "base/types.h"

typedef long (*trace_handler)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

/* Call the handler of call nr between two records. */
long trace_call(unsigned nr, trace_handler handler, const uint64_t args[6]);
/* The records of a call that its caller makes. */
void trace_begin(unsigned nr, const uint64_t args[6]);
void trace_end(unsigned nr, const uint64_t args[6], long result);

#endif
