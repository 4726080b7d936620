/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The system calls about scheduling. The realtime policies are refused as for a process without
 * privileges.
 */
#include "abi/syscall.h"
#include "abi/time.h"
#include "arch/arch.h"
#include "base/errno.h"
#include "core/sched.h"

#define SCHED_FIFO 1
#define SCHED_RR 2
#define SCHED_DEADLINE 6
#define SCHED_RESET_ON_FORK 0x40000000
#define SCHED_RT_MIN 1
#define SCHED_RT_MAX 99

#define SAME (-1) /* the policy that it has */

#define AFFINITY_BYTES 8 /* of the kernel's CPU mask; multiples of it are served */

long sys_sched_yield(void)
{
	return sched_yield();
}

/*
 * The thread that tid names, 0 being the caller, with the list of threads locked so that it stays.
 * NULL if there is none.
 */
static struct thread *sched_thread_lock(long tid)
{
	return thread_find_lock(tid == 0 ? thread_current()->tid : (int32_t)tid);
}

static bool sched_thread_exists(long tid)
{
	return tid == 0 || thread_exists((int32_t)tid);
}

long sys_sched_getaffinity(long tid, long size, long mask)
{
	const struct thread *t;
	uint64_t cpus;

	if (size < AFFINITY_BYTES || size % AFFINITY_BYTES != 0)
		return -EINVAL;
	t = sched_thread_lock(tid);
	if (!t)
		return -ESRCH;
	cpus = t->affinity;
	threads_unlock();
	cpus &= sched_cpus();
	if (user_copy_out((vaddr_t)mask, &cpus, AFFINITY_BYTES))
		return -EFAULT;
	return AFFINITY_BYTES;
}

long sys_sched_setaffinity(long tid, long size, long mask)
{
	uint64_t wanted = 0;
	struct thread *t;
	int err;

	if (user_copy_in(&wanted, (vaddr_t)mask, MIN((size_t)size, sizeof(wanted))))
		return -EFAULT;
	sched_start_cpus();
	t = sched_thread_lock(tid);
	if (!t)
		return -ESRCH;
	err = sched_set_affinity(t, wanted);
	threads_unlock();
	return err;
}

long sys_sched_getscheduler(long tid)
{
	struct thread *t;
	long policy;

	if (tid < 0)
		return -EINVAL;
	t = sched_thread_lock(tid);
	if (!t)
		return -ESRCH;
	policy = t->policy;
	threads_unlock();
	return policy;
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

/* policy SAME: only the priority, which can but stay 0. */
static long sched_set(long tid, long policy, long param)
{
	struct thread *t;
	uint32_t priority;

	if (tid < 0 || !param)
		return -EINVAL;
	if (user_load_u32(&priority, (vaddr_t)param))
		return -EFAULT;
	if (!sched_thread_exists(tid))
		return -ESRCH;
	if (policy != SAME) {
		policy &= ~(long)SCHED_RESET_ON_FORK;
		if (policy == SCHED_FIFO || policy == SCHED_RR)
			return -EPERM;
		if (policy != SCHED_OTHER && policy != SCHED_BATCH && policy != SCHED_IDLE)
			return -EINVAL;
	}
	if (priority != 0)
		return -EINVAL;
	t = sched_thread_lock(tid);
	if (!t)
		return -ESRCH;
	if (policy != SAME)
		sched_set_policy(t, (unsigned)policy);
	threads_unlock();
	return 0;
}

long sys_sched_setscheduler(long tid, long policy, long param)
{
	return policy < 0 ? -EINVAL : sched_set(tid, policy, param);
}

long sys_sched_setparam(long tid, long param)
{
	return sched_set(tid, SAME, param);
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
	return timespec_out((vaddr_t)out, plat->slice_ns);
}

#define PRIO_PROCESS 0
#define PRIO_PGRP 1
#define PRIO_USER 2
#define NICE_0 20 /* getpriority(2): the system call returns 20 - nice */
#define NICE_MIN (-20)
#define NICE_MAX 19

/*
 * What (which, who) names: one thread, as on Linux, or all of them. Calls fn on each, the list of
 * threads locked. 0, -EINVAL or -ESRCH.
 */
static long priority_each(long which, long who, void (*fn)(struct thread *t, int *nice), int *nice)
{
	struct thread *t;

	switch ((int32_t)which) {
	case PRIO_PROCESS:
		t = sched_thread_lock(who);
		if (!t)
			return -ESRCH;
		fn(t, nice);
		threads_unlock();
		return 0;
	case PRIO_PGRP:
		if (who != 0 && who != PROCESS_ID)
			return -ESRCH;
		break;
	case PRIO_USER:
		if (who != 0)
			return -ESRCH;
		break;
	default:
		return -EINVAL;
	}
	threads_lock();
	list_for_each(l, &thread_all)
		fn(list_entry(l, struct thread, all_link), nice);
	threads_unlock();
	return 0;
}

static void priority_lowest(struct thread *t, int *nice)
{
	*nice = MIN(*nice, t->nice);
}

static void priority_set(struct thread *t, int *nice)
{
	sched_set_nice(t, *nice);
}

long sys_getpriority(long which, long who)
{
	int nice = NICE_MAX;
	long err = priority_each(which, who, priority_lowest, &nice);

	return err ? err : NICE_0 - nice;
}

long sys_setpriority(long which, long who, long value)
{
	int nice = MIN(MAX((int32_t)value, NICE_MIN), NICE_MAX);

	return priority_each(which, who, priority_set, &nice);
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
