/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The system calls about signals. What they mean is in core/signal.c. */
#include "core/signal.h"
#include "abi/syscall.h"
#include "abi/time.h"
#include "arch/arch.h"
#include "base/errno.h"
#include "base/string.h"
#include "core/mutex.h"
#include "core/thread.h"

#define SIGSET_BYTES 8
#define SIG_BLOCK 0
#define SIG_UNBLOCK 1
#define SIG_SETMASK 2

#define ITIMER_REAL 0
#define ITIMER_PROF 2
/* An alarm that comes again before it is handled would leave no time for the program. */
#define ITIMER_INTERVAL_MIN_NS 100000u

/* The kernel's struct sigevent-free part of setitimer(2): two timevals. */
struct k_itimerval {
	struct k_timeval interval, value;
};

long sys_rt_sigaction(long sig, long act, long old, long size)
{
	struct k_sigaction new_action, old_action;
	int err;

	if (size != SIGSET_BYTES)
		return -EINVAL;
	if (act && user_copy_in(&new_action, (vaddr_t)act, sizeof(new_action)))
		return -EFAULT;
	err = signal_action((int)sig, act ? &new_action : NULL, &old_action);
	if (err)
		return err;
	if (old && user_copy_out((vaddr_t)old, &old_action, sizeof(old_action)))
		return -EFAULT;
	return 0;
}

long sys_rt_sigprocmask(long how, long set, long old, long size)
{
	uint64_t mask = thread_current()->signal.mask, before = mask, change;

	if (size != SIGSET_BYTES)
		return -EINVAL;
	if (set) {
		if (user_copy_in(&change, (vaddr_t)set, sizeof(change)))
			return -EFAULT;
		switch ((int)how) {
		case SIG_BLOCK:
			mask |= change;
			break;
		case SIG_UNBLOCK:
			mask &= ~change;
			break;
		case SIG_SETMASK:
			mask = change;
			break;
		default:
			return -EINVAL;
		}
		signal_set_mask(mask);
	}
	if (old && user_copy_out((vaddr_t)old, &before, sizeof(before)))
		return -EFAULT;
	return 0;
}

long sys_rt_sigpending(long set, long size)
{
	const struct signal_thread *st = &thread_current()->signal;
	uint64_t pending = (st->pending | signal_process_pending) & st->mask;

	if (size < 0 || size > SIGSET_BYTES)
		return -EINVAL;
	return user_copy_out((vaddr_t)set, &pending, (size_t)size);
}

long sys_rt_sigsuspend(long set, long size)
{
	uint64_t mask;
	int err;

	if (size != SIGSET_BYTES)
		return -EINVAL;
	if (user_copy_in(&mask, (vaddr_t)set, sizeof(mask)))
		return -EFAULT;
	signal_set_mask_temporary(mask);
	err = signal_wait(NEVER);
	signal_restore_mask(err == -ERESTARTNOHAND);
	return err;
}

long sys_pause(void)
{
	return signal_wait(NEVER);
}

/* Wait for a signal of set; its number, -EINTR (another one), -EAGAIN (deadline). */
static long signal_wait_for(uint64_t set, struct k_siginfo *info, uint64_t deadline_ns)
{
	long sig = signal_take(set, info);
	uint64_t mask = thread_current()->signal.mask;
	int err = 0;

	if (sig || deadline_ns == 0)
		return sig ? sig : -EAGAIN;
	/* Unblocked while we sleep, so that they wake us; not delivered, for we take them first. */
	signal_set_waiting(set, mask & ~set);
	while (!sig && err == 0) {
		thread_sleep_prepare("sigwait");
		err = thread_sleep(deadline_ns, SLEEP_INTERRUPTIBLE);
		sig = signal_take(set, info);
	}
	signal_set_waiting(0, mask);
	if (sig)
		return sig;
	return err == -ETIMEDOUT ? -EAGAIN : -EINTR;
}

long sys_rt_sigtimedwait(long set, long info, long timeout, long size)
{
	struct k_siginfo taken;
	uint64_t mask, deadline = NEVER, ns;
	long sig;

	if (size != SIGSET_BYTES)
		return -EINVAL;
	if (user_copy_in(&mask, (vaddr_t)set, sizeof(mask)))
		return -EFAULT;
	if (timeout) {
		int err = timespec_in((vaddr_t)timeout, &ns);

		if (err)
			return err;
		deadline = ns == 0 ? 0 : deadline_after(ns);
	}
	sig = signal_wait_for(mask, &taken, deadline);
	if (sig > 0 && info && user_copy_out((vaddr_t)info, &taken, sizeof(taken)))
		return -EFAULT;
	return sig;
}

/* --- sending --- */

static void info_from_self(struct k_siginfo *info, int sig, int code)
{
	memset(info, 0, sizeof(*info));
	info->signo = sig;
	info->code = code;
	info->kill.pid = PROCESS_ID;
}

/* The process goes by the ids of its threads, too. */
static bool names_process(int32_t id)
{
	return id == PROCESS_ID || (id > 0 && thread_exists(id));
}

long sys_kill(long pid, long sig)
{
	struct k_siginfo info;
	int32_t id = (int32_t)pid;

	if (sig < 0 || sig > SIGNAL_MAX)
		return -EINVAL;
	/* -1 means all but this one and the first process: there are none. */
	if (id != 0 && !names_process(id))
		return -ESRCH;
	if (sig == 0)
		return 0;
	info_from_self(&info, (int)sig, SI_USER);
	return signal_send_process((int)sig, &info);
}

static long send_to_thread(long tgid, long tid, long sig, const struct k_siginfo *info)
{
	struct thread *t;
	int err = 0;

	if (tid <= 0 || tgid <= 0 || sig < 0 || sig > SIGNAL_MAX)
		return -EINVAL;
	t = tgid == PROCESS_ID ? thread_find_lock((int32_t)tid) : NULL;
	if (!t)
		return -ESRCH;
	if (sig != 0)
		err = signal_send_thread(t, (int)sig, info);
	threads_unlock();
	return err;
}

long sys_tgkill(long tgid, long tid, long sig)
{
	struct k_siginfo info;

	info_from_self(&info, (int)sig, SI_TKILL);
	return send_to_thread((int32_t)tgid, (int32_t)tid, (int32_t)sig, &info);
}

long sys_tkill(long tid, long sig)
{
	return sys_tgkill(PROCESS_ID, tid, sig);
}

long sys_rt_tgsigqueueinfo(long tgid, long tid, long sig, long uinfo)
{
	struct k_siginfo info;

	if (user_copy_in(&info, (vaddr_t)uinfo, sizeof(info)))
		return -EFAULT;
	info.signo = (int32_t)sig;
	return send_to_thread((int32_t)tgid, (int32_t)tid, (int32_t)sig, &info);
}

long sys_rt_sigqueueinfo(long pid, long sig, long uinfo)
{
	struct k_siginfo info;

	if (user_copy_in(&info, (vaddr_t)uinfo, sizeof(info)))
		return -EFAULT;
	if (sig < 0 || sig > SIGNAL_MAX)
		return -EINVAL;
	if (!names_process((int32_t)pid))
		return -ESRCH;
	info.signo = (int32_t)sig;
	return sig == 0 ? 0 : signal_send_process((int)sig, &info);
}

/* --- stack, return --- */

static int altstack_set(const struct k_stack *new_stack, bool on_it)
{
	struct k_stack *ss = &thread_current()->signal.altstack;
	int32_t mode = new_stack->flags & ~(int32_t)SS_AUTODISARM;

	if (on_it)
		return -EPERM;
	if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
		return -EINVAL;
	if (mode == SS_DISABLE) {
		memset(ss, 0, sizeof(*ss));
		ss->flags = SS_DISABLE;
		return 0;
	}
	if (new_stack->size < MINSIGSTKSZ)
		return -ENOMEM;
	ss->sp = new_stack->sp;
	ss->size = new_stack->size;
	ss->flags = new_stack->flags & (int32_t)SS_AUTODISARM;
	return 0;
}

long sys_sigaltstack(long new_stack, long old_stack)
{
	struct k_stack before = thread_current()->signal.altstack, wanted;
	bool on_it = signal_on_altstack(arch_user_sp());

	if (on_it)
		before.flags |= SS_ONSTACK;
	if (new_stack) {
		int err;

		if (user_copy_in(&wanted, (vaddr_t)new_stack, sizeof(wanted)))
			return -EFAULT;
		err = altstack_set(&wanted, on_it);
		if (err)
			return err;
	}
	if (old_stack && user_copy_out((vaddr_t)old_stack, &before, sizeof(before)))
		return -EFAULT;
	return 0;
}

long sys_rt_sigreturn(struct trap_frame *frame)
{
	return signal_return(frame);
}

/* --- ITIMER_REAL --- */

/* Between those who set and read the timer; not for itimer_fire(), which does not run while the
 * timer is stopped. */
static struct mutex itimer_mutex = MUTEX_INIT(itimer_mutex);
static struct timer itimer;
static uint64_t itimer_interval_ns;

static void itimer_fire(struct timer *t)
{
	uint64_t now = plat->clock_monotonic_ns(), next = now;
	uint64_t interval = MAX(itimer_interval_ns, ITIMER_INTERVAL_MIN_NS);

	(void)signal_send_process(SIGALRM, NULL);
	if (itimer_interval_ns == 0)
		return;
	/* Nobody gets the alarms that were missed. */
	if (__builtin_add_overflow(now, interval, &next))
		return;
	timer_start(t, next);
}

/* Time until the alarm, 0 if there is none. itimer_mutex is held. */
static uint64_t itimer_remaining(void)
{
	uint64_t now, deadline = itimer.deadline_ns;

	if (!itimer.fire || deadline == NEVER)
		return 0;
	now = plat->clock_monotonic_ns();
	/* Due but not yet fired: not 0, which would say that there is none. */
	return deadline > now ? deadline - now : 1;
}

/* Both times, as they were: until the alarm (0: there was none), and between alarms. */
static uint64_t itimer_get(uint64_t *interval_ns)
{
	uint64_t remaining;

	mutex_lock(&itimer_mutex);
	*interval_ns = itimer_interval_ns;
	remaining = itimer_remaining();
	mutex_unlock(&itimer_mutex);
	return remaining;
}

static uint64_t itimer_set(uint64_t value_ns, uint64_t interval_ns, uint64_t *old_interval_ns)
{
	uint64_t old;

	mutex_lock(&itimer_mutex);
	old = itimer_remaining();
	*old_interval_ns = itimer_interval_ns;
	if (!itimer.fire)
		timer_init(&itimer, itimer_fire);
	timer_stop(&itimer);
	itimer_interval_ns = interval_ns;
	if (value_ns != 0)
		timer_start(&itimer, deadline_after(value_ns));
	mutex_unlock(&itimer_mutex);
	return old;
}

long sys_alarm(long seconds)
{
	uint64_t interval,
		before = itimer_set((uint64_t)(uint32_t)seconds * NS_PER_SECOND, 0, &interval);

	/* Rounded to the nearest second, but an alarm that is set is not 0 seconds away (Linux,
	 * alarm_setitimer). */
	if (before == 0)
		return 0;
	return MAX((long)((before + NS_PER_SECOND / 2) / NS_PER_SECOND), 1);
}

long sys_getitimer(long which, long value)
{
	uint64_t interval, remaining;

	if (which != ITIMER_REAL)
		return -EINVAL;
	remaining = itimer_get(&interval);
	if (timeval_out((vaddr_t)value, interval) ||
	    timeval_out((vaddr_t)value + sizeof(struct k_timeval), remaining))
		return -EFAULT;
	return 0;
}

long sys_setitimer(long which, long new_value, long old_value)
{
	uint64_t interval = 0, value = 0, old_interval, old;
	const vaddr_t in = (vaddr_t)new_value, out = (vaddr_t)old_value;
	const size_t second = offsetof(struct k_itimerval, value);
	int err = 0;

	if (which != ITIMER_REAL)
		return -EINVAL;
	if (in) {
		err = timeval_in(in, &interval);
		if (err == 0)
			err = timeval_in(in + second, &value);
	}
	if (err)
		return err;
	old = itimer_set(value, interval, &old_interval);
	if (out && (timeval_out(out, old_interval) || timeval_out(out + second, old)))
		return -EFAULT;
	return 0;
}
