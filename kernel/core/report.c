/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The crash report of the program: what happened, where, the registers, the mapping hit and a
 * backtrace.
 */
#include "core/backtrace.h"
#include "core/log.h"
#include "core/signal.h"
#include "core/thread.h"
#include "core/trap.h"
#include "core/vma.h"

#define STACK_NEAR_BYTES (64u << 10)

/* The CPU that writes the report, once: then the program ends. */
static bool reporting; /* on that CPU: a fault is one of the report's own */
static const struct cpu *reporter;
static int report_status;

static const char *signal_name(int sig)
{
	switch (sig) {
	case SIGSEGV:
		return "SIGSEGV (invalid memory access)";
	case SIGBUS:
		return "SIGBUS (memory could not be had)";
	case SIGFPE:
		return "SIGFPE (arithmetic error)";
	case SIGILL:
		return "SIGILL (illegal instruction)";
	case SIGTRAP:
		return "SIGTRAP (breakpoint)";
	case SIGSYS:
		return "SIGSYS (bad system call)";
	default:
		return "a signal";
	}
}

static void print_registers(const struct trap_frame *f)
{
	log_print("  rax %016lx  rbx %016lx  rcx %016lx  rdx %016lx\n", f->rax, f->rbx, f->rcx,
		  f->rdx);
	log_print("  rsi %016lx  rdi %016lx  rbp %016lx  rsp %016lx\n", f->rsi, f->rdi, f->rbp,
		  f->rsp);
	log_print("  r8  %016lx  r9  %016lx  r10 %016lx  r11 %016lx\n", f->r8, f->r9, f->r10,
		  f->r11);
	log_print("  r12 %016lx  r13 %016lx  r14 %016lx  r15 %016lx\n", f->r12, f->r13, f->r14,
		  f->r15);
	log_print("  rip %016lx  flags %08lx  trap %lu  error %lx  cr2 %lx\n", f->rip, f->rflags,
		  f->vector, f->error, f->cr2);
}

static void print_mapping(vaddr_t addr)
{
	struct vma v;

	if (vma_find(addr, false, &v)) {
		log_print("  0x%lx is in the mapping 0x%lx-0x%lx %c%c%c %s\n", (unsigned long)addr,
			  (unsigned long)v.start, (unsigned long)v.end,
			  v.prot & PROT_READ ? 'r' : '-', v.prot & PROT_WRITE ? 'w' : '-',
			  v.prot & PROT_EXEC ? 'x' : '-', v.name ? v.name : "(anonymous)");
		return;
	}
	log_print("  0x%lx is not mapped", (unsigned long)addr);
	if (vma_find(addr, true, &v))
		log_print("; the next mapping above is 0x%lx-0x%lx %s", (unsigned long)v.start,
			  (unsigned long)v.end, v.name ? v.name : "(anonymous)");
	log_print("\n");
}

/* A fault near the stack pointer, in the guard below a stack or below one that may not grow any
 * more. */
static bool is_stack_overflow(const struct trap_frame *f, vaddr_t addr)
{
	struct vma v;

	if (f->vector != TRAP_PAGE_FAULT ||
	    addr - f->rsp + STACK_NEAR_BYTES > 2 * STACK_NEAR_BYTES || !vma_find(addr, true, &v))
		return false;
	return addr < v.start ? (v.flags & VMA_GROWSDOWN) != 0 : v.prot == PROT_NONE;
}

void report_crash(const struct trap_frame *f, int sig, int code, vaddr_t addr)
{
	const struct thread *t = thread_current();

	reporter = cpu_self();
	reporting = true;
	report_status = 128 + sig;
	log_print("kiln: thread %d '%s' was ended by %s\n", t->tid, t->name, signal_name(sig));
	if (!IS_ENABLED(CONFIG_CRASH_REPORT)) {
		reporting = false;
		return;
	}
	backtrace_print_address("  at ", f->rip);
	if ((sig == SIGSEGV || sig == SIGBUS) && code != SI_KERNEL) {
		log_print("  %s", f->error & PF_FETCH   ? "executing"
				  : f->error & PF_WRITE ? "writing"
							: "reading");
		print_mapping(addr);
		if (is_stack_overflow(f, addr))
			log_print("  the thread has overflowed its stack\n");
	}
	if (sig == SIGBUS && vma_fault_was_oom())
		log_print("  the machine's memory is used up: give it more (kiln run --memory "
			  "SIZE)\n");
	print_registers(f);
	log_print("backtrace:\n");
	backtrace_print(f);
	reporting = false;
}

NORETURN void trap_kernel_fault(struct trap_frame *f)
{
	if (reporting && reporter == cpu_self()) {
		log_print("  (the stack cannot be followed further)\n");
		plat->exit(report_status);
	}
	log_print("kiln: exception %lu in the kernel: a bug in Kiln\n", f->vector);
	if (f->vector == TRAP_PAGE_FAULT && thread_current()->kstack_base - f->cr2 - 1 < PAGE_SIZE)
		log_print("  the kernel stack of thread %d has overflowed\n",
			  thread_current()->tid);
	backtrace_print_address("  at ", f->rip);
	print_registers(f);
	panic("exception in the kernel");
}
