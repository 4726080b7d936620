/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What thread.c and sched.c share; everybody else uses thread.h. */
#ifndef CORE_SCHED_H
#define CORE_SCHED_H

#include "core/thread.h"

/* Boot: boot becomes the current thread of this CPU; its run queue is empty. */
void sched_init(struct thread *boot);

/* The fire function of thread.sleep_timer. */
void thread_sleep_expired(struct timer *timer);

#endif
