/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The kernel's locks with the check of their order, a hook for smp.c, and a way to drop them after
 * a panic. */
#include "fake/fake.h"

#define spin_check_take lock_check_take
#define spin_check_give lock_check_give
#include "core/lock.c" /* sic */
#undef spin_check_take
#undef spin_check_give

WEAK void fake_lock_hook(void);
void spin_check_take(struct spinlock *l, bool tried);
void spin_check_give(struct spinlock *l);

void spin_check_take(struct spinlock *l, bool tried)
{
	if (fake_lock_hook)
		fake_lock_hook();
	lock_check_take(l, tried);
}

void spin_check_give(struct spinlock *l)
{
	lock_check_give(l);
	if (fake_lock_hook)
		fake_lock_hook();
}

void fake_locks_drop(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(held_locks); i++) {
		struct held_locks *h = &held_locks[i];

		while (h->count > 0) {
			const struct spinlock *l = h->locks[--h->count];

			/* The locks themselves are not constant. */
			atomic_store(&((struct spinlock *)(uintptr_t)l)->held, 0);
		}
	}
}
