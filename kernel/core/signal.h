/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Signals (signal(7)): dispositions are the process's, mask, alternate stack and private pending
 * set the thread's. There is one process, so a process-directed signal goes to any thread that does
 * not block it.
 */
#ifndef CORE_SIGNAL_H
#define CORE_SIGNAL_H

#include "arch/trap_frame.h"
#include "base/list.h"
#include "base/types.h"

struct thread;

#define SIGHUP 1
#define SIGINT 2
#define SIGQUIT 3
#define SIGILL 4
#define SIGTRAP 5
#define SIGABRT 6
#define SIGBUS 7
#define SIGFPE 8
#define SIGKILL 9
#define SIGUSR1 10
#define SIGSEGV 11
#define SIGUSR2 12
#define SIGPIPE 13
#define SIGALRM 14
#define SIGTERM 15
#define SIGSTKFLT 16
#define SIGCHLD 17
#define SIGCONT 18
#define SIGSTOP 19
#define SIGTSTP 20
#define SIGTTIN 21
#define SIGTTOU 22
#define SIGURG 23
#define SIGXCPU 24
#define SIGXFSZ 25
#define SIGVTALRM 26
#define SIGPROF 27
#define SIGWINCH 28
#define SIGIO 29
#define SIGPWR 30
#define SIGSYS 31
#define SIGNAL_MAX 64
#define SIGRTMIN 32 /* the kernel's: from here on signals are queued */

#define SA_SIGINFO 4u
#define SA_RESTORER 0x04000000u
#define SA_ONSTACK 0x08000000u
#define SA_RESTART 0x10000000u
#define SA_NODEFER 0x40000000u
#define SA_RESETHAND 0x80000000u

#define SI_USER 0
#define SI_KERNEL 0x80
#define SI_QUEUE (-1)
#define SI_TIMER (-2)
#define SI_MESGQ (-3)
#define SI_ASYNCIO (-4)
#define SI_TKILL (-6)
#define SEGV_MAPERR 1
#define SEGV_ACCERR 2
#define BUS_ADRALN 1
#define BUS_ADRERR 2
#define FPE_INTDIV 1
#define FPE_FLTDIV 3
#define ILL_ILLOPN 2
#define TRAP_BRKPT 1

#define SS_ONSTACK 1
#define SS_DISABLE 2
#define MINSIGSTKSZ 2048u
#define SS_AUTODISARM 0x80000000u /* disabled while a handler runs */

/* The kernel's struct sigaction for x86-64 as rt_sigaction(2) takes it. */
struct k_sigaction {
	uint64_t handler; /* 0 = SIG_DFL, 1 = SIG_IGN */
	uint64_t flags;
	uint64_t restorer;
	uint64_t mask;
};

/* siginfo_t: 128 bytes; the fields Kiln fills. */
struct k_siginfo {
	int32_t signo, error, code, pad0;
	union {
		struct {
			int32_t pid;
			uint32_t uid;
			uint64_t value;
		} kill;
		uint64_t fault_addr;
		uint8_t bytes[112];
	};
};
_Static_assert(sizeof(struct k_siginfo) == 128, "siginfo_t");

struct k_stack { /* stack_t */
	uint64_t sp;
	int32_t flags, pad;
	uint64_t size;
};
_Static_assert(sizeof(struct k_stack) == 24, "stack_t");

struct signal_thread {
	_Atomic uint64_t mask;    /* changed by the thread itself, read by senders */
	_Atomic uint64_t pending; /* bit n-1: signal n, private */
	struct list queue;        /* struct signal_entry: infos of the private pending signals */
	_Atomic uint64_t waiting; /* sigtimedwait: signals that it waits for (and blocks) */
	struct k_stack altstack;  /* flags as the program set them: never SS_ONSTACK */
	uint64_t saved_mask;      /* rt_sigsuspend, ppoll: restored after the handler */
	bool restore_saved_mask;
};

/* Signal n's bit in a mask. */
static ALWAYS_INLINE uint64_t signal_bit(int sig)
{
	return 1UL << (sig - 1);
}

/* Sent to the process and not yet taken by a thread. Guarded by the lock in signal.c; reading it is
 * allowed to all. */
extern _Atomic uint64_t signal_process_pending;

/* True if t has a signal that it does not block. (Inline: thread_has_signal().) */
bool signal_deliverable(const struct thread *t);

/*
 * Send sig (1-64) to one thread (tgkill): the current one, or one that was found with the list of
 * threads locked, which it still is. info NULL: from the kernel. 0, or -EAGAIN (no memory for
 * a queued realtime signal). A signal that ends the program ends it here and now, if the thread
 * does not block it.
 */
int signal_send_thread(struct thread *t, int sig, const struct k_siginfo *info);
/* Send to the process (kill). The list of threads is not locked. */
int signal_send_process(int sig, const struct k_siginfo *info);

/*
 * A fault of the current thread at *frame: delivered at once. If it is blocked, ignored or has no
 * handler the program ends with a crash report and status 128 + sig.
 */
void signal_fault(struct trap_frame *frame, int sig, int code, vaddr_t addr);
/* The same end, whether there is a handler or not. */
NORETURN void signal_die(struct trap_frame *frame, int sig, int code, vaddr_t addr);

/* Deliver what is deliverable to the current thread: frame is changed to enter handlers. On the way
 * out of the kernel with a trap frame; resolves -ERESTARTSYS in frame->rax (frame->error holds the
 * system call number). */
void signal_deliver(struct trap_frame *frame);
/* rt_sigreturn: *frame becomes what the handler had interrupted. Returns its rax. */
long signal_return(struct trap_frame *frame);

/* For sys_rt_sig*. act and old may be NULL. -EINVAL for a number that there is not, and for SIGKILL
 * and SIGSTOP. */
int signal_action(int sig, const struct k_sigaction *act, struct k_sigaction *old);
/* Set the current thread's mask (SIGKILL and SIGSTOP stay out of it). */
void signal_set_mask(uint64_t mask);
/* The same, and wait for the signals of set: such a one wakes the thread, and whatever its action
 * is it becomes pending, for signal_take(). Until the next call, with set 0. */
void signal_set_waiting(uint64_t set, uint64_t mask);
/*
 * The same for the time of one system call (rt_sigsuspend, ppoll, pselect6), which ends with
 * signal_restore_mask(). interrupted: the call returns -ERESTARTNOHAND; then the old mask comes
 * back after the handler has run.
 */
void signal_set_mask_temporary(uint64_t mask);
void signal_restore_mask(bool interrupted);
/* Take a signal of set that is pending for the current thread: its number and *info, or 0. */
int signal_take(uint64_t set, struct k_siginfo *info);
/* Sleep until a signal is deliverable (-ERESTARTNOHAND) or deadline_ns comes (-ETIMEDOUT). */
int signal_wait(uint64_t deadline_ns);
/* Does address sp lie on the current thread's alternate stack? */
bool signal_on_altstack(uintptr_t sp);

/* t is new: it inherits parent's mask. */
void signal_thread_init(struct thread *t, const struct thread *parent);
/* t, the current thread, has left the list of threads. */
void signal_thread_exit(struct thread *t);
/*
 * The current thread's sleep is about to end with -ERESTARTSYS for a signal that may have been sent
 * to the process: make the signal this thread's own, so that no other thread takes it meanwhile.
 * False: one has taken it by now, and there is no other.
 */
bool signal_claim(void);

#endif
