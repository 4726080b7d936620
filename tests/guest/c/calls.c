/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: diff
//@ compare: stdout status
//@ status: 3
/*
 * Results and error numbers of the system calls about time, scheduling, threads and signals, made
 * with the syscall instruction. What is printed is only what must be the same on Linux.
 */
#include "test.h"
#include <asm/prctl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <unistd.h>

#ifndef SYS_clone3
#define SYS_clone3 435
#endif

static void show(const char *what, long value)
{
	printf("%s %ld\n", what, value);
	fflush(stdout);
}

static void times_of_day(void)
{
	struct timespec ts = {0, 0}, mono, past = {0, 0}, bad = {0, -1}, rem = {7, 7};
	struct timeval tv;
	struct tms tms;
	long now;

	show("clock_gettime", raw(SYS_clock_gettime, CLOCK_REALTIME, &ts));
	show("gettimeofday", raw(SYS_gettimeofday, &tv, 0));
	now = raw(SYS_time, 0);
	show("they agree",
	     labs(tv.tv_sec - ts.tv_sec) <= 1 && labs(now - ts.tv_sec) <= 1 && now > 1600000000);
	show("clock_getres", raw(SYS_clock_getres, CLOCK_MONOTONIC, &ts));
	show("resolution", ts.tv_sec == 0 && ts.tv_nsec >= 1 && ts.tv_nsec <= 10000000);
	show("clock_getres of nothing", raw(SYS_clock_getres, 999, &ts));
	show("clock_getres nowhere", raw(SYS_clock_getres, CLOCK_MONOTONIC, 0));
	show("times", raw(SYS_times, &tms) > 0);
	show("children used none", tms.tms_cutime + tms.tms_cstime);
	raw(SYS_clock_gettime, CLOCK_MONOTONIC, &mono);
	show("clock_nanosleep into the past",
	     raw(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &past, 0));
	mono.tv_sec += (mono.tv_nsec + 10000000) / 1000000000;
	mono.tv_nsec = (mono.tv_nsec + 10000000) % 1000000000;
	show("clock_nanosleep to a time",
	     raw(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &mono, 0));
	raw(SYS_clock_gettime, CLOCK_MONOTONIC, &ts);
	show("not early",
	     ts.tv_sec > mono.tv_sec || (ts.tv_sec == mono.tv_sec && ts.tv_nsec >= mono.tv_nsec));
	show("clock_nanosleep bad time", raw(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &bad, &rem));
	show("clock_nanosleep bad clock", raw(SYS_clock_nanosleep, 999, 0, &past, &rem));
	show("remaining is untouched", rem.tv_sec);
}

static void interval(void)
{
	struct itimerval v = {{0, 0}, {100, 0}}, old = {{9, 9}, {9, 9}};

	show("getitimer", raw(SYS_getitimer, ITIMER_REAL, &old));
	show("nothing runs", old.it_value.tv_sec + old.it_value.tv_usec);
	show("setitimer", raw(SYS_setitimer, ITIMER_REAL, &v, 0));
	show("getitimer", raw(SYS_getitimer, ITIMER_REAL, &old));
	show("it runs", old.it_value.tv_sec >= 98 && old.it_value.tv_sec <= 100);
	show("alarm gives what was left", raw(SYS_alarm, 0) >= 98);
	show("nothing was left", raw(SYS_alarm, 0));
	v.it_value.tv_usec = 1000000;
	show("setitimer bad", raw(SYS_setitimer, ITIMER_REAL, &v, 0));
	show("getitimer bad", raw(SYS_getitimer, 99, &old));
}

static void scheduling(void)
{
	struct sched_param param = {9};
	struct timespec ts;
	unsigned long set[16] = {0};
	unsigned cpu = 99, node = 99;

	show("sched_getscheduler", raw(SYS_sched_getscheduler, 0));
	show("sched_getscheduler of nobody", raw(SYS_sched_getscheduler, 0x3ffffff));
	show("sched_getscheduler negative", raw(SYS_sched_getscheduler, -1));
	show("sched_getparam", raw(SYS_sched_getparam, 0, &param));
	show("priority", param.sched_priority);
	show("sched_setparam", raw(SYS_sched_setparam, 0, &param));
	show("sched_setscheduler", raw(SYS_sched_setscheduler, 0, SCHED_OTHER, &param));
	show("sched_setscheduler unknown", raw(SYS_sched_setscheduler, 0, 99, &param));
	for (int i = 0; i < 3; i++) {
		static const int policies[] = {SCHED_BATCH, SCHED_IDLE, SCHED_OTHER};

		show("sched_setscheduler", raw(SYS_sched_setscheduler, 0, policies[i], &param));
		show("sched_setparam", raw(SYS_sched_setparam, 0, &param));
		show("sched_getscheduler", raw(SYS_sched_getscheduler, 0));
	}
	param.sched_priority = 5;
	show("sched_setscheduler bad priority",
	     raw(SYS_sched_setscheduler, 0, SCHED_OTHER, &param));
	for (int policy = 0; policy < 7; policy++) {
		show("sched_get_priority_min", raw(SYS_sched_get_priority_min, policy));
		show("sched_get_priority_max", raw(SYS_sched_get_priority_max, policy));
	}
	show("sched_rr_get_interval", raw(SYS_sched_rr_get_interval, 0, &ts));
	show("sched_rr_get_interval of nobody", raw(SYS_sched_rr_get_interval, 0x3ffffff, &ts));
	show("getpriority", raw(SYS_getpriority, PRIO_PROCESS, 0));
	show("getpriority of what", raw(SYS_getpriority, 9, 0));
	show("setpriority", raw(SYS_setpriority, PRIO_PROCESS, 0, 0));
	show("setpriority of nobody", raw(SYS_setpriority, PRIO_PROCESS, 0x3ffffff, 0));
	show("sched_getaffinity", raw(SYS_sched_getaffinity, 0, sizeof(set), set) >= 8);
	show("some CPU", set[0] != 0);
	show("sched_getaffinity too small", raw(SYS_sched_getaffinity, 0, 1, set));
	show("sched_setaffinity", raw(SYS_sched_setaffinity, 0, sizeof(set), set));
	memset(set, 0, sizeof(set));
	show("sched_setaffinity to none", raw(SYS_sched_setaffinity, 0, sizeof(set), set));
	show("getcpu", raw(SYS_getcpu, &cpu, &node, 0));
	show("a CPU", cpu < 99 && node < 99);
	show("sched_yield", raw(SYS_sched_yield));
}

static void threads(void)
{
	long head[3], got[2] = {0, 0}, base = 0;
	char name[20] = "";
	int tid = 0;

	show("set_tid_address", raw(SYS_set_tid_address, &tid) == raw(SYS_gettid));
	show("set_robust_list bad size", raw(SYS_set_robust_list, head, 5));
	show("set_robust_list", raw(SYS_set_robust_list, head, sizeof(head)));
	show("get_robust_list", raw(SYS_get_robust_list, 0, &got[0], &got[1]));
	show("it is the same", got[0] == (long)head && got[1] == sizeof(head));
	show("get_robust_list of nobody", raw(SYS_get_robust_list, 0x3ffffff, &got[0], &got[1]));
	raw(SYS_set_robust_list, 0, sizeof(head));
	show("prctl name", raw(SYS_prctl, PR_SET_NAME, "a name that is too long"));
	show("prctl name", raw(SYS_prctl, PR_GET_NAME, name));
	printf("%s\n", name);
	show("prctl unknown", raw(SYS_prctl, 123456, 0, 0, 0, 0));
	show("arch_prctl", raw(SYS_arch_prctl, ARCH_GET_FS, &base));
	show("it is fs", base != 0 && *(long *)base == base);
	show("arch_prctl set", raw(SYS_arch_prctl, ARCH_SET_FS, base));
	show("arch_prctl unknown", raw(SYS_arch_prctl, 0x99, &base));
	show("clone3 bad size", raw(SYS_clone3, head, 1));
	show("membarrier query", raw(SYS_membarrier, 0, 0) > 0);
	show("membarrier", raw(SYS_membarrier, 1, 0));
	show("membarrier unknown", raw(SYS_membarrier, 12345678, 0));
	show("mlock2 bad flag", raw(SYS_mlock2, head, 8, 99));
	show("mlockall bad flag", raw(SYS_mlockall, 99));
	show("munlockall", raw(SYS_munlockall));
}

static volatile int caught, caught_code, caught_value;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)context;
	caught = sig;
	caught_code = info->si_code;
	caught_value = info->si_value.sival_int;
}

struct kernel_sigaction {
	void (*handler)(int, siginfo_t *, void *);
	unsigned long flags;
	void (*restorer)(void);
	unsigned long mask;
};

/* The way back from a handler without libc. */
void signal_restorer(void);
__asm__(".pushsection .text\nsignal_restorer:\n\tmov $15, %eax\n\tsyscall\n.popsection");
_Static_assert(SYS_rt_sigreturn == 15, "signal_restorer");

static void caught_show(const char *what, long value)
{
	printf("%s %ld caught %d code %d value %d\n", what, value, caught, caught_code,
	       caught_value);
	caught = caught_code = caught_value = 0;
}

static void signals(void)
{
	struct kernel_sigaction sa = {on_signal, SA_SIGINFO | 0x04000000, signal_restorer, 0}, old;
	unsigned long usr1 = 1ul << (SIGUSR1 - 1), set = 0;
	siginfo_t info;
	struct timespec now = {0, 0}, soon = {0, 5000000};
	long pid = raw(SYS_getpid), tid = raw(SYS_gettid);

	show("rt_sigaction", raw(SYS_rt_sigaction, SIGUSR1, &sa, &old, 8));
	show("it was the default", old.handler == NULL);
	show("rt_sigaction bad size", raw(SYS_rt_sigaction, SIGUSR1, &sa, &old, 4));
	show("rt_sigaction of SIGKILL", raw(SYS_rt_sigaction, SIGKILL, &sa, &old, 8));
	caught_show("tkill", raw(SYS_tkill, tid, SIGUSR1));
	caught_show("kill", raw(SYS_kill, pid, SIGUSR1));
	show("tkill nobody", raw(SYS_tkill, 0x3ffffff, SIGUSR1));
	show("tkill negative", raw(SYS_tkill, -1, SIGUSR1));

	raw(SYS_rt_sigprocmask, SIG_BLOCK, &usr1, 0, 8);
	memset(&info, 0, sizeof(info));
	info.si_code = SI_QUEUE;
	info.si_value.sival_int = 42;
	caught_show("rt_sigqueueinfo, blocked", raw(SYS_rt_sigqueueinfo, pid, SIGUSR1, &info));
	show("rt_sigpending", raw(SYS_rt_sigpending, &set, 8));
	show("pending", set == usr1);
	memset(&info, 0, sizeof(info));
	show("rt_sigtimedwait", raw(SYS_rt_sigtimedwait, &usr1, &info, &now, 8));
	show("code", info.si_code);
	show("value", info.si_value.sival_int);
	show("rt_sigtimedwait nothing", raw(SYS_rt_sigtimedwait, &usr1, &info, &now, 8));
	show("rt_sigtimedwait later", raw(SYS_rt_sigtimedwait, &usr1, &info, &soon, 8));
	info.si_code = SI_QUEUE;
	info.si_value.sival_int = 43;
	caught_show("rt_tgsigqueueinfo", raw(SYS_rt_tgsigqueueinfo, pid, tid, SIGUSR1, &info));
	set = 0;
	caught_show("rt_sigsuspend lets it through", raw(SYS_rt_sigsuspend, &set, 8));
	show("rt_sigsuspend bad size", raw(SYS_rt_sigsuspend, &set, 4));
	raw(SYS_rt_sigprocmask, SIG_BLOCK, 0, &set, 8);
	show("the mask is back", set == usr1);
	show("rt_sigprocmask bad how", raw(SYS_rt_sigprocmask, 9, &set, 0, 8));
	raw(SYS_rt_sigprocmask, SIG_UNBLOCK, &usr1, 0, 8);
}

int main(void)
{
	times_of_day();
	interval();
	scheduling();
	threads();
	signals();
	fflush(stdout);
	raw(SYS_exit_group, 3);
	return 0;
}
