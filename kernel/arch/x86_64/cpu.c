/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Threads at the processor's level: first frame, switch, thread pointer, hardware random numbers.
 */
#include "arch/arch.h"
#include "arch/x86_64/cpuid.h"
#include "arch/x86_64/fpu.h"
#include "arch/x86_64/layout.h"
#include "base/errno.h"
#include "base/string.h"

_Static_assert(offsetof(struct cpu, current) == CPU_CURRENT, "layout.h");
_Static_assert(offsetof(struct cpu, kstack_top) == CPU_KSTACK_TOP, "layout.h");
_Static_assert(offsetof(struct cpu, pending) == CPU_PENDING, "layout.h");
_Static_assert(offsetof(struct cpu, scratch) == CPU_SCRATCH, "layout.h");
_Static_assert(offsetof(struct cpu, canary) == CPU_CANARY, "layout.h");
_Static_assert(offsetof(struct arch_thread, fpu_live) == THREAD_FPU_LIVE, "layout.h");
_Static_assert(offsetof(struct trap_frame, rax) == FRAME_RAX, "layout.h");
_Static_assert(offsetof(struct trap_frame, cr2) == FRAME_CR2, "layout.h");
_Static_assert(offsetof(struct trap_frame, rsp) == FRAME_RSP, "layout.h");
_Static_assert(TRAP_GATE == TRAP_VECTOR_GATE && TRAP_SYSCALL == TRAP_VECTOR_SYSCALL, "layout.h");

#define RFLAGS_RESERVED 0x2u
#define RFLAGS_IF 0x200u
#define X87_STATUS_FLAGS 0xffu /* exceptions, stack fault, summary */

bool arch_has_fsgsbase;
uint64_t arch_program_cs, arch_program_ss;
void (*arch_fs_base_write_slow)(uintptr_t base);

extern char arch_thread_begin[], arch_kthread_begin[];
extern char user_access_start[], user_access_end[], user_access_fault[];

void arch_init(void)
{
	__asm__("mov %%cs, %0" : "=r"(arch_program_cs));
	__asm__("mov %%ss, %0" : "=r"(arch_program_ss));
	fpu_init();
}

size_t arch_fpu_size(void)
{
	return ALIGN_UP((size_t)fpu_size, 64);
}

uintptr_t arch_fs_base_get(void)
{
	uintptr_t base;

	if (!arch_has_fsgsbase)
		return ((struct arch_thread *)thread_current())->fs_base;
	__asm__ volatile("rdfsbase %0" : "=r"(base));
	return base;
}

void arch_fs_base_set(uintptr_t base)
{
	if (arch_has_fsgsbase) {
		__asm__ volatile("wrfsbase %0" : : "r"(base));
		return;
	}
	((struct arch_thread *)thread_current())->fs_base = base;
	arch_fs_base_write_slow(base);
}

void arch_frame_init(struct trap_frame *frame, uintptr_t rip, uintptr_t rsp)
{
	*frame = (struct trap_frame){
		.vector = TRAP_START,
		.rip = rip,
		.rsp = rsp,
		.cs = arch_program_cs,
		.ss = arch_program_ss,
		.rflags = RFLAGS_RESERVED | RFLAGS_IF,
	};
}

/* Lay down what arch_stack_switch() pops: six registers and a return address. */
static uintptr_t *stack_prepare(uintptr_t sp, const char *begin)
{
	uintptr_t *s = (uintptr_t *)sp;

	*--s = (uintptr_t)begin;
	for (int i = 0; i < 6; i++)
		*--s = 0;
	return s;
}

void arch_thread_init(struct arch_thread *at, uintptr_t kstack_top, const struct trap_frame *frame,
		      uintptr_t fs_base, bool inherit_fpu)
{
	uintptr_t sp = kstack_top - sizeof(*frame);

	*(struct trap_frame *)sp = *frame;
	at->kernel_sp = (uintptr_t)stack_prepare(sp, arch_thread_begin);
	at->fs_base = fs_base;
	at->fpu_live = false;
	at->fpu_saved = false;
	at->mxcsr = MXCSR_DEFAULT;
	at->fcw = FCW_DEFAULT;
	fpu_area_prepare(at->xsave);
	if (inherit_fpu && ((struct arch_thread *)thread_current())->fpu_live) {
		fpu_save(at->xsave);
		at->fpu_saved = true;
		at->fpu_live = true; /* it may be preempted before it has left the kernel */
	} else if (inherit_fpu) {
		__asm__ volatile("stmxcsr %0" : "=m"(at->mxcsr));
		__asm__ volatile("fnstcw %0" : "=m"(at->fcw));
	}
}

void arch_kthread_init(struct arch_thread *at, uintptr_t kstack_top, void (*entry)(void *),
		       void *arg)
{
	uintptr_t *s = stack_prepare(kstack_top, arch_kthread_begin);

	s[4] = (uintptr_t)entry; /* rbx */
	s[3] = (uintptr_t)arg;   /* r12 */
	at->kernel_sp = (uintptr_t)s;
	at->mxcsr = MXCSR_DEFAULT;
	at->fcw = FCW_DEFAULT;
}

/*
 * Does the x87 remember exceptions? They are the running thread's (fetestexcept(3)), and loading
 * another one's control word could make them pending: then the kernel itself would get the trap.
 */
static ALWAYS_INLINE bool x87_has_flags(void)
{
	uint16_t status;

	__asm__ volatile("fnstsw %0" : "=a"(status));
	return (status & X87_STATUS_FLAGS) != 0;
}

/* All of the outgoing thread's FPU state if it was trapped anywhere, what the ABI keeps if it made
 * a C call. */
static void fpu_switch(struct arch_thread *prev, struct arch_thread *next)
{
	bool whole = prev->fpu_live || x87_has_flags();

	if (whole) {
		fpu_save(prev->xsave);
		prev->fpu_saved = true;
	} else {
		__asm__ volatile("stmxcsr %0" : "=m"(prev->mxcsr));
		__asm__ volatile("fnstcw %0" : "=m"(prev->fcw));
	}
	if (next->fpu_saved) {
		fpu_restore(next->xsave);
		next->fpu_saved = false;
		return;
	}
	if (whole)
		__asm__ volatile("fninit"); /* the C ABI wants the x87 stack empty */
	__asm__ volatile("ldmxcsr %0" : : "m"(next->mxcsr));
	__asm__ volatile("fldcw %0" : : "m"(next->fcw));
}

static NOINLINE void switch_slow(struct arch_thread *prev, struct arch_thread *next)
{
	fpu_switch(prev, next);
	if (arch_has_fsgsbase) {
		__asm__ volatile("rdfsbase %0" : "=r"(prev->fs_base));
		__asm__ volatile("wrfsbase %0" : : "r"(next->fs_base));
	} else if (next->fs_base != prev->fs_base) {
		arch_fs_base_write_slow(next->fs_base);
	}
	arch_stack_switch(&prev->kernel_sp, next->kernel_sp);
}

/*
 * Two threads that came in by the gate is the case to be quick in. Writing the FS base takes
 * longest (11 ns on an AMD EPYC) and looking at the x87 waits for what it did before; of all the
 * orders this one waits least.
 */
void arch_switch(struct arch_thread *prev, struct arch_thread *next)
{
	if (unlikely(prev->fpu_live || next->fpu_saved || !arch_has_fsgsbase)) {
		switch_slow(prev, next);
		return;
	}
	__asm__ volatile("rdfsbase %0" : "=r"(prev->fs_base));
	__asm__ volatile("fnstcw %0" : "=m"(prev->fcw));
	if (unlikely(x87_has_flags())) {
		switch_slow(prev, next);
		return;
	}
	__asm__ volatile("wrfsbase %0" : : "r"(next->fs_base));
	__asm__ volatile("stmxcsr %0" : "=m"(prev->mxcsr));
	__asm__ volatile("fldcw %0" : : "m"(next->fcw));
	__asm__ volatile("ldmxcsr %0" : : "m"(next->mxcsr));
	arch_stack_switch(&prev->kernel_sp, next->kernel_sp);
}

void arch_program_frame(uintptr_t kstack_top, struct trap_frame *out)
{
	const struct trap_frame *f = (const struct trap_frame *)kstack_top - 1;
	uintptr_t sp, saved[2]; /* rbp, return address */

	*out = *f;
	/* Below the frame, aligned, is where the common code was called from. */
	if (((const uintptr_t *)f)[-2] != (uintptr_t)kiln_gate_check)
		return;
	sp = f->rsp;
	*out = (struct trap_frame){.vector = TRAP_GATE, .rsp = sp};
	if (user_copy_in(saved, sp, sizeof(saved)))
		return;
	sp += sizeof(saved);
	out->rbp = saved[0];
	if (saved[1] == (uintptr_t)kiln_syscall_back ||
	    (IS_ENABLED(CONFIG_TRACE) && saved[1] == (uintptr_t)kiln_trace_back)) {
		sp += KILN_SYSCALL_STACK;
		if (user_copy_in(&saved[1], sp, sizeof(saved[1])))
			return;
		sp += sizeof(saved[1]);
	}
	out->rip = saved[1];
	out->rsp = sp;
}

void arch_fpu_keep(const struct arch_thread *self)
{
	if (self->fpu_live)
		fpu_save(self->xsave);
}

void arch_fpu_give_back(const struct arch_thread *self)
{
	if (self->fpu_live)
		fpu_restore(self->xsave);
}

void arch_interrupt_fixup(uint64_t *rip, uint64_t *rsp)
{
	if (*rip >= (uintptr_t)kiln_gate_check && *rip < (uintptr_t)kiln_gate_done) {
		*rip = (uintptr_t)kiln_gate_check;
	} else if (*rip >= (uintptr_t)kiln_trap_check && *rip < (uintptr_t)kiln_trap_done) {
		/* Some registers may be popped already; the frame is intact, begin again. */
		*rip = (uintptr_t)kiln_trap_check;
		*rsp = cpu_self()->kstack_top - sizeof(struct trap_frame);
		((struct arch_thread *)thread_current())->fpu_live = true;
	}
}

void arch_syscall_restart(struct trap_frame *frame)
{
	frame->rax = frame->error;
	if (frame->vector == TRAP_SYSCALL) {
		frame->rip -= 2;
	} else {
		/* The return address still lies below the stack pointer: call the gate again. */
		frame->rip = (uintptr_t)kiln_gate;
		frame->rsp -= 8;
	}
}

#define CALL_REL32 0xe8u

void arch_signal_rewind(struct trap_frame *frame)
{
	bool in_gate = frame->rip - (uintptr_t)kiln_gate < (size_t)(kiln_gate_inside - kiln_gate);
	bool pushed = in_gate &&
		      frame->rip != (uintptr_t)kiln_gate; /* the gate's first step: push %rbp */
	uint64_t stack[2], back;
	struct PACKED {
		uint8_t opcode;
		int32_t distance;
	} call;

	if (!in_gate && frame->rip - (uintptr_t)kiln_syscall_args >=
				(size_t)(kiln_syscall_args_end - kiln_syscall_args))
		return;
	if (user_copy_in(stack, frame->rsp, sizeof(stack)))
		return;
	back = stack[pushed];
	if (user_copy_in(&call, back - sizeof(call), sizeof(call)) || call.opcode != CALL_REL32 ||
	    back + (uint64_t)(int64_t)call.distance != (uintptr_t)kiln_syscall_args)
		return;
	if (pushed)
		frame->rbp = stack[0];
	frame->rsp += pushed ? 16 : 8;
	frame->rip = back - sizeof(call);
}

uintptr_t arch_fixup(uintptr_t rip)
{
	if (rip >= (uintptr_t)user_access_start && rip < (uintptr_t)user_access_end)
		return (uintptr_t)user_access_fault;
	return 0;
}

uint64_t arch_hwcap(void)
{
	return cpuid(1, 0).edx;
}

/* The one bit there is says that the program may use wrfsbase (arch/x86/include/uapi/asm/hwcap2.h).
 */
uint64_t arch_hwcap2(void)
{
	return arch_has_fsgsbase ? 2 : 0;
}

/* rdseed and rdrand may fail for lack of entropy; Intel's advice is to try ten times. */
#define RANDOM_TRIES 10

bool arch_random_u64(uint64_t *out)
{
	uint64_t v;
	uint8_t ok = 0;

	if (cpuid(7, 0).ebx & CPUID_7_EBX_RDSEED)
		for (int i = 0; i < RANDOM_TRIES && !ok; i++)
			__asm__ volatile("rdseed %0; setc %1" : "=r"(v), "=q"(ok) : : "cc");
	if (!ok && (cpuid(1, 0).ecx & CPUID_1_ECX_RDRAND))
		for (int i = 0; i < RANDOM_TRIES && !ok; i++)
			__asm__ volatile("rdrand %0; setc %1" : "=r"(v), "=q"(ok) : : "cc");
	if (ok)
		*out = v;
	return ok;
}
