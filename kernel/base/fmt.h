/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A small vsnprintf: %d %i %u %x %X %p %s %c %% with flags 0 and -, width, precision for %s, and
 * the lengths l, ll, z, h, hh. No floating point.
 */
#ifndef BASE_FMT_H
#define BASE_FMT_H

#include <stdarg.h>
#include "base/types.h"

/*
 * Format into buf (cap bytes, always terminated if cap > 0).
 * Returns the length the whole text would have (as C's vsnprintf does).
 */
size_t fmt_vformat(char *buf, size_t cap, const char *fmt, va_list ap);
PRINTF_LIKE(3, 4)
size_t fmt_format(char *buf, size_t cap, const char *fmt, ...);

#endif
