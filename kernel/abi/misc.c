/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The machine and its limits: uname, sysinfo, rlimits, rusage; and getrandom. */
#include "abi/syscall.h"
#include "arch/arch.h"
#include "base/errno.h"
#include "base/string.h"
#include "core/random.h"
#include "core/thread.h"
#include "core/vma.h"
#include "fs/chunk.h"
#include "fs/fcntl.h"
#include "fs/file.h"
#include "fs/load.h"
#include "plat/plat.h"

struct k_utsname { /* struct new_utsname */
	char sysname[65], nodename[65], release[65], version[65], machine[65], domainname[65];
};
_Static_assert(sizeof(struct k_utsname) == 390, "struct new_utsname");

long sys_uname(long buf)
{
	/* The release is what programs read features off: that of the Linux whose calls
	 * syscalls.def describes. */
	static const struct k_utsname name = {"Linux",   "kiln",        "6.1.0-kiln",
					      "#1 Kiln", ARCH_PLATFORM, "(none)"};

	return user_copy_out((vaddr_t)buf, &name, sizeof(name));
}

long sys_sethostname(long name, long len)
{
	(void)name;
	return (int)len < 0 || (int)len > 64 ? -EINVAL : -EPERM;
}

long sys_setdomainname(long name, long len)
{
	return sys_sethostname(name, len);
}

struct k_sysinfo { /* struct sysinfo (include/uapi/linux/sysinfo.h) */
	int64_t uptime;
	uint64_t loads[3], totalram, freeram, sharedram, bufferram, totalswap, freeswap;
	uint16_t procs, pad;
	uint64_t totalhigh, freehigh;
	uint32_t mem_unit;
	uint32_t pad_end;
};
_Static_assert(sizeof(struct k_sysinfo) == 112, "struct sysinfo");

long sys_sysinfo(long buf)
{
	struct k_sysinfo info = {.mem_unit = 1};

	plat->ram_info(&info.totalram, &info.freeram);
	info.uptime = (int64_t)(plat->clock_monotonic_ns() / 1000000000);
	info.procs = (uint16_t)MIN(thread_count(), (unsigned)UINT16_MAX);
	load_averages(info.loads);
	return user_copy_out((vaddr_t)buf, &info, sizeof(info));
}

/* --- limits --- */

#define RLIMIT_DATA 2
#define RLIMIT_STACK 3
#define RLIMIT_CORE 4
#define RLIMIT_NOFILE 7
#define RLIMIT_COUNT 16
#define RLIM_INFINITY UINT64_MAX

struct k_rlimit {
	uint64_t soft, hard;
};

static struct k_rlimit rlimit_get(unsigned resource)
{
	switch (resource) {
	case RLIMIT_STACK: /* the main stack's; fixed */
		return (struct k_rlimit){VMA_STACK_MAX, VMA_STACK_MAX};
	case RLIMIT_CORE:
		return (struct k_rlimit){0, 0};
	case RLIMIT_NOFILE:
		return (struct k_rlimit){atomic_load_explicit(&fd_limit, memory_order_relaxed),
					 FD_LIMIT_MAX};
	default:
		return (struct k_rlimit){RLIM_INFINITY, RLIM_INFINITY};
	}
}

/* What can be set is RLIMIT_NOFILE's soft limit; setting others to what they are is allowed. old:
 * as rlimit_get() gave it; it becomes what was there when the limit was set. */
static long rlimit_set(unsigned resource, const struct k_rlimit *wanted, struct k_rlimit *old)
{
	if (wanted->soft > wanted->hard)
		return -EINVAL;
	if (wanted->hard != old->hard)
		return -EPERM;
	if (resource == RLIMIT_NOFILE)
		old->soft = atomic_exchange_explicit(&fd_limit, (uint32_t)wanted->soft,
						     memory_order_relaxed);
	else if (wanted->soft != old->soft)
		return -EPERM;
	return 0;
}

long sys_prlimit64(long pid, long resource, long new_limit, long old_limit)
{
	struct k_rlimit old, wanted;
	long err = 0;

	if ((int)pid != 0 && (int)pid != PROCESS_ID)
		return -ESRCH;
	if ((unsigned)resource >= RLIMIT_COUNT)
		return -EINVAL;
	if (new_limit != 0 && user_copy_in(&wanted, (vaddr_t)new_limit, sizeof(wanted)) != 0)
		return -EFAULT;
	old = rlimit_get((unsigned)resource);
	if (new_limit != 0)
		err = rlimit_set((unsigned)resource, &wanted, &old);
	if (err == 0 && old_limit != 0)
		err = user_copy_out((vaddr_t)old_limit, &old, sizeof(old));
	return err;
}

long sys_getrlimit(long resource, long limit)
{
	return limit == 0 ? -EFAULT : sys_prlimit64(0, resource, 0, limit);
}

long sys_setrlimit(long resource, long limit)
{
	return limit == 0 ? -EFAULT : sys_prlimit64(0, resource, limit, 0);
}

/* --- usage --- */

#define RUSAGE_SELF 0
#define RUSAGE_CHILDREN (-1)
#define RUSAGE_THREAD 1

struct k_rusage { /* struct rusage */
	int64_t utime_sec, utime_usec, stime_sec, stime_usec;
	int64_t maxrss, unused[3], minflt, majflt, nswap, inblock, oublock, msgsnd, msgrcv,
		nsignals, nvcsw, nivcsw;
};
_Static_assert(sizeof(struct k_rusage) == 144, "struct rusage");

/* Kernel and program are one, so all time is the program's. */
long sys_getrusage(long who, long buf)
{
	struct k_rusage usage = {0};
	uint64_t ns = 0, mapped, touched;

	if ((int)who == RUSAGE_SELF)
		ns = sched_process_time_ns();
	else if ((int)who == RUSAGE_THREAD)
		ns = sched_thread_time_ns();
	else if ((int)who != RUSAGE_CHILDREN)
		return -EINVAL;
	if ((int)who != RUSAGE_CHILDREN) {
		vma_usage(&mapped, &touched);
		usage.maxrss = (int64_t)(touched >> 10);
		usage.nvcsw = (int64_t)sched_switch_count();
	}
	usage.utime_sec = (int64_t)(ns / 1000000000);
	usage.utime_usec = (int64_t)(ns % 1000000000 / 1000);
	return user_copy_out((vaddr_t)buf, &usage, sizeof(usage));
}

/* --- getrandom --- */

#define GRND_NONBLOCK 1u
#define GRND_RANDOM 2u
#define GRND_INSECURE 4u

/* The generator is seeded by its first use, so that nothing here ever waits. */
long sys_getrandom(long buf, long count, long flags)
{
	size_t left = MIN((size_t)count, (size_t)RW_MAX), n;
	vaddr_t at = (vaddr_t)buf;
	struct chunk c;
	int err = 0;

	if (((unsigned)flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE)) != 0 ||
	    ((unsigned)flags & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	chunk_begin(&c, left);
	for (; left > 0 && err == 0; left -= n, at += n) {
		n = MIN(left, c.cap);
		random_bytes(c.buf, n);
		err = user_copy_out(at, c.buf, n);
	}
	memset(c.buf, 0, MIN(c.cap, (size_t)count));
	chunk_end(&c);
	return err == 0 ? (long)(at - (vaddr_t)buf) : err;
}
