/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Arguments and results of system calls as text: see trace.h. The numbers are Linux's on x86-64,
 * whatever system kiln itself is compiled on.
 */
#include "trace.h"

#include <inttypes.h>
#include <string.h>

struct flag {
	uint64_t value;
	const char *name;
};

/* Longest errno that Linux returns. */
enum { ERRNO_MAX = 4095 };

static const struct flag open_flags[] = {{0x200000, "O_PATH"},     {0x400000, "O_TMPFILE"},
					 {0x10000, "O_DIRECTORY"}, {0x20000, "O_NOFOLLOW"},
					 {0x40000, "O_NOATIME"},   {0x80000, "O_CLOEXEC"},
					 {0x101000, "O_SYNC"},     {0x1000, "O_DSYNC"},
					 {0x800, "O_NONBLOCK"},    {0x400, "O_APPEND"},
					 {0x200, "O_TRUNC"},       {0x100, "O_NOCTTY"},
					 {0x80, "O_EXCL"},         {0x40, "O_CREAT"},
					 {0x8000, "O_LARGEFILE"},  {0, NULL}};
static const struct flag mmap_flags[] = {
	{0x20, "MAP_ANONYMOUS"},           {0x10, "MAP_FIXED"},
	{0x100000, "MAP_FIXED_NOREPLACE"}, {0x4000, "MAP_NORESERVE"},
	{0x8000, "MAP_POPULATE"},          {0x20000, "MAP_STACK"},
	{0x100, "MAP_GROWSDOWN"},          {0, NULL}};
static const struct flag clone_flags[] = {{0x100, "CLONE_VM"},
					  {0x200, "CLONE_FS"},
					  {0x400, "CLONE_FILES"},
					  {0x800, "CLONE_SIGHAND"},
					  {0x10000, "CLONE_THREAD"},
					  {0x40000, "CLONE_SYSVSEM"},
					  {0x80000, "CLONE_SETTLS"},
					  {0x100000, "CLONE_PARENT_SETTID"},
					  {0x200000, "CLONE_CHILD_CLEARTID"},
					  {0x400000, "CLONE_DETACHED"},
					  {0x1000000, "CLONE_CHILD_SETTID"},
					  {0, NULL}};
static const struct flag prot_flags[] = {
	{1, "PROT_READ"}, {2, "PROT_WRITE"}, {4, "PROT_EXEC"}, {0, NULL}};
static const struct flag poll_flags[] = {{1, "POLLIN"},         {2, "POLLPRI"},  {4, "POLLOUT"},
					 {8, "POLLERR"},        {16, "POLLHUP"}, {32, "POLLNVAL"},
					 {0x2000, "POLLRDHUP"}, {0, NULL}};

static const char *const accesses[] = {"O_RDONLY", "O_WRONLY", "O_RDWR"};
static const char *const sharings[] = {"0", "MAP_SHARED", "MAP_PRIVATE", "MAP_SHARED_VALIDATE"};
static const char *const whences[] = {"SEEK_SET", "SEEK_CUR", "SEEK_END", "SEEK_DATA", "SEEK_HOLE"};
static const char *const hows[] = {"SIG_BLOCK", "SIG_UNBLOCK", "SIG_SETMASK"};
static const char *const clocks[] = {"CLOCK_REALTIME",           "CLOCK_MONOTONIC",
				     "CLOCK_PROCESS_CPUTIME_ID", "CLOCK_THREAD_CPUTIME_ID",
				     "CLOCK_MONOTONIC_RAW",      "CLOCK_REALTIME_COARSE",
				     "CLOCK_MONOTONIC_COARSE",   "CLOCK_BOOTTIME"};
static const char *const futex_operations[] = {
	"FUTEX_WAIT",           "FUTEX_WAKE",        "FUTEX_FD",          "FUTEX_REQUEUE",
	"FUTEX_CMP_REQUEUE",    "FUTEX_WAKE_OP",     "FUTEX_LOCK_PI",     "FUTEX_UNLOCK_PI",
	"FUTEX_TRYLOCK_PI",     "FUTEX_WAIT_BITSET", "FUTEX_WAKE_BITSET", "FUTEX_WAIT_REQUEUE_PI",
	"FUTEX_CMP_REQUEUE_PI", "FUTEX_LOCK_PI2"};
static const char *const advices[] = {
	"MADV_NORMAL", "MADV_RANDOM", "MADV_SEQUENTIAL", "MADV_WILLNEED", "MADV_DONTNEED", NULL,
	NULL,          NULL,          "MADV_FREE"};
static const char *const signals[] = {
	"0",         "SIGHUP",  "SIGINT",    "SIGQUIT", "SIGILL",   "SIGTRAP", "SIGABRT", "SIGBUS",
	"SIGFPE",    "SIGKILL", "SIGUSR1",   "SIGSEGV", "SIGUSR2",  "SIGPIPE", "SIGALRM", "SIGTERM",
	"SIGSTKFLT", "SIGCHLD", "SIGCONT",   "SIGSTOP", "SIGTSTP",  "SIGTTIN", "SIGTTOU", "SIGURG",
	"SIGXCPU",   "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO",   "SIGPWR",  "SIGSYS"};

/* The name at value, or the number. */
static void name_add(struct buf *b, const char *const *names, size_t n, uint64_t value)
{
	if (value < n && names[value])
		buf_adds(b, names[value]);
	else
		buf_addf(b, "%" PRId64, (int64_t)value);
}

/* "|NAME" for each flag; what has none in hexadecimal. The first bar is left out if first. */
static void flags_add(struct buf *b, const struct flag *flags, uint64_t value, bool first)
{
	for (; flags->name; flags++) {
		if ((value & flags->value) != flags->value)
			continue;
		buf_addf(b, "%s%s", first ? "" : "|", flags->name);
		value &= ~flags->value;
		first = false;
	}
	if (value || first)
		buf_addf(b, value ? "%s0x%" PRIx64 : "0", first ? "" : "|", value);
}

/* As a string of C; cut: it goes on. */
static void string_add(struct buf *b, const uint8_t *p, size_t n, bool cut)
{
	buf_addc(b, '"');
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '"' || p[i] == '\\')
			buf_addf(b, "\\%c", p[i]);
		else if (p[i] == '\n')
			buf_adds(b, "\\n");
		else if (p[i] >= ' ' && p[i] < 0x7f)
			buf_addc(b, (char)p[i]);
		else
			buf_addf(b, "\\%03o", p[i]);
	}
	buf_adds(b, cut ? "\"..." : "\"");
}

static uint64_t word_at(const struct trace_bytes *bytes, size_t at, size_t n)
{
	uint64_t word = 0;

	memcpy(&word, bytes->p + at, n);
	return word;
}

static void pollfds_add(struct buf *b, const struct trace_bytes *bytes)
{
	buf_addc(b, '[');
	for (size_t at = 0; at + 8 <= bytes->n; at += 8) {
		buf_addf(b, "%s{fd=%d, events=", at ? ", " : "", (int)word_at(bytes, at, 4));
		flags_add(b, poll_flags, word_at(bytes, at + 4, 2), true);
		buf_addc(b, '}');
	}
	buf_addc(b, ']');
}

/* What an argument points to; false: it is not known. */
static bool memory_add(struct buf *b, char spec, const struct trace_bytes *bytes)
{
	const uint8_t *end = memchr(bytes->p, 0, bytes->n);

	if (!bytes->n)
		return false;
	switch (spec) {
	case 's':
		string_add(b, bytes->p, end ? (size_t)(end - bytes->p) : bytes->n, !end);
		return true;
	case 't':
	case 'T':
		if (bytes->n < 16)
			return false;
		buf_addf(b, "{%" PRId64 ".%09" PRId64 "}", (int64_t)word_at(bytes, 0, 8),
			 (int64_t)word_at(bytes, 8, 8));
		return true;
	case 'N':
		if (bytes->n < 8)
			return false;
		buf_addf(b, "[%d, %d]", (int)word_at(bytes, 0, 4), (int)word_at(bytes, 4, 4));
		return true;
	case 'v':
		pollfds_add(b, bytes);
		return true;
	default:
		return false;
	}
}

bool trace_value_is_result(char spec)
{
	return spec == 'B' || spec == 'T' || spec == 'N';
}

static void futex_add(struct buf *b, uint64_t value)
{
	name_add(b, futex_operations, ARRAY_SIZE(futex_operations), value & 127);
	if (value & 128)
		buf_adds(b, "_PRIVATE");
	if (value & 256)
		buf_adds(b, "|FUTEX_CLOCK_REALTIME");
}

void trace_value_add(struct buf *b, char spec, uint64_t value, const struct trace_bytes *bytes)
{
	switch (spec) {
	case 'd':
		buf_addf(b, "%" PRId64, value >> 32 ? (int64_t)value : (int64_t)(int32_t)value);
		break;
	case 'i':
		buf_addf(b, "%" PRIu32, (uint32_t)value);
		break;
	case 'u':
		buf_addf(b, "%" PRIu64, value);
		break;
	case 'f':
		if ((int32_t)value == -100)
			buf_adds(b, "AT_FDCWD");
		else
			buf_addf(b, "%d", (int32_t)value);
		break;
	case 'o':
		name_add(b, accesses, ARRAY_SIZE(accesses), value & 3);
		if (value & 0xfffffffc)
			flags_add(b, open_flags, value & 0xfffffffc, false);
		break;
	case 'm':
		buf_addf(b, "0%" PRIo64, value & 07777);
		break;
	case 'P':
		if (value)
			flags_add(b, prot_flags, value, true);
		else
			buf_adds(b, "PROT_NONE");
		break;
	case 'M':
		name_add(b, sharings, ARRAY_SIZE(sharings), value & 3);
		if (value & ~UINT64_C(3))
			flags_add(b, mmap_flags, value & ~UINT64_C(3), false);
		break;
	case 'C':
		flags_add(b, clone_flags, value, true);
		break;
	case 'A':
		name_add(b, advices, ARRAY_SIZE(advices), value);
		break;
	case 'F':
		futex_add(b, value & UINT32_MAX);
		break;
	case 'c':
		name_add(b, clocks, ARRAY_SIZE(clocks), value & UINT32_MAX);
		break;
	case 'S':
		name_add(b, signals, ARRAY_SIZE(signals), value & UINT32_MAX);
		break;
	case 'H':
		name_add(b, hows, ARRAY_SIZE(hows), value & UINT32_MAX);
		break;
	case 'w':
		name_add(b, whences, ARRAY_SIZE(whences), value & UINT32_MAX);
		break;
	default:
		if (memory_add(b, spec, bytes))
			break;
		if (!value && spec != 'x')
			buf_adds(b, "NULL");
		else
			buf_addf(b, value ? "0x%" PRIx64 : "0", value);
	}
}

void trace_bytes_add(struct buf *b, uint64_t value, uint64_t length,
		     const struct trace_bytes *bytes)
{
	static const struct trace_bytes none;

	if (bytes->n || (value && !length))
		string_add(b, bytes->p, bytes->n, length > bytes->n);
	else
		trace_value_add(b, 'p', value, &none);
}

void trace_result_add(struct buf *b, char spec, uint64_t value)
{
	int64_t error = -(int64_t)value;

	if (error > 0 && error <= ERRNO_MAX) {
		const char *name = strerrorname_np((int)error);

		/* What makes the kernel begin a call anew has no name outside of it. */
		if (error >= 512 && error <= 516)
			buf_adds(b, "? (interrupted by a signal)");
		else
			buf_addf(b, "-1 %s (%s)", name ? name : "?", strerror((int)error));
	} else if (spec == 'p') {
		buf_addf(b, "0x%" PRIx64, value);
	} else {
		buf_addf(b, "%" PRId64, (int64_t)value);
	}
}
