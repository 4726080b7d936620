/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Complete addresses through addr2line: see symbolize.h. All addresses go into one call, because
 * reading the debug information takes most of its time.
 */
#include "symbolize.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proc.h"

enum { ADDRESSES_MAX = 512, OUTPUT_BYTES_MAX = 4 << 20 };

struct symbol {
	uint64_t address;
	char *text; /* "function at file:line", further lines are inlined callers; NULL: not known
		     */
};

/* Of one file. */
struct symbols {
	const char *file;
	const char *marker; /* what stands in front of its addresses */
	size_t n;
	struct symbol v[ADDRESSES_MAX];
};

/* The address at a marker; *end is behind it. */
static uint64_t address_read(const struct symbols *s, const char *at, char **end)
{
	return strtoull(at + strlen(s->marker), end, 16);
}

/* Where the address stands in s->v, or s->n. */
static size_t symbols_find(const struct symbols *s, uint64_t address)
{
	size_t i = 0;

	while (i < s->n && s->v[i].address != address)
		i++;
	return i;
}

static void symbols_collect(struct symbols *s, const char *text)
{
	while (s->n < ADDRESSES_MAX && (text = strstr(text, s->marker))) {
		char *end;
		uint64_t address = address_read(s, text, &end);

		if (symbols_find(s, address) == s->n)
			s->v[s->n++] = (struct symbol){.address = address};
		text = end;
	}
}

/* The last "at FILE:?": a function whose lines are not known. */
static void symbol_cut_place(char *text)
{
	char *last = NULL;

	for (char *at = text; (at = strstr(at, " at ")) != NULL; at++)
		last = at;
	if (last)
		*last = '\0';
}

/* One "0xADDRESS: function at file:line" with the " (inlined by) ..." lines that follow it. */
static void symbols_take(struct symbols *s, char *entry)
{
	char *text;
	uint64_t address = strtoull(entry, &text, 16);
	size_t i = symbols_find(s, address);

	if (i == s->n || strncmp(text, ": ", 2) || !strncmp(text, ": ?? ??:0", 9))
		return;
	text += 2;
	size_t n = strlen(text);

	while (n && text[n - 1] == '\n')
		n--;
	free(s->v[i].text);
	s->v[i].text = xstrndup(text, n);
	if (n > 2 && !strcmp(s->v[i].text + n - 2, ":?"))
		symbol_cut_place(s->v[i].text);
}

static void symbols_look_up(struct symbols *s)
{
	struct strv argv = {0};
	struct buf out = {0};

	strv_add_all(&argv, "addr2line", "-aCfip", "-e", s->file, NULL);
	for (size_t i = 0; i < s->n; i++)
		strv_addf(&argv, "0x%" PRIx64, s->v[i].address);

	struct proc p = proc_default(&argv);

	p.in = p.err = PROC_NULL;
	if (proc_capture(&p, OUTPUT_BYTES_MAX, &out) == 0) {
		char *entry = out.p;

		while (entry && *entry) {
			char *next = strstr(entry + 1, "\n0x");

			if (next)
				*next++ = '\0';
			symbols_take(s, entry);
			entry = next;
		}
	}
	buf_free(&out);
	strv_free(&argv);
}

/* The first address in a line that belongs to one of n files, and to which. NULL: there is none. */
static const char *line_find(const struct symbols *s, size_t n, const char *line,
			     const struct symbols **whose)
{
	const char *first = NULL;

	for (size_t i = 0; i < n; i++) {
		const char *at = strstr(line, s[i].marker);

		if (at && (!first || at < first)) {
			first = at;
			*whose = &s[i];
		}
	}
	return first;
}

/*
 * What a thread waits for in a futex, by the functions that it is in: those of libraries that stand
 * above the program's own. The first word that one of them has counts.
 */
static const struct {
	const char *word, *means;
} waits[] = {
	{"mpmc::", "channel"},
	{"mpsc::", "channel"},
	{"crossbeam_channel::", "channel"},
	{"pthread_join", "end of a thread"},
	{"Thread>::join", "end of a thread"},
	{"Thread::join", "end of a thread"},
	{"thread::scoped", "end of threads"},
	{"ondvar", "condition variable"},
	{"pthread_cond_", "condition variable"},
	{"barrier", "barrier"},
	{"rwlock", "RwLock"},
	{"sync::once", "Once"},
	{"mutex", "mutex"},
	{"park", "unpark"},
	{"sem_", "semaphore"},
};

/* Is the function one of a library? Names of C have no "::". */
static bool is_library(const char *function)
{
	static const char *const crates[] = {"std::", "core::", "alloc::", "crossbeam",
					     "parking_lot"};
	size_t n = strcspn(function, " \n");

	if (!memmem(function, n, "::", 2))
		return true;
	function += strspn(function, "<&");
	for (size_t i = 0; i < ARRAY_SIZE(crates); i++)
		if (str_after(function, crates[i]))
			return true;
	return false;
}

/* The best word in the functions of a symbol: its place in waits, or best. */
static size_t waits_find(const char *text, size_t best)
{
	for (size_t i = 0; i < best; i++)
		if (strstr(text, waits[i].word))
			return i;
	return best;
}

/* The lines at text are the backtrace of a thread that waits in a futex. What for, or NULL. */
static const char *waits_for(const struct symbols *s, size_t n, const char *text)
{
	size_t best = ARRAY_SIZE(waits);

	for (; text[0] == ' '; text += strcspn(text, "\n"), text += *text == '\n') {
		char *line = xstrndup(text, strcspn(text, "\n")), *end;
		const struct symbols *whose;
		const char *at = line_find(s, n, line, &whose), *symbol = NULL;

		if (at) {
			size_t i = symbols_find(whose, address_read(whose, at, &end));

			symbol = i < whose->n ? whose->v[i].text : NULL;
		}
		free(line);
		if (!symbol)
			continue;
		if (!is_library(symbol))
			break;
		best = waits_find(symbol, best);
	}
	return best < ARRAY_SIZE(waits) ? waits[best].means : NULL;
}

/* One line of the log, its newline not included; those behind it are at next. */
static void print_line(const struct symbols *s, size_t n, const char *line, const char *next)
{
	static const char futex[] = "waits: futex";
	const char *waiting = str_after(line, "thread ") ? strstr(line, futex) : NULL;
	const char *what = waiting ? waits_for(s, n, next) : NULL;
	struct buf inlined = {0};
	const struct symbols *whose;
	const char *at;

	if (what) {
		fprintf(stderr, "%.*s, %s,", (int)(waiting - line) + (int)strlen(futex), line,
			what);
		line = waiting + strlen(futex);
	}
	while ((at = line_find(s, n, line, &whose))) {
		char *end;
		size_t i = symbols_find(whose, address_read(whose, at, &end));
		const char *text = i < whose->n ? whose->v[i].text : NULL;

		fwrite(line, 1, (size_t)(end - line), stderr);
		line = end;
		if (!text)
			continue;
		size_t first = strcspn(text, "\n");

		fprintf(stderr, " %.*s", (int)first, text);
		for (const char *p = text + first; *p; p += 1 + strcspn(p + 1, "\n")) {
			size_t indent = strspn(p, "\n ");

			buf_addf(&inlined, "\n        %.*s", (int)strcspn(p + indent, "\n"),
				 p + indent);
		}
	}
	fprintf(stderr, "%s%s\n", line, inlined.p ? inlined.p : "");
	buf_free(&inlined);
}

void symbolize_print(const struct run *run, const char *text, size_t n)
{
	static struct symbols s[2];
	size_t files = run->loader ? 2 : 1;
	char *copy = xmalloc(n + 1), *line = copy;

	s[0] = (struct symbols){.file = run_image_path(run), .marker = "image+0x"};
	s[1] = (struct symbols){.file = run->path, .marker = "program+0x"};
	/* A NUL would end the text: show it as a space. */
	for (size_t i = 0; i < n; i++)
		copy[i] = text[i] ? text[i] : ' ';
	copy[n] = '\0';
	for (size_t i = 0; i < files; i++) {
		symbols_collect(&s[i], copy);
		if (s[i].n)
			symbols_look_up(&s[i]);
	}
	while (*line) {
		size_t length = strcspn(line, "\n");
		char *next = line + length + (line[length] == '\n');

		line[length] = '\0';
		print_line(s, files, line, next);
		line = next;
	}
	for (size_t i = 0; i < files; i++)
		for (size_t k = 0; k < s[i].n; k++)
			free(s[i].v[k].text);
	free(copy);
}
