/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The system calls that Rust's std makes by number or for lack of a function in libc:
 * rust/build-std has it call these. Tests link it with another musl, too, whose internal names they
 * replace (tests/load/musl-link).
 */
#define _GNU_SOURCE
#include <unistd.h>
#include "syscall.h"

pid_t kiln_std_gettid(void)
{
	return (pid_t)syscall(SYS_gettid);
}

ssize_t kiln_std_getrandom(void *buf, size_t len, unsigned flags)
{
	return syscall(SYS_getrandom, buf, len, flags);
}

ssize_t kiln_std_copy_file_range(int in, off_t *in_pos, int out, off_t *out_pos, size_t len,
				 unsigned flags)
{
	return syscall(SYS_copy_file_range, in, in_pos, out, out_pos, len, flags);
}

/* Threads hand work to each other with these two: no call for a result that is no error. */
static inline long futex_result(long r)
{
	return (unsigned long)r > -4096UL ? __syscall_ret((unsigned long)r) : r;
}

long kiln_std_futex_wait(const void *addr, int op, unsigned val, const void *timeout,
			 const void *addr2, unsigned mask)
{
	return futex_result(__syscall(SYS_futex, addr, op, val, timeout, addr2, mask));
}

long kiln_std_futex_wake(const void *addr, int op, int count)
{
	return futex_result(__syscall(SYS_futex, addr, op, count, 0, 0, 0));
}
