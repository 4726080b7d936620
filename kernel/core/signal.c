/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Signals, from sending to the handler's frame.
 *
 * A pending signal is a bit in a mask and, where there was memory for it, an entry with its siginfo
 * in the queue beside the mask; realtime signals have one entry for each time they were sent. What
 * is sent to the process waits in the process's own mask and queue until a thread that does not
 * block it takes it.
 *
 * Not supported, for there is no second process that could use it: stopping and continuing.
 * SIGSTOP, SIGTSTP, SIGTTIN and SIGTTOU do nothing by default.
 */
#include "core/signal.h"
#include "base/errno.h"
#include "base/string.h"
#include "core/heap.h"
#include "core/log.h"
#include "core/thread.h"
#include "core/trap.h"
#include "core/vma.h"

#define QUEUE_MAX 4096u /* entries in all queues together: what RLIMIT_SIGPENDING is elsewhere */
#define RED_ZONE                                                                                   \
	128u /* bytes below rsp that belong to the interrupted function (System V ABI, 3.2.2) */

#define SIG_DFL 0u
#define SIG_IGN 1u

struct signal_entry {
	struct list link;
	struct k_siginfo info;
};

/* Guards all that follows and every thread's pending and queue. Masks and pending sets are read
 * without. */
static struct spinlock signal_lock = SPINLOCK_INIT(LOCK_SIGNAL);
_Atomic uint64_t signal_process_pending;
static struct list process_queue; /* all zero until first used */
static struct k_sigaction actions[SIGNAL_MAX];
static unsigned queued; /* entries in all queues */

#define BIT(sig) (1UL << ((sig)-1))
static const uint64_t unblockable = BIT(SIGKILL) | BIT(SIGSTOP);
static const uint64_t default_ignored = BIT(SIGCHLD) | BIT(SIGCONT) | BIT(SIGURG) | BIT(SIGWINCH) |
					BIT(SIGSTOP) | BIT(SIGTSTP) | BIT(SIGTTIN) | BIT(SIGTTOU);

static bool handler_ignores(uint64_t handler, int sig)
{
	return handler == SIG_IGN || (handler == SIG_DFL && (default_ignored & signal_bit(sig)));
}

static bool signal_ignored(int sig)
{
	return handler_ignores(actions[sig - 1].handler, sig);
}

static bool signal_is_fatal(int sig)
{
	return actions[sig - 1].handler == SIG_DFL && !(default_ignored & signal_bit(sig));
}

bool signal_deliverable(const struct thread *t)
{
	return thread_has_signal(t);
}

/* After a change of the current thread's mask or of what is pending for it. */
static void signal_pend_current(void)
{
	if (thread_has_signal(thread_current()))
		cpu_pend(PENDING_SIGNAL);
	else
		cpu_unpend(PENDING_SIGNAL);
}

/* --- pending sets and queues --- */

static struct list *queue_of_process(void)
{
	if (!process_queue.next)
		list_init(&process_queue);
	return &process_queue;
}

static void info_default(struct k_siginfo *info, int sig, int code)
{
	memset(info, 0, sizeof(*info));
	info->signo = sig;
	info->code = code;
}

/* Add sig to a pending set. info NULL: from the kernel. 0 or -EAGAIN. */
static int pending_add_locked(_Atomic uint64_t *pending, struct list *queue, int sig,
			      const struct k_siginfo *info)
{
	struct signal_entry *e = NULL;

	if (sig < SIGRTMIN && (*pending & signal_bit(sig)))
		return 0;
	if (queued < QUEUE_MAX)
		e = heap_alloc(sizeof(*e));
	/* Without an entry a signal still arrives, once; sigqueue(3) is to be told (Linux,
	 * __send_signal). */
	if (!e && sig >= SIGRTMIN && info && info->code != SI_USER)
		return -EAGAIN;
	if (!(*pending & signal_bit(sig)))
		atomic_fetch_add(&sched_attention, SCHED_SIGNAL);
	*pending |= signal_bit(sig);
	if (!e)
		return 0;
	if (info)
		e->info = *info;
	else
		info_default(&e->info, sig, SI_KERNEL);
	e->info.signo = sig;
	list_push_back(queue, &e->link);
	queued++;
	return 0;
}

static void entry_free_locked(struct signal_entry *e)
{
	list_remove(&e->link);
	queued--;
	heap_free(e, sizeof(*e));
}

/* Take sig, which is pending, once; *info becomes its siginfo. */
static void pending_take_locked(_Atomic uint64_t *pending, struct list *queue, int sig,
				struct k_siginfo *info)
{
	bool found = false, more = false;

	list_for_each_safe(l, queue) {
		struct signal_entry *e = list_entry(l, struct signal_entry, link);

		if (e->info.signo != sig)
			continue;
		if (found) {
			more = true;
			break;
		}
		found = true;
		*info = e->info;
		entry_free_locked(e);
	}
	if (!found)
		info_default(info, sig, SI_USER);
	if (!more) {
		*pending &= ~signal_bit(sig);
		atomic_fetch_sub(&sched_attention, SCHED_SIGNAL);
	}
}

/* Forget the signals of set. */
static void pending_flush_locked(_Atomic uint64_t *pending, struct list *queue, uint64_t set)
{
	set &= *pending;
	if (!set)
		return;
	*pending &= ~set;
	for (uint64_t rest = set; rest; rest &= rest - 1)
		atomic_fetch_sub(&sched_attention, SCHED_SIGNAL);
	list_for_each_safe(l, queue) {
		struct signal_entry *e = list_entry(l, struct signal_entry, link);

		if (set & signal_bit(e->info.signo))
			entry_free_locked(e);
	}
}

/* The signal to take first: those that the processor causes, then the lowest number (Linux,
 * next_signal). */
static int signal_first(uint64_t set)
{
	const uint64_t synchronous = BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGILL) | BIT(SIGTRAP) |
				     BIT(SIGFPE) | BIT(SIGSYS);

	if (set & synchronous)
		set &= synchronous;
	return __builtin_ctzl(set) + 1;
}

static int signal_take_locked(struct thread *t, uint64_t set, struct k_siginfo *info)
{
	int sig;

	if (t->signal.pending & set) {
		sig = signal_first(t->signal.pending & set);
		pending_take_locked(&t->signal.pending, &t->signal.queue, sig, info);
	} else if (signal_process_pending & set) {
		sig = signal_first(signal_process_pending & set);
		pending_take_locked(&signal_process_pending, queue_of_process(), sig, info);
	} else {
		return 0;
	}
	return sig;
}

int signal_take(uint64_t set, struct k_siginfo *info)
{
	int sig;

	spin_lock(&signal_lock);
	sig = signal_take_locked(thread_current(), set & ~unblockable, info);
	spin_unlock(&signal_lock);
	signal_pend_current();
	return sig;
}

bool signal_claim(void)
{
	struct thread *t = thread_current();
	struct k_siginfo info;
	bool claimed;
	int sig;

	spin_lock(&signal_lock);
	if (!(t->signal.pending & ~t->signal.mask)) {
		sig = signal_take_locked(t, ~t->signal.mask, &info);
		if (sig)
			(void)pending_add_locked(&t->signal.pending, &t->signal.queue, sig, &info);
	}
	claimed = (t->signal.pending & ~t->signal.mask) != 0;
	spin_unlock(&signal_lock);
	if (claimed)
		cpu_pend(PENDING_SIGNAL); /* it may have been sent to another, which was told */
	return claimed;
}

/* --- sending --- */

static bool signal_wanted(const struct thread *t, int sig)
{
	return ((~t->signal.mask | t->signal.waiting) & signal_bit(sig)) != 0;
}

/* The thread that takes a signal sent to the process: the main thread if it can, else any (Linux,
 * complete_signal). NULL: all of them block it. The list of threads is locked. */
static struct thread *signal_pick_thread(int sig)
{
	list_for_each(l, &thread_all) {
		struct thread *t = list_entry(l, struct thread, all_link);

		if (signal_wanted(t, sig))
			return t;
	}
	return NULL;
}

/* A signal has become pending for t, which wants it. The current thread may sleep and look for work
 * for its CPU, in which a timer of this process has run. */
static void signal_notify(struct thread *t)
{
	if (t == thread_current())
		signal_pend_current();
	thread_signal(t);
}

/*
 * What need not become pending: t, the receiver, ignores it, or it ends the program (then this does
 * not return).
 */
static bool signal_settled(const struct thread *t, int sig)
{
	bool delivered;

	if (!t)
		return false;
	/* sigwait changes both together. */
	spin_lock(&signal_lock);
	delivered = !((t->signal.mask | t->signal.waiting) & signal_bit(sig));
	spin_unlock(&signal_lock);
	if (!delivered)
		return false;
	if (signal_is_fatal(sig))
		process_exit(128 + sig);
	return signal_ignored(sig);
}

int signal_send_thread(struct thread *t, int sig, const struct k_siginfo *info)
{
	int err;

	if (signal_settled(t, sig))
		return 0;
	spin_lock(&signal_lock);
	err = pending_add_locked(&t->signal.pending, &t->signal.queue, sig, info);
	spin_unlock(&signal_lock);
	/* First pending, then the mask: who changes its mask does it the other way round. */
	atomic_thread_fence(memory_order_seq_cst);
	if (signal_wanted(t, sig))
		signal_notify(t);
	return err;
}

/* Let a thread know of each signal of the process's in set. */
static void signal_notify_process(uint64_t set)
{
	threads_lock();
	for (set &= signal_process_pending; set; set &= set - 1) {
		struct thread *t = signal_pick_thread(__builtin_ctzl(set) + 1);

		if (t)
			signal_notify(t);
	}
	threads_unlock();
}

int signal_send_process(int sig, const struct k_siginfo *info)
{
	bool settled;
	int err;

	threads_lock();
	settled = signal_settled(signal_pick_thread(sig), sig);
	threads_unlock();
	if (settled)
		return 0;
	spin_lock(&signal_lock);
	err = pending_add_locked(&signal_process_pending, queue_of_process(), sig, info);
	spin_unlock(&signal_lock);
	atomic_thread_fence(memory_order_seq_cst);
	signal_notify_process(signal_bit(sig));
	return err;
}

/* --- masks and actions --- */

/* The current thread's mask has changed; blocked: what it did not block before. */
static void signal_mask_changed(uint64_t blocked)
{
	signal_pend_current();
	/* This thread may have been told of one that it has not taken: tell another. */
	if (unlikely(signal_process_pending & blocked))
		signal_notify_process(blocked);
}

void signal_set_mask(uint64_t mask)
{
	struct signal_thread *st = &thread_current()->signal;
	uint64_t blocked;

	mask &= ~unblockable;
	blocked = mask & ~st->mask;
	st->mask = mask;
	signal_mask_changed(blocked);
}

void signal_set_waiting(uint64_t set, uint64_t mask)
{
	struct signal_thread *st = &thread_current()->signal;
	uint64_t blocked;

	mask &= ~unblockable;
	spin_lock(&signal_lock);
	blocked = mask & ~st->mask;
	st->waiting = set;
	st->mask = mask;
	spin_unlock(&signal_lock);
	signal_mask_changed(blocked);
}

void signal_set_mask_temporary(uint64_t mask)
{
	struct signal_thread *st = &thread_current()->signal;

	st->saved_mask = st->mask;
	st->restore_saved_mask = true;
	signal_set_mask(mask);
}

void signal_restore_mask(bool interrupted)
{
	struct signal_thread *st = &thread_current()->signal;

	/* Interrupted: signal_deliver() does it, once the handler's frame is built. */
	if (interrupted || !st->restore_saved_mask)
		return;
	st->restore_saved_mask = false;
	signal_set_mask(st->saved_mask);
}

int signal_wait(uint64_t deadline_ns)
{
	int err;

	do {
		thread_sleep_prepare("signal");
		err = thread_sleep(deadline_ns, SLEEP_INTERRUPTIBLE);
	} while (err == 0);
	return err == -ERESTARTSYS ? -ERESTARTNOHAND : err;
}

int signal_action(int sig, const struct k_sigaction *act, struct k_sigaction *old)
{
	if (sig < 1 || sig > SIGNAL_MAX || (act && (unblockable & signal_bit(sig))))
		return -EINVAL;
	threads_lock();
	spin_lock(&signal_lock);
	if (old)
		*old = actions[sig - 1];
	if (act) {
		actions[sig - 1] = *act;
		actions[sig - 1].mask &= ~unblockable;
		/* POSIX: what is pending and now ignored is discarded, blocked or not. */
		if (signal_ignored(sig)) {
			pending_flush_locked(&signal_process_pending, queue_of_process(),
					     signal_bit(sig));
			list_for_each(l, &thread_all) {
				struct thread *t = list_entry(l, struct thread, all_link);

				/* What is not blocked is about to be taken, and may have ended a
				 * call already: it is dropped when it is taken. */
				if (t->signal.mask & signal_bit(sig))
					pending_flush_locked(&t->signal.pending, &t->signal.queue,
							     signal_bit(sig));
			}
		}
	}
	spin_unlock(&signal_lock);
	threads_unlock();
	return 0;
}

bool signal_on_altstack(uintptr_t sp)
{
	const struct k_stack *ss = &thread_current()->signal.altstack;

	/* With SS_AUTODISARM a handler may switch away from the stack and others use it. */
	if (ss->flags & (int32_t)SS_AUTODISARM)
		return false;
	return !(ss->flags & SS_DISABLE) && sp > ss->sp && sp - ss->sp <= ss->size;
}

void signal_thread_init(struct thread *t, const struct thread *parent)
{
	t->signal.mask = parent->signal.mask;
	t->signal.pending = 0;
	t->signal.waiting = 0;
	t->signal.restore_saved_mask = false;
	list_init(&t->signal.queue);
	t->signal.altstack = (struct k_stack){.flags = SS_DISABLE};
}

void signal_thread_exit(struct thread *t)
{
	spin_lock(&signal_lock);
	pending_flush_locked(&t->signal.pending, &t->signal.queue, UINT64_MAX);
	spin_unlock(&signal_lock);
	/* Nothing interrupts it any more; what it was told of is for another thread. */
	t->signal.mask = UINT64_MAX;
	cpu_unpend(PENDING_SIGNAL);
	if (unlikely(signal_process_pending))
		signal_notify_process(UINT64_MAX);
}

/* --- delivery --- */

/* A system call was interrupted: what does it return now that a handler (or none: act is NULL)
 * runs? */
static void signal_resolve_restart(struct trap_frame *frame, const struct k_sigaction *act)
{
	long result = (long)frame->rax;

	if (frame->vector != TRAP_SYSCALL && frame->vector != TRAP_GATE)
		return;
	if (result == -ERESTARTSYS || result == -ERESTARTNOINTR || result == -ERESTARTNOHAND) {
		if (!act || result == -ERESTARTNOINTR ||
		    (result == -ERESTARTSYS && (act->flags & SA_RESTART)))
			arch_syscall_restart(frame);
		else
			frame->rax = (uint64_t)-EINTR;
	}
}

/* Make *frame enter sig's handler. 0, -EFAULT (no stack for it) or -ENOSPC (the alternate one is
 * full). */
static int signal_enter(struct trap_frame *frame, const struct k_sigaction *act,
			const struct k_siginfo *info)
{
	struct signal_thread *st = &thread_current()->signal;
	uint64_t mask = st->restore_saved_mask ? st->saved_mask : st->mask;
	uintptr_t sp = frame->rsp - RED_ZONE;
	int sig = info->signo;
	bool on_altstack = signal_on_altstack(frame->rsp);
	int err;

	if ((act->flags & SA_ONSTACK) && !(st->altstack.flags & SS_DISABLE) && !on_altstack) {
		sp = st->altstack.sp + st->altstack.size;
		on_altstack = true;
	}
	/* What is below belongs to somebody else (Linux, get_sigframe). */
	if (on_altstack && (sp < st->altstack.sp || sp - st->altstack.sp < arch_signal_frame_max()))
		return -ENOSPC;
	signal_resolve_restart(frame, act);
	arch_signal_rewind(frame);
	err = arch_signal_frame_push(frame, sp, sig, info, mask, &st->altstack, act->handler,
				     act->restorer);
	if (err)
		return err;
	/* The frame is not a system call's any more: nothing to restart. */
	if (frame->vector == TRAP_SYSCALL || frame->vector == TRAP_GATE)
		frame->vector = TRAP_START;
	st->restore_saved_mask = false;
	if (st->altstack.flags & (int32_t)SS_AUTODISARM) {
		st->altstack = (struct k_stack){.flags = SS_DISABLE};
	}
	signal_set_mask(st->mask | act->mask | (act->flags & SA_NODEFER ? 0 : signal_bit(sig)));
	return 0;
}

NORETURN void signal_die(struct trap_frame *frame, int sig, int code, vaddr_t addr)
{
	/* The report takes its time, and the crash is the program's end even if another thread
	 * calls exit() meanwhile. */
	process_exit_begin();
	report_crash(frame, sig, code, addr);
	process_exit(128 + sig);
}

/* The action to take for sig now: as SA_RESETHAND says, only this once. */
static struct k_sigaction action_take(int sig)
{
	struct k_sigaction act;

	spin_lock(&signal_lock);
	act = actions[sig - 1];
	if ((act.flags & SA_RESETHAND) && act.handler != SIG_IGN)
		actions[sig - 1].handler = SIG_DFL;
	spin_unlock(&signal_lock);
	return act;
}

void signal_fault(struct trap_frame *frame, int sig, int code, vaddr_t addr)
{
	const struct signal_thread *st = &thread_current()->signal;
	struct k_sigaction act;
	struct k_siginfo info;
	int err;

	if (st->mask & signal_bit(sig))
		signal_die(frame, sig, code, addr);
	act = action_take(sig);
	if (act.handler == SIG_DFL || act.handler == SIG_IGN)
		signal_die(frame, sig, code, addr);
	info_default(&info, sig, code);
	info.fault_addr = addr;
	err = signal_enter(frame, &act, &info);
	if (!err)
		return;
	/* If only memory for the handler's stack was wanting, the fault itself is what to tell. */
	if (err == -EFAULT && vma_fault_was_oom())
		signal_die(frame, sig, code, addr);
	signal_die(frame, SIGSEGV, SEGV_MAPERR, frame->rsp);
}

/* One signal taken off the pending ones. True: *frame enters its handler. */
static bool signal_deliver_one(struct trap_frame *frame, const struct k_siginfo *info)
{
	int sig = info->signo;
	struct k_sigaction act = action_take(sig);
	int err;

	if (handler_ignores(act.handler, sig))
		return false;
	if (act.handler == SIG_DFL)
		process_exit(128 + sig);
	err = signal_enter(frame, &act, info);
	if (err)
		signal_fault(frame, err == -EFAULT && vma_fault_was_oom() ? SIGBUS : SIGSEGV,
			     SI_KERNEL, 0);
	return true;
}

void signal_deliver(struct trap_frame *frame)
{
	struct thread *t = thread_current();
	struct k_siginfo info;
	bool entered = false;

	for (;;) {
		int sig;

		spin_lock(&signal_lock);
		sig = signal_take_locked(t, ~t->signal.mask, &info);
		spin_unlock(&signal_lock);
		if (!sig)
			break;
		entered |= signal_deliver_one(frame, &info);
	}
	if (!entered) {
		signal_resolve_restart(frame, NULL);
		if (t->signal.restore_saved_mask) {
			t->signal.restore_saved_mask = false;
			signal_set_mask(t->signal.saved_mask);
		}
	}
	signal_pend_current();
}

long signal_return(struct trap_frame *frame)
{
	struct signal_thread *st = &thread_current()->signal;
	struct k_stack altstack;
	uint64_t mask;

	if (arch_signal_frame_pop(frame, &mask, &altstack)) {
		signal_fault(frame, SIGSEGV, SI_KERNEL, 0);
		return (long)frame->rax;
	}
	/* Whatever rax holds, it is no system call's result. */
	frame->vector = TRAP_START;
	signal_set_mask(mask);
	/* One that a program made up may be none (Linux, restore_altstack). */
	if (!(altstack.flags & ~(int32_t)(SS_DISABLE | SS_AUTODISARM)) &&
	    ((altstack.flags & SS_DISABLE) || altstack.size >= MINSIGSTKSZ))
		st->altstack = altstack;
	return (long)frame->rax;
}
