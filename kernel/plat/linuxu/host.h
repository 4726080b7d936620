/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The host as linuxu sees it: how a host system call is made, which ones there are, and the
 * structures they take (Linux's x86-64 user ABI). Only plat/linuxu includes this.
 */
#ifndef PLAT_LINUXU_HOST_H
#define PLAT_LINUXU_HOST_H

#include "base/types.h"

#define HOST_NR_READ 0
#define HOST_NR_WRITE 1
#define HOST_NR_CLOSE 3
#define HOST_NR_LSEEK 8
#define HOST_NR_MMAP 9
#define HOST_NR_MPROTECT 10
#define HOST_NR_RT_SIGACTION 13
#define HOST_NR_RT_SIGPROCMASK 14
#define HOST_NR_RT_SIGRETURN 15
#define HOST_NR_IOCTL 16
#define HOST_NR_PREAD64 17
#define HOST_NR_SCHED_YIELD 24
#define HOST_NR_MREMAP 25
#define HOST_NR_MADVISE 28
#define HOST_NR_GETPID 39
#define HOST_NR_CLONE 56
#define HOST_NR_GETTIMEOFDAY 96
#define HOST_NR_SYSINFO 99
#define HOST_NR_SIGALTSTACK 131
#define HOST_NR_PRCTL 157
#define HOST_NR_ARCH_PRCTL 158
#define HOST_NR_TIME 201
#define HOST_NR_FUTEX 202
#define HOST_NR_SCHED_SETAFFINITY 203
#define HOST_NR_SCHED_GETAFFINITY 204
#define HOST_NR_RESTART_SYSCALL 219
#define HOST_NR_TIMER_CREATE 222
#define HOST_NR_TIMER_SETTIME 223
#define HOST_NR_CLOCK_GETTIME 228
#define HOST_NR_CLOCK_GETRES 229
#define HOST_NR_EXIT_GROUP 231
#define HOST_NR_TGKILL 234
#define HOST_NR_OPENAT 257
#define HOST_NR_PPOLL 271
#define HOST_NR_PRLIMIT64 302
#define HOST_NR_GETCPU 309
#define HOST_NR_SECCOMP 317
#define HOST_NR_GETRANDOM 318
#define HOST_NR_PREADV2 327
#define HOST_NR_PWRITEV2 328

/* hostcall.S: `syscall` with everything in the registers where the host wants it. */
void linuxu_hostcall(void);

static ALWAYS_INLINE long host_call6(long nr, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d,
				     uintptr_t e, uintptr_t f)
{
	register uintptr_t r10 __asm__("r10") = d;
	register uintptr_t r8 __asm__("r8") = e;
	register uintptr_t r9 __asm__("r9") = f;

	__asm__ volatile("call linuxu_hostcall"
			 : "+a"(nr)
			 : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory", "cc");
	return nr;
}

static ALWAYS_INLINE long host_call4(long nr, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d)
{
	register uintptr_t r10 __asm__("r10") = d;

	__asm__ volatile("call linuxu_hostcall"
			 : "+a"(nr)
			 : "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory", "cc");
	return nr;
}

static ALWAYS_INLINE long host_call3(long nr, uintptr_t a, uintptr_t b, uintptr_t c)
{
	__asm__ volatile("call linuxu_hostcall"
			 : "+a"(nr)
			 : "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory", "cc");
	return nr;
}

static ALWAYS_INLINE long host_call2(long nr, uintptr_t a, uintptr_t b)
{
	return host_call3(nr, a, b, 0);
}

static ALWAYS_INLINE long host_call1(long nr, uintptr_t a)
{
	return host_call3(nr, a, 0, 0);
}

/* --- memory --- */
#define HOST_MAP_PRIVATE 0x2u
#define HOST_MAP_FIXED 0x10u
#define HOST_MAP_ANONYMOUS 0x20u
#define HOST_MAP_NORESERVE 0x4000u
#define HOST_MAP_FIXED_NOREPLACE 0x100000u
/* How memory of the window is given back. */
#define HOST_MAP_WINDOW                                                                            \
	(HOST_MAP_PRIVATE | HOST_MAP_FIXED | HOST_MAP_ANONYMOUS | HOST_MAP_NORESERVE)
/* How address space outside of the window is reserved for a program that must be there. */
#define HOST_MAP_RESERVE                                                                           \
	(HOST_MAP_PRIVATE | HOST_MAP_FIXED_NOREPLACE | HOST_MAP_ANONYMOUS | HOST_MAP_NORESERVE)
/* How pages of the program's file are mapped. */
#define HOST_MAP_FILE (HOST_MAP_PRIVATE | HOST_MAP_FIXED)
#define HOST_MREMAP_MAYMOVE 1u
#define HOST_MREMAP_FIXED 2u
#define HOST_MADV_DONTNEED 4u
#define HOST_MADV_HUGEPAGE 14u
#define HOST_MADV_NOHUGEPAGE 15u
#define HOST_MADV_POPULATE_READ 22u
#define HOST_MADV_POPULATE_WRITE 23u

/* --- signals --- */
#define HOST_SIGQUIT 3
#define HOST_SIGILL 4
#define HOST_SIGTRAP 5
#define HOST_SIGBUS 7
#define HOST_SIGFPE 8
#define HOST_SIGSEGV 11
#define HOST_SIGPIPE 13
#define HOST_SIGALRM 14
#define HOST_SIGCONT 18
#define HOST_SIGURG 23
#define HOST_SIGSYS 31

#define HOST_SA_SIGINFO 4u
#define HOST_SA_RESTORER 0x04000000u
#define HOST_SA_ONSTACK 0x08000000u
#define HOST_SA_RESTART 0x10000000u
#define HOST_SA_NODEFER 0x40000000u
#define HOST_SIG_IGN 1u
#define HOST_SIG_BLOCK 0u
#define HOST_SIG_SETMASK 2u

#define HOST_SYS_SECCOMP 1 /* si_code of SIGSYS */
#define HOST_SYS_USER_DISPATCH 2

struct host_sigaction {
	uintptr_t handler;
	uint64_t flags;
	uintptr_t restorer;
	uint64_t mask;
};

struct host_stack {
	uintptr_t sp;
	int32_t flags, pad;
	uint64_t size;
};

struct host_siginfo {
	int32_t signo, error, code, pad;
	union {
		struct {
			uintptr_t call_addr;
			int32_t nr;
			uint32_t arch;
		} sys;
		uint8_t bytes[112];
	};
};
_Static_assert(sizeof(struct host_siginfo) == 128, "siginfo_t");

/* struct ucontext with struct sigcontext (arch/x86/include/uapi/asm/{ucontext,sigcontext}.h). */
#define HOST_UC_SIGCONTEXT_SS 2u /* ss is the interrupted one */

struct host_ucontext {
	uint64_t flags;
	uintptr_t link;
	struct host_stack stack;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip;
	uint64_t rflags;
	uint16_t cs, gs, fs, ss;
	uint64_t error, trapno, oldmask, cr2;
	uintptr_t fpstate;
	uint64_t reserved[8];
	uint64_t sigmask;
};
_Static_assert(offsetof(struct host_ucontext, rip) == 40 + 16 * 8, "struct sigcontext");
_Static_assert(offsetof(struct host_ucontext, sigmask) == 40 + 256, "struct ucontext");

/* --- time --- */
#define HOST_CLOCK_REALTIME 0
#define HOST_CLOCK_MONOTONIC 1
#define HOST_TIMER_ABSTIME 1
#define HOST_SIGEV_THREAD_ID 4

struct host_timespec {
	int64_t sec, nsec;
};

static ALWAYS_INLINE struct host_timespec host_timespec(uint64_t ns)
{
	return (struct host_timespec){.sec = (int64_t)(ns / 1000000000u),
				      .nsec = (int64_t)(ns % 1000000000u)};
}

struct host_itimerspec {
	struct host_timespec interval, value;
};

struct host_sigevent {
	uint64_t value;
	int32_t signo, notify, tid, pad[11];
};
_Static_assert(sizeof(struct host_sigevent) == 64, "struct sigevent");

/* --- files --- */
#define HOST_AT_FDCWD (-100)
#define HOST_O_RDWR 2u
#define HOST_O_CLOEXEC 0x80000u
#define HOST_SEEK_CUR 1
#define HOST_SEEK_END 2
#define HOST_RWF_NOWAIT 8u
#define HOST_TCGETS 0x5401u
#define HOST_FIONREAD 0x541bu
#define HOST_POLLIN 1
#define HOST_POLLOUT 4

struct host_iovec {
	uintptr_t base;
	size_t len;
};

struct host_pollfd {
	int32_t fd;
	int16_t events, revents;
};

/* --- process --- */
/* A thread of this process, without a thread pointer of its own, whose id is known before it runs.
 */
#define HOST_CLONE_THREAD                                                                          \
	(0x100u /* VM */ | 0x200u /* FS */ | 0x400u /* FILES */ | 0x800u /* SIGHAND */ |           \
	 0x10000u /* THREAD */ | 0x40000u /* SYSVSEM */ | 0x80000u /* SETTLS */ |                  \
	 0x100000u /* PARENT_SETTID */)
#define HOST_FUTEX_WAKE_PRIVATE (1u | 128u)
#define HOST_FUTEX_WAIT_PRIVATE (9u | 128u) /* WAIT_BITSET: until a time of CLOCK_MONOTONIC */
#define HOST_FUTEX_BITSET_ANY 0xffffffffu
#define HOST_ARCH_SET_GS 0x1001
#define HOST_ARCH_SET_FS 0x1002
#define HOST_PR_SET_TIMERSLACK 29
#define HOST_PR_SET_NO_NEW_PRIVS 38
#define HOST_PR_SET_SYSCALL_USER_DISPATCH 59
#define HOST_GRND_NONBLOCK 1u

#define HOST_RLIMIT_AS 9

struct host_rlimit {
	uint64_t soft, hard;
};

struct host_sysinfo {
	int64_t uptime;
	uint64_t loads[3], totalram, freeram, sharedram, bufferram, totalswap, freeswap;
	uint16_t procs, pad;
	uint64_t totalhigh, freehigh;
	uint32_t mem_unit;
	uint8_t reserved[4];
};
_Static_assert(sizeof(struct host_sysinfo) == 112, "struct sysinfo");

/* Auxiliary vector. */
#define HOST_AT_NULL 0
#define HOST_AT_PAGESZ 6
#define HOST_AT_RANDOM 25
#define HOST_AT_HWCAP2 26
#define HOST_AT_SYSINFO_EHDR 33
#define HOST_AT_MINSIGSTKSZ 51
#define HOST_HWCAP2_FSGSBASE 2u

#endif
