/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* System calls of timerfd_create(2). */
#include "fs/timerfd.h"
#include "abi/syscall.h"
#include "abi/time.h"
#include "base/errno.h"
#include "fs/fcntl.h"
#include "plat/plat.h"

#define TFD_TIMER_ABSTIME 1u
#define TFD_TIMER_CANCEL_ON_SET 2u /* nobody sets the clock */

struct k_itimerspec {
	struct k_timespec interval, value;
};

long sys_timerfd_create(long clock, long flags)
{
	bool realtime = (int)clock == CLOCK_REALTIME || (int)clock == CLOCK_REALTIME_ALARM;
	struct file *f;
	int err;

	if (((unsigned)flags & ~(O_NONBLOCK | O_CLOEXEC)) != 0)
		return -EINVAL;
	if (!realtime && (int)clock != CLOCK_MONOTONIC && (int)clock != CLOCK_BOOTTIME &&
	    (int)clock != CLOCK_BOOTTIME_ALARM)
		return -EINVAL;
	err = timerfd_create(realtime, (unsigned)flags, &f);
	if (err != 0)
		return err;
	return fd_install(f, 0, ((unsigned)flags & O_CLOEXEC) != 0);
}

/* Store the timer's state at out. */
static long timerfd_out(struct file *f, long out)
{
	uint64_t remaining, interval;

	timerfd_get(f, &remaining, &interval);
	if (timespec_out((vaddr_t)out + offsetof(struct k_itimerspec, interval), interval) != 0 ||
	    timespec_out((vaddr_t)out + offsetof(struct k_itimerspec, value), remaining) != 0)
		return -EFAULT;
	return 0;
}

/* Set it to value (0: unset it). */
static void timerfd_start(struct file *f, unsigned flags, uint64_t value, uint64_t interval)
{
	uint64_t deadline = value, count = 0, now;

	if (value == 0) {
		deadline = NEVER;
	} else if ((flags & TFD_TIMER_ABSTIME) == 0) {
		deadline = deadline_after(value);
	} else if (timerfd_is_realtime(f)) {
		now = plat->clock_realtime_ns();
		deadline = deadline_realtime(value);
		/* It keeps to the clock it was set by, which is older than the other one. */
		if (value <= now && interval > 0) {
			count = (now - value) / interval + 1;
			deadline = deadline_after(interval - (now - value) % interval);
		}
	}
	timerfd_set(f, deadline, interval, count);
}

long sys_timerfd_settime(long fd, long flags, long new_value, long old_value)
{
	const vaddr_t in = (vaddr_t)new_value;
	uint64_t interval, value;
	struct file *f;
	long err = timespec_in(in + offsetof(struct k_itimerspec, interval), &interval);

	if (err == 0)
		err = timespec_in(in + offsetof(struct k_itimerspec, value), &value);
	if (err == 0 && ((unsigned)flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)) != 0)
		err = -EINVAL;
	if (err != 0)
		return err;
	f = fd_borrow_usable((int)fd);
	if (f == NULL)
		return -EBADF;
	if (!timerfd_is(f))
		err = -EINVAL;
	else if (old_value != 0)
		err = timerfd_out(f, old_value);
	if (err == 0)
		timerfd_start(f, (unsigned)flags, value, interval);
	fd_return((int)fd, f);
	return err;
}

long sys_timerfd_gettime(long fd, long value)
{
	struct file *f = fd_borrow_usable((int)fd);
	long err;

	if (f == NULL)
		return -EBADF;
	err = timerfd_is(f) ? timerfd_out(f, value) : -EINVAL;
	fd_return((int)fd, f);
	return err;
}
