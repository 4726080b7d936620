/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The operations on the program's address space: each checks everything first, gets the memory that
 * it may need for splits, and only then changes the tree (vma_tree.c) and the pages under it
 * (plat->pmap_*).
 */
#include "core/vma.h"

#include "base/atomic.h"
#include "base/errno.h"
#include "core/heap.h"
#include "core/log.h"
#include "core/page.h"
#include "core/percpu.h"
#include "core/random.h"
#include "core/vma_tree.h"

/* Address space for the break, if the window is large. */
#define BRK_ROOM (32ul << 30)
/* It starts at one of so many pages above the mappings. */
#define BRK_SPREAD_PAGES 256u
/* Small mappings go into this room above a stack rather than below its room to grow. */
#define STACK_HEADROOM (1ul << 20)

/* Fault-ahead: after so many faults in a row, each at the page after the last one's … */
#define AHEAD_AFTER 3u
/* … pages are put before they are asked for, up to so many at once … */
#define AHEAD_MAX 15u
/* … while so many pages are free. */
#define AHEAD_FREE_MIN 1024u
/* Large pages are put while so many are free. */
#define LARGE_FREE_MIN (16u * PMAP_LARGE / PAGE_SIZE)

/*
 * The mm lock guards the tree, the pmap and everything below. There are many readers (page faults)
 * and few writers, so a reader writes only its own CPU's flag, and a writer waits for all of them.
 */
static struct spinlock mm_spin = SPINLOCK_INIT(LOCK_MM); /* between writers */
static _Atomic bool mm_writing;

void mm_lock(void)
{
	spin_lock(&mm_spin);
	/* First this flag, then the readers'; they do it the other way round. */
	atomic_store_explicit(&mm_writing, true, memory_order_seq_cst);
	for (unsigned i = 0; i < percpu_count(); i++)
		while (atomic_load_explicit(&percpu_table[i]->mm_reading, memory_order_acquire))
			plat->cpu_relax(0);
}

void mm_unlock(void)
{
	atomic_store_explicit(&mm_writing, false, memory_order_release);
	spin_unlock(&mm_spin);
}

static ALWAYS_INLINE void mm_read_lock(struct percpu *pc)
{
	for (unsigned spins = 0;;) {
		atomic_store_explicit(&pc->mm_reading, true, memory_order_seq_cst);
		if (likely(!atomic_load_explicit(&mm_writing, memory_order_acquire)))
			return;
		atomic_store_explicit(&pc->mm_reading, false, memory_order_release);
		while (atomic_load_explicit(&mm_writing, memory_order_relaxed))
			plat->cpu_relax(spins++);
	}
}

static ALWAYS_INLINE void mm_read_unlock(struct percpu *pc)
{
	atomic_store_explicit(&pc->mm_reading, false, memory_order_release);
}

/*
 * The platform has chosen the window at random. Its upper end is the break's; mappings go below
 * that, so that the break starts near the first of them: on kvm they then share page tables, which
 * on a machine of 2 MiB count.
 */
void vma_init(void)
{
	struct vma_window *w = &vma_window;
	unsigned brk_pages = 1;

	plat->pmap_window(&w->lo, &w->hi);
	w->lo = MAX(w->lo, PAGE_SIZE);
	w->top = ALIGN_DOWN(w->hi - MIN(BRK_ROOM, (w->hi - w->lo) / 4), PAGE_SIZE);
	if (IS_ENABLED(CONFIG_KASLR))
		brk_pages += (unsigned)random_u64() % BRK_SPREAD_PAGES;
	vma_brk_init(brk_pages);
}

int vma_check_range(vaddr_t start, size_t len, vaddr_t *end)
{
	if (!IS_ALIGNED(start, PAGE_SIZE) || len == 0 || len > UINT64_MAX - PAGE_SIZE)
		return -EINVAL;
	len = ALIGN_UP(len, PAGE_SIZE);
	if (len > UINT64_MAX - start)
		return -EINVAL;
	*end = start + len;
	return 0;
}

static inline bool prot_is_allowed(unsigned prot)
{
	return (prot & (PROT_WRITE | PROT_EXEC)) != (PROT_WRITE | PROT_EXEC);
}

/* Every page of [start, end) is mapped. */
static bool range_is_mapped(vaddr_t start, vaddr_t end)
{
	const struct vma *v = vma_above(start);

	while (v != NULL && v->start <= start) {
		if (v->end >= end)
			return true;
		start = v->end;
		v = v->next;
	}
	return false;
}

struct vma *vma_create(vaddr_t start, vaddr_t end, unsigned prot, unsigned flags, const char *name)
{
	struct vma *v = heap_alloc(sizeof(*v));

	if (v == NULL)
		return NULL;
	v->start = start;
	v->end = end;
	v->prot = prot;
	v->flags = flags;
	v->name = name;
	v->grow_limit = start;
	v->fault_next = 0;
	v->fault_run = 0;
	if (flags & VMA_GROWSDOWN) {
		vaddr_t room = MIN(VMA_STACK_MAX, end - vma_window.lo);

		v->grow_limit = MIN(start, end - room);
	}
	vma_touch_none(v);
	return v;
}

int vma_insert_fixed(vaddr_t start, vaddr_t end, unsigned prot, unsigned flags, const char *name)
{
	struct vma *v, *prev, *next;
	int rc = 0;

	ASSERT(start < end && IS_ALIGNED(start | end, PAGE_SIZE));
	mm_lock();
	vma_neighbours(start, &prev, &next);
	if ((prev != NULL && prev->end > start) || (next != NULL && next->start < end)) {
		rc = -EEXIST;
		goto unlock;
	}
	v = vma_create(start, end, prot, flags, name);
	if (v == NULL) {
		rc = -ENOMEM;
		goto unlock;
	}
	vma_touch(v, start, end);
	vma_tree_insert(v, prev, next);
unlock:
	mm_unlock();
	return rc;
}

int vma_map_locked(vaddr_t start, vaddr_t end, unsigned prot, unsigned flags, const char *name)
{
	struct vma *prev, *next, *v = NULL;
	bool low, high;
	int rc;

	vma_neighbours(start, &prev, &next);
	low = prev != NULL && prev->end == start && vma_is_alike(prev, prot, flags, name);
	high = next != NULL && next->start == end && vma_is_alike(next, prot, flags, name);
	if (!low && !high) {
		v = vma_create(start, end, prot, flags, name);
		if (v == NULL)
			return -ENOMEM;
	}
	rc = plat->pmap_reserve(start, end - start, prot | (flags & VMA_STACK ? PMAP_LAZY : 0));
	if (rc != 0) {
		heap_free(v, sizeof(*v));
		return rc;
	}
	if (low) {
		v = prev;
		vma_set_bounds(v, v->start, end);
	} else if (high) {
		v = next;
		vma_set_bounds(v, start, v->end);
	} else {
		vma_tree_insert(v, prev, next);
	}
	vma_touch_new(v, start, end);
	if (low && high)
		vma_merge(v);
	return 0;
}

/* Where a mapping of len bytes shall go. 0 with *start, or -EINVAL, -ENOMEM, -EEXIST. */
static int vma_choose_place(vaddr_t hint, size_t len, unsigned map_flags, vaddr_t *start)
{
	bool fixed = (map_flags & (MAP_FLAG_FIXED | MAP_FLAG_FIXED_NOREPLACE)) != 0;
	vaddr_t end;

	if (fixed) {
		if (!IS_ALIGNED(hint, PAGE_SIZE))
			return -EINVAL;
		if (hint < vma_window.lo || hint > vma_window.hi || len > vma_window.hi - hint)
			return -ENOMEM;
		if (map_flags & MAP_FLAG_FIXED_NOREPLACE) {
			const struct vma *v = vma_above(hint);

			if (v != NULL && v->start < hint + len)
				return -EEXIST;
		}
		*start = hint;
		return 0;
	}
	hint = ALIGN_DOWN(hint, PAGE_SIZE);
	if (hint != 0 && vma_check_range(hint, len, &end) == 0 && vma_range_is_free(hint, end)) {
		*start = hint;
		return 0;
	}
	if (map_flags & MAP_FLAG_GROWSDOWN) {
		*start = vma_find_gap(len + STACK_HEADROOM);
		if (*start != 0)
			return 0;
	}
	*start = vma_find_gap(len);
	return *start != 0 ? 0 : -ENOMEM;
}

/* Put pages under all of [start, end), which is one or more VMAs. 0 or -ENOMEM (some may have been
 * put). */
static int vma_populate_locked(vaddr_t start, vaddr_t end)
{
	/* Do not take the last page for what was only wished for. */
	if (!vma_pages_come_unseen() && (end - start) >> PAGE_SHIFT > page_free_count())
		return -ENOMEM;
	while (start < end) {
		struct vma *v = vma_above(start);
		vaddr_t hi;
		int rc;

		if (v == NULL || v->start > start || v->prot == PROT_NONE)
			return -ENOMEM;
		hi = MIN(end, v->end);
		vma_touch(v, start, hi);
		rc = plat->pmap_populate(start, hi - start, v->prot);
		if (rc != 0)
			return rc;
		start = hi;
	}
	return 0;
}

int vma_map(vaddr_t hint, size_t len, unsigned prot, unsigned map_flags, const char *name,
	    vaddr_t *out)
{
	unsigned flags = (map_flags & MAP_FLAG_GROWSDOWN ? VMA_GROWSDOWN : 0) |
			 (map_flags & MAP_FLAG_SHARED ? VMA_SHARED : 0) |
			 (map_flags & MAP_FLAG_STACK ? VMA_STACK : 0) |
			 (map_flags & MAP_FLAG_FILE ? VMA_FILE : 0);
	vaddr_t start;
	int rc;

	if (len == 0)
		return -EINVAL;
	if (!prot_is_allowed(prot))
		return -EACCES;
	if (len > vma_window.hi - vma_window.lo)
		return -ENOMEM;
	len = ALIGN_UP(len, PAGE_SIZE);
	mm_lock();
	rc = vma_choose_place(hint, len, map_flags, &start);
	if (rc == 0 && (map_flags & MAP_FLAG_FIXED))
		rc = vma_unmap_locked(start, start + len);
	if (rc == 0)
		rc = vma_map_locked(start, start + len, prot, flags, name);
	/* Populating is best effort, as on Linux. */
	if (rc == 0 && (map_flags & MAP_FLAG_POPULATE) && prot != PROT_NONE)
		(void)vma_populate_locked(start, start + len);
	mm_unlock();
	if (rc == 0)
		*out = start;
	return rc;
}

int vma_unmap_locked(vaddr_t start, vaddr_t end)
{
	struct vma *first = vma_above(start), *next, *spare = NULL;

	for (struct vma *v = first; v != NULL && v->start < end; v = v->next)
		if (v->flags & VMA_IMAGE)
			return -EINVAL;
	if (first != NULL && first->start < start && first->end > end) {
		spare = heap_alloc(sizeof(*spare));
		if (spare == NULL)
			return -ENOMEM;
	}
	for (struct vma *v = first; v != NULL && v->start < end; v = next) {
		vaddr_t lo = MAX(start, v->start), hi = MIN(end, v->end);

		next = v->next;
		plat->pmap_remove(lo, hi - lo, MAX(lo, v->touched_lo), MIN(hi, v->touched_hi));
		vma_cut(v, lo, hi, &spare);
	}
	return 0;
}

int vma_unmap(vaddr_t start, size_t len)
{
	vaddr_t end;
	int rc = vma_check_range(start, len, &end);

	if (rc != 0)
		return rc;
	mm_lock();
	rc = vma_unmap_locked(start, end);
	mm_unlock();
	return rc;
}

/*
 * May all of [start, end), of which first is the first VMA, be given prot? 0 with the last VMA in
 * *last, -ENOMEM (a part is unmapped), -EACCES.
 */
static int vma_protect_check(struct vma *first, vaddr_t start, vaddr_t end, unsigned prot,
			     struct vma **last)
{
	int rc = 0;

	for (struct vma *v = first; v != NULL && v->start <= start; v = v->next) {
		if ((v->flags & VMA_IMAGE) && (prot & ~v->prot) != 0)
			rc = -EACCES;
		*last = v;
		if (v->end >= end)
			return rc;
		start = v->end;
	}
	return -ENOMEM;
}

/*
 * Give [lo, hi), a part of v, the protection prot: cut v at its edges, using up spares, and unite
 * the result with its neighbours where they are now alike. 0 with the VMA that holds [lo, hi) in
 * *result, or -ENOMEM from the host (nothing changed).
 */
static int vma_protect_part(struct vma *v, vaddr_t lo, vaddr_t hi, unsigned prot,
			    struct vma **spares, struct vma **result)
{
	int rc;

	*result = v;
	if (v->prot == prot)
		return 0;
	rc = plat->pmap_protect(lo, hi - lo, prot, MAX(lo, v->touched_lo), MIN(hi, v->touched_hi));
	if (rc != 0)
		return rc;
	if (hi < v->end) {
		vma_split(v, hi, spares[1]);
		spares[1] = NULL;
	}
	if (lo > v->start) {
		ASSUME(spares[0] != NULL); /* only the first part is cut here */
		vma_split(v, lo, spares[0]);
		v = spares[0];
		spares[0] = NULL;
	}
	v->prot = prot;
	*result = vma_merge(v);
	return 0;
}

static int vma_protect_locked(vaddr_t start, vaddr_t end, unsigned prot)
{
	struct vma *spares[2] = {NULL, NULL}, *v = vma_above(start), *last;
	int rc = vma_protect_check(v, start, end, prot, &last);

	if (rc != 0)
		return rc;
	/* One cut at most at each end of the range. */
	if (v->start < start && (spares[0] = heap_alloc(sizeof(*v))) == NULL)
		rc = -ENOMEM;
	if (last->end > end && (spares[1] = heap_alloc(sizeof(*v))) == NULL)
		rc = -ENOMEM;
	while (rc == 0) {
		vaddr_t hi = MIN(end, v->end);

		rc = vma_protect_part(v, start, hi, prot, spares, &v);
		start = hi;
		if (start == end)
			break;
		if (v->end == hi)
			v = v->next;
	}
	heap_free(spares[0], sizeof(*v));
	heap_free(spares[1], sizeof(*v));
	return rc;
}

int vma_protect(vaddr_t start, size_t len, unsigned prot)
{
	vaddr_t end;
	int rc = vma_check_range(start, len, &end);

	if (rc != 0)
		return rc;
	if (!prot_is_allowed(prot))
		return -EACCES;
	mm_lock();
	rc = vma_protect_locked(start, end, prot);
	mm_unlock();
	return rc;
}

int vma_populate(vaddr_t start, size_t len)
{
	vaddr_t end;
	int rc = vma_check_range(start, len, &end);

	if (rc != 0)
		return rc;
	mm_lock();
	rc = vma_populate_locked(start, end);
	mm_unlock();
	return rc;
}

int vma_check(vaddr_t start, size_t len)
{
	vaddr_t end;
	int rc = vma_check_range(start, len, &end);

	if (rc != 0)
		return rc;
	mm_lock();
	rc = range_is_mapped(start, end) ? 0 : -ENOMEM;
	mm_unlock();
	return rc;
}

/* The pages of v in [lo, hi) go back; what remains touched is cut where that is at an end. */
static void vma_discard_part(struct vma *v, vaddr_t lo, vaddr_t hi)
{
	plat->pmap_discard(lo, hi - lo, MAX(lo, v->touched_lo), MIN(hi, v->touched_hi));
	if (vma_pages_come_unseen())
		return;
	if (lo <= v->touched_lo && hi >= v->touched_hi)
		vma_touch_none(v);
	else if (lo <= v->touched_lo)
		v->touched_lo = MAX(v->touched_lo, hi);
	else if (hi >= v->touched_hi)
		v->touched_hi = MIN(v->touched_hi, lo);
}

int vma_discard(vaddr_t start, size_t len)
{
	vaddr_t end;
	int rc = vma_check_range(start, len, &end);

	if (rc != 0)
		return rc;
	mm_lock();
	if (!range_is_mapped(start, end))
		rc = -ENOMEM; /* what is mapped of it is discarded all the same */
	for (struct vma *v = vma_above(start); v != NULL && v->start < end; v = v->next) {
		if ((v->flags & (VMA_IMAGE | VMA_FILE)) == 0) {
			vma_discard_part(v, MAX(start, v->start), MIN(end, v->end));
		} else if ((v->flags & VMA_IMAGE) || (v->prot & PROT_WRITE)) {
			rc = -EINVAL; /* its contents could not be had again */
			break;
		} /* else they stay: what the file would give again, if it was never writable */
	}
	mm_unlock();
	return rc;
}

/* Extend the stack v down to the page of addr, if its limit and what lies below allow it. */
static bool vma_grow_down(struct vma *v, vaddr_t addr)
{
	vaddr_t start = ALIGN_DOWN(addr, PAGE_SIZE), old = v->start;
	const struct vma *prev = v->prev;

	if ((v->flags & VMA_GROWSDOWN) == 0 || start < v->grow_limit)
		return false;
	/* An inaccessible mapping below is a guard already. */
	if (prev != NULL && prev->prot != PROT_NONE && start - prev->end < VMA_STACK_GUARD)
		return false;
	if (plat->pmap_reserve(start, old - start, v->prot) != 0)
		return false;
	vma_set_bounds(v, start, v->end);
	vma_touch_new(v, start, old);
	return true;
}

/* A large page at this address, if v has room for it there and memory is plenty. */
static bool vma_fault_large(const struct vma *v, vaddr_t page)
{
	return IS_ALIGNED(page, PMAP_LARGE) && v->end - page >= PMAP_LARGE &&
	       page_free_count() >= LARGE_FREE_MIN && plat->pmap_fault_large(page, v->prot);
}

/*
 * The page before `page` was faulted in last, and so on for some pages: a program that goes through
 * memory from one end to the other. Put the next pages too, ever more of them, and a large one
 * where it can begin. 0 with the end of what was put in *end, or -ENOMEM.
 */
static NOINLINE int vma_fault_ahead(struct vma *v, vaddr_t page, vaddr_t *end)
{
	unsigned most = MIN(1u << MIN(v->fault_run - AHEAD_AFTER, 16u), AHEAD_MAX);
	const vaddr_t stop = MIN(v->end, page + (1 + most) * PAGE_SIZE);
	int rc = 0;

	*end = page;
	do {
		if (vma_fault_large(v, *end)) {
			*end += PMAP_LARGE;
			return 0;
		}
		rc = plat->pmap_fault(*end, v->prot);
		if (rc != 0)
			break;
		*end += PAGE_SIZE;
	} while (*end < stop && page_free_count() >= AHEAD_FREE_MIN);
	return *end > page ? 0 : rc;
}

/* The page of v that holds addr, and perhaps some more: 0 if it is there now, or -ENOMEM. The mm
 * lock is held for reading. */
static ALWAYS_INLINE int vma_fault_page(struct vma *v, vaddr_t addr)
{
	vaddr_t page = ALIGN_DOWN(addr, PAGE_SIZE), end = page + PAGE_SIZE;
	int rc;

	/* Several CPUs may be here: fault_next and fault_run are guesses. */
	if (likely(page != v->fault_next))
		v->fault_run = 0;
	else
		v->fault_run++;
	if (likely(v->fault_run < AHEAD_AFTER))
		rc = plat->pmap_fault(page, v->prot);
	else
		rc = vma_fault_ahead(v, page, &end);
	if (unlikely(rc != 0))
		return rc;
	v->fault_next = end;
	vma_touch_atomic(v, page, end);
	return 0;
}

/* A fault below a stack that may grow. 0, -EFAULT or -ENOMEM. */
static NOINLINE int vma_fault_grow(vaddr_t addr, unsigned need)
{
	struct vma *v;
	int rc = -EFAULT;

	mm_lock();
	v = vma_above(addr);
	if (v != NULL && (v->prot & need) != 0 && (addr >= v->start || vma_grow_down(v, addr)))
		rc = vma_pages_come_unseen() ? 0 : vma_fault_page(v, addr);
	mm_unlock();
	return rc;
}

/* 0 if the page of addr is there now, -EFAULT, or -ENOMEM. need: one of these PROT_* must be
 * allowed. */
static ALWAYS_INLINE int vma_fault_try(vaddr_t addr, unsigned need)
{
	struct percpu *pc = percpu_self();
	struct vma *v;
	int rc = -EFAULT;
	bool below;

	mm_read_lock(pc);
	v = vma_above(addr);
	below = v != NULL && addr < v->start && (v->flags & VMA_GROWSDOWN);
	/* On linuxu the host puts pages by itself: what comes here is a real fault. */
	if (likely(v != NULL && (v->prot & need) != 0 && addr >= v->start) &&
	    !vma_pages_come_unseen()) {
		rc = vma_fault_page(v, addr);
		COUNT_ADD(pc->faults, 1);
	}
	mm_read_unlock(pc);
	if (unlikely(below))
		rc = vma_fault_grow(addr, need);
	return rc;
}

bool vma_fault(vaddr_t addr, bool write, bool fetch)
{
	unsigned need = PROT_READ | PROT_WRITE |
			PROT_EXEC; /* what can be written or run can be read */
	int rc;

	if (write)
		need = PROT_WRITE;
	else if (fetch)
		need = PROT_EXEC;
	rc = vma_fault_try(addr, need);
	if (likely(rc == 0))
		return true;
	percpu_self()->fault_oom = rc == -ENOMEM;
	if (rc == -ENOMEM)
		log_line(LOG_ERROR,
			 "out of memory: no page for address 0x%lx; all %lu KiB of RAM are in use; "
			 "give the machine more memory",
			 (unsigned long)addr,
			 (unsigned long)(page_total_count() * (PAGE_SIZE / 1024)));
	return false;
}

bool vma_fault_was_oom(void)
{
	return percpu_self()->fault_oom;
}

bool vma_find(vaddr_t addr, bool next, struct vma *out)
{
	const struct vma *v;
	bool found;

	mm_lock();
	v = vma_above(addr);
	found = v != NULL && (next || v->start <= addr);
	if (found)
		*out = *v;
	mm_unlock();
	return found;
}

void vma_usage(uint64_t *mapped, uint64_t *touched)
{
	uint64_t m = 0, t = 0;

	mm_lock();
	for (const struct vma *v = vma_above(0); v != NULL; v = v->next) {
		m += v->end - v->start;
		if (v->touched_lo < v->touched_hi)
			t += v->touched_hi - v->touched_lo;
	}
	mm_unlock();
	*mapped = m;
	*touched = t;
}
