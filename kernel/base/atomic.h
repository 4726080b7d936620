/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The spin lock, and the order in which locks are taken. Kernel code is not preemptible and
 * interrupt handlers take no lock (docs/ARCHITECTURE.md, section 4), so a lock is only between
 * CPUs: with CONFIG_NR_CPUS = 1 it costs nothing, and as long as no other one has been started it
 * is a store.
 *
 * A CPU that waits for a lock serves meanwhile what other CPUs may wait for (plat->cpu_relax), so
 * whoever holds one may wait for an answer of all CPUs. No lock is held across a sleep.
 */
#ifndef BASE_ATOMIC_H
#define BASE_ATOMIC_H

#include <stdatomic.h>
#include "base/types.h"

/* What others may change meanwhile, read as it is at some moment, without an order. */
#define READ_ONCE(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v) __atomic_store_n(&(x), v, __ATOMIC_RELAXED)
/* Add to a counter that nobody else changes, but others look at with READ_ONCE(). It needs no more
 * than an add instruction, which only a sanitizer has to be told. */
#ifdef __SANITIZE_THREAD__
#define COUNT_ADD(x, n) WRITE_ONCE(x, (x) + (n))
#else
#define COUNT_ADD(x, n) ((x) += (n))
#endif

/*
 * A lock is taken only while locks of lower rank are held: outer ones first. Two locks of one rank
 * are held at once only where that is said (futex buckets, run queues: by address). With
 * CONFIG_DEBUG_LOCKS a lock taken out of order ends the system with a report.
 */
enum lock_rank {
	LOCK_UNRANKED, /* nobody has initialised it: a bug */
	LOCK_TREE,     /* names of files */
	LOCK_NODE,     /* attributes of one file */
	LOCK_FD,       /* table of descriptors */
	LOCK_FLOCK,    /* flock(2) */
	LOCK_LOAD,     /* load averages */
	LOCK_CONSOLE,  /* console input */
	LOCK_FUTEX,    /* futex buckets; program memory is touched under them */
	LOCK_WAITQ,
	LOCK_EPOLL, /* a set's queue, inside of its files'; then who waits for the set as a file …
		     */
	LOCK_EPOLL_POLL,
	LOCK_EPOLL_OUTER, /* … and the same of sets with sets in them */
	LOCK_EPOLL_OUTER_POLL,
	LOCK_THREADS, /* the list of threads, their ids */
	LOCK_SIGNAL,
	LOCK_KSTACK,
	LOCK_MM, /* the program's address space */
	LOCK_PMAP,
	LOCK_HEAP,
	LOCK_RUNQ,
	LOCK_TIMER,
	LOCK_RANDOM,
	LOCK_DEVICE,     /* registers of a device, host resources of linuxu */
	LOCK_PAGE_CACHE, /* a CPU's free pages; the clock's registers are mapped when it is first
			    read */
	LOCK_PAGE,
	LOCK_LOG,
};

struct spinlock {
#if CONFIG_NR_CPUS > 1
	_Atomic uint8_t held;
#ifdef CONFIG_DEBUG_LOCKS
	uint8_t rank; /* enum lock_rank */
#endif
#else
	uint8_t unused;
#endif
};

#if CONFIG_NR_CPUS > 1 && defined(CONFIG_DEBUG_LOCKS)
#define SPINLOCK_INIT(rank_)                                                                       \
	{                                                                                          \
		.rank = (rank_)                                                                    \
	}
#else
#define SPINLOCK_INIT(rank_)                                                                       \
	{                                                                                          \
		0 * (rank_)                                                                        \
	}
#endif

/* core/lock.c: only the boot CPU has been started so far. It may hold locks when that ends. All
 * CPUs look at it at each lock, so nothing else is in its cache line. */
extern struct spin_cpus {
	bool alone ALIGNED(64);
} spin_cpus;
/* core/lock.c: wait until l is free and take it. */
void spin_contended(struct spinlock *l);
/* core/lock.c, CONFIG_DEBUG_LOCKS: before taking (tried: it has been taken already, without
 * waiting, which is right in any order), and before giving back. */
void spin_check_take(struct spinlock *l, bool tried);
void spin_check_give(struct spinlock *l);

static ALWAYS_INLINE void spin_init(struct spinlock *l, enum lock_rank rank)
{
	*l = (struct spinlock)SPINLOCK_INIT(rank);
}

/* Locks of all-zero memory: their rank, told each time before they are taken. */
static ALWAYS_INLINE void spin_rank(struct spinlock *l, enum lock_rank rank)
{
#if CONFIG_NR_CPUS > 1 && defined(CONFIG_DEBUG_LOCKS)
	WRITE_ONCE(l->rank, (uint8_t)rank);
#endif
	(void)l, (void)rank;
}

/* core/lock.c, CONFIG_DETERMINISTIC: here another CPU may have its turn. */
void spin_point(void);

#if CONFIG_NR_CPUS > 1
/* Take it, and true, if no other CPU has it. */
static ALWAYS_INLINE bool spin_take(struct spinlock *l)
{
	if (spin_cpus.alone) {
		atomic_store_explicit(&l->held, 1, memory_order_relaxed);
		atomic_signal_fence(memory_order_acquire);
		return true;
	}
	/* Acquire: pairs with the release in spin_unlock(). */
	return !atomic_exchange_explicit(&l->held, 1, memory_order_acquire);
}
#endif

static ALWAYS_INLINE void spin_lock(struct spinlock *l)
{
#if CONFIG_NR_CPUS > 1
#ifdef CONFIG_DETERMINISTIC
	spin_point();
#endif
#ifdef CONFIG_DEBUG_LOCKS
	spin_check_take(l, false);
#endif
	if (unlikely(!spin_take(l)))
		spin_contended(l);
#else
	(void)l;
#endif
}

/* Take it if it is free. */
static ALWAYS_INLINE bool spin_trylock(struct spinlock *l)
{
#if CONFIG_NR_CPUS > 1
	if (!spin_take(l))
		return false;
#ifdef CONFIG_DEBUG_LOCKS
	spin_check_take(l, true);
#endif
#else
	(void)l;
#endif
	return true;
}

static ALWAYS_INLINE void spin_unlock(struct spinlock *l)
{
#if CONFIG_NR_CPUS > 1
#ifdef CONFIG_DEBUG_LOCKS
	spin_check_give(l);
#endif
	atomic_store_explicit(&l->held, 0, memory_order_release);
#ifdef CONFIG_DETERMINISTIC
	spin_point();
#endif
#else
	(void)l;
#endif
}

#endif
