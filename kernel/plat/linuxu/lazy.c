/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Mappings that the host has not been told of: rights that were given but have not been used yet.
 * The alternate signal stack that Rust gives each thread is mapped, has its guard set and is
 * unmapped again without ever being touched; kept here, none of that costs a host call. The first
 * touch faults, and then the host is told.
 *
 * linuxu_lazy_fault() runs in interrupt context, but only for a touch of program memory, and the
 * holder of the lock touches none.
 */
#include "base/atomic.h"
#include "base/errno.h"
#include "plat/linuxu/linuxu.h"

#define LAZY_MAX 256u

/* A range that is still PROT_NONE and without pages to the host, and the rights that it should
 * have. */
struct lazy_range {
	vaddr_t start, end; /* start == end: free */
	unsigned prot;
};

static struct spinlock lazy_lock = SPINLOCK_INIT(LOCK_PMAP); /* guards what follows */
static struct lazy_range lazy_ranges[LAZY_MAX];
static unsigned lazy_used; /* no used one at or above this index */

static int lazy_tell_host_locked(struct lazy_range *l)
{
	if (l->prot != PROT_NONE && linuxu_memory_protect(l->start, l->end - l->start, l->prot))
		return -ENOMEM;
	l->end = l->start;
	return 0;
}

static bool lazy_add_locked(vaddr_t start, vaddr_t end, unsigned prot)
{
	for (unsigned i = 0; i < LAZY_MAX; i++) {
		struct lazy_range *l = &lazy_ranges[i];

		if (l->start == l->end) {
			*l = (struct lazy_range){start, end, prot};
			lazy_used = MAX(lazy_used, i + 1);
			return true;
		}
	}
	return false;
}

bool linuxu_lazy_add(vaddr_t start, vaddr_t end, unsigned prot)
{
	bool added;

	spin_lock(&lazy_lock);
	added = lazy_add_locked(start, end, prot);
	spin_unlock(&lazy_lock);
	/* Who faulted while it was being mapped is to try again, too. */
	linuxu_memory_note_change();
	return added;
}

/* The range that holds all of [start, end), or NULL. */
static struct lazy_range *lazy_find_locked(vaddr_t start, vaddr_t end)
{
	for (unsigned i = 0; i < lazy_used; i++)
		if (lazy_ranges[i].start <= start && end <= lazy_ranges[i].end && start < end)
			return &lazy_ranges[i];
	return NULL;
}

static void lazy_trim_locked(void)
{
	while (lazy_used > 0 && lazy_ranges[lazy_used - 1].start == lazy_ranges[lazy_used - 1].end)
		lazy_used--;
}

static int lazy_settle_locked(vaddr_t start, vaddr_t end)
{
	for (unsigned i = 0; i < lazy_used; i++) {
		struct lazy_range *l = &lazy_ranges[i];

		if (l->start < end && start < l->end && lazy_tell_host_locked(l))
			return -ENOMEM;
	}
	lazy_trim_locked();
	return 0;
}

int linuxu_lazy_settle(vaddr_t start, vaddr_t end)
{
	int err;

	spin_lock(&lazy_lock);
	err = lazy_settle_locked(start, end);
	spin_unlock(&lazy_lock);
	return err;
}

static bool lazy_remove_locked(vaddr_t start, vaddr_t end)
{
	struct lazy_range *l = lazy_find_locked(start, end);

	if (l == NULL)
		return false;
	if (l->start < start && end < l->end && !lazy_add_locked(end, l->end, l->prot))
		return false;
	if (l->start < start)
		l->end = start;
	else
		l->start = end;
	return true;
}

static void lazy_forget_locked(vaddr_t start, vaddr_t end)
{
	for (unsigned i = 0; i < lazy_used; i++) {
		struct lazy_range *l = &lazy_ranges[i];

		if (l->start >= end || start >= l->end)
			continue;
		if (l->start < start && end < l->end)
			(void)lazy_tell_host_locked(l);
		else if (l->start < start)
			l->end = start;
		else
			l->start = MIN(end, l->end);
	}
}

bool linuxu_lazy_remove(vaddr_t start, vaddr_t end)
{
	bool removed;

	spin_lock(&lazy_lock);
	removed = lazy_remove_locked(start, end);
	if (!removed)
		lazy_forget_locked(start, end);
	lazy_trim_locked();
	spin_unlock(&lazy_lock);
	return removed;
}

bool linuxu_lazy_protect(vaddr_t start, vaddr_t end, unsigned prot)
{
	bool noted = false;

	/* Rights that are given, not taken, are given for use: the host may as well be told. */
	if (prot != PROT_NONE)
		return false;
	spin_lock(&lazy_lock);
	if (lazy_remove_locked(start, end)) {
		noted = true;
		(void)lazy_add_locked(start, end, prot);
	}
	spin_unlock(&lazy_lock);
	return noted;
}

bool linuxu_lazy_fault(vaddr_t addr)
{
	struct lazy_range *l;
	bool told;

	spin_lock(&lazy_lock);
	l = lazy_find_locked(addr, addr + 1);
	told = l != NULL && l->prot != PROT_NONE && lazy_tell_host_locked(l) == 0;
	spin_unlock(&lazy_lock);
	return told;
}
