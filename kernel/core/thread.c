/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Threads: their memory, their names and their end.
 *
 * A thread is one allocation: [guard page][kernel stack][struct thread][FPU save area]. One that
 * ends cannot free the stack it stands on, so it puts itself into a small cache and switches away
 * for good. The next thread to be created on this CPU takes it from there; what the cache is too
 * small for is given back by the next thread that ends here. Both run on another stack, and on the
 * same CPU, so the old one is out of use by then.
 */
#include "base/errno.h"
#include "base/string.h"
#include "core/futex.h"
#include "core/log.h"
#include "core/percpu.h"
#include "core/stats.h"

#define KSTACK_BYTES 8192u /* at least */
#define TID_MAX (1 << 22)  /* Linux's limit (PID_MAX_LIMIT) */

static struct spinlock thread_lock = SPINLOCK_INIT(LOCK_THREADS); /* guards all that follows */
struct list thread_all;
static struct rb_root tid_tree;
static int32_t tid_next;
static unsigned thread_created;
static _Atomic unsigned alive; /* read without */
static int leader_status;      /* exit status of the main thread once it has ended: the process's if
				  nothing ends that */
static _Atomic unsigned exit_cpu; /* which CPU ends the program, its id + 1; 0: none */

static size_t alloc_bytes; /* of one thread, see above */

void thread_init(void)
{
	size_t above = ALIGN_UP(sizeof(struct thread), (size_t)64) + arch_fpu_size();

	alloc_bytes = ALIGN_UP(KSTACK_BYTES + above, PAGE_SIZE);
	alive = 0;
	exit_cpu = 0;
	tid_tree.node = NULL;
	tid_next = PROCESS_ID;
	list_init(&thread_all);
}

/* Memory of a thread, from the cache or new: the fields that say where it is are set. */
static struct thread *thread_alloc(void)
{
	struct percpu *pc = percpu_self();
	struct thread *t;
	vaddr_t base, fpu;

	if (pc->dead_count > 0)
		return pc->dead[--pc->dead_count];
	base = plat->kstack_alloc(alloc_bytes);
	if (!base)
		return NULL;
	fpu = base + alloc_bytes - arch_fpu_size();
	t = (struct thread *)(fpu - ALIGN_UP(sizeof(struct thread), (size_t)64));
	t->arch.xsave = (void *)fpu;
	t->kstack_alloc = base;
	t->kstack_base = base;
	t->kstack_top = (uintptr_t)t;
	return t;
}

/* Where tid is in the tree, or would be: *parent and the link to it. */
static struct rb_node **tid_search(int32_t tid, struct rb_node **parent)
{
	struct rb_node **link = &tid_tree.node;

	*parent = NULL;
	while (*link) {
		int32_t other = rb_entry(*link, struct thread, tid_node)->tid;

		if (tid == other)
			break;
		*parent = *link;
		link = tid < other ? &(*link)->left : &(*link)->right;
	}
	return link;
}

static void tid_assign_locked(struct thread *t)
{
	struct rb_node *parent, **link;

	/* There are more ids than threads (CONFIG_CORE_THREADS_MAX), so this ends. */
	do {
		t->tid = tid_next++;
		if (tid_next >= TID_MAX)
			tid_next = PROCESS_ID + 1;
		link = tid_search(t->tid, &parent);
	} while (*link);
	rb_insert(&tid_tree, &t->tid_node, parent, link);
}

int thread_create(struct thread **out, const struct trap_frame *frame, uintptr_t fs_base,
		  bool inherit_fpu)
{
	const struct thread *parent = thread_current();
	struct thread *t;

	if (thread_count() >= CONFIG_CORE_THREADS_MAX)
		return -EAGAIN;
	t = thread_alloc();
	if (!t)
		return -ENOMEM;
	atomic_init(&t->state, THREAD_SLEEPING);
	atomic_init(&t->cpu, cpu_self()->id);
	atomic_init(&t->interruptible, false);
	t->affinity = parent->affinity;
	t->nice = parent->nice;
	t->policy = parent->policy;
	t->wait_reason = "start";
	t->sleep_cycles = 0;
	t->run_start_ns = 0;
	t->cpu_time_ns = 0;
	t->clear_child_tid = 0;
	t->robust_list = 0;
	__builtin_memcpy(t->name, parent->name, sizeof(t->name));
	timer_init(&t->sleep_timer, thread_sleep_expired);
	signal_thread_init(t, parent);
	arch_thread_init(&t->arch, t->kstack_top, frame, fs_base, inherit_fpu);
	spin_lock(&thread_lock);
	tid_assign_locked(t);
	list_push_back(&thread_all, &t->all_link);
	alive++;
	COUNT_ADD(thread_created, 1);
	spin_unlock(&thread_lock);
	*out = t;
	return 0;
}

/* Tell whom it may concern that the current thread is gone (CLONE_CHILD_CLEARTID: pthread_join). */
static void thread_clear_tid(const struct thread *t)
{
	if (!t->clear_child_tid)
		return;
	if (user_clear(t->clear_child_tid, sizeof(uint32_t)) == 0)
		(void)futex_wake(t->clear_child_tid, 1, FUTEX_BITSET_ANY);
}

/* t is in no list any more: its memory is for the next thread that is created on this CPU. */
static void thread_retire(struct thread *t)
{
	struct percpu *pc = percpu_self();

	if (pc->dead_count == THREAD_CACHE_MAX)
		plat->kstack_free(pc->dead[--pc->dead_count]->kstack_alloc, alloc_bytes);
	pc->dead[pc->dead_count++] = t;
}

NORETURN void thread_exit(int code)
{
	struct thread *t = thread_current();
	bool last;

	if (unlikely(t->robust_list))
		futex_robust_exit(t);
	thread_clear_tid(t);
	spin_lock(&thread_lock);
	if (t->tid == PROCESS_ID)
		leader_status = code;
	list_remove(&t->all_link);
	rb_erase(&tid_tree, &t->tid_node);
	last = --alive == 0;
	code = leader_status;
	spin_unlock(&thread_lock);
	if (last)
		process_exit(code);
	/* From here on nobody begins to wait for its locks: it is not found any more. */
	if (IS_ENABLED(CONFIG_FUTEX_PI))
		futex_pi_exit(t);
	signal_thread_exit(t);
	thread_retire(t);
	atomic_store_explicit(&t->state, THREAD_DEAD, memory_order_relaxed);
	sched_block();
	panic("thread %d runs after its end", t->tid);
}

void process_exit_begin(void)
{
	const unsigned here = cpu_self()->id + 1;
	unsigned other = 0;

	if (CONFIG_NR_CPUS == 1)
		return;
	while (!atomic_compare_exchange_strong_explicit(
		       &exit_cpu, &other, here, memory_order_acquire, memory_order_relaxed) &&
	       other != here) {
		other = 0;
		plat->cpu_relax(0);
	}
}

NORETURN void process_exit(int status)
{
	process_exit_begin();
	syscall_report_missing();
	if (IS_ENABLED(CONFIG_STATS) && stats_wanted)
		stats_report();
	plat->exit(status & 0xff);
}

void threads_lock(void)
{
	spin_lock(&thread_lock);
}

void threads_unlock(void)
{
	spin_unlock(&thread_lock);
}

struct thread *thread_find_lock(int32_t tid)
{
	struct rb_node *parent, *n;

	spin_lock(&thread_lock);
	n = *tid_search(tid, &parent);
	if (n)
		return rb_entry(n, struct thread, tid_node);
	spin_unlock(&thread_lock);
	return NULL;
}

bool thread_exists(int32_t tid)
{
	bool exists = thread_find_lock(tid) != NULL;

	if (exists)
		spin_unlock(&thread_lock);
	return exists;
}

unsigned thread_total(void)
{
	return READ_ONCE(thread_created);
}

unsigned thread_count(void)
{
	return alive;
}
