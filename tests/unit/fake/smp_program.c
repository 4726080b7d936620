/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* See smp.h: the program's side: threads, system calls, handlers, locks, and the tests one after
 * the other. */
#include <time.h>

#include "core/futex.h"
#include "core/signal.h"
#include "core/trap.h"
#include "core/vma.h"
#include "fake/smp.h"
#include "fake/smp_machine.h"

/* After its time a test may take so much longer to come to its end, on a busy host. */
#define GRACE_NS 60000000000u

void (*smp_handler)(const struct k_siginfo *info);
static uint64_t test_ns, test_end_ns;
static const struct smp_test *test_list;
static unsigned test_count;

/* --- threads --- */

struct smp_thread *smp_self(void)
{
	return (struct smp_thread *)thread_current()->arch.fs_base;
}

uint64_t smp_random(uint64_t n)
{
	return smp_random_step(&smp_self()->random) % n;
}

unsigned smp_cpu(void)
{
	return cpu_self()->id;
}

struct smp_thread *smp_start(void (*fn)(void *arg), void *arg)
{
	struct smp_thread *h = calloc(1, sizeof(*h));
	struct trap_frame frame = {.rip = (uintptr_t)fn, .rdi = (uintptr_t)arg};
	struct thread *t;

	CHECK(h != NULL);
	h->fn = fn;
	h->arg = arg;
	h->random = smp_random(UINT64_MAX) | 1;
	smp_point();
	CHECK_EQ(thread_create(&t, &frame, (uintptr_t)h, false), 0);
	t->clear_child_tid = (vaddr_t)&h->tid;
	atomic_store_explicit(&h->tid, (uint32_t)t->tid, memory_order_relaxed);
	thread_start(t);
	smp_leave(0);
	return h;
}

void smp_join(struct smp_thread *h)
{
	uint32_t tid;

	while ((tid = atomic_load_explicit(&h->tid, memory_order_acquire)) != 0)
		SMP_CALL(futex_wait((vaddr_t)&h->tid, tid, FUTEX_BITSET_ANY, NEVER));
	free(h);
}

void smp_crowd(unsigned n, void (*fn)(void *arg), void *arg)
{
	struct smp_thread *threads[64];

	CHECK(n <= ARRAY_SIZE(threads));
	for (unsigned i = 0; i < n; i++)
		threads[i] = smp_start(fn, arg);
	for (unsigned i = 0; i < n; i++)
		smp_join(threads[i]);
}

void smp_program_exit(void)
{
	smp_point();
	thread_exit(0);
}

/* --- in and out of the kernel --- */

/* Run the handlers whose frames the kernel has put on the stack; each ends in rt_sigreturn. */
static void handlers_run(void)
{
	struct smp_thread *h = smp_self();
	bool restart = h->restart;

	while (h->frames > 0) {
		struct smp_frame f = h->frame[--h->frames];

		if (smp_handler)
			smp_handler(&f.info);
		signal_set_mask(f.mask);
		smp_leave(0);
	}
	h->restart = restart;
}

/* entry.S, trap_leave, and core/trap.c, trap_leave_pending(). */
static void leave(struct trap_frame *frame)
{
	uint32_t pending;

	while ((pending = atomic_load_explicit(&cpu_self()->pending, memory_order_relaxed)) != 0) {
		long result = (long)frame->rax;

		if (pending & ~PENDING_SIGNAL)
			sched_pending();
		if (signal_deliverable(thread_current()) ||
		    (frame->vector == TRAP_GATE &&
		     (result == -ERESTARTSYS || result == -ERESTARTNOINTR ||
		      result == -ERESTARTNOHAND)))
			signal_deliver(frame);
		else
			cpu_unpend(PENDING_SIGNAL);
	}
	handlers_run();
}

long smp_leave(long result)
{
	struct trap_frame frame = {.vector = TRAP_GATE, .rax = (uint64_t)result};

	smp_interrupt();
	leave(&frame);
	result = (long)frame.rax;
	/* Numbers that are the kernel's own. */
	CHECK(result > -512 || result < -530);
	return result;
}

void smp_point(void)
{
	struct trap_frame frame = {.vector = TRAP_TIMER};

	smp_interrupt();
	leave(&frame);
}

void smp_spend(uint64_t ns)
{
	uint64_t end = smp_now_ns() + ns;

	do {
		smp_point();
	} while (smp_now_ns() < end);
}

size_t arch_signal_frame_max(void)
{
	return 0;
}

int arch_signal_frame_push(struct trap_frame *frame, uintptr_t sp, int sig, const void *info,
			   uint64_t mask, const void *altstack, uintptr_t handler,
			   uintptr_t restorer)
{
	struct smp_thread *h = smp_self();
	struct smp_frame *f = &h->frame[h->frames++];

	(void)frame, (void)sp, (void)sig, (void)altstack, (void)handler, (void)restorer;
	CHECK(h->frames <= SMP_FRAMES_MAX);
	f->mask = mask;
	memcpy(&f->info, info, sizeof(f->info));
	return 0;
}

int arch_signal_frame_pop(struct trap_frame *frame, uint64_t *mask, void *altstack)
{
	(void)frame, (void)mask, (void)altstack;
	return -EFAULT; /* handlers_run() does it */
}

void arch_syscall_restart(struct trap_frame *frame)
{
	frame->rax = 0;
	smp_self()->restart = true;
}

void arch_signal_rewind(struct trap_frame *frame)
{
	(void)frame;
}

WEAK bool vma_fault_was_oom(void)
{
	return false;
}

void report_crash(const struct trap_frame *frame, int sig, int code, vaddr_t addr)
{
	(void)frame, (void)code, (void)addr;
	fprintf(stderr, "# signal %d\n", sig);
	smp_fail(__FILE__, __LINE__, "the program has crashed");
}

void syscall_report_missing(void)
{
}

void console_input_pending(void)
{
}

/* --- program memory: loads acquire and stores release, as on x86 --- */

int user_copy_in(void *dst, vaddr_t src, size_t n)
{
	if (src < PAGE_SIZE)
		return -EFAULT;
	if (n == 8 && IS_ALIGNED(src | (uintptr_t)dst, 8))
		*(uint64_t *)dst = __atomic_load_n((uint64_t *)src, __ATOMIC_ACQUIRE);
	else
		memcpy(dst, (const void *)src, n);
	return 0;
}

int user_copy_out(vaddr_t dst, const void *src, size_t n)
{
	if (dst < PAGE_SIZE)
		return -EFAULT;
	memcpy((void *)dst, src, n);
	return 0;
}

int user_clear(vaddr_t dst, size_t n)
{
	CHECK_EQ(n, 4);
	if (dst < PAGE_SIZE)
		return -EFAULT;
	__atomic_store_n((uint32_t *)dst, 0, __ATOMIC_RELEASE);
	return 0;
}

int user_load_u32(uint32_t *value, vaddr_t addr)
{
	if (addr < PAGE_SIZE)
		return -EFAULT;
	*value = __atomic_load_n((uint32_t *)addr, __ATOMIC_ACQUIRE);
	return 0;
}

int user_cmpxchg_u32(vaddr_t addr, uint32_t expected, uint32_t desired, uint32_t *seen)
{
	if (addr < PAGE_SIZE)
		return -EFAULT;
	*seen = expected;
	__atomic_compare_exchange_n((uint32_t *)addr, seen, desired, false, __ATOMIC_SEQ_CST,
				    __ATOMIC_ACQUIRE);
	return 0;
}

/* --- locks --- */

/* The mutex of "Futexes are tricky" (Drepper, 2011), with a deadline. */
bool smp_mutex_lock(struct smp_mutex *m, uint64_t deadline_ns)
{
	uint32_t seen = 0;

	smp_point();
	if (atomic_compare_exchange_strong_explicit(&m->word, &seen, 1, memory_order_acquire,
						    memory_order_relaxed))
		return true;
	while (atomic_exchange_explicit(&m->word, 2, memory_order_acquire) != 0) {
		long err =
			SMP_CALL(futex_wait((vaddr_t)&m->word, 2, FUTEX_BITSET_ANY, deadline_ns));

		CHECK(err == 0 || err == -EAGAIN || err == -EINTR || err == -ETIMEDOUT);
		if (err == -ETIMEDOUT)
			return false;
	}
	return true;
}

void smp_mutex_unlock(struct smp_mutex *m)
{
	if (atomic_exchange_explicit(&m->word, 0, memory_order_release) == 2)
		SMP_CALL(futex_wake((vaddr_t)&m->word, 1, FUTEX_BITSET_ANY));
	smp_point();
}

/* The sequence number says whether there was a signal since the mutex was given back. */
bool smp_cond_wait(struct smp_cond *c, struct smp_mutex *m, uint64_t deadline_ns)
{
	uint32_t seq = atomic_load_explicit(&c->seq, memory_order_relaxed);
	long err;

	smp_mutex_unlock(m);
	err = SMP_CALL(futex_wait((vaddr_t)&c->seq, seq, FUTEX_BITSET_ANY, deadline_ns));
	/* A waiter that was moved to the mutex must wake the next one. */
	while (atomic_exchange_explicit(&m->word, 2, memory_order_acquire) != 0)
		SMP_CALL(futex_wait((vaddr_t)&m->word, 2, FUTEX_BITSET_ANY, NEVER));
	return err != -ETIMEDOUT;
}

void smp_cond_signal(struct smp_cond *c)
{
	atomic_fetch_add_explicit(&c->seq, 1, memory_order_relaxed);
	SMP_CALL(futex_wake((vaddr_t)&c->seq, 1, FUTEX_BITSET_ANY));
}

void smp_cond_broadcast(struct smp_cond *c, struct smp_mutex *m)
{
	uint32_t seq = atomic_fetch_add_explicit(&c->seq, 1, memory_order_relaxed) + 1;
	long n;

	/* One that was moved sleeps on the mutex: that must know. */
	atomic_store_explicit(&m->word, 2, memory_order_relaxed);
	do {
		n = SMP_CALL(
			futex_requeue((vaddr_t)&c->seq, (vaddr_t)&m->word, 1, UINT32_MAX, &seq));
		seq = atomic_load_explicit(&c->seq, memory_order_relaxed);
	} while (n == -EAGAIN);
	CHECK(n >= 0);
}

/* --- the tests --- */

bool smp_over(void)
{
	smp_point();
	return smp_now_ns() > test_end_ns;
}

static void tests_run(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < test_count; i++) {
		test_end_ns = smp_now_ns() + test_ns;
		smp_watch(test_list[i].name, test_end_ns + GRACE_NS);
		smp_handler = NULL;
		test_list[i].run();
		/* A thread that is joined is not yet gone. */
		while (thread_count() > 1)
			smp_point();
		printf("ok %u - %s\n", i + 1, test_list[i].name);
		fflush(stdout);
	}
	process_exit(0);
}

static uint64_t env_number(const char *name, uint64_t otherwise)
{
	const char *s = getenv(name);

	return s && *s ? strtoull(s, NULL, 0) : otherwise;
}

int smp_run(const struct smp_test *tests, unsigned n)
{
	static struct smp_thread main_thread = {.tid = PROCESS_ID};
	const char *seconds = getenv("SECONDS_EACH");

	smp_seed = env_number("SEED", (uint64_t)time(NULL));
	main_thread.random = smp_seed | 1;
	smp_cpus = (unsigned)env_number("CPUS", 2 + smp_seed % 3);
	test_ns = (uint64_t)((seconds ? strtod(seconds, NULL) : 0.2) * 1e9);
	fprintf(stderr, "# SEED=%llu CPUS=%u\n", (unsigned long long)smp_seed, smp_cpus);
	test_list = tests;
	test_count = n;
	printf("1..%u\n", n);
	smp_boot(tests_run, &main_thread);
}
