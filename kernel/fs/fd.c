/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The descriptor table. One word per descriptor: the file's address, and in bit 0 the close-on-exec
 * flag. It begins in static storage with the console at 0, 1 and 2, and doubles as descriptors are
 * needed.
 */
#include "base/errno.h"
#include "base/string.h"
#include "core/heap.h"
#include "fs/console.h"
#include "fs/fcntl.h"
#include "fs/file.h"

#define FD_INITIAL 16
#define FD_CLOEXEC_BIT 1u

uint32_t fd_limit = 1024;

static uintptr_t fd_initial[FD_INITIAL] = {
	(uintptr_t)&console_files[0],
	(uintptr_t)&console_files[1],
	(uintptr_t)&console_files[2],
};

static struct {
	struct spinlock lock; /* guards all of it */
	uintptr_t *slots;
	uint32_t capacity;
	uint32_t free_hint; /* no descriptor below it is free */
} fds = {.slots = fd_initial, .capacity = FD_INITIAL, .free_hint = 3};

static struct file *fd_slot_file(uintptr_t slot)
{
	return (struct file *)(slot & ~(uintptr_t)FD_CLOEXEC_BIT);
}

static uintptr_t fd_slot_make(struct file *f, bool cloexec)
{
	return (uintptr_t)f | (cloexec ? FD_CLOEXEC_BIT : 0);
}

/* The slot of an open descriptor; NULL if it is not open. Caller holds the lock. */
static uintptr_t *fd_slot_locked(int fd)
{
	if (fd < 0 || (uint32_t)fd >= fds.capacity || fds.slots[fd] == 0)
		return NULL;
	return &fds.slots[fd];
}

/* Make room for descriptor fd, which is below the limit. 0 or -ENOMEM. Caller holds the lock. */
static int fd_grow_locked(uint32_t fd)
{
	uint32_t capacity = fds.capacity;
	uintptr_t *slots;

	while (capacity <= fd)
		capacity *= 2;
	if (capacity == fds.capacity)
		return 0;
	slots = heap_zalloc(capacity * sizeof(*slots));
	if (slots == NULL)
		return -ENOMEM;
	memcpy(slots, fds.slots, fds.capacity * sizeof(*slots));
	if (fds.slots != fd_initial)
		heap_free(fds.slots, fds.capacity * sizeof(*slots));
	fds.slots = slots;
	fds.capacity = capacity;
	return 0;
}

/* Empty a slot. The file's reference is the caller's to put, without the lock. */
static struct file *fd_clear_locked(uint32_t fd)
{
	struct file *f = fd_slot_file(fds.slots[fd]);

	fds.slots[fd] = 0;
	fds.free_hint = MIN(fds.free_hint, fd);
	return f;
}

struct file *fd_get(int fd)
{
	struct file *f = NULL;
	uintptr_t *slot;

	spin_lock(&fds.lock);
	slot = fd_slot_locked(fd);
	if (slot != NULL)
		f = file_get(fd_slot_file(*slot));
	spin_unlock(&fds.lock);
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

int fd_install(struct file *f, int min, bool cloexec)
{
	uint32_t fd;
	int result;

	if (min < 0 || (uint32_t)min >= fd_limit)
		return -EINVAL;
	spin_lock(&fds.lock);
	fd = MAX((uint32_t)min, fds.free_hint);
	while (fd < fds.capacity && fds.slots[fd] != 0)
		fd++;
	result = fd >= fd_limit ? -EMFILE : fd_grow_locked(fd);
	if (result == 0) {
		fds.slots[fd] = fd_slot_make(f, cloexec);
		if ((uint32_t)min <= fds.free_hint)
			fds.free_hint = fd + 1;
		result = (int)fd;
	}
	spin_unlock(&fds.lock);
	return result;
}

int fd_replace(struct file *f, int fd, bool cloexec)
{
	struct file *old = NULL;
	int result;

	if (fd < 0 || (uint32_t)fd >= fd_limit)
		return -EBADF;
	spin_lock(&fds.lock);
	result = fd_grow_locked((uint32_t)fd);
	if (result == 0) {
		old = fd_slot_file(fds.slots[fd]);
		fds.slots[fd] = fd_slot_make(f, cloexec);
		result = fd;
	}
	spin_unlock(&fds.lock);
	if (old != NULL)
		file_put(old);
	return result;
}

int fd_close(int fd)
{
	struct file *f = NULL;

	spin_lock(&fds.lock);
	if (fd_slot_locked(fd) != NULL)
		f = fd_clear_locked((uint32_t)fd);
	spin_unlock(&fds.lock);
	if (f == NULL)
		return -EBADF;
	file_put(f);
	return 0;
}

void fd_close_range(unsigned first, unsigned last, bool only_cloexec)
{
	/* The capacity does not shrink, so that reading it without the lock misses only what is
	 * opened meanwhile. */
	for (unsigned fd = first; fd <= last && fd < fds.capacity; fd++) {
		if (only_cloexec)
			(void)fd_cloexec_set((int)fd, true);
		else
			(void)fd_close((int)fd);
	}
}

int fd_cloexec_get(int fd)
{
	uintptr_t *slot;
	int result = -EBADF;

	spin_lock(&fds.lock);
	slot = fd_slot_locked(fd);
	if (slot != NULL)
		result = (int)(*slot & FD_CLOEXEC_BIT);
	spin_unlock(&fds.lock);
	return result;
}

int fd_cloexec_set(int fd, bool on)
{
	uintptr_t *slot;
	int result = -EBADF;

	spin_lock(&fds.lock);
	slot = fd_slot_locked(fd);
	if (slot != NULL) {
		*slot = fd_slot_make(fd_slot_file(*slot), on);
		result = 0;
	}
	spin_unlock(&fds.lock);
	return result;
}

int fd_next(int fd)
{
	int result = -1;

	spin_lock(&fds.lock);
	for (uint32_t i = (uint32_t)MAX(fd, 0); i < fds.capacity && result < 0; i++)
		if (fds.slots[i] != 0)
			result = (int)i;
	spin_unlock(&fds.lock);
	return result;
}
