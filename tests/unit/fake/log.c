/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The log to standard error, and a panic that a test can expect. */
#include "fake/fake.h"

#include "core/log.h"

enum log_level log_level = LOG_WARN;
jmp_buf fake_panic_jump;
bool fake_panic_expected;
bool fake_log_quiet;

void log_line(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	if (level > log_level || fake_log_quiet)
		return;
	va_start(ap, fmt);
	fputs("# kiln: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}

void log_print(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
}

void panic(const char *fmt, ...)
{
	va_list ap;

	if (fake_panic_expected)
		longjmp(fake_panic_jump, 1);
	va_start(ap, fmt);
	fputs("# panic: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	abort();
}
