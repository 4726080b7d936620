/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The kernel's log, assertions and the end of everything. Output goes to plat->log_write(), never
 * to the program's console. */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include "base/types.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

extern enum log_level log_level; /* default LOG_WARN, command line log= */

/* One line "kiln: text\n". Any context. */
PRINTF_LIKE(2, 3)
void log_line(enum log_level level, const char *fmt, ...);
/* Text as it is (crash reports). */
PRINTF_LIKE(1, 2)
void log_print(const char *fmt, ...);

/* Our own bug, or a machine on which nothing can go on: report, exit status 125. */
NORETURN PRINTF_LIKE(1, 2)
void panic(const char *fmt, ...);

/* The compiler's stack protector found an overwritten canary. */
NORETURN void __stack_chk_fail(void);

#define ASSERT(cond)                                                                               \
	do {                                                                                       \
		if (unlikely(!(cond)))                                                             \
			panic("assertion failed: %s (%s:%d)", #cond, __FILE__, __LINE__);          \
	} while (0)

#endif
