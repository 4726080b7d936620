/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What spin locks need out of line: waiting, and the check of their order (CONFIG_DEBUG_LOCKS):
 * each CPU keeps a list of the locks that it holds, and a new one must be of a higher rank than the
 * last.
 */
#include "base/atomic.h"
#include "arch/arch.h"
#include "core/lock.h"
#include "core/log.h"
#include "plat/plat.h"

#if CONFIG_NR_CPUS > 1

struct spin_cpus spin_cpus = {.alone = true};

void spin_contended(struct spinlock *l)
{
	unsigned spins = 0;

	do {
		/* Only look until it is free: an exchange takes the cache line from its holder. */
		while (atomic_load_explicit(&l->held, memory_order_relaxed))
			plat->cpu_relax(spins++);
	} while (atomic_exchange_explicit(&l->held, 1, memory_order_acquire));
}

#ifdef CONFIG_DEBUG_LOCKS

#define HELD_MAX 8u

/* Per CPU, used by that CPU only. */
static struct held_locks {
	const struct spinlock *locks[HELD_MAX];
	unsigned count;
} held_locks[CONFIG_NR_CPUS];

static struct held_locks *held_self(void)
{
	return &held_locks[cpu_self()->id];
}

void spin_check_take(struct spinlock *l, bool tried)
{
	struct held_locks *h = held_self();
	const struct spinlock *last = h->count > 0 ? h->locks[h->count - 1] : NULL;

	const uint8_t rank = READ_ONCE(l->rank), last_rank = last ? READ_ONCE(last->rank) : 0;

	if (rank == LOCK_UNRANKED)
		panic("a lock without a rank is taken by %p", __builtin_return_address(0));
	if (h->count == HELD_MAX)
		panic("more than %u locks are held by one CPU", HELD_MAX);
	if (!tried && last && (last_rank > rank || (last_rank == rank && last >= l)))
		panic("a lock of rank %u is taken by %p while one of rank %u is held", rank,
		      __builtin_return_address(0), last_rank);
	h->locks[h->count++] = l;
}

void spin_check_give(struct spinlock *l)
{
	struct held_locks *h = held_self();

	for (unsigned i = h->count; i > 0; i--) {
		if (h->locks[i - 1] != l)
			continue;
		h->count--;
		for (; i <= h->count; i++)
			h->locks[i - 1] = h->locks[i];
		return;
	}
	panic("a lock of rank %u that this CPU does not hold is given back by %p", l->rank,
	      __builtin_return_address(0));
}

#ifdef CONFIG_DETERMINISTIC

/* Not with an inner lock held: signal handlers of linuxu take those, and cannot wait. */
void spin_point(void)
{
	const struct held_locks *h = held_self();

	if (plat && plat->point && (h->count == 0 || h->locks[h->count - 1]->rank < LOCK_KSTACK))
		plat->point();
}

#endif

void spin_check_none_held(void)
{
	const struct held_locks *h = held_self();

	if (h->count > 0)
		panic("a lock of rank %u is held across a sleep", h->locks[h->count - 1]->rank);
}

#endif
#endif
