/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: diff
//@ compare: stdout status
/*
 * Programs that die of a fault: the status is the signal's, and Kiln's report names signal,
 * function, file and line, and what was mapped at the address.
 */
//@ case: null
//@ args: null
//@ status: 139
//@ kiln-stderr: SIGSEGV.*crash\.c:\d+.*0x8\b.*rip .*backtrace:.*crash_null.*main
//@ case: null-call
//@ args: null-call
//@ status: 139
//@ kiln-stderr: SIGSEGV
//@ case: division
//@ args: division
//@ status: 136
//@ kiln-stderr: SIGFPE.*crash_division
//@ case: code
//@ args: code
//@ status: 139
//@ kiln-stderr: SIGSEGV.*crash_code
//@ case: data
//@ args: data
//@ status: 139
//@ kiln-stderr: SIGSEGV
//@ case: illegal
//@ args: illegal
//@ status: 132
//@ kiln-stderr: SIGILL.*crash_illegal
//@ case: trap
//@ args: trap
//@ status: 133
//@ kiln-stderr: SIGTRAP
//@ case: abort
//@ args: abort
//@ status: 134
//@ case: assert
//@ args: assert
//@ status: 134
//@ stderr: 1 == 2
//@ case: kill
//@ args: kill
//@ status: 143
//@ case: killed
//@ args: killed
//@ status: 137
//@ case: pipe
//@ args: pipe
//@ status: 141
//@ case: thread
//@ args: thread
//@ status: 139
//@ kiln-stderr: SIGSEGV.*crash_null
//@ case: segv-from-kill
//@ args: segv
//@ status: 139
//@ case: ignored-fault
//@ args: ignored
//@ status: 139
//@ case: alarm
//@ args: alarm
//@ status: 142
//@ case: altstack
//@ args: altstack
//@ status: 139
#include "test.h"
#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

__attribute__((noinline)) static void crash_null(int *volatile p)
{
	p[2] = 1;
}

__attribute__((noinline)) static int crash_division(volatile int zero)
{
	return 100 / zero;
}

__attribute__((noinline)) static void crash_code(void)
{
	*(volatile char *)(void *)crash_null = 0;
}

__attribute__((noinline)) static void crash_illegal(void)
{
	__asm__ volatile("ud2");
}

static void *thread(void *arg)
{
	crash_null(NULL);
	return NULL;
}

static char stacks[2][65536];

/* Signals in their own handler, until the stack for them is full. */
static void nest(int sig)
{
	char here;

	if (&here < stacks[1]) {
		static const char text[] = "the stack's neighbour is written to\n";

		_exit(write(1, text, sizeof(text) - 1) < 0);
	}
	raise(sig);
}

static void crash_altstack(void)
{
	stack_t st = {.ss_sp = stacks[1], .ss_size = sizeof(stacks[1])};
	struct sigaction sa = {.sa_handler = nest, .sa_flags = SA_ONSTACK | SA_NODEFER};

	sigaltstack(&st, NULL);
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
}

static char data[16] = {(char)0xc3};

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	void *volatile null = NULL;
	pthread_t t;
	int fds[2];

	printf("before %s\n", how);
	fflush(stdout);
	if (!strcmp(how, "null"))
		crash_null(null);
	else if (!strcmp(how, "null-call"))
		((void (*)(void))null)();
	else if (!strcmp(how, "division"))
		printf("%d\n", crash_division(0));
	else if (!strcmp(how, "code"))
		crash_code();
	else if (!strcmp(how, "data"))
		((void (*)(void))(void *)data)();
	else if (!strcmp(how, "illegal"))
		crash_illegal();
	else if (!strcmp(how, "trap"))
		__asm__ volatile("int3");
	else if (!strcmp(how, "abort"))
		abort();
	else if (!strcmp(how, "assert"))
		assert(1 == 2);
	else if (!strcmp(how, "kill"))
		kill(getpid(), SIGTERM);
	else if (!strcmp(how, "killed"))
		kill(getpid(), SIGKILL);
	else if (!strcmp(how, "pipe") && pipe(fds) == 0 && close(fds[0]) == 0)
		printf("%ld\n", (long)write(fds[1], "x", 1));
	else if (!strcmp(how, "thread") && pthread_create(&t, NULL, thread, NULL) == 0)
		pthread_join(t, NULL);
	else if (!strcmp(how, "segv"))
		raise(SIGSEGV);
	else if (!strcmp(how, "ignored") && signal(SIGSEGV, SIG_IGN) != SIG_ERR)
		crash_null(null);
	else if (!strcmp(how, "altstack"))
		crash_altstack();
	else if (!strcmp(how, "alarm") && alarm(1) == 0)
		pause();
	printf("still alive\n");
	return 0;
}
