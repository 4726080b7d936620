/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Threads, the scheduler and sleeping. One thread is one Linux task of the program (all in one
 * process), or a CPU's idle thread. The kernel is not preemptible (docs/ARCHITECTURE.md, section
 * 4), but several CPUs may be in it.
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

#define THREAD_NAME_SIZE 16 /* TASK_COMM_LEN of Linux */

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
	_Atomic enum thread_state state; /* made SLEEPING by itself, RUNNABLE under the lock of its
					    CPU's run queue */
	_Atomic uint32_t cpu;       /* whose run queue that is: where it runs, waits, or ran last */
	_Atomic bool interruptible; /* sleeping: a signal wakes it */
	bool timed_out;             /* sleeping: the deadline came */
	int8_t nice;                /* -20 to 19 */
	uint8_t policy;             /* SCHED_OTHER, SCHED_BATCH or SCHED_IDLE */
	uint64_t affinity;          /* CPUs that it may run on; guarded by the run queue's lock */
	struct thread *run_next;    /* run queue */
	const char *wait_reason;    /* what it is blocked on, for reports; static string */
	uint64_t sleep_cycles; /* when it fell asleep (plat_cycles()), for reports; where others
				  waited for the CPU the last slice's begin */
	uint64_t run_start_ns; /* when it got the CPU, as far as run times are kept
				  (sched_cpu_time_ns) */
	uint64_t cpu_time_ns;  /* run time up to run_start_ns */

	/* Identity. tid is unique; the process's pid is the main thread's tid. */
	int32_t tid;
	/* Ends with a 0; written by the thread itself, the list of threads locked. */
	char name[THREAD_NAME_SIZE];
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
/* The same at boot, before sched_start(). */
void thread_start_first(struct thread *t);

/* End the current thread: robust list, clear_child_tid wake. The last thread's end is
 * process_exit(). */
NORETURN void thread_exit(int code);

/* From here on this CPU ends the program, and another one that wants to waits for it; if another
 * one has begun, does not return. */
void process_exit_begin(void);
/* End the program with a wait-status-like result: exit_group. status as a shell shows it. */
NORETURN void process_exit(int status);

/*
 * The thread with that id, the list of threads locked, until threads_unlock(): it does not end
 * meanwhile. NULL, and nothing locked, if there is none. Nothing that can sleep may be called in
 * between.
 */
struct thread *thread_find_lock(int32_t tid);
bool thread_exists(int32_t tid);
unsigned thread_count(void); /* threads of the program alive */
unsigned thread_total(void); /* threads that it has had; a number that was right a moment ago */
/* For whom goes through all threads. */
void threads_lock(void);
void threads_unlock(void);
extern struct list thread_all; /* through all_link, the main thread first while it lives; locked */

/* The process's id: the main thread's tid. */
#define PROCESS_ID 1

/* --- sched.c --- */

/* sched_yield(2): to the end of the queue. Returns 0, as the system call does. */
long sched_yield(void);
/* The way out of the kernel, called by the gate and by trap_dispatch() when cpu->pending is not 0:
 * timers, reschedule, console. Does not deliver signals. */
void sched_pending(void);
/* First entry: run the first thread (thread_start_first()) on this CPU. start_ns: CLOCK_MONOTONIC
 * when the process's CPU time began. */
NORETURN void sched_start(uint64_t start_ns);
/*
 * CPU time of one thread that is the current one, and of the process. Run times of threads are kept
 * from the first time on that anybody asks (they cost a clock reading at each switch); the
 * process's are exact. Any context.
 */
uint64_t sched_thread_time_ns(void);
uint64_t sched_process_time_ns(void);
/* Time that a CPU has worked and idled since the system started. Neither goes back from one call to
 * the next. Any context. */
void sched_cpu_times(unsigned id, uint64_t *busy_ns, uint64_t *idle_ns);
/* CLOCK_MONOTONIC when the system started. */
uint64_t sched_start_ns(void);
/* Switches between threads since boot. */
uint64_t sched_switch_count(void);

/* The CPUs that there are, as a mask. */
uint64_t sched_cpus(void);
/* Let t run on the CPUs of mask only. 0, or -EINVAL if none of them is there. t does not end
 * meanwhile: it is the current thread or the list of threads is locked. */
int sched_set_affinity(struct thread *t, uint64_t mask);
/* -20 to 19: t's slices become longer or shorter. */
void sched_set_nice(struct thread *t, int nice);
/* SCHED_OTHER, SCHED_BATCH (the same here) or SCHED_IDLE: the shortest slices, whatever t's nice.
 */
void sched_set_policy(struct thread *t, unsigned policy);
/* All other CPUs that run threads of the program pass a memory barrier (membarrier(2)). */
void sched_barrier(void);

/* Upcall into abi: name the missing system calls that the program made. */
void syscall_report_missing(void);
/* Upcall into fs: somebody waits for the console. */
bool console_is_watched(void);
/* Upcall into fs: PENDING_CONSOLE was set, wake who waits for input. */
void console_input_pending(void);

#define SLEEP_INTERRUPTIBLE 1u

/*
 * Sleeping, in the order: thread_sleep_prepare(reason), check the condition, thread_sleep(); or
 * check it and thread_sleep_prepare_locked(), under a lock that who wakes takes. A
 * thread_wake() in between makes thread_sleep() return at once. thread_sleep returns 0 if woken,
 * -ETIMEDOUT (deadline_ns, CLOCK_MONOTONIC, NEVER for none), or -ERESTARTSYS if SLEEP_INTERRUPTIBLE
 * and a signal is deliverable.
 */
void thread_sleep_prepare(const char *reason);
int thread_sleep(uint64_t deadline_ns, unsigned flags);
/* Undo thread_sleep_prepare() without sleeping. */
void thread_sleep_cancel(void);
/* Make t runnable if it sleeps (or is about to); true if it did. Any number of times. t must not
 * end meanwhile: it is in a list whose lock the caller holds, and which it takes itself out of. */
bool thread_wake(struct thread *t);
/* t has a new signal that it does not block: wake it if that may be, tell its CPU if it runs. The
 * list of threads is locked. */
void thread_signal(struct thread *t);

/*
 * What makes switches and looking for signals dearer than usual, in one word: flags, once set never
 * cleared, and above them the number of signals pending, for single threads and for the process.
 */
extern _Atomic unsigned sched_attention;
#define SCHED_TIMED 1u /* switches read the clock: there are nice values, or run times are kept */
#define SCHED_ACCOUNTING 2u /* run times are kept */
#define SCHED_RESTRICTED 4u /* some thread may not run everywhere */
#define SCHED_SIGNAL 8u     /* one pending signal */

static ALWAYS_INLINE unsigned sched_attention_load(void)
{
	return atomic_load_explicit(&sched_attention, memory_order_relaxed);
}

/* True if t has a signal that it does not block. */
static ALWAYS_INLINE bool thread_has_signal(const struct thread *t)
{
	if (likely(sched_attention_load() < SCHED_SIGNAL))
		return false;
	return ((atomic_load_explicit(&t->signal.pending, memory_order_relaxed) |
		 atomic_load_explicit(&signal_process_pending, memory_order_relaxed)) &
		~atomic_load_explicit(&t->signal.mask, memory_order_relaxed)) != 0;
}

/* The current thread is about to sleep: what both ways of preparing that do. */
static ALWAYS_INLINE void thread_sleep_mark(const char *reason, memory_order order)
{
	struct thread *t = thread_current();

	t->wait_reason = reason;
	t->timed_out = false;
	atomic_store_explicit(&t->interruptible, false, memory_order_relaxed);
	atomic_store_explicit(&t->state, THREAD_SLEEPING, order);
}

/* thread_sleep_prepare() for who has looked at the condition already, under a lock that he holds
 * and that whoever makes it true takes before he calls thread_wake(). */
static ALWAYS_INLINE void thread_sleep_prepare_locked(const char *reason)
{
	thread_sleep_mark(reason, memory_order_release);
}

/* --- wait queues (wait.c): several threads, several queues per thread (poll) --- */
struct waitq {
	struct spinlock lock;
	struct list waiters; /* struct waiter, guarded by lock */
};

struct waiter {
	struct list link;
	struct thread *thread;
	void (*wake)(struct waiter *w); /* called instead, under the queue's lock; or NULL */
	struct waitq *wq;
};

void waitq_init(struct waitq *wq);
/* Enqueue the current thread; then thread_sleep_prepare(), check, thread_sleep(), waitq_remove().
 */
void waitq_add(struct waitq *wq, struct waiter *w);
/* Have wake() called at each wake-up, under wq's lock, until waitq_remove(). */
void waitq_watch(struct waitq *wq, struct waiter *w, void (*wake)(struct waiter *));
void waitq_remove(struct waiter *w);
/* Wake the first n waiters that sleep (all: UINT32_MAX). They stay enqueued until they remove
 * themselves. */
void waitq_wake(struct waitq *wq, uint32_t n);
/* The same for who holds wq->lock. */
void waitq_wake_locked(struct waitq *wq, uint32_t n);

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
		/* A wake-up that was meant for one waiter may have come after the last look. */   \
		if (r__ != 0 && (cond))                                                            \
			r__ = 0;                                                                   \
		r__;                                                                               \
	})

#endif
