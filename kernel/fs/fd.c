/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The descriptor table. Looking a descriptor up takes no lock: its slot is one word, which holds
 * the file's address, the close-on-exec flag and a number of references that were lent.
 *
 * A slot owns FD_STOCK references to its file and lends them out: a call counts one up in the slot
 * while it works on the file, and down again when it is done. If the descriptor was closed
 * meanwhile, the slot has given back only what was not lent, and the call gives its reference to
 * the file instead. References are alike, so it does not matter that the slot may hold the same
 * file again by then.
 *
 * Slots lie in segments, each as large as all before it together. A segment never moves and is
 * never freed, so that a slot's address stays good without a lock.
 */
#include "base/errno.h"
#include "base/string.h"
#include "core/heap.h"
#include "fs/console.h"
#include "fs/fcntl.h"
#include "fs/file.h"

#define FD_STOCK (1ul << 20)
#define FD_CLOEXEC_BIT 1ul
#define FD_LENT_ONE 2ul
#define FD_LENT_MASK 0xffffeul
#define FD_FILE_SHIFT 16 /* what is shifted out comes back by sign: addresses have 48 bits */

/* What one thread may have borrowed at a time: sendfile(2) and its kin have two. */
#define FD_BORROWED_MAX 2
_Static_assert((CONFIG_CORE_THREADS_MAX + 1) * FD_BORROWED_MAX <= FD_LENT_MASK / FD_LENT_ONE,
	       "more references can be lent than a slot can count");
_Static_assert(FD_LENT_MASK / FD_LENT_ONE < FD_STOCK, "more can be lent than there are");

#define FD_FIRST 16u    /* slots in the first segment, which is static */
#define FD_FIRST_LOG2 4 /* and their logarithm */
#define FD_SEGMENTS 13
_Static_assert(FD_FIRST << (FD_SEGMENTS - 1) == FD_LIMIT_MAX, "segments for all descriptors");

typedef _Atomic uint64_t fd_slot_t;

_Atomic uint32_t fd_limit = 1024;

static fd_slot_t fd_first[FD_FIRST];
/* Where slot 0 would be if the segment began with it; 0: there is no segment yet. A slot's word is
 * changed by anybody, but from and to 0 only under the lock. */
static _Atomic uintptr_t fd_segments[FD_SEGMENTS];

static struct {
	struct spinlock lock; /* guards what follows */
	uint64_t *used;       /* a bit for each descriptor that is open or reserved */
	uint32_t words;       /* of used; a power of two */
	uint32_t free_hint;   /* no descriptor below it is free */
	uint64_t used_first[1];
} fds = {.lock = SPINLOCK_INIT(LOCK_FD), .words = 1};

static ALWAYS_INLINE struct file *fd_word_file(uint64_t word)
{
	return (struct file *)((int64_t)word >> FD_FILE_SHIFT & -(int64_t)FILE_ALIGN);
}

static uint64_t fd_word_make(struct file *f, bool cloexec)
{
	return (uint64_t)(uintptr_t)f << FD_FILE_SHIFT | (cloexec ? FD_CLOEXEC_BIT : 0);
}

static ALWAYS_INLINE unsigned fd_segment(uint32_t fd)
{
	return 31u - (unsigned)__builtin_clz(fd | (FD_FIRST - 1)) - (FD_FIRST_LOG2 - 1);
}

/* NULL if fd cannot be open. */
static ALWAYS_INLINE fd_slot_t *fd_slot(int fd)
{
	uintptr_t base;

	if (unlikely((uint32_t)fd >= FD_LIMIT_MAX))
		return NULL;
	/* Acquire: the slots' zeros; pairs with fd_add_segment_locked(). */
	base = atomic_load_explicit(&fd_segments[fd_segment((uint32_t)fd)], memory_order_acquire);
	return unlikely(base == 0) ? NULL : (fd_slot_t *)base + fd;
}

/* --- looking up --- */

struct file *fd_borrow(int fd)
{
	fd_slot_t *slot = fd_slot(fd);
	uint64_t word;

	if (unlikely(slot == NULL))
		return NULL;
	word = atomic_load_explicit(slot, memory_order_relaxed);
	do {
		if (unlikely(word == 0))
			return NULL;
		/* Acquire: what was written into the file before it came into the table. */
	} while (unlikely(!atomic_compare_exchange_weak_explicit(
		slot, &word, word + FD_LENT_ONE, memory_order_acquire, memory_order_relaxed)));
	return fd_word_file(word);
}

void fd_return(int fd, struct file *f)
{
	fd_slot_t *slot = fd_slot(fd);
	uint64_t word = atomic_load_explicit(slot, memory_order_relaxed);

	while (likely(fd_word_file(word) == f && (word & FD_LENT_MASK) != 0)) {
		/* Release: what was done to the file, before whoever closes it frees it. */
		if (likely(atomic_compare_exchange_weak_explicit(slot, &word, word - FD_LENT_ONE,
								 memory_order_release,
								 memory_order_relaxed)))
			return;
	}
	file_put(f);
}

struct file *fd_borrow_usable(int fd)
{
	struct file *f = fd_borrow(fd);

	if (f != NULL && (file_flags(f) & O_PATH) != 0) {
		fd_return(fd, f);
		return NULL;
	}
	return f;
}

struct file *fd_get(int fd)
{
	struct file *f = fd_borrow(fd);

	if (f != NULL) {
		file_get(f);
		fd_return(fd, f);
	}
	return f;
}

struct file *fd_get_usable(int fd)
{
	struct file *f = fd_get(fd);

	if (f != NULL && (file_flags(f) & O_PATH) != 0) {
		file_put(f);
		return NULL;
	}
	return f;
}

int fd_cloexec_get(int fd)
{
	fd_slot_t *slot = fd_slot(fd);
	uint64_t word = slot != NULL ? atomic_load_explicit(slot, memory_order_relaxed) : 0;

	return word != 0 ? (int)(word & FD_CLOEXEC_BIT) : -EBADF;
}

int fd_cloexec_set(int fd, bool on)
{
	fd_slot_t *slot = fd_slot(fd);
	uint64_t word = slot != NULL ? atomic_load_explicit(slot, memory_order_relaxed) : 0, new;

	/* Relaxed: the flag orders nothing. */
	do {
		if (word == 0)
			return -EBADF;
		new = (word & ~FD_CLOEXEC_BIT) | (on ? FD_CLOEXEC_BIT : 0);
	} while (!atomic_compare_exchange_weak_explicit(slot, &word, new, memory_order_relaxed,
							memory_order_relaxed));
	return 0;
}

/* --- changing the table --- */

static bool fd_is_used_locked(uint32_t fd)
{
	return (fds.used[fd / 64] >> fd % 64 & 1) != 0;
}

/* Make room in the bits for descriptor fd. 0 or -ENOMEM. */
static int fd_add_bits_locked(uint32_t fd)
{
	uint32_t words = fds.words;
	uint64_t *used;

	while (words * 64 <= fd)
		words *= 2;
	if (words == fds.words)
		return 0;
	used = heap_zalloc(words * sizeof(*used));
	if (used == NULL)
		return -ENOMEM;
	memcpy(used, fds.used, fds.words * sizeof(*used));
	if (fds.used != fds.used_first)
		heap_free(fds.used, fds.words * sizeof(*used));
	fds.used = used;
	fds.words = words;
	return 0;
}

/* Make sure that descriptor fd has a slot. 0 or -ENOMEM. */
static int fd_add_segment_locked(uint32_t fd)
{
	unsigned segment = fd_segment(fd);
	size_t size = (FD_FIRST << segment) / 2; /* and begins with descriptor `size` */
	fd_slot_t *slots;

	if (fd_slot((int)fd) != NULL)
		return 0;
	slots = heap_zalloc(size * sizeof(*slots));
	if (slots == NULL)
		return -ENOMEM;
	atomic_store_explicit(&fd_segments[segment], (uintptr_t)slots - size * sizeof(*slots),
			      memory_order_release);
	return 0;
}

static int fd_grow_locked(uint32_t fd)
{
	int err = fd_add_bits_locked(fd);

	return err != 0 ? err : fd_add_segment_locked(fd);
}

/* The lowest free descriptor >= min. */
static uint32_t fd_find_free_locked(uint32_t min)
{
	uint32_t fd = MAX(min, fds.free_hint);
	uint64_t below = (1ul << fd % 64) - 1; /* of the first word: not wanted */

	for (uint32_t word = fd / 64; word < fds.words; word++, below = 0) {
		uint64_t free = ~fds.used[word] & ~below;

		if (free != 0)
			return word * 64 + (uint32_t)__builtin_ctzl(free);
	}
	return MAX(fd, fds.words * 64);
}

int fd_reserve(int min)
{
	uint32_t limit = atomic_load_explicit(&fd_limit, memory_order_relaxed), fd;
	int err;

	if (min < 0 || (uint32_t)min >= limit)
		return -EINVAL;
	spin_lock(&fds.lock);
	fd = fd_find_free_locked((uint32_t)min);
	err = fd >= limit ? -EMFILE : fd_grow_locked(fd);
	if (err == 0) {
		fds.used[fd / 64] |= 1ul << fd % 64;
		if ((uint32_t)min <= fds.free_hint)
			fds.free_hint = fd + 1;
	}
	spin_unlock(&fds.lock);
	return err == 0 ? (int)fd : err;
}

void fd_unreserve(int fd)
{
	spin_lock(&fds.lock);
	fds.used[(uint32_t)fd / 64] &= ~(1ul << (uint32_t)fd % 64);
	fds.free_hint = MIN(fds.free_hint, (uint32_t)fd);
	spin_unlock(&fds.lock);
}

void fd_commit(int fd, struct file *f, bool cloexec)
{
	/* Relaxed: the caller's reference holds the file until the next line. */
	atomic_fetch_add_explicit(&f->refs, FD_STOCK - 1, memory_order_relaxed);
	/* Release: the file's contents; pairs with fd_borrow(). Nobody else changes a reserved
	 * slot. */
	atomic_store_explicit(fd_slot(fd), fd_word_make(f, cloexec), memory_order_release);
}

int fd_reserve_pair(vaddr_t out, int32_t fd[2])
{
	int err = fd[0] = fd_reserve(0);

	if (err < 0)
		return err;
	err = fd[1] = fd_reserve(0);
	if (err < 0) {
		fd_unreserve(fd[0]);
		return err;
	}
	err = user_copy_out(out, fd, 2 * sizeof(fd[0]));
	if (err != 0)
		fd_unreserve_pair(fd);
	return err;
}

void fd_unreserve_pair(const int32_t fd[2])
{
	fd_unreserve(fd[1]);
	fd_unreserve(fd[0]);
}

int fd_install(struct file *f, int min, bool cloexec)
{
	int fd = fd_reserve(min);

	if (fd >= 0)
		fd_commit(fd, f, cloexec);
	else
		file_put(f);
	return fd;
}

/* Give back what a slot that held word had in stock. Without the lock. */
static void fd_word_put(uint64_t word)
{
	if (word != 0)
		file_put_many(fd_word_file(word), FD_STOCK - (word & FD_LENT_MASK) / FD_LENT_ONE);
}

int fd_replace(struct file *f, int fd, bool cloexec)
{
	uint64_t old = 0;
	int err;

	if (fd < 0 || (uint32_t)fd >= atomic_load_explicit(&fd_limit, memory_order_relaxed))
		return -EBADF;
	spin_lock(&fds.lock);
	err = fd_grow_locked((uint32_t)fd);
	if (err == 0) {
		old = atomic_load_explicit(fd_slot(fd), memory_order_relaxed);
		if (old == 0 && fd_is_used_locked((uint32_t)fd))
			err = -EBUSY;
	}
	if (err == 0) {
		fds.used[(uint32_t)fd / 64] |= 1ul << (uint32_t)fd % 64;
		atomic_fetch_add_explicit(&f->refs, FD_STOCK - 1, memory_order_relaxed);
		/* Release: as in fd_commit(). Acquire: what those did who returned the old file. */
		old = atomic_exchange_explicit(fd_slot(fd), fd_word_make(f, cloexec),
					       memory_order_acq_rel);
	}
	spin_unlock(&fds.lock);
	if (err != 0)
		return err;
	fd_word_put(old);
	return fd;
}

int fd_close(int fd)
{
	fd_slot_t *slot = fd_slot(fd);
	uint64_t word;

	if (slot == NULL)
		return -EBADF;
	spin_lock(&fds.lock);
	/* Acquire: what those did who returned the file. */
	word = atomic_exchange_explicit(slot, 0, memory_order_acquire);
	if (word != 0) {
		fds.used[(uint32_t)fd / 64] &= ~(1ul << (uint32_t)fd % 64);
		fds.free_hint = MIN(fds.free_hint, (uint32_t)fd);
	}
	spin_unlock(&fds.lock);
	if (word == 0)
		return -EBADF;
	fd_word_put(word);
	return 0;
}

void fd_close_range(unsigned first, unsigned last, bool only_cloexec)
{
	if (first >= FD_LIMIT_MAX)
		return;
	for (int fd = fd_next((int)first); fd >= 0 && (unsigned)fd <= last; fd = fd_next(fd + 1)) {
		/* Another thread may have closed it: no matter. */
		if (only_cloexec)
			(void)fd_cloexec_set(fd, true);
		else
			(void)fd_close(fd);
	}
}

int fd_next(int fd)
{
	int result = -1;

	spin_lock(&fds.lock);
	for (uint32_t i = (uint32_t)MAX(fd, 0); i < fds.words * 64 && result < 0; i++) {
		if (fds.used[i / 64] >> i % 64 == 0)
			i |= 63; /* nothing more in this word */
		else if (fd_is_used_locked(i) && fd_cloexec_get((int)i) >= 0)
			result = (int)i;
	}
	spin_unlock(&fds.lock);
	return result;
}

void fd_init(void)
{
	fds.used = fds.used_first;
	fds.used_first[0] = 7;
	fds.free_hint = 3;
	atomic_store_explicit(&fd_segments[0], (uintptr_t)fd_first, memory_order_relaxed);
	for (int fd = 0; fd < 3; fd++)
		fd_commit(fd, &console_files[fd], false);
}
