/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* See smp.h: the CPUs, the contexts and the platform. What the program has of it is in
 * smp_program.c. */
#define sched_yield host_sched_yield /* the kernel has one of its own */
#include <asm/prctl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/tsan_interface.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#undef sched_yield

#include "core/runq.h"
#include "core/trap.h"
#include "fake/smp.h"
#include "fake/smp_machine.h"

#ifdef __SANITIZE_THREAD__
#define TSAN(call) call
#else
#define TSAN(call) (void)0
#endif
#ifdef __SANITIZE_ADDRESS__
#define ASAN(call) call
#else
#define ASAN(call) (void)0
#endif

#define STACK_BYTES (128u << 10)

/* Lies where the FPU state would; of idle threads in struct smp_machine_cpu. */
struct context {
	void *sp;
	char *stack; /* NULL: the host thread's */
	size_t stack_bytes;
	/* Some CPU is on its stack: until the next context there has begun. */
	_Atomic bool running;
	void *tsan_fiber, *asan_fake_stack;
	void (*fn)(void *);
	void *arg;
};

static struct smp_machine_cpu {
	struct cpu cpu;
	pthread_t host;
	_Atomic uint32_t kicked;
	uint64_t armed_ns; /* its own */
	/* Halts without a deadline since then; 0: does not. */
	_Atomic uint64_t halted_ns;
	uint64_t random;
	struct context idle;
	struct context *previous; /* what it has switched away from */
} cpus[SMP_CPUS_MAX];

unsigned smp_cpus;
uint64_t smp_seed;
/* How often a CPU pauses before a lock is taken or given back: one time in so many. */
static uint64_t pause_one_in = 50;

static struct smp_machine_cpu *self(void)
{
	return container_of(cpu_self(), struct smp_machine_cpu, cpu);
}

uint64_t smp_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* xorshift64 (Marsaglia, 2003). */
uint64_t smp_random_step(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	*state = x;
	return x * 0x2545f4914f6cdd1du >> 20;
}

/* --- interrupts --- */

void smp_interrupt(void)
{
	struct smp_machine_cpu *c = self();

	if (atomic_load_explicit(&c->kicked, memory_order_relaxed) &&
	    atomic_exchange_explicit(&c->kicked, 0, memory_order_acquire))
		cpu_kicked();
	if (c->armed_ns != NEVER && smp_now_ns() >= c->armed_ns) {
		c->armed_ns = NEVER;
		cpu_pend(PENDING_TIMER);
	}
}

static void yield_host(void)
{
	syscall(SYS_sched_yield);
}

static void pause_now_and_then(struct smp_machine_cpu *c)
{
	uint64_t r = smp_random_step(&c->random);

	if (r % pause_one_in != 0)
		return;
	r /= pause_one_in;
	if (r % 8 == 0) {
		yield_host();
		return;
	}
	for (uint64_t n = r / 8 % 1000; n > 0; n--)
		arch_pause();
}

/* fake/lock.c: before a lock is taken or given back. */
void fake_lock_hook(void)
{
	smp_interrupt();
	pause_now_and_then(self());
}

static void smp_cpu_kick(unsigned id)
{
	struct smp_machine_cpu *c = &cpus[id];

	CHECK(id < percpu_count());
	CHECK(c != self());
	if (!atomic_exchange_explicit(&c->kicked, 1, memory_order_acq_rel))
		syscall(SYS_futex, &c->kicked, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void smp_idle(uint64_t deadline_ns)
{
	struct smp_machine_cpu *c = self();

	CHECK(cpu_self()->current == &percpu_self()->idle);
	atomic_store_explicit(&c->halted_ns, deadline_ns == NEVER ? smp_now_ns() : 0,
			      memory_order_relaxed);
	for (;;) {
		uint64_t now = smp_now_ns(), until = MIN(deadline_ns, c->armed_ns);
		struct timespec ts;

		if (now >= until) {
			c->armed_ns = NEVER;
			cpu_pend(PENDING_TIMER);
		}
		smp_interrupt();
		if (atomic_load_explicit(&c->cpu.pending, memory_order_relaxed))
			break;
		if (until != NEVER) {
			ts.tv_sec = (time_t)((until - now) / 1000000000u);
			ts.tv_nsec = (long)((until - now) % 1000000000u);
		}
		syscall(SYS_futex, &c->kicked, FUTEX_WAIT_PRIVATE, 0, until == NEVER ? NULL : &ts,
			NULL, 0);
	}
	atomic_store_explicit(&c->halted_ns, 0, memory_order_relaxed);
}

static void smp_timer_set(uint64_t deadline_ns)
{
	self()->armed_ns = deadline_ns;
}

bool smp_timer_is_set(void)
{
	uint64_t next = timers_next(); /* first: the interrupt may come meanwhile */

	return self()->armed_ns <= next ||
	       atomic_load_explicit(&cpu_self()->pending, memory_order_relaxed) & PENDING_TIMER;
}

static uint64_t smp_clock(void)
{
	smp_interrupt();
	return smp_now_ns();
}

static void smp_cpu_relax(unsigned spins)
{
	smp_interrupt();
	/* The CPU that is waited for may have none of the host's. */
	if (spins % 64 == 63)
		yield_host();
	arch_pause();
}

/* --- contexts --- */

/* void smp_switch_stack(void **save_sp, void *load_sp) */
__asm__(".text\n"
	".globl smp_switch_stack\n"
	"smp_switch_stack:\n"
	"	push %rbp\n"
	"	push %rbx\n"
	"	push %r12\n"
	"	push %r13\n"
	"	push %r14\n"
	"	push %r15\n"
	"	mov %rsp, (%rdi)\n"
	"	mov %rsi, %rsp\n"
	"	pop %r15\n"
	"	pop %r14\n"
	"	pop %r13\n"
	"	pop %r12\n"
	"	pop %rbx\n"
	"	pop %rbp\n"
	"	ret\n");
void smp_switch_stack(void **save_sp, void *load_sp);

static struct context *context_of(const struct arch_thread *at)
{
	return at->xsave ? at->xsave : &self()->idle;
}

/* The first thing on a stack that was switched to. */
static void context_arrived(struct context *c)
{
	struct context *previous = self()->previous;

	(void)c;
	ASAN(__sanitizer_finish_switch_fiber(
		c->asan_fake_stack, previous->stack ? NULL : (const void **)&previous->stack,
		previous->stack ? NULL : &previous->stack_bytes));
	CHECK(atomic_exchange_explicit(&previous->running, false, memory_order_relaxed));
}

static void context_begin(void)
{
	struct context *c = context_of((struct arch_thread *)thread_current());

	context_arrived(c);
	sched_switched();
	c->fn(c->arg);
	smp_program_exit();
}

void arch_thread_init(struct arch_thread *at, uintptr_t kstack_top, const struct trap_frame *frame,
		      uintptr_t fs_base, bool inherit_fpu)
{
	struct context *c = at->xsave;
	void **sp;

	(void)kstack_top, (void)inherit_fpu;
	c->stack = (char *)((struct thread *)at)->kstack_alloc - STACK_BYTES;
	c->stack_bytes = STACK_BYTES;
	CHECK(!atomic_load_explicit(&c->running, memory_order_relaxed));
	/* What the thread before has left. */
	ASAN(__asan_unpoison_memory_region(c->stack, STACK_BYTES));
	TSAN(c->tsan_fiber ? __tsan_destroy_fiber(c->tsan_fiber) : (void)0);
	TSAN(c->tsan_fiber = __tsan_create_fiber(0));
	c->asan_fake_stack = NULL;
	c->fn = (void (*)(void *))frame->rip;
	c->arg = (void *)frame->rdi;
	sp = (void **)(c->stack + STACK_BYTES) - 2;
	sp[0] = (void *)context_begin; /* rsp is then 8 below a multiple of 16, as behind a call */
	sp[1] = NULL;
	c->sp = sp - 6;
	at->fs_base = fs_base;
}

void arch_switch(struct arch_thread *prev, struct arch_thread *next)
{
	struct context *from = context_of(prev), *to = context_of(next);

	CHECK(from != to);
	/* Nobody else may be on it still. */
	CHECK(!atomic_exchange_explicit(&to->running, true, memory_order_relaxed));
	self()->previous = from;
	ASAN(__sanitizer_start_switch_fiber(&from->asan_fake_stack, to->stack, to->stack_bytes));
	TSAN(__tsan_switch_to_fiber(to->tsan_fiber, 0));
	smp_switch_stack(&from->sp, to->sp);
	context_arrived(from);
}

size_t arch_fpu_size(void)
{
	return ALIGN_UP(sizeof(struct context), (size_t)64);
}

uintptr_t arch_fs_base_get(void)
{
	return ((struct arch_thread *)thread_current())->fs_base;
}

static vaddr_t smp_kstack_alloc(size_t bytes)
{
	/* The context's stack lies below. */
	char *p = aligned_alloc(PAGE_SIZE, STACK_BYTES + bytes);

	CHECK(p != NULL);
	memset(p + STACK_BYTES, 0, bytes);
	return (vaddr_t)p + STACK_BYTES;
}

static void smp_kstack_free(vaddr_t base, size_t bytes)
{
	struct context *c = (struct context *)(base + bytes - arch_fpu_size());

	CHECK(!atomic_load_explicit(&c->running, memory_order_relaxed));
	TSAN(__tsan_destroy_fiber(c->tsan_fiber));
	free((char *)base - STACK_BYTES);
}

/* --- start and end --- */

static unsigned smp_cpu_count(void)
{
	return smp_cpus;
}

static void cpu_begin(unsigned id)
{
	struct smp_machine_cpu *c = &cpus[id];

	c->cpu.self = &c->cpu;
	c->cpu.id = id;
	c->armed_ns = NEVER;
	c->random = smp_seed * 2 + 1 + id * 0x9e3779b97f4a7c15u;
	TSAN(c->idle.tsan_fiber = __tsan_get_current_fiber());
	atomic_store_explicit(&c->idle.running, true, memory_order_relaxed);
	if (syscall(SYS_arch_prctl, ARCH_SET_GS, &c->cpu) != 0)
		abort();
}

static void *cpu_thread(void *arg)
{
	cpu_begin((unsigned)(uintptr_t)arg);
	cpu_main();
}

static int smp_cpu_start(unsigned id)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	CHECK_EQ(pthread_create(&cpus[id].host, &attr, cpu_thread, (void *)(uintptr_t)id), 0);
	pthread_attr_destroy(&attr);
	return 0;
}

NORETURN static void smp_exit(int status)
{
	fflush(stdout);
	exit(status);
}

static const struct plat_ops smp_ops = {
	.name = "smp",
	.kstack_alloc = smp_kstack_alloc,
	.kstack_free = smp_kstack_free,
	.slice_ns = 1000000,
	.clock_monotonic_ns = smp_clock,
	.clock_realtime_ns = smp_clock,
	.timer_set = smp_timer_set,
	.idle = smp_idle,
	.cpu_count = smp_cpu_count,
	.cpu_start = smp_cpu_start,
	.cpu_kick = smp_cpu_kick,
	.cpu_relax = smp_cpu_relax,
	.exit = smp_exit,
};
const struct plat_ops *plat = &smp_ops;

/* --- the watchdog --- */

static _Atomic uint64_t watchdog_deadline_ns = NEVER;
static const char *_Atomic watchdog_test = "";

void smp_watch(const char *test, uint64_t deadline_ns)
{
	atomic_store(&watchdog_test, test);
	atomic_store(&watchdog_deadline_ns, deadline_ns);
}

/* Without locks: who has them may be what hangs. */
static void report(void)
{
	for (unsigned id = 0; id < smp_cpus && percpu_table[id]; id++) {
		const struct runq *rq = &percpu_table[id]->rq;
		const struct thread *t = cpus[id].cpu.current;

		fprintf(stderr, "# CPU %u: %s %d, pending 0x%x, %u waiting, tick %s, idle %d\n", id,
			t == &percpu_table[id]->idle ? "idle" : "thread", t ? t->tid : 0,
			cpus[id].cpu.pending, rq->waiting, rq->tick_ns == NEVER ? "never" : "set",
			(int)(atomic_load(&sched_idle_cpus) >> id & 1));
	}
	list_for_each(l, &thread_all) {
		const struct thread *t = list_entry(l, struct thread, all_link);

		fprintf(stderr, "#   thread %d: state %d, cpu %u, affinity 0x%lx, %s\n", t->tid,
			(int)t->state, t->cpu, t->affinity, t->wait_reason ? t->wait_reason : "-");
	}
}

NORETURN void smp_fail(const char *file, int line, const char *what)
{
	static _Atomic bool begun;

	while (atomic_exchange(&begun, true))
		sleep(1);
	fprintf(stderr, "# %s: %s:%d: %s\n", atomic_load(&watchdog_test), file, line, what);
	report();
	abort();
}

static void *watchdog(void *arg)
{
	(void)arg;
	for (;;) {
		uint64_t now, halted = 0;

		usleep(200000);
		now = smp_now_ns();
		if (now > atomic_load(&watchdog_deadline_ns))
			smp_fail(__FILE__, __LINE__, "the test does not end");
		for (unsigned id = 0; id < percpu_count(); id++) {
			uint64_t since = atomic_load(&cpus[id].halted_ns);

			halted += since != 0 && now > since && now - since > 3000000000u;
		}
		if (halted == percpu_count())
			smp_fail(__FILE__, __LINE__, "every CPU has halted for good");
	}
}

NORETURN void smp_boot(void (*fn)(void *), struct smp_thread *arg)
{
	struct trap_frame frame = {.rip = (uintptr_t)fn, .rdi = (uintptr_t)arg};
	pthread_t host;
	struct thread *t;

	cpu_begin(0);
	thread_init();
	percpu_init();
	CHECK_EQ(thread_create(&t, &frame, (uintptr_t)arg, false), 0);
	thread_start_first(t);
	CHECK_EQ(pthread_create(&host, NULL, watchdog, NULL), 0);
	sched_start(smp_now_ns());
}
