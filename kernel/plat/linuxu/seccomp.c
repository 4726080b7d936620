/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The seccomp filter. It does two things at once, by the address a system call comes from:
 * the kernel's own host calls (hostcall.S) are held to a short list, argument by argument, and
 * everything else is an inline `syscall` instruction of the program, which traps (SIGSYS) and is
 * served by this kernel.
 *
 * Where the host has no seccomp, Syscall User Dispatch catches the program's instructions, and
 * nothing holds the kernel to its list.
 */
#include "base/errno.h"
#include "core/log.h"
#include "plat/linuxu/linuxu.h"

/* Classic BPF (linux/bpf_common.h, linux/filter.h). */
struct bpf_insn {
	uint16_t code;
	uint8_t jt, jf;
	uint32_t k;
};

struct bpf_program {
	uint16_t len;
	const struct bpf_insn *insns;
};

#define BPF_LD_W_ABS 0x20
#define BPF_JEQ_K 0x15
#define BPF_JGE_K 0x35
#define BPF_RET_K 0x06

/* struct seccomp_data. */
#define DATA_NR 0
#define DATA_ARCH 4
#define DATA_IP_LO 8
#define DATA_IP_HI 12
#define DATA_ARG_LO(i) (16 + 8 * (i))

#define AUDIT_ARCH_X86_64 0xc000003eu
#define SECCOMP_SET_MODE_FILTER 1
#define SECCOMP_FILTER_FLAG_SPEC_ALLOW 4u
#define SECCOMP_RET_KILL_PROCESS 0x80000000u
#define SECCOMP_RET_TRAP 0x00030000u
#define SECCOMP_RET_ALLOW 0x7fff0000u

#define RULE_VALUES 4u

/* A host call that is allowed: with any arguments, or with one or two arguments of these values
 * only. */
struct filter_rule {
	uint16_t nr;
	struct {
		uint8_t arg, count; /* count 0: not looked at */
		uint32_t values[RULE_VALUES];
	} checks[2];
};

#define FILTER_MAX 192

struct filter {
	struct bpf_insn insns[FILTER_MAX];
	unsigned len;
};

static void filter_emit(struct filter *f, uint16_t code, uint32_t k, unsigned jt, unsigned jf)
{
	if (f->len < FILTER_MAX)
		f->insns[f->len] = (struct bpf_insn){code, (uint8_t)jt, (uint8_t)jf, k};
	f->len++;
}

/* The accumulator holds the number, before and behind. */
static void filter_emit_rule(struct filter *f, const struct filter_rule *r)
{
	const unsigned first = f->len;

	filter_emit(f, BPF_JEQ_K, r->nr, 0, 0);
	for (unsigned c = 0; c < ARRAY_SIZE(r->checks) && r->checks[c].count > 0; c++) {
		const unsigned count = r->checks[c].count;

		filter_emit(f, BPF_LD_W_ABS, DATA_ARG_LO((uint32_t)r->checks[c].arg), 0, 0);
		for (unsigned i = 0; i < count; i++)
			filter_emit(f, BPF_JEQ_K, r->checks[c].values[i], count - i, 0);
		filter_emit(f, BPF_RET_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
	}
	filter_emit(f, BPF_RET_K, SECCOMP_RET_ALLOW, 0, 0);
	/* Another number: behind all that. */
	if (f->len <= FILTER_MAX)
		f->insns[first].jf = (uint8_t)(f->len - first - 1);
}

/* Calls from hostcall.S, the frequent ones first. */
static void filter_emit_host_calls(struct filter *f)
{
	const uint32_t log_fd = (uint32_t)linuxu_host.log_fd, exe_fd = (uint32_t)linuxu_host.exe_fd;
	const uint32_t pid = (uint32_t)linuxu_host.pid;
	/* Only the loader maps a file. */
	const uint8_t maps = linuxu_load_open != NULL ? 3 : 1;
	const struct filter_rule rules[] = {
		{.nr = HOST_NR_RT_SIGRETURN},
		{HOST_NR_FUTEX, {{1, 2, {HOST_FUTEX_WAIT_PRIVATE, HOST_FUTEX_WAKE_PRIVATE}}}},
		{.nr = HOST_NR_PPOLL},
		{HOST_NR_TGKILL, {{0, 1, {pid}}, {2, 1, {HOST_SIGURG}}}},
		{.nr = HOST_NR_TIMER_SETTIME},
		{HOST_NR_WRITE, {{0, 3, {1, 2, log_fd}}}},
		{HOST_NR_PWRITEV2, {{0, 2, {1, 2}}}},
		{HOST_NR_READ, {{0, 1, {0}}}},
		{HOST_NR_PREADV2, {{0, 1, {0}}}},
		{.nr = HOST_NR_MPROTECT},
		{HOST_NR_MMAP,
		 {{3, maps, {HOST_MAP_WINDOW, HOST_MAP_FILE, HOST_MAP_RESERVE}},
		  {4, 2, {(uint32_t)-1, exe_fd}}}},
		{.nr = HOST_NR_MADVISE},
		{.nr = HOST_NR_SCHED_YIELD},
		{.nr = HOST_NR_MREMAP},
		{.nr = HOST_NR_CLOCK_GETTIME},
		{.nr = HOST_NR_RESTART_SYSCALL},
		{HOST_NR_TIMER_CREATE, {{0, 1, {HOST_CLOCK_MONOTONIC}}}},
		{.nr = HOST_NR_GETRANDOM},
		{HOST_NR_IOCTL, {{1, 2, {HOST_TCGETS, HOST_FIONREAD}}}},
		{HOST_NR_PREAD64, {{0, 1, {exe_fd}}}},
		{HOST_NR_LSEEK, {{0, 4, {0, 1, 2, exe_fd}}}},
		{.nr = HOST_NR_SYSINFO},
		{.nr = HOST_NR_GETCPU},
		{HOST_NR_SCHED_GETAFFINITY, {{0, 1, {0}}}},
		{HOST_NR_SCHED_SETAFFINITY, {{0, 1, {0}}}},
		{HOST_NR_ARCH_PRCTL, {{0, 2, {HOST_ARCH_SET_FS, HOST_ARCH_SET_GS}}}},
		{HOST_NR_CLONE, {{0, 1, {HOST_CLONE_THREAD}}}},
		{.nr = HOST_NR_RT_SIGPROCMASK},
		{.nr = HOST_NR_SIGALTSTACK},
		{.nr = HOST_NR_EXIT_GROUP},
	};

	filter_emit(f, BPF_LD_W_ABS, DATA_NR, 0, 0);
	for (unsigned i = 0; i < ARRAY_SIZE(rules); i++)
		filter_emit_rule(f, &rules[i]);
	filter_emit(f, BPF_RET_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
}

/* The vDSO makes a system call when the host's clock source cannot be read from user space. */
static void filter_emit_vdso(struct filter *f)
{
	static const uint16_t calls[] = {HOST_NR_CLOCK_GETTIME, HOST_NR_GETTIMEOFDAY, HOST_NR_TIME,
					 HOST_NR_CLOCK_GETRES, HOST_NR_GETCPU};
	const uint64_t start = linuxu_host.vdso, end = linuxu_host.vdso_end;

	if (start == 0 || start >> 32 != end >> 32)
		return;
	filter_emit(f, BPF_LD_W_ABS, DATA_IP_HI, 0, 0);
	filter_emit(f, BPF_JEQ_K, (uint32_t)(start >> 32), 0, 4 + 2 * ARRAY_SIZE(calls));
	filter_emit(f, BPF_LD_W_ABS, DATA_IP_LO, 0, 0);
	filter_emit(f, BPF_JGE_K, (uint32_t)start, 0, 2 + 2 * ARRAY_SIZE(calls));
	filter_emit(f, BPF_JGE_K, (uint32_t)end, 1 + 2 * ARRAY_SIZE(calls), 0);
	filter_emit(f, BPF_LD_W_ABS, DATA_NR, 0, 0);
	for (unsigned i = 0; i < ARRAY_SIZE(calls); i++) {
		filter_emit(f, BPF_JEQ_K, calls[i], 0, 1);
		filter_emit(f, BPF_RET_K, SECCOMP_RET_ALLOW, 0, 0);
	}
}

/*
 * if (arch != x86-64) trap;
 * if (ip is one of hostcall.S) the list;
 * if (ip is in the vDSO) its list;
 * trap;
 */
static void filter_build(struct filter *f)
{
	const uintptr_t first = (uintptr_t)linuxu_hostcall_ip;
	unsigned skip;

	filter_emit(f, BPF_LD_W_ABS, DATA_ARCH, 0, 0);
	filter_emit(f, BPF_JEQ_K, AUDIT_ARCH_X86_64, 1, 0);
	filter_emit(f, BPF_RET_K, SECCOMP_RET_TRAP, 0, 0);
	filter_emit(f, BPF_LD_W_ABS, DATA_IP_HI, 0, 0);
	skip = f->len;
	filter_emit(f, BPF_JEQ_K, (uint32_t)(first >> 32), 0, 0);
	filter_emit(f, BPF_LD_W_ABS, DATA_IP_LO, 0, 0);
	filter_emit(f, BPF_JEQ_K, (uint32_t)(uintptr_t)linuxu_sigreturn_ip, 2, 0);
	filter_emit(f, BPF_JEQ_K, (uint32_t)first, 1, 0);
	filter_emit(f, BPF_JEQ_K, (uint32_t)(uintptr_t)linuxu_ppoll_ip, 0, 0);
	filter_emit_host_calls(f);
	/* The list's length is known now: jump over it. */
	f->insns[skip].jf = (uint8_t)(f->len - skip - 1);
	f->insns[skip + 4].jf = (uint8_t)(f->len - skip - 5);
	filter_emit_vdso(f);
	filter_emit(f, BPF_RET_K, SECCOMP_RET_TRAP, 0, 0);
}

static long filter_install(void)
{
	struct filter f = {.len = 0};
	struct bpf_program prog;
	long r;

	filter_build(&f);
	if (f.len > FILTER_MAX)
		linuxu_die("the seccomp filter has outgrown FILTER_MAX", 0);
	prog.len = (uint16_t)f.len;
	prog.insns = f.insns;
	r = host_call6(HOST_NR_PRCTL, HOST_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0);
	if (r)
		return r;
	/* The program is not afraid of itself: no slow-down against speculative store bypass. */
	r = host_call3(HOST_NR_SECCOMP, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
		       (uintptr_t)&prog);
	if (r == -EINVAL)
		r = host_call3(HOST_NR_SECCOMP, SECCOMP_SET_MODE_FILTER, 0, (uintptr_t)&prog);
	return r;
}

/* The vDSO is outside of hostcall.S: signal.c makes its calls for it. */
static long dispatch_install(void)
{
	return host_call6(HOST_NR_PRCTL, HOST_PR_SET_SYSCALL_USER_DISPATCH, 1,
			  (uintptr_t)linuxu_hostcall_start,
			  (uintptr_t)(linuxu_hostcall_end - linuxu_hostcall_start), 0, 0);
}

void linuxu_filter_init(void)
{
	long seccomp_err = filter_install(), dispatch_err;

	if (seccomp_err == 0)
		return;
	dispatch_err = dispatch_install();
	linuxu_host.user_dispatch = dispatch_err == 0;
	if (linuxu_host.user_dispatch)
		log_line(LOG_WARN,
			 "the host has no seccomp (error %ld): host calls are not filtered",
			 -seccomp_err);
	else
		log_line(
			LOG_WARN,
			"the host has neither seccomp (error %ld) nor Syscall User Dispatch "
			"(error %ld): system calls that the program makes by itself reach the host",
			-seccomp_err, -dispatch_err);
}

void linuxu_filter_init_cpu(void)
{
	long err = linuxu_host.user_dispatch ? dispatch_install() : 0;

	if (err)
		linuxu_die("system calls of the program cannot be caught on another CPU", err);
}
