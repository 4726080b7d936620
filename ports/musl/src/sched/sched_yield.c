/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* sched_yield(2) never fails, so there is no errno to set; a tail call instead of a call. */
#include <sched.h>
#include "syscall.h"

int sched_yield(void)
{
	return __syscall(SYS_sched_yield);
}
