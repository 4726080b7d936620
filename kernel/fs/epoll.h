/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* epoll(7): a set of files, and of those the ones that have something to tell. */
#ifndef FS_EPOLL_H
#define FS_EPOLL_H

#include "fs/file.h"

#define EPOLLEXCLUSIVE (1u << 28)
#define EPOLLWAKEUP (1u << 29)
#define EPOLLONESHOT (1u << 30)
#define EPOLLET (1u << 31)

/* include/uapi/linux/eventpoll.h; packed on x86-64. */
struct PACKED epoll_event {
	uint32_t events; /* POLL*, and of what is asked for EPOLL* */
	uint64_t data;
};
_Static_assert(sizeof(struct epoll_event) == 12, "struct epoll_event");

/* A new, empty set. 0 or -ENOMEM. */
MUST_CHECK int epoll_create(struct file **out);
/* Is it a set? All below want one. */
bool epoll_is(const struct file *f);

/*
 * The file that fd is. 0, -EPERM (it is always ready, so it cannot be waited for), -EEXIST,
 * -ENOENT, -ENOMEM, -ELOOP (sets in sets in sets).
 */
MUST_CHECK int epoll_add(struct file *set, struct file *f, int fd, const struct epoll_event *event);
MUST_CHECK int epoll_change(struct file *set, struct file *f, int fd,
			    const struct epoll_event *event);
MUST_CHECK int epoll_remove(struct file *set, struct file *f, int fd);

/*
 * Store up to max events in program memory at out, sleeping until there is one or the deadline is
 * there (CLOCK_MONOTONIC; 0: do not sleep). Their number, -EFAULT, or -ERESTARTNOHAND.
 */
long epoll_wait(struct file *set, vaddr_t out, unsigned max, uint64_t deadline_ns);

/* The last reference to a file that is in sets is gone (file.c). */
void epoll_forget(struct file *f);

#endif
