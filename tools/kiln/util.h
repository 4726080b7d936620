/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What every part of the kiln command uses: messages, memory that cannot fail, string lists and
 * byte buffers. A command line tool has nothing sensible to do when memory runs out, so allocation
 * ends the process with a message and callers need no check.
 */
#ifndef KILN_UTIL_H
#define KILN_UTIL_H

/* Before any system header: pipe2(), vasprintf() and the like. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Exit statuses of kiln itself; `kiln run` otherwise exits with the program's status. */
enum {
	STATUS_FAILED = 1,   /* build, cc, doctor: did not work */
	STATUS_USAGE = 2,    /* the command line is wrong */
	STATUS_NOT_RUN = 125 /* run: the program did not run, or its end is unknown */
};

/* A list of owned strings; v[n] is always NULL, so v is an argv once something was added. */
struct strv {
	char **v;
	size_t n;
	size_t cap;
};

/* A growing byte buffer; p[len] is always 0 once something was added. */
struct buf {
	char *p;
	size_t len;
	size_t cap;
};

/* The name messages begin with: "kiln", or "kiln-cc" and the like. */
extern const char *program_name;

/* Print "kiln: MESSAGE" to standard error. Lines after the first say the next steps, two spaces in.
 */
void error(const char *fmt, ...) PRINTF_LIKE(1, 2);
_Noreturn void die(int status, const char *fmt, ...) PRINTF_LIKE(2, 3);

void *xmalloc(size_t size);
void *xrealloc(void *old, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2);

void strv_add(struct strv *list, const char *s);
void strv_addn(struct strv *list, const char *s, size_t n);
void strv_addf(struct strv *list, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Add the strings given, up to a closing NULL. */
void strv_add_all(struct strv *list, ...) __attribute__((sentinel));
void strv_append(struct strv *list, const struct strv *more);
bool strv_has(const struct strv *list, const char *s);
void strv_free(struct strv *list);

void buf_add(struct buf *b, const void *data, size_t n);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_free(struct buf *b);

/* If s begins with prefix, what follows it, else NULL. */
const char *str_after(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
/* The part after the last slash. */
const char *str_basename(const char *path);

/* Append s as one word of a POSIX shell, quoted only if it needs to be. */
void shell_quote(struct buf *b, const char *s);
/* All of list as one shell command; caller frees. */
char *shell_join(const struct strv *list);

/* Whole decimal number in [0, max], nothing around it. */
MUST_CHECK bool parse_number(const char *s, uint64_t max, uint64_t *value);
/* SIZE as QEMU has it: a number with K, M, G or T (powers of 1024); without a letter, MiB. */
MUST_CHECK bool parse_size(const char *s, uint64_t *bytes);

/* How many single-character edits make a into b; for "did you mean". */
size_t edit_distance(const char *a, const char *b);

#endif
