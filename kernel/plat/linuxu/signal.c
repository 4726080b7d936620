/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Traps as a Linux process gets them: signals. A handler runs on a stack of its own and does what
 * the entry code of plat/kvm does. If it interrupted the program, it lays the trap frame on the
 * current thread's kernel stack and makes sigreturn go on at arch_trap_entry, with the program's
 * FPU registers where they are. If it interrupted the kernel, an interrupt leaves a note in
 * cpu->pending and a fault is resolved or fatal.
 *
 * Handlers block all signals but SIGSEGV and SIGBUS, so that a fault while a fault is being
 * reported is seen. Only that of SIGSYS, which programs with syscall instructions of their own run
 * often, blocks none: it need not go through sigreturn then but loads the FPU registers and jumps.
 * A timer signal meanwhile finds the kernel running.
 */
#include "arch/arch.h"
#include "base/errno.h"
#include "base/string.h"
#include "core/trap.h"
#include "core/vma.h"
#include "plat/linuxu/linuxu.h"

#define AUDIT_ARCH_X86_64 0xc000003eu
#define RFLAGS_KERNEL 0x202u /* interrupts on, all else off */
#define SS_USER 0x2bu
#define INT80_ERROR (0x80u * 8 + 2)
/* In handlers other than that of SIGSYS. */
#define SIGNALS_BLOCKED (~(1UL << (HOST_SIGSEGV - 1) | 1UL << (HOST_SIGBUS - 1)))
/* Signal stack besides what the host puts there: a report, and a fault inside it. */
#define SIGSTACK_FRAMES 3u
#define SIGSTACK_OWN_BYTES (16UL << 10)

static void frame_load(struct trap_frame *f, const struct host_ucontext *uc, uint64_t vector,
		       uint64_t error)
{
	*f = (struct trap_frame){
		.r15 = uc->r15,
		.r14 = uc->r14,
		.r13 = uc->r13,
		.r12 = uc->r12,
		.rbp = uc->rbp,
		.rbx = uc->rbx,
		.r11 = uc->r11,
		.r10 = uc->r10,
		.r9 = uc->r9,
		.r8 = uc->r8,
		.rax = uc->rax,
		.rcx = uc->rcx,
		.rdx = uc->rdx,
		.rsi = uc->rsi,
		.rdi = uc->rdi,
		.cr2 = uc->cr2,
		.vector = vector,
		.error = error,
		.rip = uc->rip,
		.cs = uc->cs,
		.rflags = uc->rflags,
		.rsp = uc->rsp,
		.ss = uc->flags & HOST_UC_SIGCONTEXT_SS ? uc->ss : SS_USER,
	};
}

static void frame_store(const struct trap_frame *f, struct host_ucontext *uc)
{
	uc->r15 = f->r15;
	uc->r14 = f->r14;
	uc->r13 = f->r13;
	uc->r12 = f->r12;
	uc->rbp = f->rbp;
	uc->rbx = f->rbx;
	uc->r11 = f->r11;
	uc->r10 = f->r10;
	uc->r9 = f->r9;
	uc->r8 = f->r8;
	uc->rax = f->rax;
	uc->rcx = f->rcx;
	uc->rdx = f->rdx;
	uc->rsi = f->rsi;
	uc->rdi = f->rdi;
	uc->rip = f->rip;
	uc->rsp = f->rsp;
	uc->rflags = f->rflags;
}

/* Leave the handler into the kernel, the program's registers in a frame where that expects it. */
static void trap_enter(struct host_ucontext *uc, uint64_t vector, uint64_t error)
{
	struct trap_frame *f = (struct trap_frame *)cpu_self()->kstack_top - 1;

	frame_load(f, uc, vector, error);
	uc->rsp = (uintptr_t)f;
	uc->rip = (uintptr_t)arch_trap_entry;
	uc->rflags = RFLAGS_KERNEL;
}

/* The end of a signal frame's FXSAVE area (uapi/asm/sigcontext.h, struct _fpx_sw_bytes). */
#define FP_XSTATE_MAGIC1 0x46505853u
#define FXSAVE_SW_BYTES 464

struct fpx_sw_bytes {
	uint32_t magic1, extended_size;
	uint64_t xfeatures;
};

/* trap_enter() at once, from a handler that blocks no signals. */
static NORETURN void trap_jump(struct host_ucontext *uc, uint64_t vector, uint64_t error)
{
	struct trap_frame *f = (struct trap_frame *)cpu_self()->kstack_top - 1;
	const struct fpx_sw_bytes *sw = (const void *)(uc->fpstate + FXSAVE_SW_BYTES);

	frame_load(f, uc, vector, error);
	if (IS_ENABLED(CONFIG_DETERMINISTIC))
		linuxu_det_handler(false);
	if (sw->magic1 == FP_XSTATE_MAGIC1)
		__asm__ volatile("xrstor64 (%0)"
				 :
				 : "r"(uc->fpstate), "a"((uint32_t)sw->xfeatures),
				   "d"((uint32_t)(sw->xfeatures >> 32))
				 : "memory");
	else
		__asm__ volatile("fxrstor64 (%0)" : : "r"(uc->fpstate) : "memory");
	__asm__ volatile("mov %0, %%rsp\n\t"
			 "push %1\n\t"
			 "popfq\n\t"
			 "jmp arch_trap_entry"
			 :
			 : "r"(f), "i"(RFLAGS_KERNEL)
			 : "memory");
	__builtin_unreachable();
}

/* An interrupt has left something in cpu->pending: it is looked at at the next opportunity. */
static void signal_interrupt(struct host_ucontext *uc)
{
	if (!linuxu_kstack_holds(uc->rsp)) {
		trap_enter(uc, TRAP_TIMER, 0);
		return;
	}
	arch_interrupt_fixup(&uc->rip, &uc->rsp);
	if (uc->rip >= (uintptr_t)linuxu_ppoll_check && uc->rip < (uintptr_t)linuxu_ppoll_ip)
		uc->rip = (uintptr_t)linuxu_ppoll_check;
	linuxu_idle_interrupt();
}

static void signal_timer(struct host_ucontext *uc)
{
	uint32_t due;

	if (plat_is_deterministic()) {
		if (linuxu_det_alarm(uc))
			signal_interrupt(uc);
		return;
	}
	due = linuxu_timer_expire();
	if (due == 0)
		return;
	cpu_pend(due);
	signal_interrupt(uc);
}

/* Syscall User Dispatch also catches the vDSO's own call (of an unreadable clock): make it. */
static bool signal_vdso_call(struct host_ucontext *uc)
{
	if (uc->rip - linuxu_host.vdso >= linuxu_host.vdso_end - linuxu_host.vdso)
		return false;
	uc->rax = (uint64_t)host_call3((long)uc->rax, uc->rdi, uc->rsi, uc->rdx);
	return true;
}

/* Is the access that faulted allowed by now? */
static bool signal_access_is_allowed(const struct host_ucontext *uc)
{
	unsigned need = PROT_READ | PROT_WRITE | PROT_EXEC;
	struct vma v;

	if (uc->error & PF_WRITE)
		need = PROT_WRITE;
	else if (uc->error & PF_FETCH)
		need = PROT_EXEC;
	return vma_find(uc->cr2, false, &v) && (v.prot & need) != 0;
}

/*
 * A page fault that is none: the first touch of a range that the host has not been told of, a stack
 * that grows, or one that is older than what another CPU has mapped meanwhile. If nothing was, the
 * host has not done what it was told (it is out of memory or map entries).
 */
static bool signal_fault_resolve(const struct host_ucontext *uc)
{
	return linuxu_lazy_fault(uc->cr2) ||
	       vma_fault(uc->cr2, uc->error & PF_WRITE, uc->error & PF_FETCH) ||
	       (linuxu_memory_changed() && signal_access_is_allowed(uc));
}

static void signal_fault_kernel(struct host_ucontext *uc, uint64_t vector, uint64_t error)
{
	struct trap_frame f;

	if (vector == TRAP_PAGE_FAULT && signal_fault_resolve(uc))
		return;
	frame_load(&f, uc, vector, error);
	if (!trap_step_over(&f) && !trap_fixup(&f))
		trap_kernel_fault(&f);
	frame_store(&f, uc);
}

static void signal_syscall(const struct host_siginfo *info, struct host_ucontext *uc)
{
	if (info->sys.arch != AUDIT_ARCH_X86_64) {
		/* int $0x80: no such gate here. */
		uc->rip -= 2;
		trap_jump(uc, TRAP_GENERAL_PROTECTION, INT80_ERROR);
	}
	if (signal_vdso_call(uc))
		return;
	if (!linuxu_kstack_holds(uc->rsp))
		trap_jump(uc, TRAP_SYSCALL, uc->rax);
	signal_fault_kernel(uc, TRAP_SYSCALL, uc->rax);
}

static void signal_fault(int sig, struct host_ucontext *uc)
{
	uint64_t vector = uc->trapno;
	struct trap_frame f;

	/* The mapping is right, but the host has no page for it. */
	if (sig == HOST_SIGBUS && vector == TRAP_PAGE_FAULT)
		vector = TRAP_STACK_SEGMENT;
	if (linuxu_kstack_holds(uc->rsp)) {
		signal_fault_kernel(uc, vector, uc->error);
		return;
	}
	if (vector == TRAP_PAGE_FAULT && signal_fault_resolve(uc))
		return;
	/* Kernel code on the program's stack (DIRECT calls) tolerates faults. */
	frame_load(&f, uc, vector, uc->error);
	if (trap_fixup(&f))
		frame_store(&f, uc);
	else
		trap_enter(uc, vector, uc->error);
}

/* A single step of the deterministic mode, which may have come to its end. */
static bool signal_step(struct host_ucontext *uc)
{
	if (!plat->point || !linuxu_det_step(uc))
		return false;
	if (!(uc->rflags & RFLAGS_TF) && !linuxu_kstack_holds(uc->rsp))
		signal_interrupt(uc);
	return true;
}

/* Whoever sends it wants to know what all threads do. */
static void signal_quit(struct host_ucontext *uc)
{
	cpu_pend(PENDING_DUMP);
	signal_interrupt(uc);
}

static void signal_dispatch(int sig, const struct host_siginfo *info, struct host_ucontext *uc)
{
	if (IS_ENABLED(CONFIG_DETERMINISTIC) && sig == HOST_SIGTRAP && signal_step(uc))
		return;
	if (sig == HOST_SIGCONT)
		linuxu_idle_continue();
	else if (sig == HOST_SIGALRM)
		signal_timer(uc);
	else if (IS_ENABLED(CONFIG_THREAD_DUMP) && sig == HOST_SIGQUIT)
		signal_quit(uc);
	else if (sig == HOST_SIGURG && linuxu_cpu_take_kick())
		signal_interrupt(uc);
	else if (sig == HOST_SIGURG)
		return;
	else if (info->code <= 0) /* kill(1), not a fault: as if there were no handler */
		linuxu_exit(128 + sig);
	else if (sig == HOST_SIGSYS)
		signal_syscall(info, uc);
	else
		signal_fault(sig, uc);
}

static void signal_handle(int sig, const struct host_siginfo *info, struct host_ucontext *uc)
{
	if (IS_ENABLED(CONFIG_DETERMINISTIC))
		linuxu_det_handler(true);
	signal_dispatch(sig, info, uc);
	if (IS_ENABLED(CONFIG_DETERMINISTIC))
		linuxu_det_handler(false);
}

static void signal_install(int sig, uintptr_t handler)
{
	const struct host_sigaction sa = {
		.handler = handler,
		.flags = HOST_SA_SIGINFO | HOST_SA_RESTORER | HOST_SA_ONSTACK | HOST_SA_RESTART |
			 HOST_SA_NODEFER,
		.restorer = (uintptr_t)linuxu_sigreturn,
		.mask = sig == HOST_SIGSYS ? 0 : SIGNALS_BLOCKED,
	};
	long err = host_call4(HOST_NR_RT_SIGACTION, (uintptr_t)sig, (uintptr_t)&sa, 0,
			      sizeof(sa.mask));

	if (err)
		linuxu_die("the host refuses a signal handler", err);
}

size_t linuxu_signal_stack_bytes(void)
{
	return ALIGN_UP(SIGSTACK_FRAMES * linuxu_host.sigstack_min + SIGSTACK_OWN_BYTES, PAGE_SIZE);
}

void linuxu_signal_init_cpu(vaddr_t stack, uint64_t mask)
{
	const struct host_stack alternate = {.sp = stack, .size = linuxu_signal_stack_bytes()};
	long err = host_call2(HOST_NR_SIGALTSTACK, (uintptr_t)&alternate, 0);

	if (err)
		linuxu_die("the host refuses the signal stack", err);
	host_call4(HOST_NR_RT_SIGPROCMASK, HOST_SIG_SETMASK, (uintptr_t)&mask, 0, sizeof(mask));
}

void linuxu_signal_init(void)
{
	static const uint8_t handled[] = {HOST_SIGSEGV, HOST_SIGBUS,  HOST_SIGFPE,
					  HOST_SIGILL,  HOST_SIGTRAP, HOST_SIGALRM,
					  HOST_SIGURG,  HOST_SIGCONT, HOST_SIGSYS};
	vaddr_t stack = linuxu_kstack_alloc(linuxu_signal_stack_bytes());
	uint64_t mask = 0;

	if (stack == 0)
		linuxu_die("no memory for the signal stack", -ENOMEM);
	/* Blocked signals are inherited through execve. */
	host_call4(HOST_NR_RT_SIGPROCMASK, HOST_SIG_BLOCK, 0, (uintptr_t)&mask, sizeof(mask));
	for (unsigned i = 0; i < ARRAY_SIZE(handled); i++) {
		signal_install(handled[i], (uintptr_t)signal_handle);
		mask &= ~(1UL << (handled[i] - 1));
	}
	if (IS_ENABLED(CONFIG_THREAD_DUMP)) {
		signal_install(HOST_SIGQUIT, (uintptr_t)signal_handle);
		mask &= ~(1UL << (HOST_SIGQUIT - 1));
	}
	/* A closed pipe is an error of write(2); the kernel raises the program's SIGPIPE itself. */
	signal_install(HOST_SIGPIPE, HOST_SIG_IGN);
	linuxu_signal_init_cpu(stack, mask);
}
