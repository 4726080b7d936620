/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kiln run --trace: text like strace's from the records that the kernel writes to its log
 * (kernel/abi/trace.h).
 */
#ifndef KILN_TRACE_H
#define KILN_TRACE_H

#include "util.h"

/* Highest number of a system call that is known, and one more. */
enum { TRACE_CALLS = 512 };

/* What --trace was given: words separated by commas, families or names of calls; NULL: everything.
 * A word that is neither ends kiln with a message. */
struct trace *trace_create(const char *words);

/* A line of the log, without its newline: true if it was a record. What it says is printed to
 * standard error. */
bool trace_take(struct trace *trace, const char *line);

/* The program has ended: complete what is printed, and free. NULL is allowed. */
void trace_finish(struct trace *trace);

/* --- trace_calls.c --- */

/* A call's name, NULL: there is none with that number. */
const char *trace_call_name(unsigned nr);

/* One character for each argument, saying what it is (trace_calls.def). */
const char *trace_call_spec(unsigned nr);

/* What its result is: 'd' or 'p'. */
char trace_call_result(unsigned nr);

/* Is the call of the family, or is word its name? */
bool trace_call_is(unsigned nr, const char *word);

/* The families, for messages. */
extern const char trace_families[];

/* --- trace_values.c --- */

/* Memory that an argument points to, as a record has it. */
struct trace_bytes {
	size_t n;
	uint8_t p[256];
};

/* Is what the argument points to written by the call? */
bool trace_value_is_result(char spec);

/* Append an argument; bytes->n is 0 if the memory is not known. */
void trace_value_add(struct buf *b, char spec, uint64_t value, const struct trace_bytes *bytes);

/* The same for bytes that are read or written, length in all. */
void trace_bytes_add(struct buf *b, uint64_t value, uint64_t length,
		     const struct trace_bytes *bytes);

/* Append a result, an error with its name. spec: 'p' for an address. */
void trace_result_add(struct buf *b, char spec, uint64_t value);

#endif
