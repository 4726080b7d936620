/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Restartable sequences. A C library that wants them for sched_getcpu() asks getcpu(2) where they
 * are refused, as on a Linux without CONFIG_RSEQ; that is expected of it and nothing to tell the
 * user, so the call does not count as a missing one.
 */
#include "abi/syscall.h"
#include "base/errno.h"

long sys_rseq(struct trap_frame *frame)
{
	(void)frame;
	return -ENOSYS;
}
