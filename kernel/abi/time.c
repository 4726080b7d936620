/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Clocks and sleeping. CLOCK_MONOTONIC, its raw and coarse kin and CLOCK_BOOTTIME are one clock:
 * nothing slews it and the machine is never suspended. The calls that only read a clock are DIRECT.
 */
#include "abi/time.h"
#include "abi/syscall.h"
#include "arch/arch.h"
#include "base/errno.h"
#include "core/thread.h"
#include "plat/plat.h"

#define TIMER_ABSTIME 1
#define NS_PER_TICK 10000000u /* USER_HZ is 100 */

int timespec_in(vaddr_t ts, uint64_t *ns)
{
	struct k_timespec t;

	if (user_copy_in(&t, ts, sizeof(t)))
		return -EFAULT;
	if (t.sec < 0 || t.nsec < 0 || t.nsec >= NS_PER_SECOND)
		return -EINVAL;
	if (__builtin_mul_overflow((uint64_t)t.sec, NS_PER_SECOND, ns) ||
	    __builtin_add_overflow(*ns, (uint64_t)t.nsec, ns))
		*ns = NEVER;
	return 0;
}

long timespec_out(vaddr_t ts, uint64_t ns)
{
	return user_store_pair(ts, ns / NS_PER_SECOND, ns % NS_PER_SECOND);
}

int timeval_in(vaddr_t tv, uint64_t *ns)
{
	struct k_timeval t;

	if (user_copy_in(&t, tv, sizeof(t)))
		return -EFAULT;
	if (t.sec < 0 || t.usec < 0 || t.usec >= US_PER_SECOND)
		return -EINVAL;
	if (__builtin_mul_overflow((uint64_t)t.sec, NS_PER_SECOND, ns) ||
	    __builtin_add_overflow(*ns, (uint64_t)t.usec * NS_PER_US, ns))
		*ns = NEVER;
	return 0;
}

long timeval_out(vaddr_t tv, uint64_t ns)
{
	return user_store_pair(tv, ns / NS_PER_SECOND, ns % NS_PER_SECOND / NS_PER_US);
}

uint64_t deadline_after(uint64_t ns)
{
	uint64_t deadline;

	if (__builtin_add_overflow(plat->clock_monotonic_ns(), ns, &deadline))
		return NEVER;
	return deadline;
}

uint64_t deadline_realtime(uint64_t ns)
{
	uint64_t now = plat->clock_realtime_ns();

	if (ns == NEVER)
		return NEVER;
	return ns > now ? deadline_after(ns - now) : 0;
}

int deadline_in(vaddr_t ts, uint64_t *deadline_ns)
{
	uint64_t ns;
	int err;

	if (!ts) {
		*deadline_ns = NEVER;
		return 0;
	}
	err = timespec_in(ts, &ns);
	if (err == 0)
		*deadline_ns = deadline_after(ns);
	return err;
}

/* --- reading clocks --- */

/*
 * Clocks of the CPU time of a process or thread that is named by its id: ~id << 3 | 4 (a thread) |
 * 2, as clock_getcpuclockid(3) and pthread_getcpuclockid(3) make them. Ours, or the calling
 * thread's.
 */
static int clock_by_id(long clock, uint64_t *ns)
{
	int32_t id = (int32_t) ~(clock >> 3);

	switch (clock & 7) {
	case 2:
		if (id != 0 && id != PROCESS_ID)
			return -EINVAL;
		*ns = sched_process_time_ns();
		return 0;
	case 6:
		if (id != 0 && id != thread_current()->tid)
			return -EINVAL;
		*ns = sched_thread_time_ns();
		return 0;
	default:
		return -EINVAL;
	}
}

/* The less frequent ones, out of the way of clock_gettime()'s short path. */
static NOINLINE int clock_read(long clock, uint64_t *ns)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_TAI: /* nobody has told the offset: 0, as on Linux without NTP */
		*ns = plat->clock_realtime_ns();
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		*ns = plat->clock_monotonic_ns();
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
		*ns = sched_process_time_ns();
		return 0;
	case CLOCK_THREAD_CPUTIME_ID:
		*ns = sched_thread_time_ns();
		return 0;
	default:
		return clock < 0 ? clock_by_id(clock, ns) : -EINVAL;
	}
}

static NOINLINE long clock_gettime_other(long clock, vaddr_t ts)
{
	uint64_t ns;
	int err = clock_read((int32_t)clock, &ns);

	return err ? err : timespec_out(ts, ns);
}

/*
 * The second of the last reading: the next one is mostly of the same, and a product takes less time
 * than a quotient. Any value does to begin with, and a lost update does not matter.
 */
static _Atomic uint64_t last_monotonic, last_realtime;

static ALWAYS_INLINE long clock_out(vaddr_t ts, uint64_t ns, _Atomic uint64_t *last)
{
	uint64_t second = atomic_load_explicit(last, memory_order_relaxed);
	uint64_t rest = ns - second * NS_PER_SECOND;

	if (unlikely(rest >= NS_PER_SECOND)) {
		second = ns / NS_PER_SECOND;
		rest = ns % NS_PER_SECOND;
		atomic_store_explicit(last, second, memory_order_relaxed);
	}
	return user_store_pair(ts, second, rest);
}

/* The call that programs make most often: all that the two usual clocks need is here, without a
 * call if possible. */
long sys_clock_gettime(long clock, long ts)
{
	uint64_t mult = atomic_load_explicit(&plat_cycle_clock.mult, memory_order_relaxed), offset;

	if (unlikely(!mult))
		return clock_gettime_other(clock, (vaddr_t)ts);
	if (likely((int32_t)clock == CLOCK_MONOTONIC))
		return clock_out((vaddr_t)ts, plat_cycles_ns(mult), &last_monotonic);
	offset = atomic_load_explicit(&plat_cycle_clock.realtime_offset, memory_order_relaxed);
	if (likely((int32_t)clock == CLOCK_REALTIME && offset))
		return clock_out((vaddr_t)ts, plat_cycles_ns(mult) + offset, &last_realtime);
	return clock_gettime_other(clock, (vaddr_t)ts);
}

long sys_clock_getres(long clock, long res)
{
	uint64_t ns;
	int err = clock_read((int32_t)clock, &ns);

	if (err || !res)
		return err;
	return timespec_out((vaddr_t)res, 1);
}

long sys_gettimeofday(long tv, long tz)
{
	if (tv && timeval_out((vaddr_t)tv, plat->clock_realtime_ns()))
		return -EFAULT;
	/* struct timezone: two ints, always 0 in UTC. */
	if (tz && user_clear((vaddr_t)tz, 8))
		return -EFAULT;
	return 0;
}

long sys_time(long out)
{
	uint64_t seconds = plat->clock_realtime_ns() / NS_PER_SECOND;

	if (out && user_copy_out((vaddr_t)out, &seconds, sizeof(seconds)))
		return -EFAULT;
	return (long)seconds;
}

long sys_times(long out)
{
	struct {
		int64_t user, system, children_user, children_system;
	} tms = {.user = (int64_t)(sched_process_time_ns() / NS_PER_TICK)};

	if (out && user_copy_out((vaddr_t)out, &tms, sizeof(tms)))
		return -EFAULT;
	return (long)(plat->clock_monotonic_ns() / NS_PER_TICK);
}

/* --- sleeping --- */

/* Sleep until deadline_ns; if a signal comes first, the rest of the time goes to *remaining (0:
 * nowhere). */
static long sleep_until(uint64_t deadline_ns, vaddr_t remaining)
{
	int err;

	do {
		thread_sleep_prepare("sleep");
		err = thread_sleep(deadline_ns, SLEEP_INTERRUPTIBLE);
	} while (err == 0);
	if (err == -ETIMEDOUT)
		return 0;
	if (remaining) {
		uint64_t now = plat->clock_monotonic_ns();

		if (timespec_out(remaining, deadline_ns > now ? deadline_ns - now : 0))
			return -EFAULT;
	}
	return -ERESTARTNOHAND;
}

long sys_nanosleep(long req, long rem)
{
	uint64_t ns;
	int err = timespec_in((vaddr_t)req, &ns);

	if (err)
		return err;
	return ns == 0 ? 0 : sleep_until(deadline_after(ns), (vaddr_t)rem);
}

long sys_clock_nanosleep(long clock, long flags, long req, long rem)
{
	bool realtime = false;
	uint64_t ns;
	int err;

	switch ((int32_t)clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_TAI:
		realtime = true;
		break;
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		break;
	case CLOCK_PROCESS_CPUTIME_ID:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE:
		return -EOPNOTSUPP;
	default:
		return -EINVAL;
	}
	err = timespec_in((vaddr_t)req, &ns);
	if (err)
		return err;
	if (flags & TIMER_ABSTIME)
		return sleep_until(realtime ? deadline_realtime(ns) : ns, 0);
	return ns == 0 ? 0 : sleep_until(deadline_after(ns), (vaddr_t)rem);
}
