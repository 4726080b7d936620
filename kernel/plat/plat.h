/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the kernel asks of a platform. Two implementations, both in one image: plat/kvm (a virtual
 * machine: ring 0, page tables, devices) and plat/linuxu (a Linux process). They are chosen at run
 * time by the way the image was entered, through one table of functions (struct plat_ops), because
 * one image carries both. Every guest test runs on both.
 *
 * Guarantees: no function here is called with a lock of core held unless it says so; all run in
 * kernel context (on a kernel stack) unless they say "any context".
 */
#ifndef PLAT_PLAT_H
#define PLAT_PLAT_H

#include "arch/arch.h"
#include "base/types.h"

#define PROT_NONE 0u
#define PROT_READ 1u
#define PROT_WRITE 2u
#define PROT_EXEC 4u

#define PMAP_LARGE (2UL << 20) /* bytes of a large page */

/* With a prot given to pmap_reserve(): the mapping may well never be touched (MAP_STACK). */
#define PMAP_LAZY 0x100u

#define NEVER UINT64_MAX /* a deadline that does not come */

/* A range of memory handed to the page allocator: kernel-usable addresses of RAM (kvm: in the
 * direct map). */
struct plat_ram {
	vaddr_t start, end; /* page-aligned */
	bool zeroed; /* all zero: a few pages that spare the start of a program the clearing of
			others */
};

struct vdso_data;

/*
 * What a platform does for a program that is a file of its own, next to the image (exe_read() reads
 * it). In the loader's image only: plat->load is NULL in others. All of it at boot, before the
 * program's first thread.
 */
struct plat_load_ops {
	/*
	 * The program wants [start, end), which is not in the window: reserve it there. 0, or
	 * -ENOMEM, -EEXIST (something else is there). NULL: there is nothing outside of the window.
	 */
	int (*range_reserve)(vaddr_t start, vaddr_t end);
	/*
	 * Map pages of the program's file, from off on, at va (all page-aligned), which is free.
	 * With PROT_WRITE they are the program's own copies; others may be the file's own, and are
	 * then not the page allocator's. Behind the file's end is zero. 0, -ENOMEM, -EIO.
	 */
	int (*map_file)(vaddr_t va, size_t len, uint64_t off, unsigned prot);
	/* Map pages of the image at va, which is free, for the program to read or run; what the
	 * program sees may be a copy. 0 or -ENOMEM. */
	int (*map_image)(vaddr_t va, const void *pages, size_t len, unsigned prot);
	/* Fill in what the program's vDSO needs to know (plat/vdso.h) besides the cycle clock. */
	void (*vdso_init)(struct vdso_data *data);
	/* From now on threads run with fewer rights than the kernel has, and reach no other memory
	 * than their own. NULL: they do anyway, or cannot. */
	void (*isolate)(void);
};

struct plat_ops {
	const char *name; /* "kvm" or "linuxu" */
	const struct plat_load_ops *load;

	/* --- memory map --- */
	/* The i-th range of free RAM for the page allocator; false when there are no more. Asked
	 * for in order, once. Boot only. */
	bool (*ram_range)(unsigned i, struct plat_ram *out);

	/*
	 * --- program address space (pmap): pages under the VMAs, which core/vma.c keeps ---
	 * Ranges are page-aligned, inside the window. The caller holds the mm lock for writing,
	 * except for pmap_fault() and pmap_populate(): for reading, so several CPUs may be in them
	 * at once. When a function that takes pages or rights away returns, no CPU uses them any
	 * more.
	 */
	/* A new anonymous mapping: reads as zero. kvm: nothing (faults fill it); linuxu: host mmap.
	 * 0 or -ENOMEM. */
	int (*pmap_reserve)(vaddr_t va, size_t len, unsigned prot); /* prot may have PMAP_LAZY */
	/* Give all pages in the range back; nothing is accessible there afterwards. Only
	 * [touched_lo, touched_hi) can hold pages. Cannot fail. */
	void (*pmap_remove)(vaddr_t va, size_t len, vaddr_t touched_lo, vaddr_t touched_hi);
	/* Change the protection of what is there and of what will be faulted in. 0 or -ENOMEM (host
	 * only). */
	int (*pmap_protect)(vaddr_t va, size_t len, unsigned prot, vaddr_t touched_lo,
			    vaddr_t touched_hi);
	/* Contents become zero, pages go back (MADV_DONTNEED). The mapping stays with prot. */
	void (*pmap_discard)(vaddr_t va, size_t len, vaddr_t touched_lo, vaddr_t touched_hi);
	/* Make sure that pages are there (MAP_POPULATE, stack tops). 0 or -ENOMEM. */
	int (*pmap_populate)(vaddr_t va, size_t len, unsigned prot);
	/* Move the pages of [old, old+len) to [new, new+len), which is free (mremap). 0 or -ENOMEM,
	 * then nothing changed. */
	int (*pmap_move)(vaddr_t old, vaddr_t new_va, size_t len, unsigned prot);
	/* kvm only, from vma_fault(), any context: put a zero page at va (page-aligned), or if one
	 * is there already, do nothing. 0 or -ENOMEM. linuxu: NULL, the host does it. */
	int (*pmap_fault)(vaddr_t va, unsigned prot);
	/* The same with all of the PMAP_LARGE bytes at va, which is aligned so: true if there were
	 * no pages, but memory for one large page. */
	bool (*pmap_fault_large)(vaddr_t va, unsigned prot);
	/* The window for the program's mappings, randomised by the platform: mmap grows down from
	 * *top; the image lies outside of it. */
	void (*pmap_window)(vaddr_t *min, vaddr_t *max);

	/* Kernel stacks: bytes usable bytes (page-multiple) with a guard page below. Base address
	 * or 0 (no memory). Several CPUs may call these two at once. */
	vaddr_t (*kstack_alloc)(size_t bytes);
	void (*kstack_free)(vaddr_t base, size_t bytes);

	/* --- console --- */
	/* Write to standard output (fd 1) or standard error (fd 2). Returns bytes written (> 0),
	 * -EAGAIN if it would have to wait (linuxu), or -errno (-EPIPE, -EIO). */
	ssize64_t (*console_write)(int fd, const void *buf, size_t n);
	/* Read what is there: bytes, 0 at end of file, -EAGAIN if nothing has come yet. */
	ssize64_t (*console_read)(void *buf, size_t n);
	/* What poll(2) says of fd 0 (POLLIN), 1 or 2 (POLLOUT), POLLERR and POLLHUP included. NULL
	 * on kvm: output never waits, and input cannot be asked for without taking it. */
	unsigned (*console_poll)(int fd);
	/* How many bytes of input are there (FIONREAD). NULL where console_poll is. */
	int (*console_input_bytes)(void);
	/* What somebody waits for, a mask: bit 0 input, bits 1 and 2 room for output to fd 1 and 2.
	 * idle() must then return when it is there, and with CPUs busy PENDING_CONSOLE must be set
	 * within 10 ms. */
	void (*console_watch)(unsigned fds);
	/* Standard input is framed from now on (command line token stdin=framed); NULL on linuxu,
	 * where it never is. */
	void (*console_framed)(void);
	/* Is fd 0, 1 or 2 a terminal? (ioctl TCGETS) */
	bool (*console_is_tty)(int fd);
	/* The kernel's log and crash reports. Any context. */
	void (*log_write)(const char *s, size_t n);

	/* --- time --- */
	/* A slice: how long a thread at nice 0 has the CPU while others wait, once to two times
	 * this. Who was woken waits so long, too, for the one that woke it; but each end of a slice
	 * costs a timer interrupt (linuxu: a timer and a signal of the host's, so there it is
	 * longer). */
	unsigned slice_ns;
	/* CLOCK_MONOTONIC in ns since boot; starts near 0 (linuxu: the host's CLOCK_MONOTONIC). Any
	 * context, also on the program's stack. */
	uint64_t (*clock_monotonic_ns)(void);
	/* CLOCK_REALTIME in ns since the epoch. Any context. */
	uint64_t (*clock_realtime_ns)(void);
	/* One-shot timer of this CPU: TRAP_TIMER (or PENDING_TIMER if the kernel runs) not before
	 * deadline (CLOCK_MONOTONIC); NEVER disarms. A deadline in the past fires at once. */
	void (*timer_set)(uint64_t deadline_ns);
	/*
	 * Nothing to run: sleep until an interrupt, console input that is watched, or deadline.
	 * Returns with cpu->pending holding what happened (PENDING_TIMER if the deadline came).
	 * Must not sleep if cpu->pending is not 0 already, without a window in which a wake-up
	 * could be lost.
	 */
	void (*idle)(uint64_t deadline_ns);

	/*
	 * --- other CPUs ---
	 * The struct cpu of each is the platform's. What is said above to be "this CPU's"
	 * (timer_set, idle) is so for each of them.
	 */
	/* CPUs that the program may use, 1 to CONFIG_NR_CPUS, the boot CPU among them. Found out at
	 * the first call. */
	unsigned (*cpu_count)(void);
	/*
	 * Start CPU id (1 to cpu_count() - 1; each once) and do not wait for it. Some time later it
	 * calls cpu_main(), on a kernel stack of its own, with interrupts on and %gs at a struct
	 * cpu that has self, id, canary, kstack_base and kstack_top. 0 or -ENOMEM (or what the host
	 * said).
	 */
	int (*cpu_start)(unsigned id);
	/*
	 * Make another CPU look at its run queue and signals: soon cpu_kicked() is called there by
	 * the interrupt's handler, and idle() returns or does not begin. Locks may be held.
	 */
	void (*cpu_kick)(unsigned id);
	/*
	 * A CPU that idled was kicked 0.1 ms ago or longer, as a thread waited for this one, and a
	 * thread still does. NULL: nothing can be done about it. No lock is held.
	 */
	void (*cpu_late)(unsigned id);
	/*
	 * Called again and again while this CPU waits for another one to give a lock back, with
	 * interrupts on or off (kvm: in page faults): serves what that one may be waiting for.
	 * spins: how often it was called for this wait so far. Any kernel context.
	 */
	void (*cpu_relax)(unsigned spins);

	/*
	 * --- CONFIG_DETERMINISTIC ---
	 * NULL unless the deterministic mode is on. point(): here another CPU may have its turn.
	 * leaving(): the kernel is about to return to *frame.
	 */
	void (*point)(void);
	void (*leaving)(struct trap_frame *frame);

	/* --- others --- */
	/* Up to n bytes of hardware or host entropy; returns how many are good. */
	size_t (*entropy)(void *buf, size_t n);
	/* The file the program was made from, for /proc/self/exe: reads at off; bytes, 0 at its
	 * end, -ENOENT if it is not there. size (if not NULL) gets the file's size. */
	ssize64_t (*exe_read)(void *buf, size_t n, uint64_t off, uint64_t *size);
	/* End everything. status is the exit status as a shell shows it (0-255). Any context. */
	NORETURN void (*exit)(int status);
	/* Total and free RAM of the machine in bytes (sysinfo, /proc/meminfo). */
	void (*ram_info)(uint64_t *total, uint64_t *free);
};

/* Set by the platform's start code before boot_main(). */
extern const struct plat_ops *plat;

/*
 * A platform whose CLOCK_MONOTONIC is the cycle counter in another unit may say how, so that
 * reading the clock needs no call into it: ns = (cycles - base) * mult >> 32. Both numbers are 0 as
 * long as they are not known.
 */
struct plat_cycle_clock {
	uint64_t base;                    /* cycles at 0 ns */
	_Atomic uint64_t mult;            /* stored last; 0: ask clock_monotonic_ns() */
	_Atomic uint64_t realtime_offset; /* CLOCK_REALTIME - CLOCK_MONOTONIC, ns; 0: ask
					     clock_realtime_ns() */
};
extern struct plat_cycle_clock plat_cycle_clock;

/* CLOCK_MONOTONIC by the cycle counter; mult as it has been loaded, not 0. */
static ALWAYS_INLINE uint64_t plat_cycles_ns(uint64_t mult)
{
	return (uint64_t)((unsigned __int128)(arch_cycles_ordered() - plat_cycle_clock.base) *
				  mult >>
			  32);
}

/* Does the deterministic mode run? */
static ALWAYS_INLINE bool plat_is_deterministic(void)
{
	return IS_ENABLED(CONFIG_DETERMINISTIC) && plat->point != NULL;
}

/* The cycle counter, or what stands for it in the deterministic mode. */
static ALWAYS_INLINE uint64_t plat_cycles(void)
{
	if (plat_is_deterministic())
		return plat->clock_monotonic_ns();
	return arch_cycles();
}

/* How the program's calls are to be traced by the command line: ARCH_TRACE_*. The platform's start
 * code calls arch_trace_begin() if it is not 0. */
unsigned plat_trace_wanted(const char *cmdline);

/* How long a number of cycles (arch_cycles()) is. Where the counter's rate is not known it is
 * compared with the clock for a millisecond. */
uint64_t plat_cycles_to_ns(uint64_t cycles);

/* When the boot came to where, in cycles (arch_cycles()). */
enum plat_stage {
	PLAT_STAGE_START,   /* the platform's C code has begun */
	PLAT_STAGE_KERNEL,  /* boot_main() */
	PLAT_STAGE_PROGRAM, /* the kernel is up, the program's start is being prepared */
	PLAT_STAGE_ENTRY,   /* the program is about to begin */
	PLAT_STAGES,
};
extern uint64_t plat_stages[PLAT_STAGES];

static ALWAYS_INLINE void plat_stage(enum plat_stage stage)
{
	if (IS_ENABLED(CONFIG_STATS))
		plat_stages[stage] = arch_cycles();
}

/* What the platform's start code hands to boot_main(). */
struct boot_info {
	const char *cmdline; /* kvm: the VMM's command line; linuxu: the value of KILN_OPTS; never
				NULL */
	int argc; /* linuxu: Linux's argv and envp (KILN_OPTS taken out); kvm: 0 and NULL */
	char **argv;
	char **envp;
	uint64_t start_ns; /* CLOCK_MONOTONIC when the system started */
};

/* kernel/boot/boot.c. On a boot stack; %gs holds the boot CPU's struct cpu. */
NORETURN void boot_main(const struct boot_info *info);

/* core/sched.c: what a CPU that plat->cpu_start() has started calls; see there. */
NORETURN void cpu_main(void);

/* The image's link-time layout (kernel/image.ld). */
extern char kiln_image_base[], kiln_image_end[];
extern char kiln_text_start[], kiln_text_end[];
/* Data that is read-only once it is relocated; it shares no page with other data. */
extern char kiln_relro_start[], kiln_relro_end[];

#endif
