/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Threads, the scheduler and timers on a machine with a clock of its own.
 *
 * sources: core/futex.c core/futex_pi.c core/thread.c core/sched.c core/sleep.c core/cpus.c
 * sources: core/wait.c core/timer.c core/signal.c base/rbtree.c base/string.c
 * fakes: machine lock log random heap page fail
 */
#include "fake/fake.h"

#include "base/errno.h"
#include "core/random.h"
#include "core/runq.h"
#include "fake/machine.h"

#define MS 1000000u

static char trace[4096];
static size_t trace_len;

static void trace_put(char c)
{
	assert_true(trace_len < sizeof(trace) - 1);
	trace[trace_len++] = c;
	trace[trace_len] = 0;
}

static int setup(void **state)
{
	trace_len = 0;
	trace[0] = 0;
	machine_reset();
	return 0;
}

static void yielder(void *arg)
{
	for (int i = 0; i < 3; i++) {
		trace_put(*(char *)arg);
		sched_yield();
	}
}

static void sched_takes_turns(void **state)
{
	machine_thread(yielder, "a");
	machine_thread(yielder, "b");
	machine_thread(yielder, "c");
	assert_int_equal(machine_run(), 0);
	assert_string_equal(trace, "abcabcabc");
}

static void spend_alone(void *arg)
{
	machine_spend(1000 * MS);
	sched_yield();
}

static void sched_sets_no_timer_for_one_thread(void **state)
{
	machine_thread(spend_alone, NULL);
	assert_int_equal(machine_run(), 0);
	assert_int_equal(machine_timer_sets, 0);
	assert_int_equal(machine_idles, 0);
}

static bool spin_stop;

static void spinner(void *arg)
{
	while (!spin_stop) {
		trace_put(*(char *)arg);
		machine_spend(1 * MS);
	}
}

static void spin_ender(void *arg)
{
	machine_spend(100 * MS);
	spin_stop = true;
}

static void sched_preempts_a_thread_that_spins(void **state)
{
	spin_stop = false;
	machine_thread(spinner, "a");
	machine_thread(spin_ender, NULL);
	assert_int_equal(machine_run(), 0);
	/* Each gets about half of 200 ms, in slices of 1 to 2 ms. */
	assert_in_range(trace_len, 80, 130);
	assert_in_range(machine_timer_sets, 50, 250);
}

static unsigned long spun[2];

static void spin_counting(void *arg)
{
	while (!spin_stop) {
		++*(unsigned long *)arg;
		machine_spend(10000);
	}
}

static void sched_nice_gets_less(void **state)
{
	spin_stop = false;
	spun[0] = spun[1] = 0;
	machine_thread(spin_counting, &spun[0]);
	sched_set_nice(machine_thread(spin_counting, &spun[1]), 15);
	machine_thread(spin_ender, NULL);
	assert_int_equal(machine_run(), 0);
	assert_in_range(spun[1], 1, spun[0] / 10);
}

/* The host has the CPU for itself every second HOST_NS. */
#define HOST_NS (MS * 4 / 3)
static uint64_t host_comes_ns, spin_end_ns;

static void spin_beside_the_host(void *arg)
{
	while (machine_now_ns < spin_end_ns) {
		++*(unsigned long *)arg;
		machine_spend(10000);
		if (machine_now_ns >= host_comes_ns) {
			machine_now_ns += HOST_NS;
			host_comes_ns = machine_now_ns + HOST_NS;
		}
	}
}

static void sched_is_fair_beside_the_host(void **state)
{
	spun[0] = spun[1] = 0;
	host_comes_ns = machine_now_ns + HOST_NS;
	spin_end_ns = machine_now_ns + 400 * MS;
	machine_thread(spin_beside_the_host, &spun[0]);
	machine_thread(spin_beside_the_host, &spun[1]);
	assert_int_equal(machine_run(), 0);
	assert_in_range(spun[0], spun[1] * 4 / 5, spun[1] * 5 / 4);
}

static void yield_often(void *arg)
{
	for (int i = 0; i < 1000; i++) {
		machine_spend(1000);
		sched_yield();
	}
}

static void sched_sets_the_timer_once_a_slice(void **state)
{
	machine_thread(yield_often, NULL);
	machine_thread(yield_often, NULL);
	assert_int_equal(machine_run(), 0);
	assert_in_range(machine_timer_sets, 1, 3); /* in 2 ms */
}

static struct thread *partners[2];
static unsigned turns;
static uint64_t kick_after_ns;

static void hand_to(struct thread *t)
{
	thread_sleep_prepare("test");
	thread_wake(t);
	thread_sleep(NEVER, 0);
}

/* 20 ms while a CPU halts. */
static void hand_to_and_fro(struct thread *other)
{
	for (int i = 0; i < 5000; i++) {
		machine_spend(2000);
		hand_to(other);
	}
}

/* While a CPU halts; the second one sleeps in the end. */
static void run_partners(void (*first)(void *), void (*second)(void *))
{
	sched_idle_cpus = 2;
	partners[0] = machine_thread(first, NULL);
	partners[1] = machine_thread(second, NULL);
	assert_int_equal(machine_run(), MACHINE_STUCK);
}

/* The other one waits, in vain, until the CPU that halts is called. */
static void first_waits(void *arg)
{
	uint64_t begin;

	hand_to_and_fro(partners[1]);
	assert_in_range(machine_timer_sets, 30, 60);
	assert_int_equal(machine_kicks, 0);
	begin = machine_now_ns;
	thread_wake(partners[1]);
	while (machine_kicks == 0)
		machine_spend(10000);
	kick_after_ns = machine_now_ns - begin;
}

static void second_waits(void *arg)
{
	hand_to_and_fro(partners[0]);
	hand_to(partners[0]);
}

/* Two wake each other in turn: after eight ticks of 0.1 ms, 0.2 and 0.4 each it is 0.8 ms to the
 * next one. It finds somebody waiting, and the one after that the same. */
static void sched_looks_seldom_where_it_looks_in_vain(void **state)
{
	run_partners(first_waits, second_waits);
	assert_in_range(kick_after_ns, 100000, 910000);
}

static void first_forks(void *arg)
{
	hand_to_and_fro(partners[1]);
	machine_spend(1 * MS); /* the tick that is set comes */
	for (turns = 0; turns < 10; turns++) {
		sched_idle_cpus = 2;
		thread_sleep_prepare("test");
		thread_wake(partners[1]);
		machine_spend(500000);
		thread_sleep(NEVER, 0);
	}
}

static void second_joins(void *arg)
{
	hand_to_and_fro(partners[0]);
	for (;;) {
		machine_spend(500000);
		hand_to(partners[0]);
	}
}

/* Then one has work for the other, and waits for it when it has done its own: what the first long
 * tick finds is not that nobody needs help. */
static void sched_looks_soon_again(void **state)
{
	run_partners(first_forks, second_joins);
	assert_int_equal(turns, 10);
	assert_in_range(machine_kicks, 8, 10);
}

static uint64_t late_after_ns;

static void first_is_not_helped(void *arg)
{
	uint64_t kicked;

	while (machine_kicks == 0)
		machine_spend(10000);
	kicked = machine_now_ns;
	while (machine_lates == 0)
		machine_spend(10000);
	late_after_ns = machine_now_ns - kicked;
	machine_spend(400000);
}

static void second_is_not_served(void *arg)
{
	hand_to(partners[0]);
}

/* A CPU is called and does not come: the platform hears of it, once. */
static void sched_says_when_help_is_late(void **state)
{
	run_partners(first_is_not_helped, second_is_not_served);
	assert_in_range(late_after_ns, 100000, 300000);
	assert_int_equal(machine_lates, 1);
}

static void first_has_no_work_left(void *arg)
{
	while (machine_kicks == 0)
		machine_spend(10000);
	hand_to(partners[1]); /* as if the one that was called had taken it */
	machine_spend(400000);
}

static void sched_says_nothing_when_nobody_waits(void **state)
{
	run_partners(first_has_no_work_left, second_is_not_served);
	assert_int_equal(machine_kicks, 1);
	assert_int_equal(machine_lates, 0);
}

static void sleep_until_ns(uint64_t deadline)
{
	int err;

	do {
		thread_sleep_prepare("test");
		err = thread_sleep(deadline, 0);
	} while (err == 0);
	assert_int_equal(err, -ETIMEDOUT);
}

static void sleeper(void *arg)
{
	char c = *(char *)arg;
	uint64_t deadline = 1000 * MS + (uint64_t)(c - 'a' + 1) * 10 * MS;

	sleep_until_ns(deadline);
	assert_int_equal(machine_now_ns, deadline);
	trace_put(c);
}

static void sched_wakes_sleepers_in_order(void **state)
{
	machine_thread(sleeper, "d");
	machine_thread(sleeper, "b");
	machine_thread(sleeper, "e");
	machine_thread(sleeper, "a");
	machine_thread(sleeper, "c");
	assert_int_equal(machine_run(), 0);
	assert_string_equal(trace, "abcde");
	assert_int_equal(machine_now_ns, 1050 * MS);
}

static void short_sleeper(void *arg)
{
	for (int i = 0; i < 20; i++) {
		uint64_t deadline = machine_now_ns + 3 * MS;

		sleep_until_ns(deadline);
		assert_int_equal(machine_now_ns, deadline);
	}
	spin_stop = true;
}

static void sched_wakes_a_sleeper_beside_spinners_in_time(void **state)
{
	spin_stop = false;
	machine_thread(spinner, "a");
	machine_thread(spinner, "b");
	machine_thread(short_sleeper, NULL);
	assert_int_equal(machine_run(), 0);
}

static void wake_before_sleep(void *arg)
{
	thread_sleep_prepare("test");
	thread_wake(thread_current());
	thread_wake(thread_current());
	assert_int_equal(thread_sleep(NEVER, 0), 0);
	/* And it is spent. */
	thread_sleep_prepare("test");
	assert_int_equal(thread_sleep(machine_now_ns + MS, 0), -ETIMEDOUT);
}

static void sched_keeps_a_wake_up_that_comes_early(void **state)
{
	machine_thread(wake_before_sleep, NULL);
	assert_int_equal(machine_run(), 0);
}

static void wait_forever(void *arg)
{
	thread_sleep_prepare("test");
	thread_sleep(NEVER, SLEEP_INTERRUPTIBLE);
}

static void sched_idles_when_nothing_can_run(void **state)
{
	machine_thread(wait_forever, NULL);
	assert_int_equal(machine_run(), MACHINE_STUCK);
}

/* --- wait queues --- */

static struct waitq queue;
static int tokens;

static void consumer(void *arg)
{
	int err = waitq_wait(&queue, tokens > 0, NEVER, SLEEP_INTERRUPTIBLE, "token");

	assert_int_equal(err, 0);
	tokens--;
	trace_put('c');
}

static void producer(void *arg)
{
	for (int i = 0; i < 3; i++) {
		machine_spend(MS);
		tokens++;
		trace_put('p');
		waitq_wake(&queue, 1);
		sched_yield();
	}
}

static void waitq_wakes_one_at_a_time(void **state)
{
	waitq_init(&queue);
	tokens = 0;
	for (int i = 0; i < 3; i++)
		machine_thread(consumer, NULL);
	machine_thread(producer, NULL);
	/* A wake-up reaches the first waiter until that has gone. */
	assert_int_equal(machine_run(), 0);
	assert_string_equal(trace, "pcpcpc");
}

static void waiter_with_timeout(void *arg)
{
	uint64_t deadline = machine_now_ns + 5 * MS;

	assert_int_equal(waitq_wait(&queue, false, deadline, SLEEP_INTERRUPTIBLE, "token"),
			 -ETIMEDOUT);
	assert_int_equal(machine_now_ns, deadline);
	assert_true(list_empty(&queue.waiters));
}

static void waitq_times_out(void **state)
{
	waitq_init(&queue);
	machine_thread(waiter_with_timeout, NULL);
	assert_int_equal(machine_run(), 0);
}

/* --- threads --- */

static void nothing(void *arg)
{
}

static void maker(void *arg)
{
	for (int i = 0; i < 1000; i++) {
		machine_thread(nothing, NULL);
		sched_yield();
	}
}

static void thread_memory_is_reused(void **state)
{
	unsigned before = machine_kstacks;

	machine_thread(maker, NULL);
	assert_int_equal(machine_run(), 0);
	assert_in_range(machine_kstacks - before, 1, 3);
}

static void crowd_maker(void *arg)
{
	for (int i = 0; i < 500; i++)
		machine_thread(nothing, NULL);
	assert_int_equal(thread_count(), 501);
	while (thread_count() > 1)
		sched_yield();
}

static void thread_memory_is_given_back(void **state)
{
	unsigned before = machine_kstacks;

	machine_thread(crowd_maker, NULL);
	assert_int_equal(machine_run(), 0);
	assert_in_range(machine_kstacks - before, 1, 10);
}

static void check_found(int32_t tid, const struct thread *expected)
{
	const struct thread *t = thread_find_lock(tid);

	assert_ptr_equal(t, expected);
	if (t)
		threads_unlock();
}

static void check_ids(void *arg)
{
	struct thread *a = machine_thread(nothing, NULL), *b = machine_thread(nothing, NULL);

	assert_int_equal(thread_current()->tid, PROCESS_ID);
	assert_int_not_equal(a->tid, b->tid);
	check_found(PROCESS_ID, thread_current());
	check_found(a->tid, a);
	check_found(b->tid, b);
	check_found(999999, NULL);
	check_found(0, NULL);
	sched_yield();
	check_found(a->tid, NULL);
}

static void thread_ids_are_unique(void **state)
{
	machine_thread(check_ids, NULL);
	assert_int_equal(machine_run(), 0);
}

static void exit_with(void *arg)
{
	thread_exit(*(int *)arg);
}

static void exit_late(void *arg)
{
	machine_spend(50 * MS);
	thread_exit(3);
}

static void process_status_is_the_main_threads(void **state)
{
	int status = 7;

	machine_thread(exit_with, &status);
	machine_thread(exit_late, NULL);
	assert_int_equal(machine_run(), 7);
}

static void exit_group_beside(void *arg)
{
	machine_thread(exit_late, NULL);
	process_exit(0x109);
}

static void process_exit_ends_all_threads(void **state)
{
	machine_thread(exit_group_beside, NULL);
	assert_int_equal(machine_run(), 9);
}

static void create_fails(void *arg)
{
	struct trap_frame frame = {0};
	struct thread *t;

	fake_fail_at(1);
	assert_int_equal(thread_create(&t, &frame, 0, false), -ENOMEM);
	fake_fail_at(0);
	assert_int_equal(thread_count(), 1);
}

static void thread_create_reports_missing_memory(void **state)
{
	machine_thread(create_fails, NULL);
	assert_int_equal(machine_run(), 0);
}

/* --- CPU time --- */

static void measure(void *arg)
{
	uint64_t process, thread;

	machine_spend(30 * MS);
	assert_int_equal(sched_thread_time_ns(), 30 * MS);
	sleep_until_ns(machine_now_ns + 500 * MS);
	machine_spend(10 * MS);
	assert_int_equal(sched_thread_time_ns(), 40 * MS);
	assert_int_equal(sched_process_time_ns(), 40 * MS);
	machine_thread(spend_alone, NULL);
	sched_yield();
	thread = sched_thread_time_ns();
	process = sched_process_time_ns();
	assert_in_range(thread, 40 * MS, 70 * MS);
	machine_spend(2000 * MS);
	assert_int_equal(sched_thread_time_ns() - thread, 2000 * MS);
	assert_in_range(sched_process_time_ns() - process, 2900 * MS, 3000 * MS);
}

static void sched_keeps_cpu_time(void **state)
{
	machine_thread(measure, NULL);
	assert_int_equal(machine_run(), 0);
}

/* --- timers --- */

#define TIMERS 200
static struct model_timer {
	struct timer timer;
	uint64_t due; /* NEVER: does not run */
	unsigned fired;
} timers[TIMERS];
static uint64_t last_fired_ns;

static void model_fire(struct timer *t)
{
	struct model_timer *m = container_of(t, struct model_timer, timer);

	assert_int_equal(t->deadline_ns, NEVER);
	assert_true(m->due <= machine_now_ns);
	assert_true(m->due >= last_fired_ns);
	last_fired_ns = m->due;
	m->due = NEVER;
	m->fired++;
}

static uint64_t model_next(void)
{
	uint64_t next = NEVER;

	for (int i = 0; i < TIMERS; i++)
		if (timers[i].due < next)
			next = timers[i].due;
	return next;
}

static void timers_fire_in_order(void **state)
{
	fake_seed_from_env();
	for (int i = 0; i < TIMERS; i++) {
		timer_init(&timers[i].timer, model_fire);
		timers[i].due = NEVER;
	}
	for (int step = 0; step < 20000; step++) {
		struct model_timer *m = &timers[fake_random_below(TIMERS)];

		switch (fake_random_below(4)) {
		case 0:
		case 1:
			m->due = machine_now_ns + fake_random_below(1000);
			timer_start(&m->timer, m->due);
			assert_true(machine_armed_ns <= m->due);
			break;
		case 2:
			timer_stop(&m->timer);
			m->due = NEVER;
			break;
		default:
			machine_now_ns += fake_random_below(100);
			last_fired_ns = 0;
			timers_run(machine_now_ns);
			assert_true(model_next() > machine_now_ns);
			break;
		}
		assert_int_equal(timers_next(), model_next());
	}
	for (int i = 0; i < TIMERS; i++)
		timer_stop(&timers[i].timer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(sched_takes_turns, setup),
		cmocka_unit_test_setup(sched_sets_no_timer_for_one_thread, setup),
		cmocka_unit_test_setup(sched_preempts_a_thread_that_spins, setup),
		cmocka_unit_test_setup(sched_nice_gets_less, setup),
		cmocka_unit_test_setup(sched_is_fair_beside_the_host, setup),
		cmocka_unit_test_setup(sched_sets_the_timer_once_a_slice, setup),
		cmocka_unit_test_setup(sched_looks_seldom_where_it_looks_in_vain, setup),
		cmocka_unit_test_setup(sched_looks_soon_again, setup),
		cmocka_unit_test_setup(sched_says_when_help_is_late, setup),
		cmocka_unit_test_setup(sched_says_nothing_when_nobody_waits, setup),
		cmocka_unit_test_setup(sched_wakes_sleepers_in_order, setup),
		cmocka_unit_test_setup(sched_wakes_a_sleeper_beside_spinners_in_time, setup),
		cmocka_unit_test_setup(sched_keeps_a_wake_up_that_comes_early, setup),
		cmocka_unit_test_setup(sched_idles_when_nothing_can_run, setup),
		cmocka_unit_test_setup(waitq_wakes_one_at_a_time, setup),
		cmocka_unit_test_setup(waitq_times_out, setup),
		cmocka_unit_test_setup(thread_memory_is_reused, setup),
		cmocka_unit_test_setup(thread_memory_is_given_back, setup),
		cmocka_unit_test_setup(thread_ids_are_unique, setup),
		cmocka_unit_test_setup(process_status_is_the_main_threads, setup),
		cmocka_unit_test_setup(process_exit_ends_all_threads, setup),
		cmocka_unit_test_setup(thread_create_reports_missing_memory, setup),
		cmocka_unit_test_setup(sched_keeps_cpu_time, setup),
		cmocka_unit_test_setup(timers_fire_in_order, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
