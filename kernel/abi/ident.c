/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Who the program is: one process, number 1, of the user and group 0, leader of its group and
 * session. That is fixed; the calls that would change it accept what is already so.
 */
#include <stdatomic.h>
#include "abi/syscall.h"
#include "arch/arch.h"
#include "base/errno.h"
#include "core/thread.h"
#include "fs/node.h"

/* --- users and groups: all of them 0 --- */

long sys_getuid(void)
{
	return 0;
}

long sys_geteuid(void)
{
	return 0;
}

long sys_getgid(void)
{
	return 0;
}

long sys_getegid(void)
{
	return 0;
}

/* Three zeros at three addresses. */
static long ident_get3(long real, long effective, long saved)
{
	const uint32_t root = 0;

	if (user_copy_out((vaddr_t)real, &root, sizeof(root)) != 0 ||
	    user_copy_out((vaddr_t)effective, &root, sizeof(root)) != 0 ||
	    user_copy_out((vaddr_t)saved, &root, sizeof(root)) != 0)
		return -EFAULT;
	return 0;
}

long sys_getresuid(long real, long effective, long saved)
{
	return ident_get3(real, effective, saved);
}

long sys_getresgid(long real, long effective, long saved)
{
	return ident_get3(real, effective, saved);
}

/* -1 means "leave it". */
static long ident_set(long id)
{
	return (int)id == 0 || (int)id == -1 ? 0 : -EPERM;
}

long sys_setuid(long uid)
{
	return (int)uid == -1 ? -EINVAL : ident_set(uid);
}

long sys_setgid(long gid)
{
	return (int)gid == -1 ? -EINVAL : ident_set(gid);
}

long sys_setreuid(long real, long effective)
{
	return ident_set(real) != 0 ? -EPERM : ident_set(effective);
}

long sys_setregid(long real, long effective)
{
	return sys_setreuid(real, effective);
}

long sys_setresuid(long real, long effective, long saved)
{
	return ident_set(saved) != 0 ? -EPERM : sys_setreuid(real, effective);
}

long sys_setresgid(long real, long effective, long saved)
{
	return sys_setresuid(real, effective, saved);
}

/* These return the old value, whatever happens (setfsuid(2)). */
long sys_setfsuid(long uid)
{
	(void)uid;
	return 0;
}

long sys_setfsgid(long gid)
{
	(void)gid;
	return 0;
}

long sys_getgroups(long size, long list)
{
	const uint32_t root = 0;

	if ((int)size < 0)
		return -EINVAL;
	if ((int)size > 0 && user_copy_out((vaddr_t)list, &root, sizeof(root)) != 0)
		return -EFAULT;
	return 1;
}

/* Only the list that is there: { 0 }. */
long sys_setgroups(long size, long list)
{
	uint32_t group;

	if ((unsigned)size > 65536)
		return -EINVAL;
	if ((unsigned)size != 1)
		return -EPERM;
	if (user_copy_in(&group, (vaddr_t)list, sizeof(group)) != 0)
		return -EFAULT;
	return group == 0 ? 0 : -EPERM;
}

/* --- process groups and sessions --- */

/* 0 and the own number mean the process; there is no other. */
static bool ident_is_self(long pid)
{
	return (int)pid == 0 || (int)pid == PROCESS_ID;
}

long sys_getpgrp(void)
{
	return PROCESS_ID;
}

long sys_getpgid(long pid)
{
	return ident_is_self(pid) ? PROCESS_ID : -ESRCH;
}

long sys_getsid(long pid)
{
	return ident_is_self(pid) ? PROCESS_ID : -ESRCH;
}

/* A session's leader cannot move to another group, and cannot begin another session. */
long sys_setpgid(long pid, long pgid)
{
	if ((int)pgid < 0)
		return -EINVAL;
	return ident_is_self(pid) ? -EPERM : -ESRCH;
}

long sys_setsid(void)
{
	return -EPERM;
}

/* --- others --- */

long sys_umask(long mask)
{
	/* Relaxed: nothing else depends on it. */
	return (long)atomic_exchange_explicit(&tree_umask, (unsigned)mask & 0777,
					      memory_order_relaxed);
}

#define PERSONALITY_QUERY 0xffffffffu

long sys_personality(long persona)
{
	return (unsigned)persona == 0 || (unsigned)persona == PERSONALITY_QUERY ? 0 : -EINVAL;
}
