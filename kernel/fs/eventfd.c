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
	struct spinlock lock; /* guards count */
	uint64_t count;
	struct waitq changed;
};

static struct eventfd *eventfd_of(struct file *f)
{
	return container_of(f, struct eventfd, file);
}

static ssize64_t eventfd_read(struct file *f, struct uio *u, uint64_t pos)
{
	struct eventfd *e = eventfd_of(f);
	uint64_t value;
	int err;

	(void)pos;
	if (u->left < sizeof(value))
		return -EINVAL;
	for (;;) {
		spin_lock(&e->lock);
		value = e->semaphore && e->count > 0 ? 1 : e->count;
		e->count -= value;
		spin_unlock(&e->lock);
		if (value > 0)
			break;
		if ((file_flags(f) & O_NONBLOCK) != 0)
			return -EAGAIN;
		err = waitq_wait(&e->changed, e->count > 0, NEVER, SLEEP_INTERRUPTIBLE, "eventfd");
		if (err != 0)
			return err;
	}
	waitq_wake(&e->changed, UINT32_MAX);
	return uio_put(u, &value, sizeof(value)) == 0 ? (ssize64_t)sizeof(value) : -EFAULT;
}

static ssize64_t eventfd_write(struct file *f, struct uio *u, uint64_t pos)
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
	for (;;) {
		bool fits;

		spin_lock(&e->lock);
		fits = value <= EVENTFD_MAX - e->count;
		if (fits)
			e->count += value;
		spin_unlock(&e->lock);
		if (fits)
			break;
		if ((file_flags(f) & O_NONBLOCK) != 0)
			return -EAGAIN;
		err = waitq_wait(&e->changed, value <= EVENTFD_MAX - e->count, NEVER,
				 SLEEP_INTERRUPTIBLE, "eventfd");
		if (err != 0)
			return err;
	}
	waitq_wake(&e->changed, UINT32_MAX);
	return sizeof(value);
}

static unsigned eventfd_poll(struct file *f, struct poll_table *pt)
{
	struct eventfd *e = eventfd_of(f);
	unsigned found = 0;

	poll_wait(pt, &e->changed);
	spin_lock(&e->lock);
	found |= e->count > 0 ? POLLIN : 0;
	found |= e->count < EVENTFD_MAX ? POLLOUT : 0;
	spin_unlock(&e->lock);
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
	e->count = value;
	waitq_init(&e->changed);
	file_init(&e->file, &eventfd_ops, O_RDWR | (flags & O_NONBLOCK));
	*out = &e->file;
	return 0;
}
