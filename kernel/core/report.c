/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The crash report of the program: what happened, where, the registers, the mapping hit and a
 * backtrace. Code addresses are written image+0xOFFSET, for addr2line and for `kiln run`, which
 * completes them. The backtrace is walked with the program's own unwinder where it has one (every
 * Rust program does).
 */
#include "base/fmt.h"
#include "core/log.h"
#include "core/signal.h"
#include "core/thread.h"
#include "core/trap.h"
#include "core/vma.h"
#include "plat/image.h"

#define FRAMES_MAX 64
#define SCAN_BYTES 4096u
#define SCAN_MAX 16u
#define STACK_NEAR_BYTES (64u << 10)

/* LLVM libunwind's interface (libunwind.h): its cursor takes fewer words than this. */
#define UNW_CURSOR_WORDS 64
#define UNW_REG_IP (-1)

/* Registers_x86_64 in libunwind, in its order, and room for what later versions add. */
struct unw_context {
	uint64_t rax, rbx, rcx, rdx, rdi, rsi, rbp, rsp, r8, r9, r10, r11, r12, r13, r14, r15, rip,
		rflags, cs, fs, gs;
	uint64_t spare[11];
};

WEAK int __unw_init_local(uint64_t *cursor, struct unw_context *context);
WEAK int __unw_step(uint64_t *cursor);
WEAK int __unw_get_reg(uint64_t *cursor, int reg, uint64_t *value);

/* The CPU that writes a report has it until it is done; then the program ends. */
static _Atomic bool report_begun;
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

/* A program that was loaded; start == end: it is the image's. */
static struct {
	vaddr_t start, end, bias;
} loaded;

void report_program(vaddr_t start, vaddr_t end, vaddr_t bias)
{
	loaded.start = start;
	loaded.end = end;
	loaded.bias = bias;
}

static bool in_image(vaddr_t addr)
{
	return addr >= (vaddr_t)kiln_image_base && addr < (vaddr_t)kiln_image_end;
}

static bool in_program(vaddr_t addr)
{
	return loaded.end == 0 ? in_image(addr) : addr >= loaded.start && addr < loaded.end;
}

static void print_code_address(const char *before, vaddr_t addr)
{
	if (loaded.end != 0 && in_program(addr))
		log_print("%sprogram+0x%lx\n", before, (unsigned long)(addr - loaded.bias));
	else if (in_image(addr))
		log_print("%simage+0x%lx\n", before,
			  (unsigned long)(addr - image_bias((uintptr_t)kiln_image_base)));
	else
		log_print("%s0x%lx (not in the program)\n", before, (unsigned long)addr);
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

/* Is addr in the program's code, behind an instruction that could be the call that left it on a
 * stack? */
static bool is_return_address(vaddr_t addr)
{
	uint8_t p[5];
	struct vma v;

	if (!in_program(addr) || !vma_find(addr, false, &v) || !(v.prot & PROT_EXEC) ||
	    addr - v.start < sizeof(p) || user_copy_in(p, addr - sizeof(p), sizeof(p)))
		return false;
	/* call rel32; call through a register or memory: ff /2, 2 to 4 bytes */
	return p[0] == 0xe8 || (p[3] == 0xff && (p[4] & 0x38) == 0x10) ||
	       (p[2] == 0xff && (p[3] & 0x38) == 0x10);
}

/* A program without an unwinder (C without C++ or Rust): what on the stack looks like return
 * addresses. */
static void print_return_addresses(vaddr_t sp)
{
	uint64_t word;
	unsigned found = 0;

	log_print("  (no unwinder in the program; return addresses on its stack, some may be of "
		  "calls that are over:)\n");
	sp = ALIGN_UP(sp, sizeof(word));
	for (vaddr_t at = sp; at < sp + SCAN_BYTES && found < SCAN_MAX; at += sizeof(word)) {
		if (user_copy_in(&word, at, sizeof(word)))
			break;
		if (is_return_address(word)) {
			print_code_address("  ?  ", word - 1);
			found++;
		}
	}
}

static void print_backtrace(const struct trap_frame *f)
{
	struct unw_context c = {f->rax, f->rbx,    f->rcx, f->rdx, f->rdi, f->rsi, f->rbp, f->rsp,
				f->r8,  f->r9,     f->r10, f->r11, f->r12, f->r13, f->r14, f->r15,
				f->rip, f->rflags, f->cs,  0,      0,      {0}};
	uint64_t cursor[UNW_CURSOR_WORDS], ip;
	unsigned first = 0;

	log_print("backtrace:\n");
	if (!in_program(c.rip) && !user_copy_in(&ip, c.rsp, sizeof(ip)) && in_program(ip)) {
		/* A jump to nowhere: go on with its return address, if it was a call. */
		print_code_address("  #0 ", c.rip);
		c.rip = ip;
		c.rsp += 8;
		first = 1;
	}
	if (!__unw_init_local || !__unw_step || !__unw_get_reg || __unw_init_local(cursor, &c)) {
		print_code_address(first ? "  #1 " : "  #0 ", c.rip);
		print_return_addresses(c.rsp);
		return;
	}
	for (unsigned i = first; i < FRAMES_MAX; i++) {
		char number[16];

		if (__unw_get_reg(cursor, UNW_REG_IP, &ip) || !ip)
			break;
		fmt_format(number, sizeof(number), "  #%u ", i);
		/* A return address belongs to the line of the call before it. */
		print_code_address(number, i ? ip - 1 : ip);
		if (__unw_step(cursor) <= 0)
			break;
	}
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

	/* Two threads may die at once: one report is enough, and it ends the program. */
	while (atomic_exchange_explicit(&report_begun, true, memory_order_acquire)) {
		if (reporter == cpu_self())
			return;
		plat->cpu_relax(0);
	}
	reporter = cpu_self();
	reporting = true;
	report_status = 128 + sig;
	log_print("kiln: thread %d '%s' was ended by %s\n", t->tid, t->name, signal_name(sig));
	if (!IS_ENABLED(CONFIG_CRASH_REPORT)) {
		reporting = false;
		return;
	}
	print_code_address("  at ", f->rip);
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
	print_backtrace(f);
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
	print_code_address("  at ", f->rip);
	print_registers(f);
	panic("exception in the kernel");
}
