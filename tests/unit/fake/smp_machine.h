/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the two halves of the machine of smp.h, smp.c and smp_program.c, know of each other. */
#ifndef FAKE_SMP_MACHINE_H
#define FAKE_SMP_MACHINE_H

#include "fake/smp.h"

extern uint64_t smp_seed;

/* --- smp.c --- */

/* Begin the machine; its first thread runs fn(arg), and arg is its struct smp_thread. */
NORETURN void smp_boot(void (*fn)(void *), struct smp_thread *arg);
/* Look whether an interrupt has come. */
void smp_interrupt(void);
/* The test that runs now, and when it must be over. */
void smp_watch(const char *test, uint64_t deadline_ns);
uint64_t smp_random_step(uint64_t *state);
/* Called by core's locks. */
void fake_lock_hook(void);

/* --- smp_program.c --- */

/* The program's function has returned. */
NORETURN void smp_program_exit(void);

#endif
