/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Several CPUs: each is a thread of the host, which lives until the process ends. They share
 * everything but %gs, the stack for signal handlers and the timer, and are created with all signals
 * blocked, so that no handler runs before these are there.
 *
 * The host often wakes a CPU where the one that kicked it runs, though others of the host's idle,
 * and may leave the two there for tens of ms (seen with Linux 6.18): then they are as fast as one.
 * So a CPU notes where it runs when it has idled, and when it kicks one that sleeps; and one that
 * has idled and finds another one in the same place goes to a free one. One that was kicked may
 * wait there behind the one that kicked it, and cannot go away: then that one goes, when it is told
 * (plat->cpu_late). They do so by their affinity, which is restored as soon as they run in the new
 * place. With several CPUs this costs idling and such a kick a host call each.
 */
#include "arch/arch.h"
#include "base/cmdline.h"
#include "base/errno.h"
#include "base/string.h"
#include "core/log.h"
#include "plat/linuxu/linuxu.h"

#define AFFINITY_WORDS 128 /* 8192 CPUs, the most that Linux is built for */
#define MOVE_WORDS 16      /* on a host with more than 1024 CPUs it is not looked where they are */
#define CPU_STACK_BYTES (16UL << 10)
#define CPU_ALIGN 64UL  /* other CPUs write to it; also what a stack needs */
#define RELAX_SPINS 64u /* of waiting for a lock, then its holder may need the host's CPU */

struct linuxu_cpu *linuxu_cpus[CONFIG_NR_CPUS];

unsigned linuxu_cpu_count_wanted(void)
{
	const char *opts = linuxu_host.opts;
	struct cmdline_token token, value;
	unsigned n = 0;

	while (cmdline_next(&opts, &token)) {
		if (!cmdline_has_prefix(&token, "cpus=", &value))
			continue;
		n = 0;
		for (size_t i = 0; i < value.len && n <= CONFIG_NR_CPUS; i++) {
			unsigned digit = (unsigned)(value.text[i] - '0');

			n = digit <= 9 ? n * 10 + digit : CONFIG_NR_CPUS + 1;
		}
		if (n == 0 || n > CONFIG_NR_CPUS)
			log_line(LOG_WARN, "cpus=%.*s in KILN_OPTS is no number from 1 to %u",
				 (int)value.len, value.text, CONFIG_NR_CPUS);
	}
	return n <= CONFIG_NR_CPUS ? n : 0;
}

/* The CPUs of the host, by number, that this thread of it may use; at its start that is what the
 * process may. How many bytes of the mask are known, or negative errno. */
static long host_cpus_get(uint64_t *mask, size_t bytes)
{
	return host_call3(HOST_NR_SCHED_GETAFFINITY, 0, bytes, (uintptr_t)mask);
}

static long host_cpus_set(const uint64_t *mask, long bytes)
{
	return host_call3(HOST_NR_SCHED_SETAFFINITY, 0, (size_t)bytes, (uintptr_t)mask);
}

static unsigned cpu_count_host(void)
{
	uint64_t usable[AFFINITY_WORDS];
	long bytes = host_cpus_get(usable, sizeof(usable));
	unsigned n = 0;

	for (long i = 0; i < bytes / (long)sizeof(usable[0]); i++)
		for (uint64_t word = usable[i]; word != 0; word &= word - 1)
			n++;
	return MAX(n, 1u);
}

unsigned linuxu_cpu_count(void)
{
	static _Atomic unsigned count;
	unsigned n = atomic_load_explicit(&count, memory_order_relaxed);

	if (n == 0) {
		n = linuxu_cpu_count_wanted();
		if (n == 0)
			n = MIN(cpu_count_host(), (unsigned)CONFIG_NR_CPUS);
		atomic_store_explicit(&count, n, memory_order_relaxed);
	}
	return n;
}

/* What linuxu_cpu_begin() finds on the stack. */
struct cpu_start_frame {
	void (*begin)(void);
	struct linuxu_cpu *cpu;
	vaddr_t signal_stack;
	uint64_t signal_mask;
};
_Static_assert(sizeof(struct cpu_start_frame) % 16 == 0, "alignment of the stack");

NORETURN void linuxu_cpu_enter(vaddr_t signal_stack, uint64_t signal_mask);

/* The first steps of a new CPU in C, called by linuxu_cpu_begin(). */
void linuxu_cpu_enter(vaddr_t signal_stack, uint64_t signal_mask)
{
	/* The x87 is as it was in the thread that started this CPU, whose exceptions may be
	 * remembered there; the idle thread has nowhere to keep them. */
	__asm__ volatile("fninit");
	linuxu_filter_init_cpu();
	linuxu_signal_init_cpu(signal_stack, signal_mask);
	cpu_main();
}

/* Start the host's thread. 0 or what the host said. */
static long cpu_clone(struct linuxu_cpu *c, vaddr_t signal_stack)
{
	struct cpu_start_frame *frame = (struct cpu_start_frame *)c - 1;
	uint64_t all = ~0UL, mask = 0;
	long r;

	host_call4(HOST_NR_RT_SIGPROCMASK, HOST_SIG_SETMASK, (uintptr_t)&all, (uintptr_t)&mask,
		   sizeof(all));
	*frame = (struct cpu_start_frame){linuxu_cpu_begin, c, signal_stack, mask};
	r = host_call6(HOST_NR_CLONE, HOST_CLONE_THREAD, (uintptr_t)frame, (uintptr_t)&c->tid, 0, 0,
		       0);
	host_call4(HOST_NR_RT_SIGPROCMASK, HOST_SIG_SETMASK, (uintptr_t)&mask, 0, sizeof(mask));
	return r < 0 ? r : 0;
}

struct linuxu_cpu *linuxu_cpu_lay(unsigned id, vaddr_t stack, size_t bytes)
{
	struct linuxu_cpu *c = (struct linuxu_cpu *)ALIGN_DOWN(stack + bytes - sizeof(*c),
							       CPU_ALIGN);

	*c = (struct linuxu_cpu)LINUXU_CPU_INIT(*c);
	c->cpu.id = id;
	c->cpu.canary = cpu_self()->canary;
	c->cpu.kstack_base = stack;
	c->cpu.kstack_top = (uintptr_t)c;
	linuxu_cpus[id] = c;
	return c;
}

int linuxu_cpu_start(unsigned id)
{
	vaddr_t stack = linuxu_kstack_alloc(CPU_STACK_BYTES);
	vaddr_t signal_stack = stack ? linuxu_kstack_alloc(linuxu_signal_stack_bytes()) : 0;
	long err;

	if (signal_stack == 0) {
		if (stack != 0)
			linuxu_kstack_free(stack, CPU_STACK_BYTES);
		return -ENOMEM;
	}
	err = cpu_clone(linuxu_cpu_lay(id, stack, CPU_STACK_BYTES), signal_stack);
	/* Nobody kicks a CPU that has not been started. Its memory stays: others may be looking at
	 * where on the host it is. */
	if (err != 0)
		linuxu_cpus[id] = NULL;
	return (int)err;
}

void linuxu_cpu_relax(unsigned spins)
{
	struct linuxu_cpu *c = linuxu_cpu_self();

	(void)spins; /* not all waits count; how long this CPU waits in all does as well */
	if (++c->relaxed % RELAX_SPINS == 0)
		host_call1(HOST_NR_SCHED_YIELD, 0);
	else
		arch_pause();
}

/* --- where on the host a CPU runs --- */

void linuxu_cpu_locate(struct linuxu_cpu *c)
{
	if (host_call3(HOST_NR_GETCPU, (uintptr_t)&c->host_cpu, 0, 0) != 0)
		atomic_store_explicit(&c->host_cpu, LINUXU_NOWHERE, memory_order_relaxed);
}

static uint32_t host_cpu_of(const struct linuxu_cpu *c)
{
	return c == NULL ? LINUXU_NOWHERE
			 : atomic_load_explicit(&c->host_cpu, memory_order_relaxed);
}

/* Is another one where c was located? */
static bool host_cpu_is_shared(const struct linuxu_cpu *c)
{
	const uint32_t here = host_cpu_of(c);
	bool shared = false;

	for (unsigned i = 0; i < CONFIG_NR_CPUS; i++)
		shared |= linuxu_cpus[i] != c && host_cpu_of(linuxu_cpus[i]) == here;
	return shared && here != LINUXU_NOWHERE;
}

/* Move c, this CPU, to where none was seen last, itself included, if there is such a place. */
static void host_cpu_leave(struct linuxu_cpu *c)
{
	uint64_t usable[MOVE_WORDS] = {0}, free[MOVE_WORDS];
	const long bytes = host_cpus_get(usable, sizeof(usable));

	if (bytes <= 0)
		return;
	memcpy(free, usable, sizeof(free));
	for (unsigned i = 0; i < CONFIG_NR_CPUS; i++) {
		uint32_t host_cpu = host_cpu_of(linuxu_cpus[i]);

		if (host_cpu / 64 < MOVE_WORDS)
			free[host_cpu / 64] &= ~(1UL << host_cpu % 64);
	}
	/* Who begins to run where this one was is not to think that it still is. */
	atomic_store_explicit(&c->host_cpu, LINUXU_NOWHERE, memory_order_relaxed);
	/* The host refuses an empty set: then there are more CPUs than it has. */
	if (host_cpus_set(free, bytes) == 0)
		host_cpus_set(usable, bytes);
	linuxu_cpu_locate(c);
}

void linuxu_cpu_spread(struct linuxu_cpu *c)
{
	linuxu_cpu_locate(c);
	if (unlikely(host_cpu_is_shared(c)))
		host_cpu_leave(c);
}

void linuxu_cpu_make_way(struct linuxu_cpu *c)
{
	linuxu_cpu_locate(c);
	host_cpu_leave(c);
	/* The other one may have begun to run there meanwhile, and not seen this one coming. */
	if (host_cpu_is_shared(c))
		host_cpu_leave(c);
}
