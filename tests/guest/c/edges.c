/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ case: survives
//@ case: handler
//@ args: handler
//@ judge: match
//@ status: 139
//@ case: alarms
//@ platforms: linuxu kvm
//@ args: alarms
/*
 * Where a program and the kernel meet at an edge: registers that no program should have, signals
 * between two threads that sleep, floating-point exceptions across switches. What is the program's
 * fault must end in a signal to the program, never in the kernel.
 */
#include "test.h"
#include <fenv.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#define NOWHERE 0x1234567812345678 /* no address at all: bits 47 to 63 differ */
#define FLAG_TF 0x100

static sigjmp_buf jump;
static char altstack[65536];
static atomic_int traps, alarms, stop;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	siglongjmp(jump, sig);
}

static void set_handler(int sig, void (*fn)(int, siginfo_t *, void *))
{
	struct sigaction sa = {.sa_sigaction = fn, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	sigaction(sig, &sa, NULL);
}

/* --- registers --- */

static void go_nowhere(int sig, siginfo_t *info, void *context)
{
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] = NOWHERE;
}

static void bad_return(void)
{
	int sig = sigsetjmp(jump, 1);

	set_handler(SIGUSR1, go_nowhere);
	if (sig == 0)
		raise(SIGUSR1);
	is(sig, SIGSEGV, "a handler that returns to no address at all");
}

static void bad_stack(uint64_t rsp, const char *what)
{
	int sig = sigsetjmp(jump, 1);

	if (sig == 0)
		__asm__ volatile("mov %0, %%rsp\n\tmov (%%rsp), %%rax\n\tud2"
				 :
				 : "r"(rsp)
				 : "memory");
	ok(sig == SIGSEGV || sig == SIGBUS, "a stack pointer %s", what);
}

static void bad_jump(uint64_t rip)
{
	int sig = sigsetjmp(jump, 1);

	if (sig == 0)
		__asm__ volatile("jmp *%0" : : "r"(rip) : "memory");
	is(sig, SIGSEGV, "a jump to no address at all");
}

static void on_trap(int sig, siginfo_t *info, void *context)
{
	traps++;
}

static void single_step(void)
{
	set_handler(SIGTRAP, on_trap);
	__asm__ volatile("pushfq\n\torq %0, (%%rsp)\n\tpopfq" : : "i"(FLAG_TF) : "memory", "cc");
	sched_yield();
	getpid();
	raw(SYS_sched_yield);
	__asm__ volatile("pushfq\n\tandq %0, (%%rsp)\n\tpopfq" : : "i"(~FLAG_TF) : "memory", "cc");
	ok(traps > 0, "single steps into the kernel");
	printf("# %d traps\n", traps);
}

static void bad_tls(void)
{
	static char stack[8192];
	/* CLONE_VM FS FILES SIGHAND THREAD SETTLS */
	long r = raw(SYS_clone, 0x90f00, stack + sizeof(stack), 0, 0, NOWHERE);

	if (r == 0)
		raw(SYS_exit, 0);
	is(r, -EPERM, "a thread pointer that is no address");
}

/* --- floating point --- */

static void *make_flags(void *arg)
{
	while (!stop) {
		volatile long double x = 1.0L, y = 3.0L;

		x = x / y;
		if (!fetestexcept(FE_INEXACT))
			return "lost its flags";
		sched_yield();
		if (!fetestexcept(FE_INEXACT))
			return "lost its flags over a switch";
	}
	return NULL;
}

static void flags_of_others(void)
{
	pthread_t t;
	void *complaint;
	volatile int seen = 0;

	feclearexcept(FE_ALL_EXCEPT);
	pthread_create(&t, NULL, make_flags, NULL);
	for (int i = 0; i < 1000; i++) {
		sched_yield();
		seen |= fetestexcept(FE_ALL_EXCEPT);
	}
	/* With the other one's flags and this control word a trap would be pending. */
	uint16_t all_unmasked = 0x340, usual = 0x37f;
	int sig = sigsetjmp(jump, 1);

	if (sig == 0) {
		__asm__ volatile("fldcw %0" : : "m"(all_unmasked));
		for (int i = 0; i < 1000; i++) {
			sched_yield();
			__asm__ volatile("fwait");
		}
	}
	__asm__ volatile("fnclex; fldcw %0" : : "m"(usual));
	stop = 1;
	pthread_join(t, &complaint);
	is(seen, 0, "no floating-point exceptions of other threads");
	is(sig, 0, "no traps for exceptions of other threads");
	ok(complaint == NULL, "own exceptions stay: %s", complaint ? (char *)complaint : "they do");
}

static void *yield(void *arg)
{
	while (!stop)
		sched_yield();
	return NULL;
}

static void pending_exception(void)
{
	uint16_t unmasked = 0x37b, usual = 0x37f; /* division by zero */
	pthread_t t;

	stop = 0;
	pthread_create(&t, NULL, yield, NULL);
	int sig = sigsetjmp(jump, 1);

	if (sig == 0) {
		__asm__ volatile("fldcw %0\n\tfld1\n\tfldz\n\tfdivrp" : : "m"(unmasked));
		for (int i = 0; i < 10; i++)
			sched_yield();
		__asm__ volatile("fwait");
	}
	__asm__ volatile("fninit; fldcw %0" : : "m"(usual));
	stop = 1;
	pthread_join(t, NULL);
	is(sig, SIGFPE, "a floating-point trap that is pending over switches comes");
}

/* --- signals --- */

static void on_signal(int sig, siginfo_t *info, void *context)
{
	alarms++;
}

static void *send_and_sleep(void *arg)
{
	const struct timespec ts = {0, 1000};
	long strange = 0;

	for (int i = 0; i < 300; i++) {
		long r = 0;

		kill(getpid(), SIGUSR2);
		r = raw(SYS_nanosleep, &ts, NULL);
		if (r != 0 && r != -EINTR)
			strange = r;
		kill(getpid(), SIGUSR2);
		if (nanosleep(&ts, NULL) != 0 && errno != EINTR)
			strange = errno;
	}
	stop = 1;
	kill(getpid(), SIGUSR2);
	return (void *)strange;
}

static void shared_signals(void)
{
	pthread_t t;
	void *strange;

	set_handler(SIGUSR2, on_signal);
	stop = 0;
	pthread_create(&t, NULL, send_and_sleep, NULL);
	while (!stop) {
		const struct timespec ts = {0, 100000};

		nanosleep(&ts, NULL);
	}
	pthread_join(t, &strange);
	is((long)strange, 0, "signals of the process to two threads that sleep");
}

static void fast_alarm(void)
{
	struct itimerval it = {{0, 1}, {0, 1}}, off = {0};
	volatile long work = 0;

	set_handler(SIGALRM, on_signal);
	alarms = 0;
	setitimer(ITIMER_REAL, &it, NULL);
	while (alarms < 100)
		work++;
	setitimer(ITIMER_REAL, &off, NULL);
	ok(alarms >= 100, "alarms as fast as they can be asked for leave time to work");
}

int main(int argc, char **argv)
{
	stack_t st = {.ss_sp = altstack, .ss_size = sizeof(altstack)};

	if (argc > 1 && strcmp(argv[1], "alarms") == 0) {
		fast_alarm();
		return done();
	}
	if (argc > 1) {
		struct sigaction sa = {.sa_handler = (void (*)(int))NOWHERE};

		sigaction(SIGUSR1, &sa, NULL);
		raise(SIGUSR1);
		return 0;
	}
	sigaltstack(&st, NULL);
	set_handler(SIGSEGV, on_fault);
	set_handler(SIGBUS, on_fault);
	set_handler(SIGFPE, on_fault);
	bad_return();
	bad_stack(0xffffffffffffe000, "at the end of all addresses");
	bad_stack(0x8000, "where nothing is");
	bad_stack(NOWHERE, "that is no address at all");
	bad_jump(NOWHERE);
	bad_jump(0xffffffffffffe000);
	single_step();
	bad_tls();
	flags_of_others();
	pending_exception();
	shared_signals();
	return done();
}
