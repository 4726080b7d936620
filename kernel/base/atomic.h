/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Atomics and the spin lock. Kernel code is not preemptible and interrupt handlers take no lock
 * (docs/ARCHITECTURE.md, section 4), so a lock is only between CPUs: with CONFIG_NR_CPUS = 1 it
 * costs nothing and the assertions of lock ownership remain possible.
 */
#ifndef BASE_ATOMIC_H
#define BASE_ATOMIC_H

#include <stdatomic.h>
#include "base/types.h"

struct spinlock {
#if CONFIG_NR_CPUS > 1
	_Atomic uint32_t held;
#else
	uint32_t unused;
#endif
};

#define SPINLOCK_INIT                                                                              \
	{                                                                                          \
		0                                                                                  \
	}

static ALWAYS_INLINE void spin_lock(struct spinlock *l)
{
#if CONFIG_NR_CPUS > 1
	/* Acquire: pairs with the release in spin_unlock(). */
	while (atomic_exchange_explicit(&l->held, 1, memory_order_acquire))
		while (atomic_load_explicit(&l->held, memory_order_relaxed))
			__builtin_ia32_pause();
#else
	(void)l;
#endif
}

static ALWAYS_INLINE void spin_unlock(struct spinlock *l)
{
#if CONFIG_NR_CPUS > 1
	atomic_store_explicit(&l->held, 0, memory_order_release);
#else
	(void)l;
#endif
}

#endif
