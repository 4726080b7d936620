/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Where a trap frame goes: system calls, exceptions, interrupts. Common to both platforms. */
#include "core/trap.h"
#include "arch/arch.h"
#include "base/errno.h"
#include "core/backtrace.h"
#include "core/log.h"
#include "core/signal.h"
#include "core/thread.h"
#include "core/vma.h"

/* The signal that Linux sends for an exception (arch/x86/kernel/traps.c). */
static NOINLINE void exception_signal(struct trap_frame *f)
{
	switch (f->vector) {
	case TRAP_PAGE_FAULT: {
		struct vma v;
		int code = vma_find(f->cr2, false, &v) ? SEGV_ACCERR : SEGV_MAPERR;

		/* A handler would need memory, too. */
		if (vma_fault_was_oom())
			signal_die(f, SIGBUS, code, f->cr2);
		signal_fault(f, SIGSEGV, code, f->cr2);
		break;
	}
	case TRAP_DIVIDE:
		signal_fault(f, SIGFPE, FPE_INTDIV, f->rip);
		break;
	case TRAP_X87:
	case TRAP_SIMD:
		signal_fault(f, SIGFPE, FPE_FLTDIV, f->rip);
		break;
	case TRAP_INVALID_OPCODE:
		signal_fault(f, SIGILL, ILL_ILLOPN, f->rip);
		break;
	case TRAP_DEBUG:
		signal_fault(f, SIGTRAP, TRAP_BRKPT, f->rip);
		break;
	case TRAP_BREAKPOINT:
		signal_fault(f, SIGTRAP, SI_KERNEL, 0);
		break;
	case TRAP_STACK_SEGMENT:
		signal_fault(f, SIGBUS, SI_KERNEL, 0);
		break;
	case TRAP_ALIGNMENT:
		signal_fault(f, SIGBUS, BUS_ADRALN, 0);
		break;
	default:
		signal_fault(f, SIGSEGV, SI_KERNEL, 0);
		break;
	}
}

void trap_dispatch(struct trap_frame *f)
{
	if (likely(f->vector == TRAP_SYSCALL))
		f->rax = (uint64_t)syscall_trap(f);
	else if (f->vector < TRAP_TIMER)
		exception_signal(f);
}

/* A call came back with ERESTART* for a signal that another thread has taken meanwhile. */
static bool restart_wanted(const struct trap_frame *f)
{
	return (f->vector == TRAP_SYSCALL || f->vector == TRAP_GATE) &&
	       (f->rax == (uint64_t)-ERESTARTSYS || f->rax == (uint64_t)-ERESTARTNOINTR ||
		f->rax == (uint64_t)-ERESTARTNOHAND);
}

/* The slow way out (entry.S): called with cpu->pending not 0, until it is. */
void trap_leave_pending(struct trap_frame *f)
{
	uint32_t pending = atomic_load_explicit(&cpu_self()->pending, memory_order_relaxed);

	if (pending & ~PENDING_SIGNAL)
		sched_pending();
	if (signal_deliverable(thread_current()) || restart_wanted(f))
		signal_deliver(f);
	else
		cpu_unpend(PENDING_SIGNAL);
	if (IS_ENABLED(CONFIG_DETERMINISTIC) && plat->leaving)
		plat->leaving(f);
}

bool trap_step_over(struct trap_frame *f)
{
	if (f->vector != TRAP_DEBUG || !(f->rflags & RFLAGS_TF))
		return false;
	f->rflags &= ~(uint64_t)RFLAGS_TF;
	return true;
}

bool trap_fixup(struct trap_frame *f)
{
	uintptr_t fixup = arch_fixup(f->rip);

	if (!fixup)
		return backtrace_escape(f);
	f->rip = fixup;
	return true;
}
