/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * musl's system calls as C calls of the kernel. This header comes before musl's own of the same
 * name.
 *
 * kiln_syscalls.h is made from kernel/abi/syscalls.def and has one row KILN_SYSCALL(nr, name,
 * nargs) for every call that the kernel serves. A number known at compile time becomes a direct
 * call of kiln_sys_NAME; any other goes through kiln_syscall(), which looks it up in the kernel's
 * table and so has all calls linked. kiln_syscall_std() is for numbers that the kernel does not
 * serve: it says that the call is missing. There is no vDSO to look for: the VDSO_ macros that
 * musl's own header defines are missing on purpose.
 */
#define __SYSCALL_LL_E(x) (x)
#define __SYSCALL_LL_O(x) (x)

#define KILN_PARAMS_0 void
#define KILN_PARAMS_1 long
#define KILN_PARAMS_2 long, long
#define KILN_PARAMS_3 long, long, long
#define KILN_PARAMS_4 long, long, long, long
#define KILN_PARAMS_5 long, long, long, long, long
#define KILN_PARAMS_6 long, long, long, long, long, long

#define KILN_ARGS_0
#define KILN_ARGS_1 a
#define KILN_ARGS_2 a, b
#define KILN_ARGS_3 a, b, c
#define KILN_ARGS_4 a, b, c, d
#define KILN_ARGS_5 a, b, c, d, e
#define KILN_ARGS_6 a, b, c, d, e, f

#define KILN_SYSCALL(nr, name, nargs)                                                              \
	__attribute__((__visibility__("hidden"))) long kiln_sys_##name(KILN_PARAMS_##nargs);
#include "kiln_syscalls.h"
#undef KILN_SYSCALL

__attribute__((__visibility__("hidden"))) long kiln_syscall(long, long, long, long, long, long,
							    long);
__attribute__((__visibility__("hidden"))) long kiln_syscall_std(long, long, long, long, long, long,
								long);

#define KILN_SYSCALL(nr, name, nargs)                                                              \
	case nr:                                                                                   \
		return kiln_sys_##name(KILN_ARGS_##nargs);

static __inline __attribute__((__always_inline__)) long kiln_dispatch(long n, long a, long b,
								      long c, long d, long e,
								      long f)
{
	if (__builtin_constant_p(n)) {
		switch (n) {
#include "kiln_syscalls.h"
		}
		return kiln_syscall_std(n, a, b, c, d, e, f);
	}
	return kiln_syscall(n, a, b, c, d, e, f);
}
#undef KILN_SYSCALL

/*
 * A call that is a cancellation point (the build makes musl's syscall.h use this): a direct one as
 * long as the program holds no pthread_cancel().
 */
extern __attribute__((__weak__, __visibility__("hidden"))) char kiln_cancel_linked[];
__attribute__((__visibility__("hidden"))) long __syscall_cp(long, long, long, long, long, long,
							    long);
static __inline __attribute__((__always_inline__)) long kiln_syscall_cp(long n, long a, long b,
									long c, long d, long e,
									long f)
{
	if (__builtin_constant_p(n) && !kiln_cancel_linked)
		return kiln_dispatch(n, a, b, c, d, e, f);
	return __syscall_cp(n, a, b, c, d, e, f);
}

static __inline __attribute__((__always_inline__)) long __syscall0(long n)
{
	return kiln_dispatch(n, 0, 0, 0, 0, 0, 0);
}

static __inline __attribute__((__always_inline__)) long __syscall1(long n, long a)
{
	return kiln_dispatch(n, a, 0, 0, 0, 0, 0);
}

static __inline __attribute__((__always_inline__)) long __syscall2(long n, long a, long b)
{
	return kiln_dispatch(n, a, b, 0, 0, 0, 0);
}

static __inline __attribute__((__always_inline__)) long __syscall3(long n, long a, long b, long c)
{
	return kiln_dispatch(n, a, b, c, 0, 0, 0);
}

static __inline __attribute__((__always_inline__)) long __syscall4(long n, long a, long b, long c,
								   long d)
{
	return kiln_dispatch(n, a, b, c, d, 0, 0);
}

static __inline __attribute__((__always_inline__)) long __syscall5(long n, long a, long b, long c,
								   long d, long e)
{
	return kiln_dispatch(n, a, b, c, d, e, 0);
}

static __inline __attribute__((__always_inline__)) long __syscall6(long n, long a, long b, long c,
								   long d, long e, long f)
{
	return kiln_dispatch(n, a, b, c, d, e, f);
}

#define IPC_64 0
