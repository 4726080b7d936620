/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Where threads may run, how long, and what is counted of it, with several CPUs.
 *
 * sources: core/futex.c core/futex_pi.c core/thread.c core/sched.c core/sleep.c core/cpus.c
 * sources: core/wait.c core/timer.c core/signal.c base/rbtree.c base/string.c
 * fakes: smp smp_program lock log heap page fail
 */
#include "core/futex.h"
#include "core/runq.h"
#include "fake/smp.h"

#define US 1000u
#define MS 1000000u
#define TARGETS 6u

static uint64_t all_cpus(void)
{
	return (1ul << smp_cpus) - 1;
}

static int pin(uint64_t mask)
{
	int err;

	smp_point();
	err = sched_set_affinity(thread_current(), mask);
	smp_leave(0);
	return err;
}

/* --- a thread that sleeps while it is told --- */

static _Atomic uint32_t word;
static _Atomic unsigned seen_cpu;

static _Atomic bool there;

static void pinned_sleeper(void *arg)
{
	(void)arg;
	there = true;
	CHECK_EQ(SMP_CALL(futex_wait((vaddr_t)&word, 0, FUTEX_BITSET_ANY, NEVER)), 0);
	seen_cpu = smp_cpu();
}

static void affinity_set_while_asleep_counts_at_the_wake_up(void)
{
	while (!smp_over()) {
		unsigned from = (unsigned)smp_random(smp_cpus), to = (unsigned)smp_random(smp_cpus);
		struct smp_thread *h;
		struct thread *t;

		/* It goes to sleep on the CPU of who will wake it. */
		CHECK_EQ(pin(1ul << from), 0);
		there = false;
		h = smp_start(pinned_sleeper, NULL);
		while (!there) {
			sched_yield();
			smp_leave(0);
		}
		t = thread_find_lock((int32_t)h->tid);
		CHECK_EQ(sched_set_affinity(t, 1ul << to), 0);
		threads_unlock();
		smp_leave(0);
		while (SMP_CALL(futex_wake((vaddr_t)&word, 1, FUTEX_BITSET_ANY)) == 0)
			;
		smp_join(h);
		CHECK_EQ(seen_cpu, to);
		CHECK_EQ(pin(all_cpus()), 0);
	}
}

/* --- storms --- */

static struct target {
	_Atomic int32_t tid;
	_Atomic uint32_t word;
	_Atomic bool busy;     /* some mover is at it */
	_Atomic uint64_t mask; /* where it may run by now; 0: that is just being changed */
	_Atomic uint64_t version;
} targets[TARGETS];

/* Some system call or computation, behind which the mask must hold if it was known before. */
static void target_step(struct target *me)
{
	switch (smp_random(8)) {
	case 0:
		SMP_CALL(futex_wait((vaddr_t)&me->word, 0, FUTEX_BITSET_ANY,
				    smp_now_ns() + smp_random(50 * US)));
		break;
	case 1:
		smp_point();
		sched_yield();
		smp_leave(0);
		break;
	case 2:
		SMP_CALL(futex_wake((vaddr_t)&targets[smp_random(TARGETS)].word, 1,
				    FUTEX_BITSET_ANY));
		break;
	default:
		smp_point();
	}
}

static void target(void *arg)
{
	struct target *me = arg;

	while (!smp_over()) {
		uint64_t version = me->version, mask = me->mask;
		unsigned cpu;

		target_step(me);
		cpu = smp_cpu();
		if (mask != 0 && me->version == version && !(mask & 1ul << cpu)) {
			fprintf(stderr, "# CPU %u, mask 0x%lx\n", cpu, mask);
			smp_fail(__FILE__, __LINE__, "it runs where it must not");
		}
	}
}

static void mover(void *arg)
{
	(void)arg;
	while (!smp_over()) {
		struct target *t = &targets[smp_random(TARGETS)];
		uint64_t mask = 1 + smp_random(all_cpus());
		struct thread *thread;

		if (smp_random(8) == 0)
			CHECK_EQ(pin(1 + smp_random(all_cpus())), 0);
		if (atomic_exchange(&t->busy, true))
			continue;
		t->version++;
		t->mask = 0;
		thread = thread_find_lock(t->tid);
		if (!thread)
			break; /* the test's time is over */
		CHECK_EQ(sched_set_affinity(thread, mask), 0);
		CHECK_EQ(thread->affinity, mask);
		threads_unlock();
		t->mask = mask;
		smp_leave(0);
		t->version++;
		t->busy = false;
		smp_spend(smp_random(20 * US));
	}
}

static void threads_run_where_they_may(void)
{
	struct smp_thread *runners[TARGETS], *movers[2];

	CHECK_EQ(sched_set_affinity(thread_current(), 0), -EINVAL);
	for (unsigned i = 0; i < TARGETS; i++) {
		targets[i].tid = 0;
		runners[i] = smp_start(target, &targets[i]);
		targets[i].tid = (int32_t)runners[i]->tid;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(movers); i++)
		movers[i] = smp_start(mover, NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(movers); i++)
		smp_join(movers[i]);
	for (unsigned i = 0; i < TARGETS; i++)
		smp_join(runners[i]);
	CHECK_EQ(pin(all_cpus()), 0);
}

/* --- a sleep ends in time though another CPU sends a thread that takes this one --- */

static _Atomic uint32_t spin_word;
static _Atomic uint64_t slept;

/* Woken from elsewhere, it has the CPU until the sleep has ended. */
static void woken_spinner(void *arg)
{
	(void)arg;
	CHECK_EQ(pin(1), 0);
	while (!smp_over()) {
		uint64_t n = slept;

		if (n == UINT64_MAX)
			break;
		SMP_CALL(futex_wait((vaddr_t)&spin_word, 0, FUTEX_BITSET_ANY, smp_now_ns() + MS));
		spin_word = 0;
		for (; slept == n; smp_point())
			CHECK(smp_timer_is_set());
	}
}

static void short_sleeper(void *arg)
{
	(void)arg;
	CHECK_EQ(pin(1), 0);
	while (!smp_over()) {
		uint64_t deadline = smp_now_ns() + 200 * US;
		long err;

		do {
			thread_sleep_prepare("test");
			err = thread_sleep(deadline, 0);
		} while (err == 0);
		slept++;
		smp_leave(0);
		CHECK_EQ(err, -ETIMEDOUT);
	}
	slept = UINT64_MAX;
}

static void waker(void *arg)
{
	(void)arg;
	CHECK_EQ(pin(2), 0);
	while (!smp_over()) {
		smp_spend(smp_random(300 * US));
		spin_word = 1;
		SMP_CALL(futex_wake((vaddr_t)&spin_word, 1, FUTEX_BITSET_ANY));
	}
}

static void sleeps_end_though_threads_come_from_elsewhere(void)
{
	struct smp_thread *a, *b, *c;

	slept = 0;
	a = smp_start(woken_spinner, NULL);
	b = smp_start(short_sleeper, NULL);
	c = smp_start(waker, NULL);
	smp_join(a);
	smp_join(b);
	smp_join(c);
}

int main(void)
{
	const struct smp_test tests[] = {
		{"affinity_set_while_asleep_counts_at_the_wake_up",
		 affinity_set_while_asleep_counts_at_the_wake_up},
		{"sleeps_end_though_threads_come_from_elsewhere",
		 sleeps_end_though_threads_come_from_elsewhere},
		{"threads_run_where_they_may", threads_run_where_they_may},
	};

	return smp_run(tests, ARRAY_SIZE(tests));
}
