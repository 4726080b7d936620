/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The kernel's locks with the check of their order, and a way to drop them after a panic. */
#include "fake/fake.h"

#include "core/lock.c" /* sic */

void fake_locks_drop(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(held_locks); i++) {
		struct held_locks *h = &held_locks[i];

		while (h->count > 0)
			/* The locks themselves are not constant. */
			atomic_store(&((struct spinlock *)(uintptr_t)h->locks[--h->count])->held,
				     0);
	}
}
