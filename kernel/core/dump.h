/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What every thread does, on the log: asked for by a key or signal, or because nothing goes on. */
#ifndef CORE_DUMP_H
#define CORE_DUMP_H

#include "base/types.h"

/* The token `watchdog`: when every thread waits for another one, the program is ended. */
extern bool dump_watchdog;

/* Another CPU has stopped the others: wait until it has gone on. Called with no lock held. */
void dump_wait(void);

/* Is dump_wait() to be called? */
bool dump_is_waiting(void);

/*
 * Write what each thread does, or waits for and how long, and its backtrace; all CPUs stop
 * meanwhile. Called where the current thread may sleep, or on the idle thread; no lock is held.
 */
void dump_threads(void);

/* This CPU has nothing to do and no timer, and is about to halt: say so if that is so for all. */
void dump_if_stuck(void);

#endif
