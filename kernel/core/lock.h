/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The check of locks at run time, beside what base/atomic.h declares. */
#ifndef CORE_LOCK_H
#define CORE_LOCK_H

#include "base/types.h"

/* CONFIG_DEBUG_LOCKS: no lock may be held where a thread is about to sleep. */
#ifdef CONFIG_DEBUG_LOCKS
void spin_check_none_held(void);
#else
static ALWAYS_INLINE void spin_check_none_held(void)
{
}
#endif

#endif
