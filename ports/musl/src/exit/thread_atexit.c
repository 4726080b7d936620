/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Destructors of thread-locals, registered by the C++ and Rust runtimes: __cxa_thread_atexit_impl()
 * as glibc has it. They run at the end of their thread, before those of pthread_key_create(),
 * and in exit() for the thread that calls it, so that main's are run, too.
 *
 * exit() and pthread_exit() call this (see ports/musl/build).
 */
#include <stdlib.h>
#include "libc.h"

#define malloc __libc_malloc
#define calloc undef
#define realloc undef
#define free __libc_free

struct destructor {
	struct destructor *next;
	void (*function)(void *);
	void *object;
};

static _Thread_local struct destructor *newest;

/* object_of is the shared object that holds function: there is but one. */
int __cxa_thread_atexit_impl(void (*function)(void *), void *object, void *object_of)
{
	struct destructor *d = malloc(sizeof(*d));

	(void)object_of;
	/* As in glibc: the callers do not look at what is returned. */
	if (!d)
		abort();
	*d = (struct destructor){newest, function, object};
	newest = d;
	return 0;
}

/* The newest first; one may register more. */
hidden void __thread_atexit_run(void)
{
	struct destructor *d;

	while ((d = newest)) {
		newest = d->next;
		d->function(d->object);
		free(d);
	}
}
