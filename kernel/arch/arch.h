/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the kernel asks of a processor architecture. Everything x86-specific is behind this header
 * (and plat/). The implementation is in arch/x86_64/.
 */
#ifndef ARCH_ARCH_H
#define ARCH_ARCH_H

#include <stdatomic.h>
#include "arch/trap_frame.h"
#include "base/types.h"

struct thread;
struct percpu;

/* Bits of cpu.pending: what the kernel must look at before it returns to the program. */
#define PENDING_RESCHED 1u /* another thread should run */
#define PENDING_TIMER 2u   /* the one-shot timer fired: run timers_run() */
#define PENDING_SIGNAL 4u  /* the current thread has a deliverable signal */
#define PENDING_CONSOLE 8u /* console input arrived */
#define PENDING_KICK 16u   /* another CPU wants this one to look around (plat->cpu_kick) */
#define PENDING_DUMP 32u   /* somebody wants to know what all threads do (core/dump.h) */

/*
 * A CPU's own data, reached through %gs. entry.S knows the offsets of the first fields. An
 * interrupt handler writes pending (own CPU) and nothing else.
 */
struct cpu {
	struct cpu *self;
	struct thread *current; /* never NULL once boot_main runs */
	uintptr_t kstack_top;   /* of current */
	_Atomic uint32_t pending;
	uint32_t id;
	uintptr_t scratch; /* the syscall instruction's entry keeps rsp here */
	uintptr_t canary;  /* what the compiler's stack protector compares (%gs:40), the same on all
			      CPUs */
	uintptr_t kstack_base;  /* of the boot stack; UINTPTR_MAX once threads run */
	struct percpu *percpu;  /* core's data of this CPU (core/percpu.h) */
	_Atomic uint32_t kicks; /* times that it was kicked: who waits for that reads it */
};

static ALWAYS_INLINE struct cpu *cpu_self(void)
{
	struct cpu *c;

	__asm__ volatile("mov %%gs:0, %0" : "=r"(c));
	return c;
}

static ALWAYS_INLINE struct thread *thread_current(void)
{
	struct thread *t;

	__asm__ volatile("mov %%gs:8, %0" : "=r"(t));
	return t;
}

/* This CPU runs t from here on; its kernel stack is still the one before's. */
static ALWAYS_INLINE void cpu_current_set(struct thread *t, uintptr_t kstack_top)
{
	__asm__ volatile("mov %0, %%gs:8" : : "r"(t) : "memory");
	__asm__ volatile("mov %0, %%gs:16" : : "r"(kstack_top) : "memory");
}

/* Set bits in this CPU's pending word, in one instruction (safe against interrupts and migration).
 */
static ALWAYS_INLINE void cpu_pend(uint32_t bits)
{
	__asm__ volatile("orl %0, %%gs:24" : : "ir"(bits) : "memory", "cc");
}

static ALWAYS_INLINE void cpu_unpend(uint32_t bits)
{
	__asm__ volatile("andl %0, %%gs:24" : : "ir"(~bits) : "memory", "cc");
}

/* The handler of plat->cpu_kick(), on the CPU that was kicked. */
static ALWAYS_INLINE void cpu_kicked(void)
{
	struct cpu *c = cpu_self();

	cpu_pend(PENDING_KICK);
	/* Seen by who waits (sched_barrier()): all that ran before the interrupt is done. A host
	 * signal may come in between and count, too. */
	atomic_fetch_add_explicit(&c->kicks, 1, memory_order_seq_cst);
}

/* The architecture's part of a thread. */
struct arch_thread {
	uintptr_t kernel_sp; /* saved by arch_switch() */
	uintptr_t fs_base;   /* thread pointer while not running */
	void *xsave;   /* where the FPU state goes, 64-aligned, arch_fpu_size() bytes, on the kernel
			  stack's allocation */
	bool fpu_live; /* came in by a trap: its whole FPU state counts (set by the trap path) */
	bool fpu_saved; /* xsave holds its FPU state */
	uint32_t mxcsr; /* of a thread that came in by the gate */
	uint16_t fcw;
};

/*
 * Set by the platform's start code before boot_main(): may rdfsbase/wrfsbase be used, and what to
 * call where they may not.
 */
extern bool arch_has_fsgsbase;
extern void (*arch_fs_base_write_slow)(uintptr_t base);

/*
 * The segments that the program runs with, those of the boot code unless the platform changes them
 * after arch_init(); and the end of the addresses that the kernel touches for it.
 */
extern uint64_t arch_program_cs, arch_program_ss;
extern vaddr_t arch_user_end;

/* Once per boot, before the first thread: find out FSGSBASE, XSAVE and its area's size. */
void arch_init(void);

/* Bytes of the FPU save area (a multiple of 64). Any context after arch_init(). */
size_t arch_fpu_size(void);

/*
 * Prepare a new thread to begin with *frame (all registers; arch_trap_return() is its first step),
 * with thread pointer fs_base and the FPU state of a fresh process (or, with inherit_fpu, the
 * calling thread's). kstack_top is 16-aligned; the frame is copied to the top of the kernel stack.
 */
void arch_thread_init(struct arch_thread *at, uintptr_t kstack_top, const struct trap_frame *frame,
		      uintptr_t fs_base, bool inherit_fpu);

/* Prepare a kernel thread (the idle thread): entry(arg) on its kernel stack, never returns. */
void arch_kthread_init(struct arch_thread *at, uintptr_t kstack_top, void (*entry)(void *),
		       void *arg);

/*
 * Switch from the current thread to next: FPU state, thread pointer, kernel stack. Returns when
 * somebody switches back. The caller has set cpu->current and kstack_top already.
 */
void arch_switch(struct arch_thread *prev, struct arch_thread *next);

/* Save the stack pointer and what the C calling convention keeps, go on with another stack where
 * that was done, or where arch_kthread_init() prepared it. */
void arch_stack_switch(uintptr_t *save_sp, uintptr_t load_sp);

/* Fill *frame with a thread's first registers: flags and segments of this platform, all else zero.
 */
void arch_frame_init(struct trap_frame *frame, uintptr_t rip, uintptr_t rsp);

/* Leave the kernel with *frame, which lies on the current kernel stack. Does not return. */
NORETURN void arch_trap_return(struct trap_frame *frame);

/*
 * The program's stack pointer in a system call of the current thread: exact if it trapped; 16 bytes
 * below what it is after the call if it came by the gate.
 */
static ALWAYS_INLINE uintptr_t arch_user_sp(void)
{
	return ((const struct trap_frame *)cpu_self()->kstack_top - 1)->rsp;
}

/*
 * The program's registers of a thread that is in the kernel, on a kernel stack below kstack_top,
 * and stands still. Of one that made a call by the gate, what a backtrace begins with: rip, rsp and
 * rbp. Program memory is touched.
 */
void arch_program_frame(uintptr_t kstack_top, struct trap_frame *out);

/* The current thread's FPU registers, as far as they count, are kept over code that changes them;
 * the thread is not switched away from in between. */
void arch_fpu_keep(const struct arch_thread *self);
void arch_fpu_give_back(const struct arch_thread *self);

/* Thread pointer of the running thread. */
uintptr_t arch_fs_base_get(void);
void arch_fs_base_set(uintptr_t base);

/*
 * Copy between the kernel and program memory, page faults tolerated. dst/src are checked to lie in
 * the program's half of the address space. Returns 0 or -EFAULT (some bytes may have been copied).
 * No lock of the memory layer may be held.
 */
MUST_CHECK int user_copy_in(void *dst, vaddr_t src, size_t n);
MUST_CHECK int user_copy_out(vaddr_t dst, const void *src, size_t n);
MUST_CHECK int user_clear(vaddr_t dst, size_t n);
/* Two words one after the other: what clock_gettime() needs, in few instructions. 0 or -EFAULT. */
MUST_CHECK long user_store_pair(vaddr_t dst, uint64_t a, uint64_t b);
/* Length of the string at src without its 0, at most max; -EFAULT, or -ENAMETOOLONG if there is no
 * 0 in max bytes. */
MUST_CHECK ssize64_t user_strlen(vaddr_t src, size_t max);
/* Copy a string with its 0 into dst (cap bytes). Length without the 0, or -EFAULT, -ENAMETOOLONG.
 */
MUST_CHECK ssize64_t user_copy_string(char *dst, vaddr_t src, size_t cap);
/* Atomic access to an aligned 32-bit word of the program (futexes). 0 or -EFAULT. */
MUST_CHECK int user_load_u32(uint32_t *value, vaddr_t addr);
/* If *addr == expected, store desired; *seen is what was there. 0 or -EFAULT. */
MUST_CHECK int user_cmpxchg_u32(vaddr_t addr, uint32_t expected, uint32_t desired, uint32_t *seen);

/* Is rip inside one of the functions above, and where does it go on with -EFAULT? 0 if not. */
uintptr_t arch_fixup(uintptr_t rip);

/*
 * Build a Linux rt_sigframe (arch/x86/include/asm/sigframe.h) for sig on the program's stack and
 * make *frame enter the handler. info is the 128-byte siginfo, mask the mask to restore, altstack
 * 24 bytes of stack_t for uc_stack. sp is where to build it (top of the alternate stack, or
 * frame->rsp less the red zone). Returns 0 or -EFAULT.
 */
MUST_CHECK int arch_signal_frame_push(struct trap_frame *frame, uintptr_t sp, int sig,
				      const void *info, uint64_t mask, const void *altstack,
				      uintptr_t handler, uintptr_t restorer);
/* The reverse (rt_sigreturn): reads the frame at frame->rsp. 0 or -EFAULT. */
MUST_CHECK int arch_signal_frame_pop(struct trap_frame *frame, uint64_t *mask, void *altstack);

/*
 * An interrupt found the kernel running (rsp in the kernel stack): if it hit one of the ways out
 * behind their last look at cpu->pending, make them look again. rip and rsp are the interrupted
 * ones. Interrupt context.
 */
void arch_interrupt_fixup(uint64_t *rip, uint64_t *rsp);

/* entry.S: the common tail of traps; jumped to with rsp = a complete frame at kstack_top -
 * sizeof(frame). */
void arch_trap_entry(void);
/* The gate (entry.S) and the window behind its last look at cpu->pending. Code, not data. */
extern char kiln_syscall_back[], kiln_trace_back[];
extern char kiln_gate[], kiln_gate_inside[], kiln_gate_check[], kiln_gate_done[];
extern char kiln_syscall_args[], kiln_syscall_args_end[];
extern char kiln_trap_check[], kiln_trap_done[];

/* Make *frame repeat the interrupted system call (frame->error says which; SA_RESTART): the syscall
 * instruction of a TRAP_SYSCALL, the call of the gate of a TRAP_GATE. */
void arch_syscall_restart(struct trap_frame *frame);

/* What the auxiliary vector tells of the processor: AT_PLATFORM, AT_HWCAP, AT_HWCAP2, and
 * AT_MINSIGSTKSZ, the bytes of stack that a signal's delivery takes at most. Any context after
 * arch_init(). */
#define ARCH_PLATFORM "x86_64"
uint64_t arch_hwcap(void);
uint64_t arch_hwcap2(void);
size_t arch_signal_frame_max(void);

/* What the processors call themselves, for /proc/cpuinfo. Any context. */
struct arch_cpu_name {
	char vendor[13], brand[49];
	unsigned family, model, stepping;
};
void arch_cpu_name(struct arch_cpu_name *out);

/* Zeros for a page; registers are left as they are. Any context after arch_init(). */
void arch_page_clear(void *page);

/*
 * Before a handler is entered from *frame: if the program is on its way into the kernel through
 * kiln_syscall_args(), or is to go that way again, put it back to the instruction that calls it.
 * musl's cancellation handler looks for it there.
 */
void arch_signal_rewind(struct trap_frame *frame);

/*
 * Tracing of system calls. arch_trace_begin(): from here on the program's calls by name go by way
 * of trace_stub_call() (abi/trace.c), and those by number look (abi/dispatch.c); at boot, while the
 * image's code may be written. arch_trace_stub(): which handler and number a rewritten stub stands
 * for; 0: a call that is missing.
 */
#define ARCH_TRACE_RECORDS 1u /* write a record of each call */
#define ARCH_TRACE_COUNTS 2u  /* count them */
extern unsigned arch_traces;
void arch_trace_begin(unsigned what);
uintptr_t arch_trace_stub(const uint8_t *behind, unsigned *nr);

/* Is the program traced? */
static ALWAYS_INLINE bool arch_is_traced(void)
{
	return IS_ENABLED(CONFIG_TRACE) && unlikely(arch_traces != 0);
}

/* Cycle counter. */
static ALWAYS_INLINE uint64_t arch_cycles(void)
{
	uint64_t lo, hi; /* the instruction clears the upper halves */

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return hi << 32 | lo;
}

/* The same, not before what has been read before: a clock that another thread's reading led to must
 * not be behind that (Linux, rdtsc_ordered). */
static ALWAYS_INLINE uint64_t arch_cycles_ordered(void)
{
	__asm__ volatile("lfence" ::: "memory");
	return arch_cycles();
}

/* 64 random bits from the processor; false if it has none to give. */
bool arch_random_u64(uint64_t *out);

static ALWAYS_INLINE void arch_pause(void)
{
	__builtin_ia32_pause();
}

#endif
