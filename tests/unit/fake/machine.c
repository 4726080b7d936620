/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* See machine.h. Contexts are ucontext(3)'s; %gs, where the kernel has its CPU's data, is free on
 * x86-64 Linux. */
#include "fake/fake.h"

#include <asm/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/errno.h"
#include "core/runq.h"
#include "core/trap.h"
#include "core/vma.h"
#include "fake/machine.h"

#define STACK_BYTES (256 << 10)
#define START_NS 1000000000u

uint64_t machine_now_ns, machine_armed_ns;
unsigned machine_timer_sets, machine_idles, machine_kicks, machine_lates, machine_kstacks,
	machine_restarts;
int machine_crash_signal;
bool machine_out_of_memory;
struct machine_handler machine_handler;

/* Lies where the FPU state would. */
struct context {
	ucontext_t uc;
	char *stack;
	void (*fn)(void *);
	void *arg;
};

#define KSTACKS_MAX 1024u

static struct kstack {
	vaddr_t base;
	size_t bytes;
} kstacks[KSTACKS_MAX]; /* base 0: free */

static struct cpu machine_cpu;
static ucontext_t main_context;
static int exit_status;

static struct context *context_of(const struct arch_thread *at)
{
	return at->xsave;
}

static struct arch_thread *arch_of_current(void)
{
	return (struct arch_thread *)thread_current(); /* its first member */
}

size_t arch_fpu_size(void)
{
	return ALIGN_UP(sizeof(struct context), (size_t)64);
}

uintptr_t arch_fs_base_get(void)
{
	return arch_of_current()->fs_base;
}

static void context_begin(void)
{
	struct context *c = context_of(arch_of_current());

	sched_switched();
	c->fn(c->arg);
	thread_exit(0);
}

void arch_thread_init(struct arch_thread *at, uintptr_t kstack_top, const struct trap_frame *frame,
		      uintptr_t fs_base, bool inherit_fpu)
{
	struct context *c = context_of(at);

	if (!c->stack)
		c->stack = malloc(STACK_BYTES);
	c->fn = (void (*)(void *))frame->rip;
	c->arg = (void *)frame->rdi;
	getcontext(&c->uc);
	c->uc.uc_stack.ss_sp = c->stack;
	c->uc.uc_stack.ss_size = STACK_BYTES;
	c->uc.uc_link = NULL;
	makecontext(&c->uc, context_begin, 0);
	at->fs_base = fs_base;
}

void arch_switch(struct arch_thread *prev, struct arch_thread *next)
{
	static ucontext_t idle; /* the idle thread has nothing where FPU state would be */

	swapcontext(prev->xsave ? &context_of(prev)->uc : &idle,
		    next->xsave ? &context_of(next)->uc : &idle);
}

/* --- signals --- */

size_t arch_signal_frame_max(void)
{
	return 0;
}

int arch_signal_frame_push(struct trap_frame *frame, uintptr_t sp, int sig, const void *info,
			   uint64_t mask, const void *altstack, uintptr_t handler,
			   uintptr_t restorer)
{
	if (fake_fails())
		return -EFAULT;
	machine_handler.entered++;
	machine_handler.sig = sig;
	machine_handler.sp = sp;
	machine_handler.handler = handler;
	machine_handler.mask = mask;
	memcpy(&machine_handler.info, info, sizeof(machine_handler.info));
	memcpy(&machine_handler.altstack, altstack, sizeof(machine_handler.altstack));
	return 0;
}

int arch_signal_frame_pop(struct trap_frame *frame, uint64_t *mask, void *altstack)
{
	*mask = machine_handler.mask;
	memcpy(altstack, &machine_handler.altstack, sizeof(machine_handler.altstack));
	return 0;
}

void arch_syscall_restart(struct trap_frame *frame)
{
	machine_restarts++;
	frame->rax = frame->error;
}

void arch_signal_rewind(struct trap_frame *frame)
{
}

void report_crash(const struct trap_frame *frame, int sig, int code, vaddr_t addr)
{
	machine_crash_signal = sig;
}

/* --- program memory --- */

bool vma_fault_was_oom(void)
{
	return machine_out_of_memory;
}

int user_copy_in(void *dst, vaddr_t src, size_t n)
{
	if (src < PAGE_SIZE)
		return -EFAULT;
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
	if (dst < PAGE_SIZE)
		return -EFAULT;
	memset((void *)dst, 0, n);
	return 0;
}

int user_load_u32(uint32_t *value, vaddr_t addr)
{
	return user_copy_in(value, addr, 4);
}

int user_cmpxchg_u32(vaddr_t addr, uint32_t expected, uint32_t desired, uint32_t *seen)
{
	if (user_copy_in(seen, addr, 4))
		return -EFAULT;
	return *seen == expected ? user_copy_out(addr, &desired, 4) : 0;
}

/* --- platform --- */

static vaddr_t machine_kstack_alloc(size_t bytes)
{
	void *p;

	if (fake_fails())
		return 0;
	p = aligned_alloc(PAGE_SIZE, bytes);
	memset(p, 0, bytes);
	for (unsigned i = 0; i < KSTACKS_MAX; i++) {
		if (kstacks[i].base == 0) {
			kstacks[i] = (struct kstack){(vaddr_t)p, bytes};
			machine_kstacks++;
			return (vaddr_t)p;
		}
	}
	fail_msg("more than %u kernel stacks", KSTACKS_MAX);
	return 0;
}

static void machine_kstack_free(vaddr_t base, size_t bytes)
{
	struct context *c = (struct context *)(base + bytes - arch_fpu_size());
	unsigned i = 0;

	while (kstacks[i].base != base)
		assert_in_range(++i, 0, KSTACKS_MAX - 1);
	assert_int_equal(kstacks[i].bytes, bytes);
	kstacks[i].base = 0;
	free(c->stack);
	free((void *)base);
	machine_kstacks--;
}

static uint64_t machine_clock(void)
{
	return machine_now_ns;
}

static void machine_timer_set(uint64_t deadline_ns)
{
	machine_timer_sets++;
	machine_armed_ns = deadline_ns;
}

NORETURN static void machine_exit(int status)
{
	exit_status = status;
	fake_locks_drop();
	setcontext(&main_context);
	abort();
}

static void machine_idle(uint64_t deadline_ns)
{
	machine_idles++;
	if (atomic_load(&machine_cpu.pending))
		return;
	if (deadline_ns == NEVER)
		machine_exit(MACHINE_STUCK);
	if (deadline_ns > machine_now_ns)
		machine_now_ns = deadline_ns;
	machine_armed_ns = NEVER;
	cpu_pend(PENDING_TIMER);
}

static unsigned machine_cpu_count(void)
{
	return 1;
}

static void machine_cpu_kick(unsigned cpu)
{
	machine_kicks++;
}

static void machine_cpu_late(unsigned cpu)
{
	machine_lates++;
}

static void machine_cpu_relax(unsigned spins)
{
	fail_msg("the only CPU waits for another one");
}

static const struct plat_ops machine_ops = {
	.name = "machine",
	.kstack_alloc = machine_kstack_alloc,
	.kstack_free = machine_kstack_free,
	.slice_ns = 1000000,
	.clock_monotonic_ns = machine_clock,
	.clock_realtime_ns = machine_clock,
	.timer_set = machine_timer_set,
	.idle = machine_idle,
	.cpu_count = machine_cpu_count,
	.cpu_kick = machine_cpu_kick,
	.cpu_late = machine_cpu_late,
	.cpu_relax = machine_cpu_relax,
	.exit = machine_exit,
};
const struct plat_ops *plat = &machine_ops;

/* Upcalls. */
void syscall_report_missing(void)
{
}

void console_input_pending(void)
{
}

/* --- for the tests --- */

void machine_reset(void)
{
	machine_cpu = (struct cpu){.self = &machine_cpu};
	assert_int_equal(syscall(SYS_arch_prctl, ARCH_SET_GS, &machine_cpu), 0);
	machine_now_ns = START_NS;
	machine_armed_ns = NEVER;
	machine_timer_sets = machine_idles = machine_kicks = machine_lates = machine_restarts = 0;
	machine_handler = (struct machine_handler){0};
	machine_crash_signal = 0;
	machine_out_of_memory = false;
	if (!thread_all.next)
		thread_init();
	memset(percpu_table[0], 0, sizeof(struct percpu));
	percpu_init();
	sched_idle_cpus = 0;
	for (int sig = 1; sig <= SIGNAL_MAX; sig++) {
		const struct k_sigaction ignore = {.handler = 1}, dfl = {0};

		/* To ignore a signal is also to forget it where it is pending. */
		if (signal_action(sig, &ignore, NULL) == 0)
			assert_int_equal(signal_action(sig, &dfl, NULL), 0);
	}
	assert_in_range(sched_attention, 0, SCHED_SIGNAL - 1);
	sched_attention = 0;
	for (unsigned i = 0; i < KSTACKS_MAX; i++)
		if (kstacks[i].base)
			machine_kstack_free(kstacks[i].base, kstacks[i].bytes);
	thread_init();
}

struct thread *machine_thread(void (*fn)(void *), void *arg)
{
	struct trap_frame frame = {.rip = (uintptr_t)fn, .rdi = (uintptr_t)arg};
	struct thread *t;

	assert_int_equal(thread_create(&t, &frame, 0, false), 0);
	if (thread_current() == &percpu_self()->idle)
		thread_start_first(t);
	else
		thread_start(t);
	return t;
}

int machine_run(void)
{
	volatile bool started = false;

	getcontext(&main_context);
	if (!started) {
		started = true;
		sched_start(START_NS);
	}
	/* Threads that the end of the process has cut off. */
	list_for_each(l, &thread_all)
		timer_stop(&list_entry(l, struct thread, all_link)->sleep_timer);
	return exit_status;
}

long machine_leave(long result)
{
	struct trap_frame frame = {.vector = TRAP_GATE, .rax = (uint64_t)result};

	/* As trap_leave_pending() does. */
	while (atomic_load(&machine_cpu.pending) || result == -ERESTARTSYS ||
	       result == -ERESTARTNOHAND) {
		if (atomic_load(&machine_cpu.pending) & ~PENDING_SIGNAL)
			sched_pending();
		signal_deliver(&frame);
		result = (long)frame.rax;
	}
	return result;
}

void machine_spend(uint64_t ns)
{
	struct trap_frame frame = {.vector = TRAP_TIMER};
	uint64_t left = ns;

	for (;;) {
		uint64_t step = left;

		if (machine_armed_ns <= machine_now_ns + left)
			step = machine_armed_ns > machine_now_ns ? machine_armed_ns - machine_now_ns
								 : 0;
		machine_now_ns += step;
		left -= step;
		if (machine_armed_ns > machine_now_ns)
			return;
		machine_armed_ns = NEVER;
		cpu_pend(PENDING_TIMER);
		while (atomic_load(&machine_cpu.pending)) {
			sched_pending();
			signal_deliver(&frame);
		}
	}
}
