/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The one-shot timer, sleeping when there is nothing to run, and looking for console input now and
 * then.
 *
 * A host call costs more than a spurious interrupt now and then, so the host's timer is armed only
 * when it would come too late: a later deadline leaves it as it is, and when it fires early the
 * handler arms it again. The scheduler can thus set the timer at each switch for the price of two
 * stores.
 *
 * The state is this CPU's. linuxu_timer_expire() may interrupt the other functions between any two
 * instructions; it reads wanted_ns and console_ns and may arm the timer itself. The functions store
 * what they want before they look whether the timer is armed early enough, so at worst it is armed
 * twice.
 */
#include "arch/arch.h"
#include "base/errno.h"
#include "plat/linuxu/linuxu.h"

#define NS_PER_S 1000000000u
#define CONSOLE_POLL_NS 10000000u
#define TIMER_NOT_CREATED (-1)

static volatile uint64_t timer_armed_ns = NEVER;  /* when the host's timer will fire */
static volatile uint64_t timer_wanted_ns = NEVER; /* what timer_set() asked for */
static volatile uint64_t timer_console_ns =
	NEVER; /* when to look for input; NEVER: not watched, or idle */
static bool timer_console_watched;
static int32_t timer_id = TIMER_NOT_CREATED;

static void timer_create_host(void)
{
	struct host_sigevent ev = {
		.signo = HOST_SIGALRM,
		.notify = HOST_SIGEV_THREAD_ID,
		.tid = (int32_t)host_call1(HOST_NR_GETTID, 0),
	};
	long err = host_call3(HOST_NR_TIMER_CREATE, HOST_CLOCK_MONOTONIC, (uintptr_t)&ev,
			      (uintptr_t)&timer_id);

	if (err)
		linuxu_die("the host gives no timer", err);
}

/* Make sure that the host's timer fires at deadline_ns or before. */
static void timer_arm(uint64_t deadline_ns)
{
	struct host_itimerspec its = {0};

	if (deadline_ns >= timer_armed_ns)
		return;
	if (timer_id == TIMER_NOT_CREATED)
		timer_create_host();
	/* A value of 0 would disarm it. */
	deadline_ns = MAX(deadline_ns, 1);
	its.value.sec = (int64_t)(deadline_ns / NS_PER_S);
	its.value.nsec = (int64_t)(deadline_ns % NS_PER_S);
	timer_armed_ns = deadline_ns;
	host_call4(HOST_NR_TIMER_SETTIME, (uintptr_t)timer_id, HOST_TIMER_ABSTIME, (uintptr_t)&its,
		   0);
}

void linuxu_timer_set(uint64_t deadline_ns)
{
	timer_wanted_ns = deadline_ns;
	if (deadline_ns >= timer_armed_ns)
		return;
	if (deadline_ns <= linuxu_clock_monotonic_ns()) {
		timer_wanted_ns = NEVER;
		cpu_pend(PENDING_TIMER);
		return;
	}
	timer_arm(deadline_ns);
}

uint32_t linuxu_timer_expire(void)
{
	uint64_t now = linuxu_clock_monotonic_ns();
	uint32_t due = 0;

	timer_armed_ns = NEVER;
	if (timer_wanted_ns <= now) {
		timer_wanted_ns = NEVER;
		due |= PENDING_TIMER;
	}
	if (timer_console_ns <= now) {
		timer_console_ns = now + CONSOLE_POLL_NS;
		if (linuxu_console_ready())
			due |= PENDING_CONSOLE;
	}
	timer_arm(MIN(timer_wanted_ns, timer_console_ns));
	return due;
}

/* Look for input every now and then (not while idle: there ppoll does it). */
static void timer_console_poll(bool on)
{
	if (!on) {
		timer_console_ns = NEVER;
		return;
	}
	timer_console_ns = linuxu_clock_monotonic_ns() + CONSOLE_POLL_NS;
	timer_arm(timer_console_ns);
}

void linuxu_console_watch(bool on)
{
	if (on == timer_console_watched)
		return;
	timer_console_watched = on;
	timer_console_poll(on);
}

/* Sleep once. False if there is nothing yet to look at for the caller. */
static bool idle_sleep(uint64_t deadline_ns)
{
	struct host_pollfd input = {.fd = 0, .events = HOST_POLLIN};
	struct host_timespec timeout;
	uint64_t now, left;
	long r;

	if (deadline_ns != NEVER) {
		now = linuxu_clock_monotonic_ns();
		left = deadline_ns > now ? deadline_ns - now : 0;
		timeout.sec = (int64_t)(left / NS_PER_S);
		timeout.nsec = (int64_t)(left % NS_PER_S);
	}
	r = linuxu_ppoll_unless_pending(&input, timer_console_watched ? 1 : 0,
					deadline_ns != NEVER ? &timeout : NULL);
	if (r > 0)
		cpu_pend(PENDING_CONSOLE);
	else if (r == 0)
		cpu_pend(PENDING_TIMER);
	return atomic_load_explicit(&cpu_self()->pending, memory_order_relaxed) != 0;
}

void linuxu_idle(uint64_t deadline_ns)
{
	if (timer_console_watched)
		timer_console_poll(false);
	while (!idle_sleep(deadline_ns))
		;
	/* If the timer is due as well, say so at once instead of through a signal. */
	if (timer_wanted_ns != NEVER && timer_wanted_ns <= linuxu_clock_monotonic_ns()) {
		timer_wanted_ns = NEVER;
		cpu_pend(PENDING_TIMER);
	}
	if (timer_console_watched)
		timer_console_poll(true);
}
