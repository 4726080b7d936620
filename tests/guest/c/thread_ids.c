/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: diff
//@ cpus: 1 2 4
//@ timeout: 120
/*
 * The word that CLONE_CHILD_CLEARTID is about is cleared in one piece: who sees that a thread's id
 * is no longer there may write to it at once, as C libraries do, and must not be overwritten.
 */
#include "test.h"
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TURNS 500
#define STACK_BYTES 16384
#define FLAGS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)
#define PATTERN 0x7f7f7f7f /* no byte is one of an id, or 0 */

static char stack[STACK_BYTES] __attribute__((aligned(16)));
static _Atomic int word;
static _Atomic bool there, watched;

/* Without a thread pointer of its own: only what needs none. */
static int child(void *arg)
{
	(void)arg;
	there = true;
	while (!watched)
		sched_yield();
	return 0;
}

/* The first thing that word becomes that is not PATTERN. */
static int watch(void)
{
	for (;;) {
		for (int i = 0; i < 20000; i++) {
			int seen = word;

			if (seen != PATTERN)
				return seen;
		}
		sched_yield();
	}
}

int main(void)
{
	int torn = 0, wrong = 0;

	for (int i = 0; i < TURNS; i++) {
		int tid = 0, end;

		word = PATTERN;
		there = watched = false;
		if (clone(child, stack + sizeof(stack),
			  FLAGS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID, NULL, &tid, NULL,
			  &word) < 0)
			return 1;
		while (!there)
			sched_yield();
		wrong += tid <= 0 || word != PATTERN;
		watched = true;
		end = watch();
		torn += end != 0;
		/* Its stack is free: it is not there any more. */
		while (word != 0 || syscall(SYS_tgkill, getpid(), tid, 0) == 0)
			sched_yield();
	}
	is(wrong, 0,
	   "the word keeps its value until the thread ends, and the creator knows its id");
	is(torn, 0, "the id is cleared in one piece");
	return done();
}
