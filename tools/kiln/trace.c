/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * From records to lines: see trace.h. A call is printed as far as it is known when it begins, so
 * that one that blocks can be seen; if another thread's record comes before its end, that line is
 * left unfinished, and the call is resumed later, as strace has it.
 */
#include "trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARGS = 6 };

/* One record, or a call that has begun. */
struct trace_record {
	unsigned tid, nr;
	uint64_t ns, result, args[ARGS];
	struct trace_bytes bytes[ARGS];
	bool shown;       /* of a call: its beginning was printed */
	unsigned printed; /* arguments of it that were */
};

struct trace {
	bool wanted[TRACE_CALLS];
	bool others;       /* numbers that Linux does not have, too */
	uint64_t start_ns; /* of the first record */
	unsigned open;     /* the thread whose line is not complete; 0: none */
	struct trace_record *calls;
	size_t n;
};

static void trace_want(struct trace *trace, const char *word)
{
	bool found = false;

	for (unsigned nr = 0; nr < TRACE_CALLS; nr++)
		if (trace_call_is(nr, word)) {
			trace->wanted[nr] = true;
			found = true;
		}
	if (!found)
		die(STATUS_USAGE,
		    "--trace=%s: there is no such family or system call\n  families: %s", word,
		    trace_families);
}

struct trace *trace_create(const char *words)
{
	struct trace *trace = xmalloc(sizeof(*trace));

	memset(trace, 0, sizeof(*trace));
	if (!words) {
		memset(trace->wanted, 1, sizeof(trace->wanted));
		trace->others = true;
		return trace;
	}
	while (*words) {
		size_t n = strcspn(words, ",");
		char *word = xstrndup(words, n);

		trace_want(trace, word);
		free(word);
		words += n + (words[n] == ',');
	}
	return trace;
}

/* --- reading records --- */

/* The next hexadecimal number of a line; false if there is none. */
static bool number_take(const char **at, uint64_t *value)
{
	char *end;

	if (**at != ' ' || (*at)[1] == '@')
		return false;
	*value = strtoull(*at + 1, &end, 16);
	if (end == *at + 1 || (*end && *end != ' '))
		return false;
	*at = end;
	return true;
}

static int digit_value(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* " @I:BYTES" at the end of a line, any number of times. */
static void bytes_take(const char *at, struct trace_record *r)
{
	while (!strncmp(at, " @", 2) && at[2] >= '0' && at[2] < '0' + ARGS && at[3] == ':') {
		struct trace_bytes *b = &r->bytes[at[2] - '0'];

		b->n = 0;
		for (at += 4; digit_value(at[0]) >= 0 && digit_value(at[1]) >= 0; at += 2)
			if (b->n < sizeof(b->p))
				b->p[b->n++] = (uint8_t)(digit_value(at[0]) << 4 |
							 digit_value(at[1]));
	}
}

/* "TID NS NR" and more at " ...". */
static bool record_take(const char **at, struct trace_record *r)
{
	uint64_t tid, nr;

	memset(r, 0, sizeof(*r));
	if (!number_take(at, &tid) || !number_take(at, &r->ns) || !number_take(at, &nr))
		return false;
	r->tid = (unsigned)tid;
	r->nr = (unsigned)nr;
	return true;
}

/* --- printing --- */

static void print(const struct buf *b)
{
	(void)!write(STDERR_FILENO, b->p, b->len);
}

/* The line that is not complete, of a thread other than tid, ends here. */
static void line_leave(struct trace *trace, unsigned tid, struct buf *b)
{
	if (trace->open && trace->open != tid)
		buf_adds(b, " <unfinished ...>\n");
	if (trace->open != tid)
		trace->open = 0;
}

static void line_begin(const struct trace *trace, const struct trace_record *r, struct buf *b)
{
	uint64_t us = (r->ns - trace->start_ns) / 1000;

	buf_addf(b, "%6" PRIu64 ".%06" PRIu64 " [%u] ", us / 1000000, us % 1000000, r->tid);
}

static void name_print(unsigned nr, struct buf *b)
{
	const char *name = trace_call_name(nr);

	if (name)
		buf_adds(b, name);
	else
		buf_addf(b, "syscall_%u", nr);
}

/* Arguments from the first one that was not printed, until one that is known at the end only. */
static void args_print(struct trace_record *call, const struct trace_record *end, struct buf *b)
{
	const char *spec = trace_call_spec(call->nr);
	size_t n = strlen(spec);

	for (; call->printed < n; call->printed++) {
		unsigned i = call->printed;
		bool is_result = trace_value_is_result(spec[i]);
		uint64_t next = call->args[(i + 1) % ARGS];

		if (is_result && !end)
			return;
		if (i)
			buf_adds(b, ", ");
		if (spec[i] == 'b')
			trace_bytes_add(b, call->args[i], next, &call->bytes[i]);
		else if (spec[i] == 'B')
			trace_bytes_add(b, call->args[i],
					(int64_t)end->result > 0 ? end->result : 0, &end->bytes[i]);
		else
			trace_value_add(b, spec[i], call->args[i],
					is_result ? &end->bytes[i] : &call->bytes[i]);
	}
}

static struct trace_record *call_of(const struct trace *trace, unsigned tid)
{
	for (size_t i = 0; i < trace->n; i++)
		if (trace->calls[i].tid == tid)
			return &trace->calls[i];
	return NULL;
}

static void call_begin(struct trace *trace, struct trace_record *r)
{
	struct trace_record *call = call_of(trace, r->tid);
	struct buf b = {0};

	if (!call) {
		trace->calls = xrealloc(trace->calls, (trace->n + 1) * sizeof(*trace->calls));
		call = &trace->calls[trace->n++];
	}
	*call = *r;
	call->shown = r->nr < TRACE_CALLS ? trace->wanted[r->nr] : trace->others;
	if (!call->shown)
		return;
	/* A thread's last call has not come back: a signal's handler runs, or it was the end. */
	if (trace->open == r->tid) {
		buf_adds(&b, " <unfinished ...>\n");
		trace->open = 0;
	}
	line_leave(trace, r->tid, &b);
	line_begin(trace, r, &b);
	name_print(r->nr, &b);
	buf_addc(&b, '(');
	args_print(call, NULL, &b);
	trace->open = r->tid;
	print(&b);
	buf_free(&b);
}

static void call_end(struct trace *trace, const struct trace_record *r)
{
	struct trace_record *call = call_of(trace, r->tid);
	struct buf b = {0};
	uint64_t ns;

	if (!call || call->nr != r->nr || !call->shown)
		return;
	if (trace->open != r->tid) {
		line_leave(trace, r->tid, &b);
		line_begin(trace, r, &b);
		buf_adds(&b, "<... ");
		name_print(r->nr, &b);
		buf_adds(&b, " resumed>");
	}
	args_print(call, r, &b);
	ns = r->ns - call->ns;
	buf_adds(&b, ") = ");
	trace_result_add(&b, trace_call_result(r->nr), r->result);
	buf_addf(&b, " <%" PRIu64 ".%06" PRIu64 ">\n", ns / 1000000000, ns / 1000 % 1000000);
	trace->open = 0;
	call->shown = false;
	print(&b);
	buf_free(&b);
}

bool trace_take(struct trace *trace, const char *line)
{
	const char *begin = str_after(line, "kiln: >"), *end = str_after(line, "kiln: <");
	const char *at = begin ? begin : end;
	struct trace_record r;

	if (!at || !record_take(&at, &r))
		return false;
	if (!trace->start_ns)
		trace->start_ns = r.ns;
	if (begin)
		for (size_t i = 0; i < ARGS && number_take(&at, &r.args[i]); i++)
			;
	else if (!number_take(&at, &r.result))
		return false;
	bytes_take(at, &r);
	if (begin)
		call_begin(trace, &r);
	else
		call_end(trace, &r);
	return true;
}

void trace_finish(struct trace *trace)
{
	if (!trace)
		return;
	if (trace->open)
		fputs(") = ?\n", stderr);
	free(trace->calls);
	free(trace);
}
