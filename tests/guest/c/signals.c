/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: diff
//@ cpus: 1 2 4
//@ alone: yes
/* Signals as signal(7), sigaction(2) and their kin describe them. */
#include "test.h"
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

static volatile int count, last_sig, depth, max_depth, raises;
static volatile bool on_altstack;
static char altstack[65536];

static bool inside_altstack(const void *p)
{
	return (const char *)p >= altstack && (const char *)p < altstack + sizeof(altstack);
}

static void note(int sig)
{
	char here;

	count++;
	last_sig = sig;
	on_altstack = inside_altstack(&here);
}

static void install(int sig, void (*handler)(int), int flags, int blocked)
{
	struct sigaction sa = {.sa_handler = handler, .sa_flags = flags};

	sigemptyset(&sa.sa_mask);
	if (blocked)
		sigaddset(&sa.sa_mask, blocked);
	if (sigaction(sig, &sa, NULL))
		printf("sigaction(%d) failed\n", sig);
}

static void show(const char *what, long value)
{
	printf("%s %ld\n", what, value);
	fflush(stdout);
}

static void basics(void)
{
	struct sigaction old;

	install(SIGUSR1, note, 0, 0);
	show("raise", raise(SIGUSR1));
	show("count", count);
	show("kill self", kill(getpid(), SIGUSR1));
	show("count", count);
	sigaction(SIGUSR1, NULL, &old);
	show("handler is kept", old.sa_handler == note);
	install(SIGUSR1, note, SA_RESETHAND, 0);
	raise(SIGUSR1);
	sigaction(SIGUSR1, NULL, &old);
	show("reset to default", old.sa_handler == SIG_DFL);
	signal(SIGUSR1, SIG_IGN);
	raise(SIGUSR1);
	show("ignored", count);
	struct sigaction sa = {.sa_handler = note};
	show("SIGKILL cannot be caught", sigaction(SIGKILL, &sa, NULL) == -1 && errno == EINVAL);
	show("signal 0", kill(getpid(), 0));
	show("no signal 65", sigaction(65, &sa, NULL) == -1 && errno == EINVAL);
	raise(SIGCHLD);
	raise(SIGURG);
	raise(SIGWINCH);
	show("ignored by default", 1);
}

static void masks(void)
{
	sigset_t set, old, pending;

	count = 0;
	install(SIGUSR1, note, 0, 0);
	install(SIGUSR2, note, 0, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &old);
	show("was blocked", sigismember(&old, SIGUSR1));
	raise(SIGUSR1);
	raise(SIGUSR1);
	show("blocked", count);
	sigpending(&pending);
	show("pending", sigismember(&pending, SIGUSR1));
	show("not pending", sigismember(&pending, SIGUSR2));
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	show("delivered once", count);
	sigpending(&pending);
	show("no longer pending", sigismember(&pending, SIGUSR1));

	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR1);
	signal(SIGUSR1, SIG_IGN);
	sigpending(&pending);
	show("ignoring drops it", sigismember(&pending, SIGUSR1));
	install(SIGUSR1, note, 0, 0);
	raise(SIGUSR1);
	sigprocmask(SIG_SETMASK, &old, &set);
	show("set mask", sigismember(&set, SIGUSR1));
	show("count", count);

	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, &old);
	sigprocmask(SIG_SETMASK, &old, &set);
	show("SIGKILL is not blocked", sigismember(&set, SIGKILL));
}

static void nesting_handler(int sig)
{
	depth++;
	if (depth > max_depth)
		max_depth = depth;
	if (raises++ < 2)
		raise(sig);
	count++;
	depth--;
}

static void cross_handler(int sig)
{
	int before = count;

	raise(SIGUSR2);
	last_sig = count - before; /* 0 if SIGUSR2 waits */
}

static void nesting(void)
{
	count = max_depth = raises = 0;
	install(SIGUSR1, nesting_handler, 0, 0);
	raise(SIGUSR1);
	show("own signal waits: depth", max_depth);
	show("count", count);
	count = max_depth = raises = 0;
	install(SIGUSR1, nesting_handler, SA_NODEFER, 0);
	raise(SIGUSR1);
	show("SA_NODEFER: depth", max_depth);
	show("count", count);
	install(SIGUSR2, note, 0, 0);
	install(SIGUSR1, cross_handler, 0, SIGUSR2);
	count = 0;
	raise(SIGUSR1);
	show("sa_mask blocks: inside", last_sig == SIGUSR2);
	show("after", count);
	install(SIGUSR1, cross_handler, 0, 0);
	count = 0;
	raise(SIGUSR1);
	show("no sa_mask: inside", last_sig);
	show("after", count);
}

static void info_handler(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	printf("info: signo %d code %d pid %d value %d, stack pointer there %d\n",
	       info->si_signo < 32 ? info->si_signo : info->si_signo - SIGRTMIN + 1000,
	       info->si_code, info->si_pid == getpid(),
	       info->si_code == SI_QUEUE ? info->si_value.sival_int : 0,
	       uc->uc_mcontext.gregs[REG_RSP] != 0);
	printf("mask in context: %d\n", sigismember(&uc->uc_sigmask, SIGUSR2));
}

static void infos(void)
{
	struct sigaction sa = {.sa_sigaction = info_handler, .sa_flags = SA_SIGINFO};
	sigset_t set, old;

	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGRTMIN, &sa, NULL);
	kill(getpid(), SIGUSR1);
	pthread_kill(pthread_self(), SIGUSR1);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, &old);
	raise(SIGUSR1);
	for (int i = 1; i <= 3; i++)
		show("sigqueue", sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i * 11}));
	printf("real-time signals are queued:\n");
	sigprocmask(SIG_SETMASK, &old, NULL);
}

static void stacks(void)
{
	stack_t st = {.ss_sp = altstack, .ss_size = sizeof(altstack)}, old;

	show("sigaltstack query", sigaltstack(NULL, &old));
	show("disabled at first", old.ss_flags == SS_DISABLE);
	show("sigaltstack", sigaltstack(&st, NULL));
	install(SIGUSR1, note, 0, 0);
	raise(SIGUSR1);
	show("without SA_ONSTACK", on_altstack);
	install(SIGUSR1, note, SA_ONSTACK, 0);
	raise(SIGUSR1);
	show("with SA_ONSTACK", on_altstack);
	sigaltstack(NULL, &old);
	show("kept", old.ss_sp == altstack && old.ss_size == sizeof(altstack) && old.ss_flags == 0);
	st.ss_size = 100;
	show("too small", sigaltstack(&st, NULL) == -1 && errno == ENOMEM);
	st = (stack_t){.ss_flags = SS_DISABLE};
	sigaltstack(&st, NULL);
	raise(SIGUSR1);
	show("disabled again", on_altstack);
}

static sigjmp_buf jump;

static void jump_handler(int sig)
{
	siglongjmp(jump, sig);
}

static void jumps(void)
{
	volatile int rounds = 0;
	sigset_t set;

	install(SIGUSR1, jump_handler, 0, 0);
	for (int i = 0; i < 1000; i++)
		if (sigsetjmp(jump, 1) == 0)
			raise(SIGUSR1);
		else
			rounds++;
	show("jumps out of handlers", rounds);
	sigprocmask(SIG_BLOCK, NULL, &set);
	show("mask restored", !sigismember(&set, SIGUSR1));
}

static void *kicker(void *arg)
{
	struct timespec ts = {0, 30000000};

	nanosleep(&ts, NULL);
	pthread_kill(*(pthread_t *)arg, SIGUSR1);
	return NULL;
}

static void *late_writer(void *arg)
{
	struct timespec ts = {0, 150000000};
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	nanosleep(&ts, NULL);
	if (write(*(int *)arg, "x", 1) != 1)
		printf("write failed\n");
	return NULL;
}

static void interrupts(void)
{
	pthread_t self = pthread_self(), t, w;
	struct timespec ts = {5, 0}, left;
	sigset_t set, old;
	int fds[2];
	char c;

	install(SIGUSR1, note, 0, 0);
	pthread_create(&t, NULL, kicker, &self);
	int r = nanosleep(&ts, &left);
	show("nanosleep is interrupted", r == -1 && errno == EINTR && left.tv_sec == 4);
	pthread_join(t, NULL);

	show("pipe", pipe(fds));
	pthread_create(&t, NULL, kicker, &self);
	r = (int)read(fds[0], &c, 1);
	show("read without SA_RESTART", r == -1 && errno == EINTR);
	pthread_join(t, NULL);

	count = 0;
	install(SIGUSR1, note, SA_RESTART, 0);
	install(SIGALRM, note, SA_RESTART, 0);
	pthread_create(&t, NULL, kicker, &self);
	struct itimerval it = {{0, 0}, {0, 60000}};
	setitimer(ITIMER_REAL, &it, NULL);
	pthread_create(&w, NULL, late_writer, &fds[1]);
	r = (int)read(fds[0], &c, 1);
	show("read with SA_RESTART", r == 1 && c == 'x');
	pthread_join(t, NULL);
	pthread_join(w, NULL);
	show("signals meanwhile", count);

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &old);
	raise(SIGUSR1);
	count = 0;
	sigdelset(&old, SIGUSR1);
	r = sigsuspend(&old);
	show("sigsuspend", r == -1 && errno == EINTR);
	show("handled", count);
	sigprocmask(SIG_BLOCK, NULL, &old);
	show("blocked again", sigismember(&old, SIGUSR1));

	raise(SIGUSR1);
	struct timespec zero = {0, 0};
	siginfo_t info;
	show("sigtimedwait", sigtimedwait(&set, &info, &zero) == SIGUSR1);
	show("sigtimedwait, none", sigtimedwait(&set, &info, &zero) == -1 && errno == EAGAIN);
	pthread_create(&t, NULL, kicker, &self);
	int sig;
	show("sigwait", sigwait(&set, &sig) == 0 && sig == SIGUSR1);
	pthread_join(t, NULL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	close(fds[0]);
	close(fds[1]);
}

static void timers(void)
{
	struct itimerval it = {{0, 10000}, {0, 10000}}, old;
	uint64_t start;

	install(SIGALRM, note, 0, 0);
	count = 0;
	start = now_ns();
	setitimer(ITIMER_REAL, &it, NULL);
	while (count < 5)
		;
	show("five ticks in 50 ms or more", now_ns() - start >= 49000000);
	it = (struct itimerval){0};
	setitimer(ITIMER_REAL, &it, &old);
	show("interval kept", old.it_interval.tv_usec);
	show("alarm", alarm(100));
	show("alarm again", alarm(0));
	it.it_value.tv_usec = 20000;
	setitimer(ITIMER_REAL, &it, NULL);
	pause();
	show("pause came back", 1);
}

static volatile bool spin_hit;

static void spin_handler(int sig)
{
	spin_hit = true;
}

static void *spinner(void *arg)
{
	*(volatile bool *)arg = true;
	while (!spin_hit)
		;
	return NULL;
}

static void spinning(void)
{
	volatile bool running = false;
	pthread_t t;

	install(SIGUSR2, spin_handler, 0, 0);
	pthread_create(&t, NULL, spinner, (void *)&running);
	while (!running)
		;
	show("pthread_kill of a spinning thread", pthread_kill(t, SIGUSR2));
	pthread_join(t, NULL);
	show("it was hit", spin_hit);
}

static void *thread_mask(void *arg)
{
	sigset_t set;

	pthread_sigmask(SIG_BLOCK, NULL, &set);
	show("mask is inherited", sigismember(&set, SIGUSR1));
	stack_t st;
	sigaltstack(NULL, &st);
	show("alternate stack is not", st.ss_flags == SS_DISABLE);
	return NULL;
}

static void threads(void)
{
	stack_t st = {.ss_sp = altstack, .ss_size = sizeof(altstack)},
		off = {.ss_flags = SS_DISABLE};
	sigset_t set, old;
	pthread_t t;

	sigaltstack(&st, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, &old);
	pthread_create(&t, NULL, thread_mask, NULL);
	pthread_join(t, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	sigaltstack(&off, NULL);
}

static void *signals_its_process(void *arg)
{
	*(long *)arg = kill(gettid(), 0);
	return NULL;
}

static void by_thread_id(void)
{
	long r = -1;
	pthread_t t;

	pthread_create(&t, NULL, signals_its_process, &r);
	pthread_join(t, NULL);
	show("a thread's id means its process", r);
	show("nobody's id", kill(0x3ffffff, 0));
}

int main(void)
{
	by_thread_id();
	basics();
	masks();
	nesting();
	infos();
	stacks();
	jumps();
	interrupts();
	timers();
	spinning();
	threads();
	return 0;
}
