/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The guest's half of kiln run --trace: see trace.h. It knows which arguments point to memory that
 * is worth seeing; names, families and what the numbers mean are the host's affair.
 */
#include "abi/trace.h"
#include "abi/syscall.h"
#include "base/errno.h"
#include "base/fmt.h"
#include "core/log.h"
#include "core/stats.h"
#include "core/thread.h"

#define LINE_MAX 640u
#define BYTES_MAX 80u /* of memory that an argument points to */

/* Numbers of all calls. */
enum {
#define SYSCALL(nr, name, nargs, status, mode, note) TRACE_NR_##name = (nr),
#include "abi/syscalls.def"
#undef SYSCALL
	TRACE_NUMBERS, /* rows are in order: one more than the last number */
};

/* What an argument points to, and when it is looked at. */
enum trace_what {
	IN_STRING,
	IN_16, /* a timespec */
	OUT_16,
	OUT_8,      /* two descriptors */
	IN_LENGTH,  /* as many bytes as the next argument says */
	OUT_RESULT, /* as many bytes as the result says */
	IN_POLLFDS, /* as many times 8 bytes as the next argument says */
};

static const struct trace_memory {
	uint16_t nr;
	uint8_t arg, what;
} trace_memory[] = {
#define MEMORY(name, arg, what) {TRACE_NR_##name, arg, what},
#include "abi/trace.def"
#undef MEMORY
};

/* How often each was made; the last one: numbers that Linux does not have. Relaxed: a statistic. */
static _Atomic uint32_t trace_counts[TRACE_NUMBERS + 1];

struct trace_line {
	size_t len;
	char text[LINE_MAX];
};

static PRINTF_LIKE(2, 3)
void line_add(struct trace_line *l, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = fmt_vformat(l->text + l->len, sizeof(l->text) - l->len, fmt, ap);
	va_end(ap);
	l->len = MIN(l->len + n, sizeof(l->text) - 2);
}

/* The memory at addr, in hexadecimal; nothing if it is not the program's. */
static void line_add_memory(struct trace_line *l, unsigned arg, vaddr_t addr, size_t n)
{
	uint8_t bytes[BYTES_MAX];

	n = MIN(n, sizeof(bytes));
	if (n == 0 || addr == 0 || user_copy_in(bytes, addr, n) != 0)
		return;
	line_add(l, " @%u:", arg);
	for (size_t i = 0; i < n; i++)
		line_add(l, "%02x", bytes[i]);
}

static void line_add_string(struct trace_line *l, unsigned arg, vaddr_t addr)
{
	ssize64_t n = addr != 0 ? user_strlen(addr, BYTES_MAX - 1) : -EFAULT;

	if (n >= 0)
		line_add_memory(l, arg, addr, (size_t)n + 1);
	else if (n == -ENAMETOOLONG)
		line_add_memory(l, arg, addr, BYTES_MAX);
}

/* What arguments of the call point to; result NULL: it begins. */
static void line_add_arguments(struct trace_line *l, unsigned nr, const uint64_t args[6],
			       const long *result)
{
	for (unsigned i = 0; i < ARRAY_SIZE(trace_memory); i++) {
		const struct trace_memory *m = &trace_memory[i];
		uint64_t addr = args[m->arg], next = args[(m->arg + 1) % 6];

		if (m->nr != nr)
			continue;
		if (m->what == IN_STRING && !result)
			line_add_string(l, m->arg, addr);
		else if (m->what == IN_16 && !result)
			line_add_memory(l, m->arg, addr, 16);
		else if (m->what == IN_LENGTH && !result)
			line_add_memory(l, m->arg, addr, next);
		else if (m->what == IN_POLLFDS && !result)
			line_add_memory(l, m->arg, addr, MIN(next, BYTES_MAX) * 8);
		else if (m->what == OUT_16 && result && *result == 0)
			line_add_memory(l, m->arg, addr, 16);
		else if (m->what == OUT_8 && result && *result == 0)
			line_add_memory(l, m->arg, addr, 8);
		else if (m->what == OUT_RESULT && result && *result > 0)
			line_add_memory(l, m->arg, addr, (size_t)*result);
	}
}

static void line_write(struct trace_line *l)
{
	l->text[l->len++] = '\n';
	plat->log_write(l->text, l->len);
}

NOINLINE void trace_begin(unsigned nr, const uint64_t args[6])
{
	struct trace_line l = {0};

	if (arch_traces & ARCH_TRACE_COUNTS)
		atomic_fetch_add_explicit(&trace_counts[MIN(nr, (unsigned)TRACE_NUMBERS)], 1,
					  memory_order_relaxed);
	if (!(arch_traces & ARCH_TRACE_RECORDS))
		return;
	line_add(&l, "kiln: > %x %lx %x %lx %lx %lx %lx %lx %lx", (unsigned)thread_current()->tid,
		 plat->clock_monotonic_ns(), nr, args[0], args[1], args[2], args[3], args[4],
		 args[5]);
	line_add_arguments(&l, nr, args, NULL);
	line_write(&l);
}

NOINLINE void trace_end(unsigned nr, const uint64_t args[6], long result)
{
	struct trace_line l = {0};

	if (!(arch_traces & ARCH_TRACE_RECORDS))
		return;
	line_add(&l, "kiln: < %x %lx %x %lx", (unsigned)thread_current()->tid,
		 plat->clock_monotonic_ns(), nr, (unsigned long)result);
	line_add_arguments(&l, nr, args, &result);
	line_write(&l);
}

long trace_call(unsigned nr, trace_handler handler, const uint64_t args[6])
{
	/* A handler may change what its caller keeps there. */
	const uint64_t kept[6] = {args[0], args[1], args[2], args[3], args[4], args[5]};
	long result;

	trace_begin(nr, kept);
	result = handler ? handler(kept[0], kept[1], kept[2], kept[3], kept[4], kept[5])
			 : syscall_missing((long)nr);
	trace_end(nr, kept, result);
	return result;
}

/* What a rewritten stub comes to (arch/x86_64/trace.c). */
long trace_stub_call(const uint8_t *behind, const uint64_t args[6]);

long trace_stub_call(const uint8_t *behind, const uint64_t args[6])
{
	unsigned nr;
	trace_handler handler = (trace_handler)arch_trace_stub(behind, &nr);

	return trace_call(nr, handler, args);
}

void trace_report_counts(void)
{
	if (!(arch_traces & ARCH_TRACE_COUNTS))
		return;
	log_print("kiln: calls");
	for (unsigned nr = 0; nr < ARRAY_SIZE(trace_counts); nr++) {
		uint32_t n = atomic_load_explicit(&trace_counts[nr], memory_order_relaxed);

		if (n > 0)
			log_print(" %u=%u", nr, n);
	}
	log_print("\n");
}
