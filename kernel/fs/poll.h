/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Waiting for several files at once: what poll(2) and select(2) are made of. */
#ifndef FS_POLL_H
#define FS_POLL_H

#include "core/thread.h"
#include "fs/file.h"

#define POLLIN 0x001u
#define POLLPRI 0x002u
#define POLLOUT 0x004u
#define POLLERR 0x008u
#define POLLHUP 0x010u
#define POLLNVAL 0x020u
#define POLLRDNORM 0x040u
#define POLLRDBAND 0x080u
#define POLLWRNORM 0x100u
#define POLLWRBAND 0x200u

#define POLL_READABLE (POLLIN | POLLRDNORM)
#define POLL_WRITABLE (POLLOUT | POLLWRNORM)

/* One file of a poll. */
struct poll_slot {
	struct file *file; /* with a reference; NULL: nothing to wait for */
	struct waiter waiter;
	bool waiting;    /* waiter is on a queue */
	unsigned events; /* wanted; POLLERR and POLLHUP always are */
	unsigned found;  /* what holds of these */
};

/* Handed to file_ops.poll: whom to wake. */
struct poll_table {
	struct waiter *waiter;
	void (*wake)(struct waiter *w); /* NULL: the current thread is woken */
	unsigned events;                /* that are waited for */
	bool waiting;                   /* waiter is on a queue now */
};

/* From file_ops.poll, at most once: the current thread wants to know when wq is woken. */
void poll_wait(struct poll_table *pt, struct waitq *wq);

/*
 * Fill in found of n slots, sleeping until one of them has something or the deadline is there
 * (CLOCK_MONOTONIC; 0: do not sleep). Returns how many slots have something, or -ERESTARTNOHAND.
 */
int poll_slots(struct poll_slot *slots, size_t n, uint64_t deadline_ns);
/* Put the slots' references. */
void poll_slots_put(struct poll_slot *slots, size_t n);

#endif
