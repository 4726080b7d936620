/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* clock_gettime(2) without what there is for kernels that lack it: programs call it more often than
 * anything else. */
#include <time.h>
#include "syscall.h"

int __clock_gettime(clockid_t clk, struct timespec *ts)
{
	long r = __syscall(SYS_clock_gettime, clk, ts);

	/* The 0 is in its register already; the compiler would make it anew if it knew that it is
	 * one. */
	__asm__("" : "+r"(r));
	if (__builtin_expect(r == 0, 1))
		__asm__("" : "+r"(r));
	else
		r = __syscall_ret(r);
	return r;
}

weak_alias(__clock_gettime, clock_gettime);
