/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Backtraces are walked with the program's own unwinder where it has one (every Rust program does).
 * That knows the way through code with unwind tables only, and most of the C library has none; but
 * its functions are few and shallow, so the walk goes on at a word above that looks like a return
 * address and from which the tables lead through the program to the stack's end.
 */
#include "core/backtrace.h"
#include "base/fmt.h"
#include "core/log.h"
#include "core/trap.h"
#include "core/vma.h"
#include "plat/image.h"
#include "plat/plat.h"

#define FRAMES_MAX 64u
/* How much of a stack is looked through for return addresses, and how many are shown. */
#define SCAN_BYTES 4096u
#define SCAN_MAX 16u
/* … and how much of it for the way over functions without tables. */
#define GAP_BYTES 1024u
/* A function saves its caller's frame pointer in one of so many words below its return address. */
#define SAVED_WORDS 7u
/* … which points so far above, at most. */
#define FRAME_BYTES 65536u
/* Room below an exception that the walk has made, for the function that leaves it. */
#define ESCAPE_BYTES 256u

/* LLVM libunwind's interface (libunwind.h): its cursor takes fewer words than this. */
#define UNW_CURSOR_WORDS 64
#define UNW_REG_IP (-1)
#define UNW_REG_SP (-2)
#define UNW_X86_64_RBP 6

/* Registers_x86_64 in libunwind, in its order, and room for what later versions add. */
struct unw_context {
	uint64_t rax, rbx, rcx, rdx, rdi, rsi, rbp, rsp, r8, r9, r10, r11, r12, r13, r14, r15, rip,
		rflags, cs, fs, gs;
	uint64_t spare[11];
};

WEAK int __unw_init_local(uint64_t *cursor, struct unw_context *context);
WEAK int __unw_step(uint64_t *cursor);
WEAK int __unw_get_reg(uint64_t *cursor, int reg, uint64_t *value);

/* A walk along one stack. */
struct walk {
	struct unw_context context; /* of the frame where the unwinder has begun */
	uint64_t cursor[UNW_CURSOR_WORDS];
	uint64_t ip, sp, bp; /* of the frame that the cursor is at */
	unsigned frames;     /* printed */
};

/* The CPU that takes a step, and where it goes on when it meets an exception. */
static const struct cpu *_Atomic walker;
static void *walk_abandoned[5];

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

void backtrace_print_address(const char *before, vaddr_t addr)
{
	if (loaded.end != 0 && in_program(addr))
		log_print("%sprogram+0x%lx\n", before, (unsigned long)(addr - loaded.bias));
	else if (in_image(addr))
		log_print("%simage+0x%lx\n", before,
			  (unsigned long)(addr - image_bias((uintptr_t)kiln_image_base)));
	else
		log_print("%s0x%lx (not in the program)\n", before, (unsigned long)addr);
}

static NORETURN void walk_leave(void)
{
	__builtin_longjmp(walk_abandoned, 1);
}

bool backtrace_escape(struct trap_frame *f)
{
	if (atomic_load_explicit(&walker, memory_order_relaxed) != cpu_self())
		return false;
	f->rip = (uintptr_t)walk_leave;
	f->rsp = ALIGN_DOWN(f->rsp - ESCAPE_BYTES, 16) - 8;
	return true;
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

/* The first return address on the stack from *sp on; *sp becomes what is above it. 0: none until
 * end. */
static vaddr_t scan_next(vaddr_t *sp, vaddr_t end)
{
	uint64_t word;

	for (vaddr_t at = ALIGN_UP(*sp, sizeof(word)); at < end; at += sizeof(word)) {
		if (user_copy_in(&word, at, sizeof(word)))
			break;
		if (is_return_address(word)) {
			*sp = at + sizeof(word);
			return word;
		}
	}
	return 0;
}

/* A program without an unwinder (C without C++ or Rust, or one that was loaded). */
static void print_return_addresses(vaddr_t sp)
{
	vaddr_t end = sp + SCAN_BYTES, addr;

	log_print("  (no unwinder in the program; return addresses on its stack, some may be of "
		  "calls that are over:)\n");
	for (unsigned found = 0; found < SCAN_MAX && (addr = scan_next(&sp, end)) != 0; found++)
		backtrace_print_address("  ?  ", addr - 1);
}

static void walk_print(struct walk *w, vaddr_t ip)
{
	char number[16];

	fmt_format(number, sizeof(number), "  #%u ", w->frames);
	/* A return address belongs to the line of the call before it. */
	backtrace_print_address(number, w->frames > 0 ? ip - 1 : ip);
	w->frames++;
}

/* The unwinder begins at a frame with these registers. */
static bool walk_begin(struct walk *w, uint64_t ip, uint64_t sp, uint64_t bp)
{
	w->context.rip = w->ip = ip;
	w->context.rsp = w->sp = sp;
	w->context.rbp = w->bp = bp;
	return __unw_init_local(w->cursor, &w->context) == 0;
}

/* To the caller's frame. The stack may hold anything: false if that is not in the program's code,
 * or cannot be found. */
static NOINLINE bool walk_step(struct walk *w)
{
	uint64_t ip = 0, sp = 0, bp = 0;
	int found = 0;

	atomic_store_explicit(&walker, cpu_self(), memory_order_relaxed);
	if (__builtin_setjmp(walk_abandoned) == 0)
		found = __unw_step(w->cursor);
	atomic_store_explicit(&walker, NULL, memory_order_relaxed);
	if (found <= 0 || __unw_get_reg(w->cursor, UNW_REG_IP, &ip) != 0 ||
	    __unw_get_reg(w->cursor, UNW_REG_SP, &sp) != 0 ||
	    __unw_get_reg(w->cursor, UNW_X86_64_RBP, &bp) != 0 || !in_program(ip))
		return false;
	w->ip = ip;
	w->sp = sp;
	w->bp = bp;
	return true;
}

/* How many frames do the tables lead to from here? */
static unsigned walk_count(struct walk *w, uint64_t ip, uint64_t sp, uint64_t bp)
{
	unsigned steps = 0;

	if (walk_begin(w, ip, sp, bp))
		while (steps < FRAMES_MAX && walk_step(w))
			steps++;
	return steps;
}

/* A word on the stack below sp that may be a frame pointer saved there: one of a frame above. */
static bool is_frame_pointer(vaddr_t at, uint64_t sp, uint64_t *bp)
{
	return user_copy_in(bp, at, sizeof(*bp)) == 0 && *bp >= sp && *bp - sp < FRAME_BYTES;
}

/*
 * The frame that the walk stands at has no tables: the nearest of its callers that has some. What
 * is left on the stack of calls that are over leads to callers further away: it gives fewer frames.
 * The caller's frame pointer, by which its tables may find the next frame, is still in its register
 * or saved below the return address.
 */
static bool walk_over_gap(struct walk *w)
{
	uint64_t start = w->sp, sp = start, end = sp + GAP_BYTES, bp = w->bp;
	uint64_t best_ip = 0, best_sp = 0, best_bp = 0, try;
	unsigned best = 0;
	vaddr_t ip;

	while ((ip = scan_next(&sp, end)) != 0) {
		for (unsigned i = 1; i <= 1 + SAVED_WORDS && sp - i * sizeof(try) >= start; i++) {
			unsigned steps;

			if (i == 1)
				try = bp;
			else if (!is_frame_pointer(sp - i * sizeof(try), sp, &try))
				continue;
			steps = walk_count(w, ip, sp, try);
			if (steps > best) {
				best = steps;
				best_ip = ip;
				best_sp = sp;
				best_bp = try;
			}
		}
	}
	return best > 0 && walk_begin(w, best_ip, best_sp, best_bp);
}

static void walk_stack(struct walk *w)
{
	uint64_t ip;

	walk_print(w, w->context.rip);
	if (!in_program(w->context.rip) && !user_copy_in(&ip, w->context.rsp, sizeof(ip)) &&
	    in_program(ip)) {
		/* A jump to nowhere: go on with its return address, if it was a call. */
		w->context.rip = ip;
		w->context.rsp += 8;
		walk_print(w, ip);
	}
	if (!__unw_init_local || !__unw_step || !__unw_get_reg ||
	    !walk_begin(w, w->context.rip, w->context.rsp, w->context.rbp)) {
		print_return_addresses(w->context.rsp);
		return;
	}
	while (w->frames < FRAMES_MAX) {
		if (!walk_step(w) && !walk_over_gap(w))
			break;
		walk_print(w, w->ip);
	}
}

void backtrace_print(const struct trap_frame *f)
{
	struct walk w = {.context = {f->rax, f->rbx, f->rcx, f->rdx, f->rdi, f->rsi,
				     f->rbp, f->rsp, f->r8,  f->r9,  f->r10, f->r11,
				     f->r12, f->r13, f->r14, f->r15, f->rip, f->rflags,
				     f->cs,  0,      0,      {0}}};

	walk_stack(&w);
}
