/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Messages, memory, string lists, byte buffers, quoting and numbers: see util.h.
 */
#include "util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *program_name = "kiln";

static void error_print(const char *fmt, va_list ap)
{
	/* One message may not be torn by what other processes print: collect it, write it at once.
	 */
	char text[4096];
	int n = vsnprintf(text, sizeof(text), fmt, ap);

	if (n < 0)
		return;
	fflush(stdout);
	fprintf(stderr, "%s: %s%s\n", program_name, text, (size_t)n >= sizeof(text) ? "..." : "");
}

void error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	error_print(fmt, ap);
	va_end(ap);
}

void die(int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	error_print(fmt, ap);
	va_end(ap);
	exit(status);
}

void *xrealloc(void *old, size_t size)
{
	void *p = realloc(old, size ? size : 1);

	if (!p)
		die(STATUS_FAILED, "out of memory");
	return p;
}

void *xmalloc(size_t size)
{
	return xrealloc(NULL, size);
}

char *xstrndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *p = xmalloc(len + 1);

	memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

char *xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

static char *xvasprintf(const char *fmt, va_list ap)
{
	char *p = NULL;

	if (vasprintf(&p, fmt, ap) < 0)
		die(STATUS_FAILED, "out of memory");
	return p;
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *p = xvasprintf(fmt, ap);
	va_end(ap);
	return p;
}

/* Takes ownership of s. */
static void strv_push(struct strv *list, char *s)
{
	if (list->n + 1 >= list->cap) {
		list->cap = list->cap ? 2 * list->cap : 16;
		list->v = xrealloc(list->v, list->cap * sizeof(*list->v));
	}
	list->v[list->n++] = s;
	list->v[list->n] = NULL;
}

void strv_add(struct strv *list, const char *s)
{
	strv_push(list, xstrdup(s));
}

void strv_addn(struct strv *list, const char *s, size_t n)
{
	strv_push(list, xstrndup(s, n));
}

void strv_addf(struct strv *list, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strv_push(list, xvasprintf(fmt, ap));
	va_end(ap);
}

void strv_add_all(struct strv *list, ...)
{
	va_list ap;
	const char *s;

	va_start(ap, list);
	while ((s = va_arg(ap, const char *)))
		strv_add(list, s);
	va_end(ap);
}

void strv_append(struct strv *list, const struct strv *more)
{
	for (size_t i = 0; i < more->n; i++)
		strv_add(list, more->v[i]);
}

bool strv_has(const struct strv *list, const char *s)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->v[i], s))
			return true;
	return false;
}

void strv_free(struct strv *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->v[i]);
	free(list->v);
	*list = (struct strv){0};
}

void buf_add(struct buf *b, const void *data, size_t n)
{
	if (b->cap - b->len <= n) {
		b->cap = 2 * (b->len + n) + 64;
		b->p = xrealloc(b->p, b->cap);
	}
	if (n)
		memcpy(b->p + b->len, data, n);
	b->len += n;
	b->p[b->len] = '\0';
}

void buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_addc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *s = xvasprintf(fmt, ap);
	va_end(ap);
	buf_adds(b, s);
	free(s);
}

void buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){0};
}

const char *str_after(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(s, prefix, n) ? NULL : s + n;
}

bool str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && !strcmp(s + n - m, suffix);
}

const char *str_basename(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

void shell_quote(struct buf *b, const char *s)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				   "_-+=./,:@%^";

	if (*s && s[strspn(s, safe)] == '\0') {
		buf_adds(b, s);
		return;
	}
	buf_addc(b, '\'');
	for (; *s; s++)
		if (*s == '\'')
			buf_adds(b, "'\\''");
		else
			buf_addc(b, *s);
	buf_addc(b, '\'');
}

char *shell_join(const struct strv *list)
{
	struct buf b = {0};

	buf_adds(&b, "");
	for (size_t i = 0; i < list->n; i++) {
		if (i)
			buf_addc(&b, ' ');
		shell_quote(&b, list->v[i]);
	}
	return b.p;
}

bool parse_number(const char *s, uint64_t max, uint64_t *value)
{
	uint64_t n = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		uint64_t digit = (uint64_t)(*s - '0');

		if (n > (max - digit) / 10 || max < digit)
			return false;
		n = n * 10 + digit;
	}
	*value = n;
	return true;
}

bool parse_size(const char *s, uint64_t *bytes)
{
	static const char units[] = "kKmMgGtT";
	size_t digits = strspn(s, "0123456789");
	unsigned int shift = 20;
	const char *rest = s + digits;

	if (*rest) {
		const char *unit = strchr(units, *rest);

		if (!unit ||
		    (strcmp(rest + 1, "") && strcmp(rest + 1, "iB") && strcmp(rest + 1, "B")))
			return false;
		shift = 10 * (unsigned int)((unit - units) / 2 + 1);
	}
	char *number = xstrndup(s, digits);
	uint64_t n = 0;
	bool ok = parse_number(number, (uint64_t)INT64_MAX >> shift, &n);

	free(number);
	if (ok)
		*bytes = n << shift;
	return ok;
}

size_t edit_distance(const char *a, const char *b)
{
	enum { MAX = 64 };
	size_t n = strlen(a), m = strlen(b), row[MAX + 1];

	if (n > MAX || m > MAX)
		return MAX;
	for (size_t j = 0; j <= m; j++)
		row[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[m];
}
