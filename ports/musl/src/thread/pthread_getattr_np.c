/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A thread's attributes. Of the main thread's stack all is reported that it may grow to, as glibc
 * does; musl's own reports what it has grown to so far, and Rust's std then does not know an
 * overflow of it.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include "libc.h"
#include "pthread_impl.h"

/*
 * Where the main thread's stack ends: the kernel (program_start) puts the processor's name last on
 * it, a word of zeros behind that, and leaves less than a page unused.
 */
static uintptr_t main_stack_end(void)
{
	const char *last = (const char *)__getauxval(AT_PLATFORM);
	uintptr_t end = (uintptr_t)last + strlen(last) + 1 + sizeof(uint64_t);

	return (end + PAGE_SIZE - 1) & -PAGE_SIZE;
}

int pthread_getattr_np(pthread_t t, pthread_attr_t *a)
{
	*a = (pthread_attr_t){0};
	a->_a_detach = t->detach_state >= DT_DETACHED;
	a->_a_guardsize = t->guard_size;
	if (t->stack) {
		a->_a_stackaddr = (uintptr_t)t->stack;
		a->_a_stacksize = t->stack_size;
	} else {
		struct rlimit limit;

		getrlimit(RLIMIT_STACK, &limit);
		a->_a_stackaddr = main_stack_end();
		a->_a_stacksize = limit.rlim_cur;
	}
	return 0;
}
