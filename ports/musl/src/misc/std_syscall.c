/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * syscall() as Rust's std calls it (rust/build-std gives it this name there), for what Kiln does
 * not have: the calls that it has are functions (std_calls.c). Whatever else calls syscall() may
 * use any number, and so has the kernel's whole table linked; a program must not pay for that
 * because it uses std.
 */
#include <stdarg.h>
#include "syscall.h"

long kiln_std_syscall(long n, ...)
{
	long args[6];
	va_list list;

	va_start(list, n);
	for (int i = 0; i < 6; i++)
		args[i] = va_arg(list, long);
	va_end(list);
	return __syscall_ret((unsigned long)kiln_syscall_std(n, args[0], args[1], args[2], args[3],
							     args[4], args[5]));
}
