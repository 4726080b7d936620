/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A window of a text that is being made: what comes before it and behind it is dropped. */
#ifndef FS_TEXT_H
#define FS_TEXT_H

#include "base/types.h"

struct text {
	uint64_t skip; /* bytes still to drop */
	uint8_t *buf;
	size_t cap, len;
	bool more;  /* something was dropped behind the window */
	vaddr_t at; /* of the maps: what is below has been told */
};

/* At most 255 bytes at a time. */
PRINTF_LIKE(2, 3)
void text_print(struct text *t, const char *fmt, ...);

/* --- proc_cpu.c: texts about processors --- */

void proc_print_cpuinfo(struct text *t);
void proc_print_stat(struct text *t);
void proc_print_loadavg(struct text *t);
void proc_print_uptime(struct text *t);
/* The CPUs of a mask, as /proc/self/status tells them. */
void proc_print_cpu_mask(struct text *t, uint64_t mask);
void proc_print_cpu_list(struct text *t, uint64_t mask);

#endif
