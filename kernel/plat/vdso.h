/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The page that a loaded program's vDSO (abi/vdso/vdso.c) reads: how to tell the time without a
 * system call. The kernel and its platform write it, the program only reads it. In the loader's
 * image only.
 */
#ifndef PLAT_VDSO_H
#define PLAT_VDSO_H

#include "plat/plat.h"

/* How the number of the CPU is found. */
enum vdso_cpu {
	VDSO_CPU_CALL,  /* by the system call */
	VDSO_CPU_LIMIT, /* in the limit of the segment VDSO_CPU_SELECTOR */
	VDSO_CPU_GS,    /* at %gs:VDSO_CPU_OFFSET */
};
#define VDSO_CPU_SELECTOR 0x3bu
#define VDSO_CPU_OFFSET 28 /* struct cpu's id */
_Static_assert(offsetof(struct cpu, id) == VDSO_CPU_OFFSET, "vdso.h");

struct vdso_data {
	/* plat_cycle_clock is this. mult 0: not known, or not to be used. */
	struct plat_cycle_clock clock;
	/* linuxu: the host's clock_gettime() in its own vDSO, for the clocks that are the host's;
	 * or NULL. */
	long (*host_clock_gettime)(int clock, void *out);
	uint32_t cpu; /* enum vdso_cpu */
};

union vdso_page {
	struct vdso_data data;
	uint8_t bytes[PAGE_SIZE];
};
_Static_assert(sizeof(union vdso_page) == PAGE_SIZE, "a page of its own");

extern union vdso_page vdso_page;

#endif
