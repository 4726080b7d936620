/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A timer runs until it expires and is started again by who asks for the count: a program that does
 * not look is not interrupted for each interval.
 */
#include "fs/timerfd.h"
#include "base/errno.h"
#include "core/heap.h"
#include "core/mutex.h"
#include "core/timer.h"
#include "fs/fcntl.h"
#include "fs/poll.h"
#include "plat/plat.h"

struct timerfd {
	struct file file;
	bool realtime;
	struct waitq expires;
	struct timer timer;
	_Atomic bool expired; /* timer has fired; set by it, cleared under lock */
	struct mutex lock;    /* guards what follows, and starting and stopping timer */
	uint64_t count;       /* expirations before the one that expired tells of */
	uint64_t deadline_ns, interval_ns;
};

static struct timerfd *timerfd_of(struct file *f)
{
	return container_of(f, struct timerfd, file);
}

static void timerfd_fire(struct timer *timer)
{
	struct timerfd *t = container_of(timer, struct timerfd, timer);

	atomic_store_explicit(&t->expired, true, memory_order_release);
	waitq_fence();
	if (waitq_active(&t->expires))
		waitq_wake(&t->expires, UINT32_MAX);
}

/* Has it expired since it was read or set? */
static bool timerfd_ready(struct timerfd *t)
{
	return atomic_load_explicit(&t->expired, memory_order_acquire) || READ_ONCE(t->count) > 0;
}

/* Count what has expired, and start the timer for what comes next. lock is held. */
static void timerfd_forward(struct timerfd *t)
{
	uint64_t now = plat->clock_monotonic_ns(), passed;

	if (!atomic_load_explicit(&t->expired, memory_order_acquire))
		return;
	/* In this order: timerfd_ready() always finds one of the two. */
	WRITE_ONCE(t->count, t->count + 1);
	atomic_store_explicit(&t->expired, false, memory_order_release);
	if (t->interval_ns == 0) {
		t->deadline_ns = NEVER;
		return;
	}
	passed = now > t->deadline_ns ? (now - t->deadline_ns) / t->interval_ns : 0;
	t->count += passed;
	if (__builtin_mul_overflow(passed + 1, t->interval_ns, &passed) ||
	    __builtin_add_overflow(t->deadline_ns, passed, &t->deadline_ns))
		t->deadline_ns = NEVER;
	timer_start(&t->timer, t->deadline_ns);
}

void timerfd_set(struct file *f, uint64_t deadline_ns, uint64_t interval_ns, uint64_t count)
{
	struct timerfd *t = timerfd_of(f);

	mutex_lock(&t->lock);
	timer_stop(&t->timer);
	atomic_store_explicit(&t->expired, false, memory_order_relaxed);
	t->count = count;
	t->deadline_ns = deadline_ns;
	t->interval_ns = interval_ns;
	timer_start(&t->timer, deadline_ns);
	mutex_unlock(&t->lock);
	if (count > 0)
		waitq_wake(&t->expires, UINT32_MAX);
}

void timerfd_get(struct file *f, uint64_t *remaining_ns, uint64_t *interval_ns)
{
	struct timerfd *t = timerfd_of(f);
	uint64_t now = plat->clock_monotonic_ns();

	mutex_lock(&t->lock);
	timerfd_forward(t);
	*remaining_ns = 0;
	/* Due, but not yet fired: not 0, which would say that it is not set. */
	if (t->deadline_ns != NEVER)
		*remaining_ns = t->deadline_ns > now ? t->deadline_ns - now : 1;
	*interval_ns = t->interval_ns;
	mutex_unlock(&t->lock);
}

static ssize64_t timerfd_read(struct file *f, struct uio *u, uint64_t *pos)
{
	struct timerfd *t = timerfd_of(f);
	uint64_t count;

	(void)pos;
	if (u->left < sizeof(count))
		return -EINVAL;
	for (;;) {
		int err;

		mutex_lock(&t->lock);
		timerfd_forward(t);
		count = t->count;
		t->count = 0;
		mutex_unlock(&t->lock);
		if (count > 0)
			break;
		if ((file_flags(f) & O_NONBLOCK) != 0)
			return -EAGAIN;
		err = waitq_wait(&t->expires, timerfd_ready(t), NEVER, SLEEP_INTERRUPTIBLE,
				 "timerfd");
		if (err != 0)
			return err;
	}
	return uio_put(u, &count, sizeof(count)) == 0 ? (ssize64_t)sizeof(count) : -EFAULT;
}

static unsigned timerfd_poll(struct file *f, struct poll_table *pt)
{
	struct timerfd *t = timerfd_of(f);

	poll_wait(pt, &t->expires);
	return timerfd_ready(t) ? POLLIN : 0;
}

static void timerfd_stat(struct file *f, struct file_stat *out)
{
	(void)f;
	out->mode = 0600; /* no file type, as on Linux */
	out->ino = 1;
}

static void timerfd_release(struct file *f)
{
	struct timerfd *t = timerfd_of(f);

	timer_stop(&t->timer);
	heap_free(t, sizeof(*t));
}

static const struct file_ops timerfd_ops = {
	.name = "timerfd",
	.read = timerfd_read,
	.poll = timerfd_poll,
	.stat = timerfd_stat,
	.release = timerfd_release,
	.seek_ignored = true,
	.takes_empty = true,
};

bool timerfd_is(const struct file *f)
{
	return f->ops == &timerfd_ops;
}

bool timerfd_is_realtime(struct file *f)
{
	return timerfd_of(f)->realtime;
}

int timerfd_create(bool realtime, unsigned flags, struct file **out)
{
	struct timerfd *t = heap_zalloc(sizeof(*t));

	if (t == NULL)
		return -ENOMEM;
	t->realtime = realtime;
	t->deadline_ns = NEVER;
	waitq_init(&t->expires);
	mutex_init(&t->lock);
	timer_init(&t->timer, timerfd_fire);
	file_init(&t->file, &timerfd_ops, O_RDWR | (flags & O_NONBLOCK));
	*out = &t->file;
	return 0;
}
