/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Signals on the machine of fake/machine.c, which notes what handlers would be entered.
 *
 * sources: core/futex.c core/futex_pi.c core/thread.c core/sched.c core/sleep.c core/cpus.c
 * sources: core/wait.c core/timer.c core/signal.c base/rbtree.c base/string.c
 * fakes: machine lock log random heap page fail
 */
#include "fake/fake.h"

#include "base/errno.h"
#include "core/futex.h"
#include "fake/machine.h"

#define MS 1000000u
#define HANDLER 0x1000u
#define SIG_IGNORE 1u
#define SIGRT 40

static int setup(void **state)
{
	machine_reset();
	return 0;
}

static void action(int sig, uint64_t handler, uint64_t flags, uint64_t mask)
{
	const struct k_sigaction sa = {.handler = handler, .flags = flags, .mask = mask};

	assert_int_equal(signal_action(sig, &sa, NULL), 0);
}

/* Each test is a body that runs in the main thread. */
#define SIGNAL_TEST(name, status)                                                                  \
	static void name##_body(void *arg);                                                        \
	static void name(void **state)                                                             \
	{                                                                                          \
		machine_thread(name##_body, NULL);                                                 \
		assert_int_equal(machine_run(), status);                                           \
	}                                                                                          \
	static void name##_body(void *arg)

static uint64_t own_mask(void)
{
	return thread_current()->signal.mask;
}

SIGNAL_TEST(signal_enters_its_handler, 0)
{
	action(SIGUSR1, HANDLER, 0, signal_bit(SIGUSR2));
	assert_int_equal(signal_send_thread(thread_current(), SIGUSR1, NULL), 0);
	assert_int_equal(machine_leave(5), 5);
	assert_int_equal(machine_handler.entered, 1);
	assert_int_equal(machine_handler.sig, SIGUSR1);
	assert_int_equal(machine_handler.handler, HANDLER);
	assert_int_equal(machine_handler.info.code, SI_KERNEL);
	assert_int_equal(machine_handler.mask, 0);
	assert_int_equal(own_mask(), signal_bit(SIGUSR1) | signal_bit(SIGUSR2));
}

SIGNAL_TEST(signal_waits_while_blocked, 0)
{
	action(SIGUSR1, HANDLER, 0, 0);
	signal_set_mask(UINT64_MAX);
	assert_false(own_mask() & signal_bit(SIGKILL));
	assert_false(own_mask() & signal_bit(SIGSTOP));
	signal_send_thread(thread_current(), SIGUSR1, NULL);
	signal_send_thread(thread_current(), SIGUSR1, NULL);
	machine_leave(0);
	assert_int_equal(machine_handler.entered, 0);
	assert_int_equal(thread_current()->signal.pending, signal_bit(SIGUSR1));
	signal_set_mask(0);
	machine_leave(0);
	assert_int_equal(machine_handler.entered, 1);
	signal_set_mask(0);
	machine_leave(0);
	assert_int_equal(machine_handler.entered, 1);
	assert_int_equal(fake_heap_objects, 0);
}

SIGNAL_TEST(signal_realtime_is_queued_in_order, 0)
{
	struct k_siginfo info = {.code = SI_QUEUE};

	action(SIGRT, HANDLER, SA_NODEFER, 0);
	signal_set_mask(signal_bit(SIGRT));
	for (uint64_t i = 0; i < 5; i++) {
		info.kill.value = i;
		assert_int_equal(signal_send_thread(thread_current(), SIGRT, &info), 0);
	}
	for (uint64_t i = 0; i < 5; i++) {
		struct k_siginfo got;

		assert_int_equal(signal_take(signal_bit(SIGRT), &got), SIGRT);
		assert_int_equal(got.kill.value, i);
	}
	assert_int_equal(signal_take(UINT64_MAX, &info), 0);
	signal_set_mask(0);
	machine_leave(0);
	assert_int_equal(machine_handler.entered, 0);
}

SIGNAL_TEST(signal_queue_is_bounded, 0)
{
	const struct k_siginfo queue = {.code = SI_QUEUE}, user = {.code = SI_USER};
	struct k_siginfo got;
	int sent = 0;

	signal_set_mask(UINT64_MAX);
	while (signal_send_process(SIGRT, &queue) == 0)
		assert_in_range(++sent, 0, 100000);
	assert_int_equal(signal_send_process(SIGRT, &queue), -EAGAIN);
	/* kill(2) gets through all the same. */
	assert_int_equal(signal_send_process(SIGRT + 1, &user), 0);
	assert_int_equal(signal_take(signal_bit(SIGRT + 1), &got), SIGRT + 1);
	assert_int_equal(got.code, SI_USER);
	while (signal_take(signal_bit(SIGRT), &got))
		sent--;
	assert_int_equal(sent, 0);
	assert_int_equal(sched_attention, 0);
}

SIGNAL_TEST(signal_arrives_without_memory, 0)
{
	const struct k_siginfo queue = {.code = SI_QUEUE};

	action(SIGUSR1, HANDLER, 0, 0);
	fake_fail_at(1);
	assert_int_equal(signal_send_thread(thread_current(), SIGUSR1, &queue), 0);
	fake_fail_at(1);
	signal_set_mask(signal_bit(SIGRT));
	assert_int_equal(signal_send_thread(thread_current(), SIGRT, &queue), -EAGAIN);
	fake_fail_at(0);
	machine_leave(0);
	assert_int_equal(machine_handler.entered, 1);
	assert_int_equal(machine_handler.info.signo, SIGUSR1);
}

SIGNAL_TEST(signal_ignored_is_forgotten, 0)
{
	signal_send_process(SIGCHLD, NULL); /* by default */
	signal_set_mask(signal_bit(SIGUSR1) | signal_bit(SIGUSR2));
	signal_send_process(SIGUSR1, NULL);
	signal_send_thread(thread_current(), SIGUSR2, NULL);
	action(SIGUSR1, SIG_IGNORE, 0, 0);
	action(SIGUSR2, SIG_IGNORE, 0, 0);
	assert_int_equal(signal_process_pending, 0);
	assert_int_equal(thread_current()->signal.pending, 0);
	assert_int_equal(sched_attention, 0);
	assert_int_equal(fake_heap_objects, 0);
	signal_set_mask(0);
	assert_int_equal(machine_leave(1), 1);
}

SIGNAL_TEST(signal_kills_by_default, 128 + SIGTERM)
{
	signal_set_mask(signal_bit(SIGTERM));
	signal_send_process(SIGTERM, NULL);
	machine_leave(0);
	signal_set_mask(0);
	machine_leave(0);
	fail();
}

SIGNAL_TEST(signal_kill_cannot_be_blocked, 128 + SIGKILL)
{
	signal_set_mask(UINT64_MAX);
	signal_send_process(SIGKILL, NULL);
	fail();
}

static void unblock_and_spend(void *arg)
{
	signal_set_mask(0);
	machine_spend(30 * MS);
	assert_int_equal(machine_handler.entered, 1);
}

SIGNAL_TEST(signal_to_process_finds_a_thread_that_takes_it, 0)
{
	action(SIGUSR1, HANDLER, 0, 0);
	signal_set_mask(signal_bit(SIGUSR1));
	machine_thread(unblock_and_spend, NULL);
	sched_yield();
	signal_send_process(SIGUSR1, NULL);
	assert_int_equal(thread_current()->signal.pending, 0);
	machine_leave(0);
	machine_spend(100 * MS);
	assert_int_equal(machine_handler.entered, 1);
}

/* --- interrupted system calls --- */

static uint32_t word;

static void interrupt_later(void *arg)
{
	machine_spend(MS);
	signal_send_thread(thread_find_lock(PROCESS_ID), SIGUSR1, NULL);
	threads_unlock();
}

static void interrupt_process_later(void *arg)
{
	signal_set_mask(UINT64_MAX);
	machine_spend(MS);
	signal_send_process(SIGUSR1, NULL);
}

SIGNAL_TEST(signal_interrupts_a_call, 0)
{
	action(SIGUSR1, HANDLER, 0, 0);
	machine_thread(interrupt_later, NULL);
	assert_int_equal(machine_leave(futex_wait((vaddr_t)&word, 0, FUTEX_BITSET_ANY, NEVER)),
			 -EINTR);
	assert_int_equal(machine_handler.entered, 1);
	assert_int_equal(machine_restarts, 0);
	assert_int_equal(futex_wake((vaddr_t)&word, 10, FUTEX_BITSET_ANY), 0);
}

SIGNAL_TEST(signal_restarts_a_call, 0)
{
	action(SIGUSR1, HANDLER, SA_RESTART, 0);
	machine_thread(interrupt_process_later, NULL);
	machine_leave(futex_wait((vaddr_t)&word, 0, FUTEX_BITSET_ANY, NEVER));
	assert_int_equal(machine_handler.entered, 1);
	assert_int_equal(machine_restarts, 1);
	/* Not one that has a time limit. */
	assert_int_equal(machine_leave(-ERESTARTNOHAND), 0);
	assert_int_equal(machine_restarts, 2);
	signal_set_mask(0);
	signal_send_thread(thread_current(), SIGUSR1, NULL);
	assert_int_equal(machine_leave(-ERESTARTNOHAND), -EINTR);
}

SIGNAL_TEST(signal_suspends_with_another_mask, 0)
{
	action(SIGUSR1, HANDLER, 0, 0);
	signal_set_mask(signal_bit(SIGUSR1) | signal_bit(SIGUSR2));
	machine_thread(interrupt_later, NULL);
	signal_set_mask_temporary(0);
	assert_int_equal(signal_wait(NEVER), -ERESTARTNOHAND);
	signal_restore_mask(true);
	assert_int_equal(machine_leave(-ERESTARTNOHAND), -EINTR);
	/* What the handler's return brings back. */
	assert_int_equal(machine_handler.mask, signal_bit(SIGUSR1) | signal_bit(SIGUSR2));
	signal_set_mask(machine_handler.mask);
	signal_set_mask_temporary(0);
	assert_int_equal(signal_wait(machine_now_ns + MS), -ETIMEDOUT);
	signal_restore_mask(false);
	assert_int_equal(own_mask(), machine_handler.mask);
}

/* --- stacks, flags, faults --- */

SIGNAL_TEST(signal_uses_the_alternate_stack, 0)
{
	struct signal_thread *st = &thread_current()->signal;
	struct trap_frame frame = {.vector = TRAP_TIMER, .rsp = 0x9000};

	action(SIGUSR1, HANDLER, SA_ONSTACK | SA_NODEFER, 0);
	signal_send_thread(thread_current(), SIGUSR1, NULL);
	signal_deliver(&frame);
	assert_int_equal(machine_handler.sp, 0x9000 - 128); /* there is none */
	st->altstack = (struct k_stack){.sp = 0x20000, .size = 0x4000};
	signal_send_thread(thread_current(), SIGUSR1, NULL);
	signal_deliver(&frame);
	assert_int_equal(machine_handler.sp, 0x24000);
	frame.rsp = 0x21000;
	assert_true(signal_on_altstack(frame.rsp));
	signal_send_thread(thread_current(), SIGUSR1, NULL);
	signal_deliver(&frame);
	assert_int_equal(machine_handler.sp, 0x21000 - 128); /* on it already */
	frame.rsp = 0x9000;
	st->altstack.flags = (int32_t)SS_AUTODISARM;
	signal_send_thread(thread_current(), SIGUSR1, NULL);
	signal_deliver(&frame);
	assert_int_equal(machine_handler.sp, 0x24000);
	assert_int_equal(st->altstack.flags, SS_DISABLE);
	signal_return(&frame);
	assert_int_equal(st->altstack.sp, 0x20000);
	assert_int_equal((uint32_t)st->altstack.flags, SS_AUTODISARM);
}

SIGNAL_TEST(signal_resets_its_handler_if_asked, 128 + SIGUSR1)
{
	action(SIGUSR1, HANDLER, SA_RESETHAND, 0);
	signal_send_thread(thread_current(), SIGUSR1, NULL);
	machine_leave(0);
	assert_int_equal(machine_handler.entered, 1);
	signal_set_mask(0);
	signal_send_thread(thread_current(), SIGUSR1, NULL);
	fail();
}

SIGNAL_TEST(signal_fault_enters_the_handler, 0)
{
	struct trap_frame frame = {.vector = TRAP_PAGE_FAULT, .rsp = 0x9000};

	action(SIGSEGV, HANDLER, SA_SIGINFO, 0);
	signal_fault(&frame, SIGSEGV, SEGV_MAPERR, 0x1234);
	assert_int_equal(machine_handler.info.fault_addr, 0x1234);
	assert_int_equal(machine_handler.info.code, SEGV_MAPERR);
	assert_int_equal(machine_crash_signal, 0);
}

SIGNAL_TEST(signal_fault_while_blocked_ends_the_program, 128 + SIGSEGV)
{
	struct trap_frame frame = {.vector = TRAP_PAGE_FAULT, .rsp = 0x9000};

	action(SIGSEGV, HANDLER, SA_SIGINFO, 0);
	signal_set_mask(signal_bit(SIGSEGV));
	signal_fault(&frame, SIGSEGV, SEGV_MAPERR, 0x1234);
	fail();
}

SIGNAL_TEST(signal_fault_without_memory_for_the_handler, 128 + SIGBUS)
{
	struct trap_frame frame = {.vector = TRAP_PAGE_FAULT, .rsp = 0x9000};

	action(SIGBUS, HANDLER, SA_SIGINFO, 0);
	machine_out_of_memory = true;
	fake_fail_at(1); /* the frame cannot be written */
	signal_fault(&frame, SIGBUS, SEGV_MAPERR, 0x1234);
	fail();
}

SIGNAL_TEST(signal_without_stack_ends_the_program, 128 + SIGSEGV)
{
	struct trap_frame frame = {.vector = TRAP_TIMER, .rsp = 0x9000};

	action(SIGUSR1, HANDLER, 0, 0);
	signal_send_thread(thread_current(), SIGUSR1, NULL);
	fake_fail_at(1); /* the frame cannot be written */
	signal_deliver(&frame);
	fail();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(signal_enters_its_handler, setup),
		cmocka_unit_test_setup(signal_waits_while_blocked, setup),
		cmocka_unit_test_setup(signal_realtime_is_queued_in_order, setup),
		cmocka_unit_test_setup(signal_queue_is_bounded, setup),
		cmocka_unit_test_setup(signal_arrives_without_memory, setup),
		cmocka_unit_test_setup(signal_ignored_is_forgotten, setup),
		cmocka_unit_test_setup(signal_kills_by_default, setup),
		cmocka_unit_test_setup(signal_kill_cannot_be_blocked, setup),
		cmocka_unit_test_setup(signal_to_process_finds_a_thread_that_takes_it, setup),
		cmocka_unit_test_setup(signal_interrupts_a_call, setup),
		cmocka_unit_test_setup(signal_restarts_a_call, setup),
		cmocka_unit_test_setup(signal_suspends_with_another_mask, setup),
		cmocka_unit_test_setup(signal_uses_the_alternate_stack, setup),
		cmocka_unit_test_setup(signal_resets_its_handler_if_asked, setup),
		cmocka_unit_test_setup(signal_fault_enters_the_handler, setup),
		cmocka_unit_test_setup(signal_fault_while_blocked_ends_the_program, setup),
		cmocka_unit_test_setup(signal_fault_without_memory_for_the_handler, setup),
		cmocka_unit_test_setup(signal_without_stack_ends_the_program, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
