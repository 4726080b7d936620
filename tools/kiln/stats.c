/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The table of a run's numbers: see stats.h. Times inside the machine are the kernel's, by the
 * cycle counter; what is left of the time that kiln has measured is the machine's own.
 */
#include "stats.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"

static const char stats_line[] = "kiln: stats ", calls_line[] = "kiln: calls";
enum { CALLS_SHOWN = 10 };

/* The number behind " NAME=" in a line; 0 if there is none. */
static uint64_t stats_number(const char *line, const char *name)
{
	char *word = xasprintf(" %s=", name);
	const char *at = strstr(line, word);
	uint64_t number = at ? strtoull(at + strlen(word), NULL, 10) : 0;

	free(word);
	return number;
}

static void print_ms(const char *what, uint64_t ns, const char *more)
{
	fprintf(stderr, "  %-34s %9.3f ms%s\n", what, (double)ns / 1e6, more);
}

static void print_count(const char *what, uint64_t n, const char *more)
{
	fprintf(stderr, "  %-34s %9" PRIu64 "%s\n", what, n, more);
}

/* Take the line that begins with `begin` out of the log. NULL: there is none; caller frees. */
static char *stats_take(struct buf *log, const char *begin)
{
	char *at = log->len ? memmem(log->p, log->len, begin, strlen(begin)) : NULL;

	if (!at || (at != log->p && at[-1] != '\n'))
		return NULL;
	size_t n = strcspn(at, "\n");
	char *line = xstrndup(at, n);

	n += at[n] == '\n';
	memmove(at, at + n, log->len - (size_t)(at - log->p) - n);
	log->len -= n;
	return line;
}

struct call_count {
	unsigned nr;
	uint64_t n;
};

static int count_compare(const void *a, const void *b)
{
	const struct call_count *x = a, *y = b;

	return x->n > y->n ? -1 : x->n < y->n ? 1 : (int)x->nr - (int)y->nr;
}

/* "kiln: calls NR=NUMBER ...": how many, and which most often. */
static void calls_print(const char *line)
{
	struct call_count counts[TRACE_CALLS];
	size_t n = 0;
	uint64_t all = 0;

	for (const char *at = strchr(line + strlen(calls_line), ' '); at && n < ARRAY_SIZE(counts);
	     at = strchr(at + 1, ' ')) {
		char *end;
		unsigned nr = (unsigned)strtoul(at, &end, 10);

		if (*end != '=')
			break;
		counts[n++] = (struct call_count){nr, strtoull(end + 1, NULL, 10)};
		all += counts[n - 1].n;
	}
	qsort(counts, n, sizeof(counts[0]), count_compare);
	print_count("system calls", all, "");
	for (size_t i = 0; i < n && i < CALLS_SHOWN; i++) {
		const char *name = trace_call_name(counts[i].nr);
		char *what = xasprintf("  %s", name ? name : "unknown numbers");

		print_count(what, counts[i].n, "");
		free(what);
	}
}

static void stats_table(const struct relay *r, const char *line)
{
	uint64_t start = stats_number(line, "start_ns"), kernel = stats_number(line, "kernel_ns");
	uint64_t program = stats_number(line, "program_ns"), run = stats_number(line, "run_ns");
	uint64_t inside = start + kernel + program + run;
	uint64_t whole = (uint64_t)(r->end_ns - r->start_ns);

	fprintf(stderr, "kiln: what the run took\n");
	print_ms(r->vm ? "the virtual machine itself" : "starting and ending the process",
		 whole > inside ? whole - inside : 0, "");
	print_ms("boot: image, address space", start, "");
	print_ms("boot: kernel", kernel, "");
	print_ms("boot: the program's start", program, "");
	print_ms("program", run, "");
	if (r->first_output_ns)
		print_ms("from kiln's start to first output",
			 (uint64_t)(r->first_output_ns - r->start_ns), "");
	print_ms("CPUs working", stats_number(line, "busy_ns"), "");
	print_ms("CPUs idle", stats_number(line, "idle_ns"), "");
	if (r->vm)
		print_count(
			"memory at most, KiB",
			(stats_number(line, "image_bytes") + stats_number(line, "peak_bytes")) >>
				10,
			" (the image's among it)");
	else
		print_count("memory at most, KiB", (uint64_t)r->usage.ru_maxrss, "");
	print_count("page faults",
		    r->vm ? stats_number(line, "faults") : (uint64_t)r->usage.ru_minflt, "");
	print_count("switches between threads", stats_number(line, "switches"), "");
	print_count("threads", stats_number(line, "threads"), "");
	print_count("CPUs used", stats_number(line, "cpus"), "");
}

void stats_print(struct relay *r)
{
	char *calls = stats_take(&r->log_text, calls_line);
	char *line = stats_take(&r->log_text, stats_line);

	if (line)
		stats_table(r, line);
	else
		error("the kernel has told no numbers: the program did not end by itself, or its "
		      "kernel "
		      "was built without CONFIG_STATS");
	if (line && calls)
		calls_print(calls);
	free(calls);
	free(line);
}
