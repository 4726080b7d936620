/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* System calls of epoll(7). */
#include "fs/epoll.h"
#include "abi/syscall.h"
#include "abi/time.h"
#include "arch/arch.h"
#include "base/errno.h"
#include "core/signal.h"
#include "fs/fcntl.h"
#include "fs/poll.h"
#include "plat/plat.h"

#define EPOLL_CTL_ADD 1
#define EPOLL_CTL_DEL 2
#define EPOLL_CTL_MOD 3

#define NS_PER_MS 1000000u
#define EVENTS_MAX (INT32_MAX / (long)sizeof(struct epoll_event))
/* What can go with EPOLLEXCLUSIVE. */
#define EXCLUSIVE_EVENTS                                                                           \
	(POLLIN | POLLOUT | POLLERR | POLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)

long sys_epoll_create1(long flags)
{
	struct file *set;
	int err;

	if (((unsigned)flags & ~O_CLOEXEC) != 0)
		return -EINVAL;
	err = epoll_create(&set);
	if (err != 0)
		return err;
	return fd_install(set, 0, ((unsigned)flags & O_CLOEXEC) != 0);
}

/* The size was a hint once, and must still be one. */
long sys_epoll_create(long size)
{
	return (int)size > 0 ? sys_epoll_create1(0) : -EINVAL;
}

static int epoll_control(struct file *set, struct file *f, int fd, int op,
			 const struct epoll_event *event)
{
	bool exclusive = (event->events & EPOLLEXCLUSIVE) != 0;

	if (!epoll_is(set) || f == set)
		return -EINVAL;
	switch (op) {
	case EPOLL_CTL_ADD:
		if (exclusive && (epoll_is(f) || (event->events & ~EXCLUSIVE_EVENTS) != 0))
			return -EINVAL;
		return epoll_add(set, f, fd, event);
	case EPOLL_CTL_MOD:
		return exclusive ? -EINVAL : epoll_change(set, f, fd, event);
	case EPOLL_CTL_DEL:
		return epoll_remove(set, f, fd);
	default:
		return -EINVAL;
	}
}

long sys_epoll_ctl(long epfd, long op, long fd, long at)
{
	struct epoll_event event = {0};
	struct file *set, *f;
	long err = -EBADF;

	if ((int)op != EPOLL_CTL_DEL && user_copy_in(&event, (vaddr_t)at, sizeof(event)) != 0)
		return -EFAULT;
	set = fd_borrow_usable((int)epfd);
	if (set == NULL)
		return -EBADF;
	f = fd_borrow_usable((int)fd);
	if (f != NULL) {
		err = f->ops->poll == NULL ? -EPERM
					   : epoll_control(set, f, (int)fd, (int)op, &event);
		fd_return((int)fd, f);
	}
	fd_return((int)epfd, set);
	return err;
}

static long epoll_wait_until(long epfd, long events, long max, uint64_t deadline_ns)
{
	struct file *set;
	long n = -EINVAL;

	if ((int)max <= 0 || (int)max > EVENTS_MAX)
		return -EINVAL;
	set = fd_get_usable((int)epfd);
	if (set == NULL)
		return -EBADF;
	if (epoll_is(set))
		n = epoll_wait(set, (vaddr_t)events, (unsigned)max, deadline_ns);
	file_put(set);
	return n;
}

static uint64_t epoll_deadline_ms(long timeout)
{
	int ms = (int)timeout;

	if (ms <= 0)
		return ms == 0 ? 0 : NEVER;
	return deadline_after((uint64_t)ms * NS_PER_MS);
}

long sys_epoll_wait(long epfd, long events, long max, long timeout)
{
	return epoll_wait_until(epfd, events, max, epoll_deadline_ms(timeout));
}

/* With a signal mask for as long as it takes; mask 0: none. */
static long epoll_wait_masked(long epfd, long events, long max, uint64_t deadline_ns, long mask,
			      long mask_size)
{
	uint64_t signals;
	long n;

	if (mask == 0)
		return epoll_wait_until(epfd, events, max, deadline_ns);
	if (mask_size != sizeof(signals))
		return -EINVAL;
	if (user_copy_in(&signals, (vaddr_t)mask, sizeof(signals)) != 0)
		return -EFAULT;
	signal_set_mask_temporary(signals);
	n = epoll_wait_until(epfd, events, max, deadline_ns);
	signal_restore_mask(n == -ERESTARTNOHAND);
	return n;
}

long sys_epoll_pwait(long epfd, long events, long max, long timeout, long mask, long mask_size)
{
	return epoll_wait_masked(epfd, events, max, epoll_deadline_ms(timeout), mask, mask_size);
}

long sys_epoll_pwait2(long epfd, long events, long max, long timeout, long mask, long mask_size)
{
	uint64_t deadline_ns = NEVER, ns;
	int err = timeout != 0 ? timespec_in((vaddr_t)timeout, &ns) : 0;

	if (err != 0)
		return err;
	if (timeout != 0)
		deadline_ns = ns != 0 ? deadline_after(ns) : 0;
	return epoll_wait_masked(epfd, events, max, deadline_ns, mask, mask_size);
}
