/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The tables of a trace: names and numbers of arguments are the kernel's own list's, the rest is
 * trace_calls.def's.
 */
#include <string.h>

#include "trace.h"

const char trace_families[] = "file, memory, thread, signal, time, process, network, other";

enum {
#define SYSCALL(nr, name, nargs, status, mode, note) NR_##name = (nr),
#include "abi/syscalls.def"
#undef SYSCALL
};

static const struct {
	const char *name;
	unsigned char nargs;
} calls[TRACE_CALLS] = {
#define SYSCALL(nr, name, nargs, status, mode, note) [nr] = {#name, nargs},
#include "abi/syscalls.def"
#undef SYSCALL
};

static const struct {
	const char *family, *spec;
	char result;
} known[TRACE_CALLS] = {
#define CALL(name, family, spec, result) [NR_##name] = {#family, spec, result},
#include "trace_calls.def"
#undef CALL
};

const char *trace_call_name(unsigned nr)
{
	return nr < TRACE_CALLS ? calls[nr].name : NULL;
}

const char *trace_call_spec(unsigned nr)
{
	static const char hexadecimal[] = "xxxxxx";
	unsigned nargs = nr < TRACE_CALLS && calls[nr].name ? calls[nr].nargs : 6;

	if (nr < TRACE_CALLS && known[nr].spec)
		return known[nr].spec;
	return hexadecimal + sizeof(hexadecimal) - 1 - nargs;
}

bool trace_call_is(unsigned nr, const char *word)
{
	const char *name = trace_call_name(nr), *family = name ? known[nr].family : NULL;

	return name && (!strcmp(word, name) || !strcmp(word, family ? family : "other"));
}

char trace_call_result(unsigned nr)
{
	return nr < TRACE_CALLS && known[nr].family ? known[nr].result : 'd';
}
