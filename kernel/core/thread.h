/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Threads, the scheduler and sleeping. One thread is one Linux task of the program (all in one
 * process), or a CPU's idle thread. The kernel is not preemptible (docs/ARCHITECTURE.md, section
 * 4), so on one CPU what stands between two calls that can sleep is atomic.
 */
#ifndef CORE_THREAD_H
#define CORE_THREAD_H

#include "arch/arch.h"
#include "base/atomic.h"
#include "base/list.h"
#include "base/rbtree.h"
#include "core/signal.h"
#include "core/timer.h"
#include "plat/plat.h"

enum thread_state {
	THREAD_RUNNABLE, /* running or on a run queue */
	THREAD_SLEEPING, /* waits for a wake-up, a deadline or a signal */
	THREAD_DEAD,
};

struct thread {
	struct arch_thread arch;
	uintptr_t kstack_base,
		kstack_top; /* the stack proper; struct thread and the FPU area lie above the top */
	vaddr_t kstack_alloc; /* what plat->kstack_alloc() gave */

	/* Scheduler. */
	enum thread_state state;
	bool interruptible;      /* sleeping: a signal wakes it */
	bool timed_out;          /* sleeping: the deadline came */
	struct thread *run_next; /* run queue */
	const char *wait_reason; /* what it is blocked on, for reports; static string */
	uint64_t run_start_ns;   /* when it got the CPU, as far as run times are kept
				    (sched_cpu_time_ns) */
	uint64_t cpu_time_ns;    /* run time up to run_start_ns */

	/* Identity. tid is unique; the process's pid is the main thread's tid. */
	int32_t tid;
	char name[16];
	struct list all_link; /* thread_all */
	struct rb_node tid_node;

	/* Linux task state. */
	vaddr_t clear_child_tid; /* CLONE_CHILD_CLEARTID, set_tid_address */
	vaddr_t robust_list;     /* struct robust_list_head */
	struct signal_thread signal;
	struct timer sleep_timer;
};

/* --- thread.c --- */

/* Boot: the calling context (the boot stack) becomes a thread of no list, which sched_start()
 * leaves for good. */
void thread_init(void);

/*
 * Create a thread that begins with *frame. It is not runnable until thread_start().
 * Returns 0 with *out, or -ENOMEM, -EAGAIN (too many threads).
 */
MUST_CHECK int thread_create(struct thread **out, const struct trap_frame *frame, uintptr_t fs_base,
			     bool inherit_fpu);
void thread_start(struct thread *t);

/* End the current thread: robust list, clear_child_tid wake. The last thread's end is
 * process_exit(). */
NORETURN void thread_exit(int code);

/* End the program with a wait-status-like result: exit_group. status as a shell shows it. */
NORETURN void process_exit(int status);

struct thread *thread_find(int32_t tid); /* NULL if there is none */
unsigned thread_count(void);             /* threads of the program alive */
extern struct list thread_all; /* through all_link, the main thread first while it lives */
/* Log what every thread does or is blocked on. Any kernel context. */
void thread_report(void);

/* The process's id: the main thread's tid. */
#define PROCESS_ID 1

/* --- sched.c --- */

/* Give the CPU to the next runnable thread (or stay). The current thread is runnable or its state
 * has been set. */
void sched_switch(void);
/* sched_yield(2): to the end of the queue. Returns 0, as the system call does. */
long sched_yield(void);
/* The way out of the kernel, called by the gate and by trap_dispatch() when cpu->pending is not 0:
 * timers, reschedule, console. Does not deliver signals. */
void sched_pending(void);
/* First entry: run the first thread on this CPU. start_ns: CLOCK_MONOTONIC when the process's CPU
 * time began. */
NORETURN void sched_start(uint64_t start_ns);
/*
 * CPU time of one thread that is the current one, and of the process. Run times of threads are kept
 * from the first time on that anybody asks (they cost a clock reading at each switch); the
 * process's are exact. Any context.
 */
uint64_t sched_thread_time_ns(void);
uint64_t sched_process_time_ns(void);
/* Switches between threads since boot. */
uint64_t sched_switch_count(void);

/* Upcall into abi: name the missing system calls that the program made. */
void syscall_report_missing(void);
/* Upcall into fs: PENDING_CONSOLE was set, wake who waits for input. */
void console_input_pending(void);

#define SLEEP_INTERRUPTIBLE 1u

/*
 * Sleeping, in the order: thread_sleep_prepare(reason), check the condition, thread_sleep(). A
 * thread_wake() in between makes thread_sleep() return at once. thread_sleep returns 0 if woken,
 * -ETIMEDOUT (deadline_ns, CLOCK_MONOTONIC, NEVER for none), or -ERESTARTSYS if SLEEP_INTERRUPTIBLE
 * and a signal is deliverable.
 */
void thread_sleep_prepare(const char *reason);
int thread_sleep(uint64_t deadline_ns, unsigned flags);
/* Undo thread_sleep_prepare() without sleeping. */
void thread_sleep_cancel(void);
/* Make t runnable if it sleeps (or is about to). Any number of times. */
void thread_wake(struct thread *t);

/* True if t has a signal that it does not block. */
static ALWAYS_INLINE bool thread_has_signal(const struct thread *t)
{
	if (likely(signal_pending_count == 0))
		return false;
	return ((t->signal.pending | signal_process_pending) & ~t->signal.mask) != 0;
}

/* --- wait queues (wait.c): several threads, several queues per thread (poll) --- */
struct waitq {
	struct spinlock lock;
	struct list waiters; /* struct waiter, guarded by lock */
};

struct waiter {
	struct list link;
	struct thread *thread;
	struct waitq *wq;
};

void waitq_init(struct waitq *wq);
/* Enqueue the current thread; then thread_sleep_prepare(), check, thread_sleep(), waitq_remove().
 */
void waitq_add(struct waitq *wq, struct waiter *w);
void waitq_remove(struct waiter *w);
/* Wake the first n waiters (all: UINT32_MAX). They stay enqueued until they remove themselves. */
void waitq_wake(struct waitq *wq, uint32_t n);

/*
 * Whether there is anybody to wake, without the lock. Whoever has changed what waiters look at
 * calls waitq_fence() and then this; with waitq_add()'s fence, either the waiter sees the change or
 * this sees the waiter.
 */
static ALWAYS_INLINE void waitq_fence(void)
{
	atomic_thread_fence(memory_order_seq_cst);
}

static ALWAYS_INLINE bool waitq_active(const struct waitq *wq)
{
	return __atomic_load_n(&wq->waiters.next, __ATOMIC_RELAXED) != &wq->waiters;
}

/* Sleep on wq until (cond) is true; an expression with the value 0, -ETIMEDOUT or -ERESTARTSYS. */
#define waitq_wait(wq, cond, deadline_ns, flags, reason)                                           \
	({                                                                                         \
		struct waiter w__;                                                                 \
		int r__ = 0;                                                                       \
		waitq_add(wq, &w__);                                                               \
		for (;;) {                                                                         \
			thread_sleep_prepare(reason);                                              \
			if (cond) {                                                                \
				thread_sleep_cancel();                                             \
				r__ = 0;                                                           \
				break;                                                             \
			}                                                                          \
			if (r__ != 0) {                                                            \
				thread_sleep_cancel();                                             \
				break;                                                             \
			}                                                                          \
			r__ = thread_sleep(deadline_ns, flags);                                    \
		}                                                                                  \
		waitq_remove(&w__);                                                                \
		r__;                                                                               \
	})

#endif
