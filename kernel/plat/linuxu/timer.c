/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The one-shot timer of each CPU.
 *
 * A host call costs more than a spurious interrupt now and then, so the host's timer is armed only
 * when it would come too late: a later deadline leaves it as it is, and when it fires early the
 * handler arms it again. The scheduler can thus set the timer at each switch for the price of two
 * stores.
 *
 * linuxu_timer_expire() may interrupt the other functions between any two instructions; it reads
 * timer_wanted_ns and timer_console_ns and may arm the timer itself. The functions store what they
 * want before they look whether the timer is armed early enough, so at worst it is armed twice.
 */
#include "arch/arch.h"
#include "plat/linuxu/linuxu.h"

#define CONSOLE_POLL_NS 10000000u

static void timer_create_host(struct linuxu_cpu *c)
{
	struct host_sigevent ev = {
		.signo = HOST_SIGALRM,
		.notify = HOST_SIGEV_THREAD_ID,
		.tid = c->tid,
	};
	long err = host_call3(HOST_NR_TIMER_CREATE, HOST_CLOCK_MONOTONIC, (uintptr_t)&ev,
			      (uintptr_t)&c->timer_id);

	if (err)
		linuxu_die("the host gives no timer", err);
	c->timer_created = true;
}

/* Make sure that the host's timer fires at deadline_ns or before. */
static void timer_arm(struct linuxu_cpu *c, uint64_t deadline_ns)
{
	struct host_itimerspec its = {0};

	if (deadline_ns >= c->timer_armed_ns)
		return;
	if (!c->timer_created)
		timer_create_host(c);
	/* A value of 0 would disarm it. */
	its.value = host_timespec(MAX(deadline_ns, 1u));
	c->timer_armed_ns = deadline_ns;
	host_call4(HOST_NR_TIMER_SETTIME, (uintptr_t)c->timer_id, HOST_TIMER_ABSTIME,
		   (uintptr_t)&its, 0);
}

void linuxu_timer_set(uint64_t deadline_ns)
{
	struct linuxu_cpu *c = linuxu_cpu_self();

	c->timer_wanted_ns = deadline_ns;
	if (deadline_ns >= c->timer_armed_ns)
		return;
	if (deadline_ns <= linuxu_clock_monotonic_ns()) {
		c->timer_wanted_ns = NEVER;
		cpu_pend(PENDING_TIMER);
		return;
	}
	timer_arm(c, deadline_ns);
}

uint32_t linuxu_timer_expire(void)
{
	struct linuxu_cpu *c = linuxu_cpu_self();
	uint64_t now = linuxu_clock_monotonic_ns();
	uint32_t due = 0;

	c->timer_armed_ns = NEVER;
	if (c->timer_wanted_ns <= now) {
		c->timer_wanted_ns = NEVER;
		due |= PENDING_TIMER;
	}
	if (c->timer_console_ns <= now) {
		c->timer_console_ns = linuxu_console_look(&due) ? now + CONSOLE_POLL_NS : NEVER;
	}
	timer_arm(c, MIN(c->timer_wanted_ns, c->timer_console_ns));
	return due;
}

void linuxu_timer_console(bool on)
{
	struct linuxu_cpu *c = linuxu_cpu_self();

	if (!on) {
		c->timer_console_ns = NEVER;
		return;
	}
	c->timer_console_ns = linuxu_clock_monotonic_ns() + CONSOLE_POLL_NS;
	timer_arm(c, c->timer_console_ns);
}
