/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Sleeping when there is nothing to run, being woken by other CPUs, and watching the console.
 *
 * A CPU sleeps in a futex of the host on its own word (wake), so that a kick costs no more than a
 * futex wake-up; one that runs is kicked by a signal. A second kick before the first has been seen
 * costs nothing. The kicker sets WAKE_KICK first and then looks whether the CPU sleeps; that one
 * sets WAKE_SLEEP first and then looks whether it was kicked, and the host compares once more.
 *
 * Console input, and room for output, that is waited for is watched by one CPU. While it idles it
 * sleeps in ppoll, which a kick ends by signal. While it is busy it looks every 10 ms, and when it
 * finds that another one sleeps it hands the watch over.
 */
#include "arch/arch.h"
#include "base/errno.h"
#include "plat/linuxu/linuxu.h"

#define WAKE_KICK 1u   /* by any CPU: look at the run queue and signals */
#define WAKE_WATCH 2u  /* by any CPU: the console is to be watched by this one */
#define WAKE_SIGNAL 4u /* by this CPU's signal handlers: do not sleep */
#define WAKE_SLEEP 8u  /* by this CPU: it sleeps in the futex, or is about to */

#define FDS 3u

static struct {
	_Atomic uint32_t fds; /* what is waited for: bit N: descriptor N */
	_Atomic uint32_t cpu; /* who watches, if any are; while it does not idle its timer is set */
} watch;

static bool watch_is_mine(const struct linuxu_cpu *c)
{
	return atomic_load_explicit(&watch.fds, memory_order_relaxed) != 0 &&
	       atomic_load_explicit(&watch.cpu, memory_order_acquire) == c->cpu.id;
}

static void cpu_wake(struct linuxu_cpu *c)
{
	host_call3(HOST_NR_FUTEX, (uintptr_t)&c->wake, HOST_FUTEX_WAKE_PRIVATE, 1);
}

static void cpu_interrupt(const struct linuxu_cpu *c)
{
	host_call3(HOST_NR_TGKILL, (uintptr_t)linuxu_host.pid, (uintptr_t)c->tid, HOST_SIGURG);
}

void linuxu_cpu_kick(unsigned id)
{
	struct linuxu_cpu *c = linuxu_cpus[id];
	/* Who takes the bit sees what was done before the kick. */
	uint32_t old = atomic_fetch_or(&c->wake, WAKE_KICK);

	if (old & WAKE_KICK)
		return;
	if (old & WAKE_SLEEP) {
		if (CONFIG_NR_CPUS > 1)
			linuxu_cpu_locate(linuxu_cpu_self());
		cpu_wake(c);
	} else {
		cpu_interrupt(c);
	}
}

void linuxu_cpu_late(unsigned id)
{
	if (atomic_load_explicit(&linuxu_cpus[id]->wake, memory_order_relaxed) & WAKE_KICK)
		linuxu_cpu_make_way(linuxu_cpu_self());
}

bool linuxu_cpu_take_kick(void)
{
	if ((atomic_fetch_and(&linuxu_cpu_self()->wake, ~WAKE_KICK) & WAKE_KICK) == 0)
		return false;
	cpu_kicked();
	return true;
}

void linuxu_idle_interrupt(void)
{
	struct linuxu_cpu *c = linuxu_cpu_self();

	if (atomic_load_explicit(&c->wake, memory_order_relaxed) & WAKE_SLEEP)
		atomic_fetch_or(&c->wake, WAKE_SIGNAL);
}

/* Sleep once in the futex; it may have been for nothing. */
static void idle_sleep(struct linuxu_cpu *c, uint64_t deadline_ns)
{
	struct host_timespec until = host_timespec(deadline_ns);
	uint32_t old = atomic_fetch_or(&c->wake, WAKE_SLEEP);
	long r = 0;

	if (old == 0 && atomic_load_explicit(&c->cpu.pending, memory_order_relaxed) == 0)
		r = host_call6(HOST_NR_FUTEX, (uintptr_t)&c->wake, HOST_FUTEX_WAIT_PRIVATE,
			       WAKE_SLEEP, deadline_ns != NEVER ? (uintptr_t)&until : 0, 0,
			       HOST_FUTEX_BITSET_ANY);
	old = atomic_exchange(&c->wake, 0);
	if (old & WAKE_KICK)
		cpu_kicked();
	if (r == -ETIMEDOUT)
		cpu_pend(PENDING_TIMER);
}

/* Input and output that are waited for. Returns how many entries of fds are in use. */
static size_t watch_list(struct host_pollfd fds[FDS])
{
	uint32_t wanted = atomic_load_explicit(&watch.fds, memory_order_relaxed);
	size_t n = 0;

	for (int fd = 0; fd < (int)FDS; fd++)
		if (wanted & 1u << fd)
			fds[n++] = (struct host_pollfd){
				.fd = fd, .events = fd == 0 ? HOST_POLLIN : HOST_POLLOUT};
	return n;
}

/* Sleep once, watching the console; a kick comes as a signal. */
static void idle_poll(uint64_t deadline_ns)
{
	struct host_pollfd fds[FDS];
	struct host_timespec timeout;
	long r;

	if (deadline_ns != NEVER) {
		uint64_t now = linuxu_clock_monotonic_ns();

		timeout = host_timespec(deadline_ns > now ? deadline_ns - now : 0);
	}
	r = linuxu_ppoll_unless_pending(fds, watch_list(fds),
					deadline_ns != NEVER ? &timeout : NULL);
	if (r > 0)
		cpu_pend(PENDING_CONSOLE);
	else if (r == 0)
		cpu_pend(PENDING_TIMER);
}

void linuxu_idle(uint64_t deadline_ns)
{
	struct linuxu_cpu *c = linuxu_cpu_self();

	c->timer_console_ns = NEVER;
	atomic_store(&c->host_cpu, LINUXU_NOWHERE);
	while (atomic_load_explicit(&c->cpu.pending, memory_order_relaxed) == 0) {
		if (watch_is_mine(c))
			idle_poll(deadline_ns);
		else
			idle_sleep(c, deadline_ns);
	}
	if (CONFIG_NR_CPUS > 1 && linuxu_cpus[1] != NULL)
		linuxu_cpu_spread(c);
	/* If the timer is due as well, say so at once instead of through a signal. */
	if (c->timer_wanted_ns != NEVER && c->timer_wanted_ns <= linuxu_clock_monotonic_ns()) {
		c->timer_wanted_ns = NEVER;
		cpu_pend(PENDING_TIMER);
	}
	if (watch_is_mine(c))
		linuxu_timer_console(true);
}

/*
 * Let a CPU that sleeps have the watch. One that has just been woken by somebody else may not look
 * at watch.cpu any more, so only one that has still to wake up counts.
 */
static bool watch_hand_over(const struct linuxu_cpu *from)
{
	for (unsigned i = 0; i < CONFIG_NR_CPUS; i++) {
		struct linuxu_cpu *c = linuxu_cpus[i];

		if (c == NULL ||
		    (atomic_load_explicit(&c->wake, memory_order_relaxed) & WAKE_SLEEP) == 0)
			continue;
		/* Release: pairs with watch_is_mine(); also by way of the word. */
		atomic_store_explicit(&watch.cpu, i, memory_order_release);
		if (atomic_fetch_or(&c->wake, WAKE_WATCH) & WAKE_SLEEP) {
			cpu_wake(c);
			return true;
		}
		atomic_store_explicit(&watch.cpu, from->cpu.id, memory_order_release);
	}
	return false;
}

static bool watch_ready(void)
{
	struct host_pollfd fds[FDS];
	struct host_timespec zero = {0};

	return host_call6(HOST_NR_PPOLL, (uintptr_t)fds, watch_list(fds), (uintptr_t)&zero, 0, 0,
			  0) > 0;
}

bool linuxu_console_look(uint32_t *due)
{
	struct linuxu_cpu *c = linuxu_cpu_self();

	if (!watch_is_mine(c))
		return false;
	if (!watch_ready())
		return !watch_hand_over(c);
	*due |= PENDING_CONSOLE;
	return true;
}

void linuxu_console_watch(unsigned fds)
{
	struct linuxu_cpu *c = linuxu_cpu_self();
	uint32_t old = atomic_exchange(&watch.fds, fds);

	/* That of another CPU finds out when it fires. */
	if (fds == 0)
		linuxu_timer_console(false);
	/* Who watches already may be asleep and not know of more. */
	if ((fds & ~old) == 0)
		return;
	atomic_store_explicit(&watch.cpu, c->cpu.id, memory_order_release);
	linuxu_timer_console(true);
}

/* Timeouts of ppoll are lengths: what is left of one has to be found anew. */
void linuxu_idle_continue(void)
{
	uint32_t id = atomic_load_explicit(&watch.cpu, memory_order_relaxed);

	if (id != cpu_self()->id)
		cpu_interrupt(linuxu_cpus[id]);
}
