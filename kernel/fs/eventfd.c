/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A counter with the face of a file: write adds to it, read takes it (or one of it, with
 * EFD_SEMAPHORE). */
#include "fs/eventfd.h"
#include "base/errno.h"
#include "core/heap.h"
#include "core/thread.h"
#include "fs/fcntl.h"
#include "fs/poll.h"

#define EVENTFD_MAX (UINT64_MAX - 1)

struct eventfd {
	struct file file;
	bool semaphore;
	_Atomic uint64_t count; /* changed by compare-and-exchange; carries no other data */
	struct waitq changed;
};

static struct eventfd *eventfd_of(struct file *f)
{
	return container_of(f, struct eventfd, file);
}

static uint64_t eventfd_count(const struct eventfd *e)
{
	return atomic_load_explicit(&e->count, memory_order_acquire);
}

/* Wake all: who reads, who writes and who polls wait in one queue. */
static void eventfd_wake(struct eventfd *e)
{
	waitq_fence();
	if (waitq_active(&e->changed))
		waitq_wake(&e->changed, UINT32_MAX);
}

/* What a read gets, taken from the count; 0: there is nothing. */
static uint64_t eventfd_take(struct eventfd *e)
{
	uint64_t count = eventfd_count(e), value;

	/* Acquire and release: who signals through an eventfd expects to order what it did. */
	do
		value = e->semaphore && count > 0 ? 1 : count;
	while (value > 0 &&
	       !atomic_compare_exchange_weak_explicit(&e->count, &count, count - value,
						      memory_order_acq_rel, memory_order_acquire));
	return value;
}

/* Add value, if it fits. */
static bool eventfd_add(struct eventfd *e, uint64_t value)
{
	uint64_t count = eventfd_count(e);

	do
		if (value > EVENTFD_MAX - count)
			return false;
	while (!atomic_compare_exchange_weak_explicit(&e->count, &count, count + value,
						      memory_order_acq_rel, memory_order_acquire));
	return true;
}

static ssize64_t eventfd_read(struct file *f, struct uio *u, uint64_t *pos)
{
	struct eventfd *e = eventfd_of(f);
	uint64_t value;
	int err;

	(void)pos;
	if (u->left < sizeof(value))
		return -EINVAL;
	while ((value = eventfd_take(e)) == 0) {
		if ((file_flags(f) & O_NONBLOCK) != 0)
			return -EAGAIN;
		err = waitq_wait(&e->changed, eventfd_count(e) > 0, NEVER, SLEEP_INTERRUPTIBLE,
				 "eventfd");
		if (err != 0)
			return err;
	}
	eventfd_wake(e);
	return uio_put(u, &value, sizeof(value)) == 0 ? (ssize64_t)sizeof(value) : -EFAULT;
}

static ssize64_t eventfd_write(struct file *f, struct uio *u, uint64_t *pos)
{
	struct eventfd *e = eventfd_of(f);
	uint64_t value;
	int err;

	(void)pos;
	if (uio_first(u) != sizeof(value))
		return -EINVAL;
	err = uio_get(u, &value, sizeof(value));
	if (err != 0)
		return err;
	if (value > EVENTFD_MAX)
		return -EINVAL;
	while (!eventfd_add(e, value)) {
		if ((file_flags(f) & O_NONBLOCK) != 0)
			return -EAGAIN;
		err = waitq_wait(&e->changed, value <= EVENTFD_MAX - eventfd_count(e), NEVER,
				 SLEEP_INTERRUPTIBLE, "eventfd");
		if (err != 0)
			return err;
	}
	eventfd_wake(e);
	return sizeof(value);
}

static unsigned eventfd_poll(struct file *f, struct poll_table *pt)
{
	struct eventfd *e = eventfd_of(f);
	unsigned found = 0;
	uint64_t count;

	poll_wait(pt, &e->changed);
	count = eventfd_count(e);
	found |= count > 0 ? POLLIN : 0;
	found |= count < EVENTFD_MAX ? POLLOUT : 0;
	return found;
}

static void eventfd_stat(struct file *f, struct file_stat *out)
{
	(void)f;
	out->mode = 0600; /* no file type, as on Linux */
	out->ino = 1;
}

static void eventfd_release(struct file *f)
{
	heap_free(eventfd_of(f), sizeof(struct eventfd));
}

static const struct file_ops eventfd_ops = {
	.name = "eventfd",
	.read = eventfd_read,
	.write = eventfd_write,
	.poll = eventfd_poll,
	.stat = eventfd_stat,
	.release = eventfd_release,
	.seek_ignored = true,
	.takes_empty = true,
};

int eventfd_create(uint32_t value, unsigned flags, struct file **out)
{
	struct eventfd *e = heap_zalloc(sizeof(*e));

	if (e == NULL)
		return -ENOMEM;
	e->semaphore = (flags & EFD_SEMAPHORE) != 0;
	atomic_init(&e->count, value);
	waitq_init(&e->changed);
	file_init(&e->file, &eventfd_ops, O_RDWR | (flags & O_NONBLOCK));
	*out = &e->file;
	return 0;
}
