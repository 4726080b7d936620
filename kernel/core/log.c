/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The log: lines are formatted on the stack, so that it works in any context, and go out in one
 * piece. A line too long for the buffer is cut.
 */
#include "core/log.h"
#include "base/fmt.h"
#include "base/string.h"
#include "plat/plat.h"

#define LOG_TEXT_MAX 400
/* Exit status of a kernel that cannot go on, as container runtimes use it for their own failures.
 */
#define LOG_PANIC_STATUS 125

enum log_level log_level = LOG_WARN;

static PRINTF_LIKE(2, 0)
void log_vwrite(const char *prefix, const char *fmt, va_list ap, const char *end)
{
	char text[LOG_TEXT_MAX];
	const size_t cap = sizeof(text) - 4; /* room for the end */
	size_t len = fmt_format(text, cap, "%s", prefix);

	len += fmt_vformat(text + len, cap - len, fmt, ap);
	len = MIN(len, cap - 1);
	len += fmt_format(text + len, sizeof(text) - len, "%s", end);
	plat->log_write(text, len);
}

void log_line(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	if (level > log_level)
		return;
	va_start(ap, fmt);
	log_vwrite("kiln: ", fmt, ap, "\n");
	va_end(ap);
}

void log_print(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vwrite("", fmt, ap, "");
	va_end(ap);
}

void panic(const char *fmt, ...)
{
	static bool again; /* a panic while panicking: the machine is in a bad way, only end */
	va_list ap;

	if (!again) {
		again = true;
		va_start(ap, fmt);
		log_vwrite("kiln: panic: ", fmt, ap, "\n");
		va_end(ap);
	}
	plat->exit(LOG_PANIC_STATUS);
}

void __stack_chk_fail(void)
{
	panic("a buffer on a kernel stack was overrun, found in the function that returns to %p",
	      __builtin_return_address(0));
}
