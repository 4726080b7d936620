/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Register with every file's wait queue, then look at all of them each time one wakes us. Looking
 * comes after thread_sleep_prepare(), so that no wake-up is lost in between.
 */
#include "fs/poll.h"
#include "base/errno.h"

void poll_wait(struct poll_table *pt, struct waitq *wq)
{
	if (pt == NULL)
		return;
	waitq_watch(wq, pt->waiter, pt->wake);
	pt->waiting = true;
}

static unsigned poll_file(struct file *f, struct poll_table *pt)
{
	if (f->ops->poll == NULL)
		return POLL_READABLE | POLL_WRITABLE;
	return f->ops->poll(f, pt);
}

static int poll_scan(struct poll_slot *slots, size_t n)
{
	int count = 0;

	for (size_t i = 0; i < n; i++) {
		struct poll_slot *s = &slots[i];

		if (s->file != NULL)
			s->found = poll_file(s->file, NULL) & (s->events | POLLERR | POLLHUP);
		count += s->found != 0;
	}
	return count;
}

int poll_slots(struct poll_slot *slots, size_t n, uint64_t deadline_ns)
{
	int count = poll_scan(slots, n), err = 0;

	if (count > 0)
		return count;
	/* The mask may be this call's only, and let signals through that have waited for it. */
	if (deadline_ns == 0)
		return thread_has_signal(thread_current()) && signal_claim() ? -ERESTARTNOHAND : 0;
	for (size_t i = 0; i < n; i++) {
		struct poll_table pt = {.waiter = &slots[i].waiter, .events = slots[i].events};

		if (slots[i].file != NULL)
			(void)poll_file(slots[i].file, &pt);
		slots[i].waiting = pt.waiting;
	}
	for (;;) {
		thread_sleep_prepare("poll");
		count = poll_scan(slots, n);
		if (count > 0 || err != 0) {
			thread_sleep_cancel();
			break;
		}
		err = thread_sleep(deadline_ns, SLEEP_INTERRUPTIBLE);
	}
	for (size_t i = 0; i < n; i++)
		if (slots[i].waiting)
			waitq_remove(&slots[i].waiter);
	if (count > 0 || err == -ETIMEDOUT)
		return count;
	return -ERESTARTNOHAND;
}

void poll_slots_put(struct poll_slot *slots, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (slots[i].file != NULL)
			file_put(slots[i].file);
}
