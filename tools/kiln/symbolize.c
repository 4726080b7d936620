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

static const char marker[] = "image+0x";

struct symbol {
	uint64_t address;
	char *text; /* "function at file:line", further lines are inlined callers; NULL: not known
		     */
};

struct symbols {
	struct symbol *v;
	size_t n;
};

static struct symbol *symbols_find(const struct symbols *s, uint64_t address)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].address == address)
			return &s->v[i];
	return NULL;
}

static void symbols_collect(struct symbols *s, const char *text)
{
	while (s->n < ADDRESSES_MAX && (text = strstr(text, marker))) {
		uint64_t address = strtoull(text + strlen("image+"), NULL, 16);

		if (!symbols_find(s, address))
			s->v[s->n++] = (struct symbol){.address = address};
		text += strlen(marker);
	}
}

/* One "0xADDRESS: function at file:line" with the " (inlined by) ..." lines that follow it. */
static void symbols_take(struct symbols *s, char *entry)
{
	char *text;
	uint64_t address = strtoull(entry, &text, 16);
	struct symbol *symbol = symbols_find(s, address);

	if (!symbol || strncmp(text, ": ", 2) || !strncmp(text, ": ?? ??:0", 9))
		return;
	text += 2;
	size_t n = strlen(text);

	while (n && text[n - 1] == '\n')
		n--;
	/* A function without lines. */
	if (n > strlen(" at ??:?") && !strncmp(text + n - strlen(" at ??:?"), " at ??:", 7))
		n -= strlen(" at ??:?");
	free(symbol->text);
	symbol->text = xstrndup(text, n);
}

static void symbols_look_up(struct symbols *s, const char *image)
{
	struct strv argv = {0};
	struct buf out = {0};

	strv_add_all(&argv, "addr2line", "-aCfip", "-e", image, NULL);
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

/* One line of the log, its newline not included. */
static void print_line(const struct symbols *s, const char *line)
{
	struct buf inlined = {0};
	const char *at;

	while ((at = strstr(line, marker))) {
		char *end;
		uint64_t address = strtoull(at + strlen("image+"), &end, 16);
		const struct symbol *symbol = symbols_find(s, address);

		fwrite(line, 1, (size_t)(end - line), stderr);
		line = end;
		if (!symbol || !symbol->text)
			continue;
		size_t first = strcspn(symbol->text, "\n");

		fprintf(stderr, " %.*s", (int)first, symbol->text);
		for (const char *p = symbol->text + first; *p; p += 1 + strcspn(p + 1, "\n")) {
			size_t indent = strspn(p, "\n ");

			buf_addf(&inlined, "\n        %.*s", (int)strcspn(p + indent, "\n"),
				 p + indent);
		}
	}
	fprintf(stderr, "%s%s\n", line, inlined.p ? inlined.p : "");
	buf_free(&inlined);
}

void symbolize_print(const char *image, const char *text, size_t n)
{
	struct symbol found[ADDRESSES_MAX];
	struct symbols s = {.v = found};
	char *copy = xmalloc(n + 1), *line = copy;

	/* A NUL would end the text: show it as a space. */
	for (size_t i = 0; i < n; i++)
		copy[i] = text[i] ? text[i] : ' ';
	copy[n] = '\0';
	symbols_collect(&s, copy);
	if (s.n)
		symbols_look_up(&s, image);
	while (*line) {
		size_t length = strcspn(line, "\n");
		char *next = line + length + (line[length] == '\n');

		line[length] = '\0';
		print_line(&s, line);
		line = next;
	}
	for (size_t i = 0; i < s.n; i++)
		free(s.v[i].text);
	free(copy);
}
