/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The system calls about scheduling. All threads are SCHED_OTHER with nice 0; asking for it is
 * granted, asking for more is refused as for a process without privileges.
 */
#include "abi/syscall.h"
#include "abi/time.h"
#include "arch/arch.h"
#include "base/errno.h"
#include "core/thread.h"

#define SCHED_OTHER 0
#define SCHED_FIFO 1
#define SCHED_RR 2
#define SCHED_BATCH 3
#define SCHED_IDLE 5
#define SCHED_DEADLINE 6
#define SCHED_RESET_ON_FORK 0x40000000
#define SCHED_RT_MIN 1
#define SCHED_RT_MAX 99

#define AFFINITY_BYTES 8 /* of the kernel's CPU mask; multiples of it are served */
#define SLICE_NS 10000000u

long sys_sched_yield(void)
{
	return sched_yield();
}

static bool sched_thread_exists(long tid)
{
	return tid == 0 || thread_find((int32_t)tid);
}

long sys_sched_getaffinity(long tid, long size, long mask)
{
	const uint64_t online = 1;

	if (!sched_thread_exists(tid))
		return -ESRCH;
	if (size < AFFINITY_BYTES || size % AFFINITY_BYTES != 0)
		return -EINVAL;
	if (user_copy_out((vaddr_t)mask, &online, AFFINITY_BYTES))
		return -EFAULT;
	return AFFINITY_BYTES;
}

long sys_sched_setaffinity(long tid, long size, long mask)
{
	uint64_t wanted = 0;

	if (!sched_thread_exists(tid))
		return -ESRCH;
	if (user_copy_in(&wanted, (vaddr_t)mask, MIN((size_t)size, sizeof(wanted))))
		return -EFAULT;
	/* With one CPU every mask that has it is in force already. */
	return wanted & 1 ? 0 : -EINVAL;
}

long sys_sched_getscheduler(long tid)
{
	if (tid < 0)
		return -EINVAL;
	return sched_thread_exists(tid) ? SCHED_OTHER : -ESRCH;
}

long sys_sched_getparam(long tid, long param)
{
	if (tid < 0 || !param)
		return -EINVAL;
	if (!sched_thread_exists(tid))
		return -ESRCH;
	/* struct sched_param: one int, the realtime priority. */
	return user_clear((vaddr_t)param, sizeof(int32_t));
}

static long sched_set(long tid, long policy, long param)
{
	uint32_t priority;

	if (tid < 0 || !param)
		return -EINVAL;
	if (user_load_u32(&priority, (vaddr_t)param))
		return -EFAULT;
	if (!sched_thread_exists(tid))
		return -ESRCH;
	switch (policy & ~(long)SCHED_RESET_ON_FORK) {
	case SCHED_OTHER:
	case SCHED_BATCH: /* Linux tells it from SCHED_OTHER by wake-up preemption only */
		return priority == 0 ? 0 : -EINVAL;
	case SCHED_IDLE:
	case SCHED_FIFO:
	case SCHED_RR:
		return -EPERM;
	default:
		return -EINVAL;
	}
}

long sys_sched_setscheduler(long tid, long policy, long param)
{
	return policy < 0 ? -EINVAL : sched_set(tid, policy, param);
}

long sys_sched_setparam(long tid, long param)
{
	return sched_set(tid, SCHED_OTHER, param);
}

/* The limits of a policy's priorities: 1 to 99 for the realtime ones, 0 for the others. */
static long sched_priority(long policy, long realtime)
{
	switch ((int32_t)policy) {
	case SCHED_FIFO:
	case SCHED_RR:
		return realtime;
	case SCHED_OTHER:
	case SCHED_BATCH:
	case SCHED_IDLE:
	case SCHED_DEADLINE:
		return 0;
	default:
		return -EINVAL;
	}
}

long sys_sched_get_priority_max(long policy)
{
	return sched_priority(policy, SCHED_RT_MAX);
}

long sys_sched_get_priority_min(long policy)
{
	return sched_priority(policy, SCHED_RT_MIN);
}

long sys_sched_rr_get_interval(long tid, long out)
{
	if (tid < 0)
		return -EINVAL;
	if (!sched_thread_exists(tid))
		return -ESRCH;
	return timespec_out((vaddr_t)out, SLICE_NS);
}

#define PRIO_PROCESS 0
#define PRIO_PGRP 1
#define PRIO_USER 2
#define NICE_0 20 /* getpriority(2): the system call returns 20 - nice */

/* Is there anything that (which, who) names? 0, -EINVAL or -ESRCH. */
static long priority_target(long which, long who)
{
	switch ((int32_t)which) {
	case PRIO_PROCESS:
		return sched_thread_exists(who) ? 0 : -ESRCH;
	case PRIO_PGRP:
		return who == 0 || who == PROCESS_ID ? 0 : -ESRCH;
	case PRIO_USER:
		return who == 0 ? 0 : -ESRCH;
	default:
		return -EINVAL;
	}
}

long sys_getpriority(long which, long who)
{
	long err = priority_target(which, who);

	return err ? err : NICE_0;
}

long sys_setpriority(long which, long who, long nice)
{
	long err = priority_target(which, who);

	if (err)
		return err;
	return (int32_t)nice == 0 ? 0 : -EACCES;
}

long sys_getcpu(long cpu, long node, long unused)
{
	uint32_t id = cpu_self()->id, zero = 0;

	(void)unused;
	if (cpu && user_copy_out((vaddr_t)cpu, &id, sizeof(id)))
		return -EFAULT;
	if (node && user_copy_out((vaddr_t)node, &zero, sizeof(zero)))
		return -EFAULT;
	return 0;
}
