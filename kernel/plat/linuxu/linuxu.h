/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the files of plat/linuxu share. */
#ifndef PLAT_LINUXU_LINUXU_H
#define PLAT_LINUXU_LINUXU_H

#include "arch/arch.h"
#include "base/cmdline.h"
#include "base/types.h"
#include "plat/linuxu/host.h"
#include "plat/plat.h"

/* What Linux told the image at its start (auxv) and what was opened for it. */
struct linuxu_host {
	uintptr_t vdso; /* its ELF header, or 0 */
	uintptr_t vdso_end;
	size_t sigstack_min; /* bytes the host puts on a signal stack */
	uint64_t random[2];
	bool fsgsbase;
	bool user_dispatch; /* no seccomp: each thread switches Syscall User Dispatch on for itself
			     */
	int32_t pid;
	int log_fd;
	int exe_fd;       /* the image's file, or negative */
	const char *opts; /* KILN_OPTS, never NULL */
};

#define LINUXU_NOWHERE UINT32_MAX /* of the host's CPUs */

/*
 * A CPU: a thread of the host. What other CPUs may touch is said; all else is its own, and what its
 * signal handlers touch is volatile.
 */
struct linuxu_cpu {
	struct cpu cpu; /* first: cpu_self() is this */
	int32_t tid;    /* of the host's thread; set before it runs */
	/* idle.c: LINUXU_WAKE_* bits, a futex of the host's. Any CPU. */
	_Atomic uint32_t wake;
	/* cpus.c: the host's CPU that it was seen on last; LINUXU_NOWHERE: it idles, or not known.
	 * Any CPU reads. */
	_Atomic uint32_t host_cpu;
	/* timer.c */
	bool timer_created;
	int32_t timer_id;
	volatile uint64_t timer_armed_ns;   /* when the host's timer will fire; NEVER */
	volatile uint64_t timer_wanted_ns;  /* what timer_set() asked for; NEVER */
	volatile uint64_t timer_console_ns; /* when to look for input; NEVER: not, or idle */
	uint32_t relaxed;                   /* cpus.c: how often it has waited for another CPU */
	uint32_t memory_seen; /* memory.c: how often rights had been given at the last fault */
};

#define LINUXU_CPU_INIT(cpu_)                                                                      \
	{                                                                                          \
		.cpu.self = &(cpu_).cpu, .timer_armed_ns = NEVER, .timer_wanted_ns = NEVER,        \
		.timer_console_ns = NEVER, .host_cpu = LINUXU_NOWHERE,                             \
	}

extern struct linuxu_host linuxu_host;
/* The CPUs that run or are about to, by number. */
extern struct linuxu_cpu *linuxu_cpus[CONFIG_NR_CPUS];

static ALWAYS_INLINE struct linuxu_cpu *linuxu_cpu_self(void)
{
	return (struct linuxu_cpu *)cpu_self();
}

extern const struct plat_ops linuxu_ops;

/* Exit status when the host or the environment does not let the image run. */
#define LINUXU_EXIT_CANNOT_START 125

/* Say on standard error what is wrong (err: negative errno, or 0) and exit. */
NORETURN void linuxu_die(const char *what, long err);
NORETURN void linuxu_exit(int status);

/* --- hostcall.S --- */
/* ppoll(2), but returns -EINTR at once if cpu->pending is not 0; no wake-up is lost in between. */
long linuxu_ppoll_unless_pending(struct host_pollfd *fds, size_t n,
				 const struct host_timespec *timeout);
void linuxu_sigreturn(void);
extern char linuxu_hostcall_ip[], linuxu_sigreturn_ip[], linuxu_ppoll_ip[];
extern char linuxu_hostcall_start[], linuxu_hostcall_end[], linuxu_ppoll_check[];

/* --- load.c: in the loader's image only --- */
extern const struct plat_load_ops linuxu_load_ops WEAK;
/* Open the file of the program that KILN_OPTS names (exec=PATH). A descriptor, or negative errno.
 */
WEAK int linuxu_load_open(const char *opts);

/* --- start.c --- */
/* Before the filter is there. A descriptor, or negative errno. */
int linuxu_open(const char *path, unsigned flags);

/* --- start.S --- */
/* Where a new host thread begins: on its stack come this address, the struct linuxu_cpu, nothing.
 */
void linuxu_cpu_begin(void);

/* --- cpus.c --- */
unsigned linuxu_cpu_count(void);
/* cpus=N of KILN_OPTS; 0: none. */
unsigned linuxu_cpu_count_wanted(void);
/* Make CPU id on the top of this stack, not yet running. */
struct linuxu_cpu *linuxu_cpu_lay(unsigned id, vaddr_t stack, size_t bytes);
int linuxu_cpu_start(unsigned id);
void linuxu_cpu_relax(unsigned spins);
/* Note which of the host's CPUs this one, c, runs on. */
void linuxu_cpu_locate(struct linuxu_cpu *c);
/* The same, and if another one was seen there last, move to one where none was, if there is any. */
void linuxu_cpu_spread(struct linuxu_cpu *c);
/* Leave the one where it runs to whoever waits for it, and go to one where no CPU was seen last, if
 * there is any. */
void linuxu_cpu_make_way(struct linuxu_cpu *c);

/* --- memory.c --- */
/* Reserve all areas; the first stacks can be allocated afterwards. */
void linuxu_memory_init(void);
/* Is sp inside the area of kernel stacks? That is: does the kernel run? */
bool linuxu_kstack_holds(uintptr_t sp);
bool linuxu_ram_range(unsigned i, struct plat_ram *out);
int linuxu_pmap_reserve(vaddr_t va, size_t len, unsigned prot);
void linuxu_pmap_remove(vaddr_t va, size_t len, vaddr_t touched_lo, vaddr_t touched_hi);
int linuxu_pmap_protect(vaddr_t va, size_t len, unsigned prot, vaddr_t touched_lo,
			vaddr_t touched_hi);
void linuxu_pmap_discard(vaddr_t va, size_t len, vaddr_t touched_lo, vaddr_t touched_hi);
int linuxu_pmap_populate(vaddr_t va, size_t len, unsigned prot);
int linuxu_pmap_move(vaddr_t old, vaddr_t new_va, size_t len, unsigned prot);
void linuxu_pmap_window(vaddr_t *min, vaddr_t *max);
vaddr_t linuxu_kstack_alloc(size_t bytes);
void linuxu_kstack_free(vaddr_t base, size_t bytes);
/* mprotect(2). 0 or -ENOMEM. */
MUST_CHECK int linuxu_memory_protect(vaddr_t va, size_t len, unsigned prot);
/* Has memory been given rights since this CPU last asked? Then a fault may be older than that. */
bool linuxu_memory_changed(void);
/* Note that it was. The mm lock is held. */
void linuxu_memory_note_change(void);
void linuxu_ram_info(uint64_t *total, uint64_t *free);

/* --- lazy.c --- */
/* Note [start, end), fresh memory of the window, for the host to be told later. False if that is
 * one too many. */
bool linuxu_lazy_add(vaddr_t start, vaddr_t end, unsigned prot);
/* Tell the host now of all ranges that touch [start, end). 0 or -ENOMEM. */
MUST_CHECK int linuxu_lazy_settle(vaddr_t start, vaddr_t end);
/* [start, end) goes: forget what is noted in it. True if the host does not know of any of it. */
bool linuxu_lazy_remove(vaddr_t start, vaddr_t end);
/* If the host does not know of [start, end) at all, change its rights and return true. */
bool linuxu_lazy_protect(vaddr_t start, vaddr_t end, unsigned prot);
/* A page fault at addr: true if it was the first touch of a noted range and can be repeated.
 * Interrupt context. */
bool linuxu_lazy_fault(vaddr_t addr);

/* --- signal.c --- */
/* Install the handlers. */
void linuxu_signal_init(void);
/* Bytes of a stack for signal handlers. */
size_t linuxu_signal_stack_bytes(void);
/* On this CPU handlers run on this stack from here on, and the signals of mask are blocked. */
void linuxu_signal_init_cpu(vaddr_t stack, uint64_t mask);

/* --- seccomp.c --- */
/* From here on the host serves only the calls this platform needs, and inline syscall instructions
 * trap. */
void linuxu_filter_init(void);
/* The same for a new thread, as far as it does not inherit it. */
void linuxu_filter_init_cpu(void);

/* --- clock.c --- */
typedef long linuxu_clock_fn(int clock, void *out);
void linuxu_clock_init(void);
/* clock_gettime() of the host's vDSO, which may be called on any stack; NULL: it has none. */
linuxu_clock_fn *linuxu_vdso_clock(void);
uint64_t linuxu_clock_monotonic_ns(void);
uint64_t linuxu_clock_realtime_ns(void);

/* --- timer.c --- */
void linuxu_timer_set(uint64_t deadline_ns);
/* The host's timer signal came: what is due, as PENDING_* bits. Interrupt context. */
uint32_t linuxu_timer_expire(void);
/* Look after the console every 10 ms, or no longer. */
void linuxu_timer_console(bool on);

/* --- idle.c --- */
void linuxu_idle(uint64_t deadline_ns);
/* A signal came: if this CPU is about to sleep, it does not. Interrupt context. */
void linuxu_idle_interrupt(void);
void linuxu_cpu_kick(unsigned id);
/* CPU id was kicked and does not come: it may wait for the host's CPU that this one has. */
void linuxu_cpu_late(unsigned id);
/* If this CPU was kicked: note it in cpu->pending and return true. Interrupt context. */
bool linuxu_cpu_take_kick(void);
void linuxu_console_watch(unsigned fds);
/* The time to look after the console has come: what is due is added to *due. True if this CPU is to
 * look again. Interrupt context. */
bool linuxu_console_look(uint32_t *due);
/* The process was stopped and goes on. Interrupt context. */
void linuxu_idle_continue(void);

/* --- deterministic.c, CONFIG_DETERMINISTIC --- */
/* KILN_OPTS asks for it. The seed, a decimal number, also replaces the host's random numbers. */
void linuxu_det_seed(const struct cmdline_token *seed);
/* In the place of plat = &linuxu_ops. */
void linuxu_det_start(void);
/* A signal handler begins, or ends. */
void linuxu_det_handler(bool on);
/* SIGTRAP: true if it was a step that is counted; cpu->pending may hold something then. */
bool linuxu_det_step(struct host_ucontext *uc);
/* SIGALRM: true if cpu->pending holds something. */
bool linuxu_det_alarm(const struct host_ucontext *uc);

/* --- console.c --- */
ssize64_t linuxu_console_write(int fd, const void *buf, size_t n);
ssize64_t linuxu_console_read(void *buf, size_t n);
unsigned linuxu_console_poll(int fd);
int linuxu_console_input_bytes(void);
bool linuxu_console_is_tty(int fd);
void linuxu_log_write(const char *s, size_t n);
ssize64_t linuxu_exe_read(void *buf, size_t n, uint64_t off, uint64_t *size);

#endif
