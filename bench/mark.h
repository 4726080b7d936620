/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A mark that the counting plugin (count.c) sees: a long no-operation with a number in it. */
#ifndef BENCH_MARK_H
#define BENCH_MARK_H

/* id: a constant from 0 to 0xffff. */
#define BENCH_MARK(id)                                                                             \
	__asm__ volatile(".byte 0x0f, 0x1f, 0x84, 0x00\n\t.long 0x4b420000 + %c0"                  \
			 :                                                                         \
			 : "i"(id)                                                                 \
			 : "memory")

#endif
