/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Memory from the host. Three areas are reserved at the start, at addresses that the host's
 * randomisation chooses, and never grow: the window for the program's mappings, the kernel's
 * stacks, and the page allocator's RAM. All are MAP_NORESERVE: a page costs memory when it is
 * touched.
 *
 * A program address that is not mapped is still reserved (PROT_NONE), so nothing of the host's ever
 * comes to lie in the window, and giving an address rights is one mprotect.
 */
#include "base/atomic.h"
#include "base/errno.h"
#include "plat/linuxu/linuxu.h"

#define WINDOW_BYTES_MAX (1UL << 44)
#define WINDOW_BYTES_MIN (1UL << 24)
#define KSTACK_AREA_BYTES_MAX (1UL << 34)
#define KSTACK_AREA_BYTES_MIN (1UL << 22)
#define RAM_BYTES_WANTED (64UL << 20) /* even if that is more than a quarter of the host's */
#define RAM_BYTES_MIN (1UL << 22)
/* A mapping from this size on is for huge pages: below, a program may want a small part of it. */
#define HUGE_BYTES_MIN (4UL << 20)
/* Where the window really begins and ends is random, out of so many pages at each end. */
#define WINDOW_SLACK_PAGES(bytes) ((bytes) / PAGE_SIZE / 16)

static struct plat_ram memory_window, memory_ram;
/* How often memory was given rights or pages in place of others. Any CPU. */
static _Atomic uint32_t memory_changes;

/* Anonymous memory somewhere (at = 0) or exactly there. Address or negative errno. */
static long memory_map(uintptr_t at, size_t len, unsigned prot)
{
	return host_call6(HOST_NR_MMAP, at, len, prot,
			  HOST_MAP_PRIVATE | HOST_MAP_ANONYMOUS | HOST_MAP_NORESERVE |
				  (at != 0 ? HOST_MAP_FIXED : 0),
			  (uintptr_t)-1, 0);
}

void linuxu_memory_note_change(void)
{
	/* Whoever asks has waited for the mm lock of him who changed it, see vma_fault(). */
	atomic_fetch_add_explicit(&memory_changes, 1, memory_order_relaxed);
}

bool linuxu_memory_changed(void)
{
	uint32_t now = atomic_load_explicit(&memory_changes, memory_order_relaxed);
	uint32_t *seen = &linuxu_cpu_self()->memory_seen;
	bool changed = now != *seen;

	*seen = now;
	return changed;
}

int linuxu_memory_protect(vaddr_t va, size_t len, unsigned prot)
{
	if (host_call3(HOST_NR_MPROTECT, va, len, prot))
		return -ENOMEM;
	if (prot != PROT_NONE)
		linuxu_memory_note_change();
	return 0;
}

/* Pages and rights go, at once for all CPUs. Cannot fail. */
static void memory_take(vaddr_t va, size_t len)
{
	if (memory_map(va, len, PROT_NONE) >= 0)
		return;
	/* The host is out of map entries (vm.max_map_count): at least the pages go back. */
	host_call3(HOST_NR_MPROTECT, va, len, PROT_NONE);
	host_call3(HOST_NR_MADVISE, va, len, HOST_MADV_DONTNEED);
}

/* Address space that the host allows in all (ulimit -v). */
static size_t memory_limit(void)
{
	struct host_rlimit r = {.soft = SIZE_MAX}; /* if the host does not tell */

	host_call4(HOST_NR_PRLIMIT64, 0, HOST_RLIMIT_AS, 0, (uintptr_t)&r);
	return r.soft;
}

/* Reserve as much as the host allows, halving from max down to min bytes, but no more than cap. */
static struct plat_ram memory_reserve(size_t max, size_t cap, size_t min, unsigned prot,
				      const char *what)
{
	struct plat_ram r;
	long at = -ENOMEM;

	for (size_t len = max; len >= min; len /= 2) {
		if (len > cap)
			continue;
		at = memory_map(0, len, prot);
		if (at >= 0) {
			r.start = (uintptr_t)at;
			r.end = r.start + len;
			return r;
		}
	}
	linuxu_die(what, at);
}

/* --- kernel stacks: slots of equal size, the stack at the upper end, the rest a guard --- */

#define KSTACK_SLOT_BYTES (128UL << 10)
#define KSTACK_WARM_MAX 64u /* freed stacks that keep their pages */

static struct {
	struct spinlock lock; /* guards all that changes below */
	struct plat_ram area;
	uint32_t *next; /* per slot: the next one of the list it is on; 0 (it holds this) ends it */
	uint32_t frontier, limit; /* first slot that was never used; number of slots */
	uint32_t cold;            /* list of freed slots without memory */
	uint32_t warm;            /* list of freed stacks, all of warm_bytes */
	uint32_t warm_count;
	size_t warm_bytes;
} kstack = {.lock = SPINLOCK_INIT(LOCK_KSTACK)};

static void kstack_init(size_t cap)
{
	size_t table;

	kstack.area = memory_reserve(KSTACK_AREA_BYTES_MAX, cap, KSTACK_AREA_BYTES_MIN, PROT_NONE,
				     "no address space for the kernel's stacks");
	kstack.limit = (uint32_t)((kstack.area.end - kstack.area.start) / KSTACK_SLOT_BYTES);
	kstack.next = (uint32_t *)kstack.area.start;
	table = ALIGN_UP(kstack.limit * sizeof(uint32_t), PAGE_SIZE);
	kstack.frontier = (uint32_t)(ALIGN_UP(table, KSTACK_SLOT_BYTES) / KSTACK_SLOT_BYTES);
	if (host_call3(HOST_NR_MPROTECT, kstack.area.start, table, PROT_READ | PROT_WRITE))
		linuxu_die("no memory for the kernel's stacks", -ENOMEM);
}

bool linuxu_kstack_holds(uintptr_t sp)
{
	return sp - kstack.area.start < kstack.area.end - kstack.area.start;
}

static uint32_t kstack_list_pop(uint32_t *list)
{
	uint32_t slot = *list;

	if (slot != 0)
		*list = kstack.next[slot];
	return slot;
}

static void kstack_list_push(uint32_t *list, uint32_t slot)
{
	kstack.next[slot] = *list;
	*list = slot;
}

/* A slot, or 0; *warm: it has its memory. */
static uint32_t kstack_take(size_t bytes, bool *warm)
{
	uint32_t slot = 0;

	spin_lock(&kstack.lock);
	*warm = kstack.warm_count > 0 && bytes == kstack.warm_bytes;
	if (*warm) {
		kstack.warm_count--;
		slot = kstack_list_pop(&kstack.warm);
	} else {
		slot = kstack_list_pop(&kstack.cold);
		if (slot == 0 && kstack.frontier < kstack.limit)
			slot = kstack.frontier++;
	}
	spin_unlock(&kstack.lock);
	return slot;
}

static void kstack_put_cold(uint32_t slot)
{
	spin_lock(&kstack.lock);
	kstack_list_push(&kstack.cold, slot);
	spin_unlock(&kstack.lock);
}

vaddr_t linuxu_kstack_alloc(size_t bytes)
{
	vaddr_t base;
	uint32_t slot;
	bool warm;

	if (bytes > KSTACK_SLOT_BYTES - PAGE_SIZE)
		return 0;
	slot = kstack_take(bytes, &warm);
	if (slot == 0)
		return 0;
	base = kstack.area.start + (slot + 1) * KSTACK_SLOT_BYTES - bytes;
	if (!warm && host_call3(HOST_NR_MPROTECT, base, bytes, PROT_READ | PROT_WRITE)) {
		kstack_put_cold(slot);
		return 0;
	}
	return base;
}

void linuxu_kstack_free(vaddr_t base, size_t bytes)
{
	uint32_t slot = (uint32_t)((base - kstack.area.start) / KSTACK_SLOT_BYTES);
	bool warm;

	spin_lock(&kstack.lock);
	if (kstack.warm_count == 0)
		kstack.warm_bytes = bytes;
	warm = kstack.warm_count < KSTACK_WARM_MAX && bytes == kstack.warm_bytes;
	if (warm) {
		kstack.warm_count++;
		kstack_list_push(&kstack.warm, slot);
	}
	spin_unlock(&kstack.lock);
	if (!warm) {
		memory_take(base, bytes);
		kstack_put_cold(slot);
	}
}

/* --- all areas --- */

static uint64_t ram_bytes_of_host(uint64_t *free)
{
	struct host_sysinfo si = {0};

	if (host_call1(HOST_NR_SYSINFO, (uintptr_t)&si))
		return 0;
	*free = (si.freeram + si.bufferram) * si.mem_unit;
	return si.totalram * si.mem_unit;
}

void linuxu_memory_init(void)
{
	uint64_t free, quarter = ALIGN_DOWN(ram_bytes_of_host(&free) / 4, PAGE_SIZE);
	size_t len, limit = memory_limit();

	memory_window = memory_reserve(WINDOW_BYTES_MAX, limit / 2, WINDOW_BYTES_MIN, PROT_NONE,
				       "no address space for the program (ulimit -v?)");
	len = memory_window.end - memory_window.start;
	memory_window.start += linuxu_host.random[0] % WINDOW_SLACK_PAGES(len) * PAGE_SIZE;
	memory_window.end -= linuxu_host.random[1] % WINDOW_SLACK_PAGES(len) * PAGE_SIZE;
	kstack_init(limit / 8);
	memory_ram = memory_reserve(MAX(quarter, RAM_BYTES_WANTED), limit / 8, RAM_BYTES_MIN,
				    PROT_READ | PROT_WRITE,
				    "no address space for the kernel's memory (ulimit -v?)");
	memory_ram.end = ALIGN_DOWN(memory_ram.end, PAGE_SIZE);
	/* One small object must not cost a huge page. Hosts that have none refuse. */
	host_call3(HOST_NR_MADVISE, memory_ram.start, memory_ram.end - memory_ram.start,
		   HOST_MADV_NOHUGEPAGE);
}

bool linuxu_ram_range(unsigned i, struct plat_ram *out)
{
	if (i > 0)
		return false;
	*out = memory_ram;
	return true;
}

void linuxu_ram_info(uint64_t *total, uint64_t *free)
{
	*free = 0;
	*total = ram_bytes_of_host(free);
}

/* --- program address space --- */

void linuxu_pmap_window(vaddr_t *min, vaddr_t *max)
{
	*min = memory_window.start;
	*max = memory_window.end;
}

int linuxu_pmap_reserve(vaddr_t va, size_t len, unsigned prot)
{
	if ((prot & PMAP_LAZY) && linuxu_lazy_add(va, va + len, prot & ~PMAP_LAZY))
		return 0;
	prot &= ~PMAP_LAZY;
	if (prot == PROT_NONE)
		return 0;
	/* Few faults instead of thousands. Hosts that have no huge pages refuse. */
	if (len >= HUGE_BYTES_MIN)
		host_call3(HOST_NR_MADVISE, va, len, HOST_MADV_HUGEPAGE);
	return linuxu_memory_protect(va, len, prot);
}

void linuxu_pmap_remove(vaddr_t va, size_t len, vaddr_t touched_lo, vaddr_t touched_hi)
{
	(void)touched_lo;
	(void)touched_hi;
	if (!linuxu_lazy_remove(va, va + len))
		memory_take(va, len);
}

int linuxu_pmap_protect(vaddr_t va, size_t len, unsigned prot, vaddr_t touched_lo,
			vaddr_t touched_hi)
{
	(void)touched_lo;
	(void)touched_hi;
	if (linuxu_lazy_protect(va, va + len, prot))
		return 0;
	if (linuxu_lazy_settle(va, va + len))
		return -ENOMEM;
	return linuxu_memory_protect(va, len, prot);
}

void linuxu_pmap_discard(vaddr_t va, size_t len, vaddr_t touched_lo, vaddr_t touched_hi)
{
	(void)touched_lo;
	(void)touched_hi;
	host_call3(HOST_NR_MADVISE, va, len, HOST_MADV_DONTNEED);
}

int linuxu_pmap_populate(vaddr_t va, size_t len, unsigned prot)
{
	unsigned advice = prot & PROT_WRITE ? HOST_MADV_POPULATE_WRITE : HOST_MADV_POPULATE_READ;
	uint64_t total, free;
	long r;

	/* The host would begin, and then kill somebody for want of memory. */
	linuxu_ram_info(&total, &free);
	if (len > total || linuxu_lazy_settle(va, va + len))
		return -ENOMEM;
	r = host_call3(HOST_NR_MADVISE, va, len, advice);
	/* Hosts before Linux 5.14 do not know it: there the first touch populates, as always. */
	return r == 0 || r == -EINVAL ? 0 : -ENOMEM;
}

/*
 * Move as the host can. It refuses ranges that are several mappings to it though they have the same
 * rights (-EFAULT), so the range is tried in smaller and smaller pieces. Returns how many bytes
 * were moved.
 */
static size_t memory_move(vaddr_t from, vaddr_t to, size_t len)
{
	size_t done = 0, piece = len;

	while (done < len) {
		long r = host_call6(HOST_NR_MREMAP, from + done, piece, piece,
				    HOST_MREMAP_MAYMOVE | HOST_MREMAP_FIXED, to + done, 0);

		if (r >= 0) {
			done += piece;
			piece = len - done;
		} else if (r == -EFAULT && piece > PAGE_SIZE) {
			piece = ALIGN_UP(piece / 2, PAGE_SIZE);
		} else {
			break;
		}
	}
	return done;
}

int linuxu_pmap_move(vaddr_t old, vaddr_t new_va, size_t len, unsigned prot)
{
	size_t moved, restored = 0;

	(void)prot;
	if (linuxu_lazy_settle(old, old + len))
		return -ENOMEM;
	moved = memory_move(old, new_va, len);
	if (moved < len)
		restored = memory_move(new_va, old, moved);
	/* What was moved away left a hole in the window: reserve it again. */
	if (moved == len)
		memory_take(old, len);
	else
		memory_take(new_va, restored);
	linuxu_memory_note_change();
	return moved == len ? 0 : -ENOMEM;
}
