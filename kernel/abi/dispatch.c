/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * From a system call's number to its handler, and the account of those that there are none for. All
 * tables here come from syscalls.def by the preprocessor.
 */
#include <stdatomic.h>
#include "abi/syscall.h"
#include "abi/trace.h"
#include "base/errno.h"
#include "base/fmt.h"
#include "base/string.h"
#include "core/log.h"
#include "core/trap.h"

typedef long (*syscall_fn)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
typedef long (*syscall_frame_fn)(struct trap_frame *);

/*
 * There are two tables, because what a table names is linked into an image: kiln_calls_all, and
 * kiln_calls_std with nothing but musl's signal return, for what Rust's std and musl make by number
 * are calls that are missing. The link keeps those that are used: the first by a program that calls
 * libc's syscall(). kiln_calls is the one for the syscall instruction; kiln-cc says which of the
 * two that is (tools/kiln/scan.c).
 *
 * An entry is the handler's distance from its table's begin, 0 for none; indexed by number. Of
 * those that want the trap frame SYSCALL_FRAME more. In assembler because C has no constant for the
 * difference of two symbols, and pointers would need a relocation each at every boot.
 */
#define SYSCALL_FRAME 0x40000000u
#define SYSCALL_ENTRY_GATE(nr, name) SYSCALL_ENTRY_IF(SYSCALL_KEPT(name), nr, name, "0")
#define SYSCALL_ENTRY_DIRECT(nr, name) SYSCALL_ENTRY_GATE(nr, name)
#define SYSCALL_ENTRY_FRAME(nr, name) SYSCALL_ENTRY_IF(SYSCALL_KEPT(name), nr, name, "0x40000000")
#define SYSCALL_ENTRY_NONE(nr, name) SYSCALL_ENTRY_IF(0, nr, name, "0")
#define SYSCALL_ENTRY_IF(kept, nr, name, more) SYSCALL_ENTRY_IF_(kept, nr, name, more)
#define SYSCALL_ENTRY_IF_(kept, nr, name, more) SYSCALL_ENTRY_##kept(nr, name, more)
#define SYSCALL_ENTRY_0(nr, name, more) ".org 0b + 4 * " #nr "\n.long 0\n"
#define SYSCALL_ENTRY_1(nr, name, more)                                                            \
	".org 0b + 4 * " #nr "\n.long sys_" #name " - 0b + " more "\n"
#define SYSCALL_TABLE_BEGIN(name)                                                                  \
	".pushsection .rodata." #name ", \"a\", @progbits\n"                                       \
	".balign 4\n"                                                                              \
	".globl " #name "\n.hidden " #name "\n" #name ":\n0:\n"
#define SYSCALL(nr, name, nargs, status, mode, note) SYSCALL_ENTRY_##mode(nr, name)
#define SYSCALL_KEPT(name) 1
__asm__(SYSCALL_TABLE_BEGIN(kiln_calls_all)
#include "abi/syscalls.def"
		".popsection\n");
#undef SYSCALL_KEPT
#define SYSCALL_KEPT(name) IS_ENABLED(SYSCALL_STD_##name)
#define SYSCALL_STD_rt_sigreturn 1
__asm__(SYSCALL_TABLE_BEGIN(kiln_calls_std)
#include "abi/syscalls.def"
		".popsection\n");
#undef SYSCALL
extern const uint32_t kiln_calls_all[] __attribute__((visibility("hidden")));
extern const uint32_t kiln_calls_std[] __attribute__((visibility("hidden")));
extern const uint32_t kiln_calls[] __attribute__((visibility("hidden")));

/* The highest number that Kiln knows of. */
enum {
#define SYSCALL(nr, name, nargs, status, mode, note) SYSCALL_NR_##name = (nr),
#include "abi/syscalls.def"
#undef SYSCALL
	SYSCALL_COUNT, /* rows are in order: one more than the last number */
};

/*
 * Numbers and names of the calls that can turn out to be missing, in the same order; the names one
 * after the other. Calls that take a frame are among them: they cannot be made in every way, and
 * clone() makes threads only.
 */
#define SYSCALL_NUMBER_GATE(nr)
#define SYSCALL_NUMBER_DIRECT(nr)
#define SYSCALL_NUMBER_FRAME(nr) nr,
#define SYSCALL_NUMBER_NONE(nr) nr,
static const uint16_t missing_numbers[] = {
#define SYSCALL(nr, name, nargs, status, mode, note) SYSCALL_NUMBER_##mode(nr)
#include "abi/syscalls.def"
#undef SYSCALL
};
#define SYSCALL_NAME_GATE(name)
#define SYSCALL_NAME_DIRECT(name)
#define SYSCALL_NAME_FRAME(name) #name "\0"
#define SYSCALL_NAME_NONE(name) #name "\0"
static const char missing_names[] =
#define SYSCALL(nr, name, nargs, status, mode, note) SYSCALL_NAME_##mode(name)
#include "abi/syscalls.def"
#undef SYSCALL
	;

/* How often each was made: by place in missing_numbers; the last one for numbers that Linux does
 * not have. Relaxed: a statistic. */
static _Atomic uint32_t missing_counts[ARRAY_SIZE(missing_numbers) + 1];
static _Atomic bool missing_any; /* one of them is not 0 */

/* The place in missing_numbers, or the last one of missing_counts. */
static size_t missing_index(long nr)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(missing_numbers) && missing_numbers[i] != nr)
		i++;
	return i;
}

static const char *missing_name(size_t index)
{
	const char *name = missing_names;

	if (index >= ARRAY_SIZE(missing_numbers))
		return "unknown numbers";
	while (index-- > 0)
		name += strlen(name) + 1;
	return name;
}

long syscall_missing(long nr)
{
	size_t index = missing_index(nr);

	atomic_fetch_add_explicit(&missing_counts[index], 1, memory_order_relaxed);
	atomic_store_explicit(&missing_any, true, memory_order_relaxed);
	log_line(LOG_DEBUG, "system call %ld (%s) is missing", nr, missing_name(index));
	return -ENOSYS;
}

void syscall_report_missing(void)
{
	char list[280];
	size_t len = 0, left_out = 0;

	if (!atomic_load_explicit(&missing_any, memory_order_relaxed))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(missing_counts); i++) {
		uint32_t count = atomic_load_explicit(&missing_counts[i], memory_order_relaxed);
		size_t n;

		if (count == 0)
			continue;
		n = fmt_format(list + len, sizeof(list) - len, "%s%s (%u)", len > 0 ? ", " : "",
			       missing_name(i), count);
		if (n < sizeof(list) - len) {
			len += n;
		} else {
			list[len] = 0;
			left_out++;
		}
	}
	if (left_out > 0)
		log_line(LOG_WARN,
			 "the program made system calls that Kiln does not have: %s and %zu more",
			 list, left_out);
	else
		log_line(LOG_WARN, "the program made system calls that Kiln does not have: %s",
			 list);
}

/* What a table says about a call; 0: there is no handler. */
static ALWAYS_INLINE uint32_t syscall_entry(const uint32_t *table, uint64_t nr)
{
	return likely(nr < SYSCALL_COUNT) ? table[nr] : 0;
}

/* Is there a handler that takes its arguments one by one? */
static ALWAYS_INLINE bool syscall_entry_is_plain(uint32_t entry)
{
	return entry - 1 < SYSCALL_FRAME - 1;
}

static NOINLINE long syscall_trap_other(struct trap_frame *f, uint32_t entry)
{
	if (entry == 0)
		return syscall_missing((long)f->rax);
	return ((syscall_frame_fn)((uintptr_t)kiln_calls + (entry - SYSCALL_FRAME)))(f);
}

/* The same between two records. */
static NOINLINE long syscall_trap_traced(struct trap_frame *f, uint32_t entry)
{
	const unsigned nr = (unsigned)f->rax;
	const uint64_t args[6] = {f->rdi, f->rsi, f->rdx, f->r10, f->r8, f->r9};
	long result;

	if (syscall_entry_is_plain(entry))
		return trace_call(nr, (trace_handler)((uintptr_t)kiln_calls + entry), args);
	trace_begin(nr, args);
	result = syscall_trap_other(f, entry);
	trace_end(nr, args, result);
	return result;
}

static NOINLINE long syscall_trap_slow(struct trap_frame *f)
{
	uint32_t entry = syscall_entry(kiln_calls, f->rax);

	return arch_is_traced() ? syscall_trap_traced(f, entry) : syscall_trap_other(f, entry);
}

long syscall_trap(struct trap_frame *f)
{
	uint32_t entry;

	if (unlikely(f->rax >= SYSCALL_COUNT) || arch_is_traced())
		return syscall_trap_slow(f);
	entry = kiln_calls[f->rax];
	if (unlikely(!syscall_entry_is_plain(entry)))
		return syscall_trap_other(f, entry);
	/* A handler with fewer parameters does not look at the rest (System V ABI, 3.2.3). */
	return ((syscall_fn)((uintptr_t)kiln_calls + entry))(f->rdi, f->rsi, f->rdx, f->r10, f->r8,
							     f->r9);
}

static ALWAYS_INLINE long syscall_by_number(const uint32_t *table, long nr, const uint64_t args[6])
{
	uint32_t entry = syscall_entry(table, (uint64_t)nr);

	if (arch_is_traced())
		return trace_call((unsigned)nr,
				  syscall_entry_is_plain(entry)
					  ? (trace_handler)((uintptr_t)table + entry)
					  : NULL,
				  args);
	if (!syscall_entry_is_plain(entry))
		return syscall_missing(nr);
	return ((syscall_fn)((uintptr_t)table + entry))(args[0], args[1], args[2], args[3], args[4],
							args[5]);
}

long kiln_syscall_by_number(long nr, const uint64_t args[6])
{
	return syscall_by_number(kiln_calls_all, nr, args);
}

long syscall_std_by_number(long nr, const uint64_t args[6])
{
	return syscall_by_number(kiln_calls_std, nr, args);
}
