/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the files of plat/linuxu share. */
#ifndef PLAT_LINUXU_LINUXU_H
#define PLAT_LINUXU_LINUXU_H

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
	int log_fd;
	int exe_fd; /* the image's file, or negative */
};

extern struct linuxu_host linuxu_host;
extern const struct plat_ops linuxu_ops;

/* Exit status when the host or the environment does not let the image run. */
#define LINUXU_EXIT_CANNOT_START 125

/* Start code only: say on standard error what is wrong (err: negative errno, or 0) and exit. */
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
void linuxu_ram_info(uint64_t *total, uint64_t *free);

/* --- lazy.c --- */
/* Note [start, end), fresh memory of the window, for the host to be told later. False if that is
 * one too many. */
bool linuxu_lazy_add(vaddr_t start, vaddr_t end, unsigned prot);
/* Tell the host now of all ranges that touch [start, end). 0 or -ENOMEM. */
MUST_CHECK int linuxu_lazy_settle(vaddr_t start, vaddr_t end);
/* If the host does not know of [start, end) at all: remove it, or change its rights, and return
 * true. */
bool linuxu_lazy_remove(vaddr_t start, vaddr_t end);
bool linuxu_lazy_protect(vaddr_t start, vaddr_t end, unsigned prot);
/* [start, end) goes: forget what is noted in it. */
void linuxu_lazy_forget(vaddr_t start, vaddr_t end);
/* A page fault at addr: true if it was the first touch of a noted range and can be repeated.
 * Interrupt context. */
bool linuxu_lazy_fault(vaddr_t addr);

/* --- signal.c --- */
/* Install the handlers on their own stack. */
void linuxu_signal_init(void);

/* --- seccomp.c --- */
/* From here on the host serves only the calls this platform needs, and inline syscall instructions
 * trap. */
void linuxu_filter_init(void);

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
void linuxu_idle(uint64_t deadline_ns);
void linuxu_console_watch(bool on);

/* --- console.c --- */
/* Is there input, or its end? */
bool linuxu_console_ready(void);
ssize64_t linuxu_console_write(int fd, const void *buf, size_t n);
ssize64_t linuxu_console_read(void *buf, size_t n);
bool linuxu_console_is_tty(int fd);
void linuxu_log_write(const char *s, size_t n);
ssize64_t linuxu_exe_read(void *buf, size_t n, uint64_t off, uint64_t *size);

#endif
