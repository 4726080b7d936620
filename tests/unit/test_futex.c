/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Futexes on the machine of fake/machine.c.
 *
 * sources: core/futex.c core/futex_pi.c core/thread.c core/sched.c core/sleep.c core/cpus.c
 * sources: core/wait.c core/timer.c core/signal.c base/rbtree.c base/string.c
 * fakes: machine lock log random heap page fail
 */
#include "fake/fake.h"

#include "base/errno.h"
#include "core/futex.h"
#include "core/random.h"
#include "fake/machine.h"

#define MS 1000000u

static uint32_t word, word2;
static char order[64];
static size_t order_len;

static int setup(void **state)
{
	machine_reset();
	word = word2 = 0;
	order_len = 0;
	memset(order, 0, sizeof(order));
	return 0;
}

static vaddr_t at(uint32_t *p)
{
	return (vaddr_t)p;
}

static void wait_and_note(void *arg)
{
	assert_int_equal(futex_wait(at(&word), 0, FUTEX_BITSET_ANY, NEVER), 0);
	order[order_len++] = *(char *)arg;
}

static void wake_in_turn(void *arg)
{
	sched_yield();
	assert_int_equal(futex_wake(at(&word2), 10, FUTEX_BITSET_ANY), 0);
	assert_int_equal(futex_wake(at(&word), 2, FUTEX_BITSET_ANY), 2);
	sched_yield();
	assert_string_equal(order, "ab");
	assert_int_equal(futex_wake(at(&word), 10, FUTEX_BITSET_ANY), 1);
	assert_int_equal(futex_wake(at(&word), 10, FUTEX_BITSET_ANY), 0);
}

static void futex_wakes_in_order_of_coming(void **state)
{
	machine_thread(wait_and_note, "a");
	machine_thread(wait_and_note, "b");
	machine_thread(wait_and_note, "c");
	machine_thread(wake_in_turn, NULL);
	assert_int_equal(machine_run(), 0);
	assert_string_equal(order, "abc");
}

static void arguments(void *arg)
{
	uint64_t deadline = machine_now_ns + 5 * MS;

	assert_int_equal(futex_wait(at(&word), 1, FUTEX_BITSET_ANY, NEVER), -EAGAIN);
	assert_int_equal(futex_wait(at(&word) + 1, 0, FUTEX_BITSET_ANY, NEVER), -EINVAL);
	assert_int_equal(futex_wait(8, 0, FUTEX_BITSET_ANY, NEVER), -EFAULT);
	assert_int_equal(futex_wake(at(&word) + 2, 1, FUTEX_BITSET_ANY), -EINVAL);
	assert_int_equal(futex_wait(at(&word), 0, FUTEX_BITSET_ANY, deadline), -ETIMEDOUT);
	assert_int_equal(machine_now_ns, deadline);
	/* One that is past. */
	assert_int_equal(futex_wait(at(&word), 0, FUTEX_BITSET_ANY, 1), -ETIMEDOUT);
	/* Nobody is left in the bucket. */
	assert_int_equal(futex_wake(at(&word), 10, FUTEX_BITSET_ANY), 0);
}

static void futex_checks_and_times_out(void **state)
{
	machine_thread(arguments, NULL);
	assert_int_equal(machine_run(), 0);
}

static void wait_with_bits(void *arg)
{
	assert_int_equal(futex_wait(at(&word), 0, *(uint32_t *)arg, NEVER), 0);
	order[order_len++] = (char)('0' + *(uint32_t *)arg);
}

static void wake_by_bits(void *arg)
{
	sched_yield();
	assert_int_equal(futex_wake(at(&word), 10, 8), 0);
	assert_int_equal(futex_wake(at(&word), 10, 2), 1);
	sched_yield();
	assert_int_equal(futex_wake(at(&word), 10, FUTEX_BITSET_ANY), 2);
}

static void futex_wakes_by_bitset(void **state)
{
	static uint32_t bits[] = {1, 2, 4};

	for (int i = 0; i < 3; i++)
		machine_thread(wait_with_bits, &bits[i]);
	machine_thread(wake_by_bits, NULL);
	assert_int_equal(machine_run(), 0);
	assert_string_equal(order, "214");
}

static void requeue(void *arg)
{
	uint32_t zero = 0, one = 1;

	sched_yield();
	assert_int_equal(futex_requeue(at(&word), at(&word2), 1, 10, &one), -EAGAIN);
	/* One woken, two moved; both count. */
	assert_int_equal(futex_requeue(at(&word), at(&word2), 1, 2, &zero), 3);
	sched_yield();
	assert_string_equal(order, "a");
	assert_int_equal(futex_wake(at(&word), 10, FUTEX_BITSET_ANY), 1);
	sched_yield();
	assert_string_equal(order, "ad");
	assert_int_equal(futex_requeue(at(&word2), at(&word2), 0, 1, NULL),
			 1); /* to the end of its own queue */
	assert_int_equal(futex_wake(at(&word2), 10, FUTEX_BITSET_ANY), 2);
}

static void futex_requeues(void **state)
{
	machine_thread(wait_and_note, "a");
	machine_thread(wait_and_note, "b");
	machine_thread(wait_and_note, "c");
	machine_thread(wait_and_note, "d");
	machine_thread(requeue, NULL);
	assert_int_equal(machine_run(), 0);
	assert_string_equal(order, "adcb");
}

static void wait_then_time_out(void *arg)
{
	assert_int_equal(futex_wait(at(&word), 0, FUTEX_BITSET_ANY, machine_now_ns + MS),
			 -ETIMEDOUT);
}

static void requeue_one(void *arg)
{
	sched_yield();
	assert_int_equal(futex_requeue(at(&word), at(&word2), 0, 1, NULL), 1);
	machine_spend(2 * MS);
	sched_yield();
	assert_int_equal(futex_wake(at(&word2), 1, FUTEX_BITSET_ANY), 0);
}

static void futex_requeued_waiter_times_out(void **state)
{
	machine_thread(wait_then_time_out, NULL);
	machine_thread(requeue_one, NULL);
	assert_int_equal(machine_run(), 0);
}

#define OP(op, oparg, cmp, cmparg)                                                                 \
	((uint32_t)(op) << 28 | (uint32_t)(cmp) << 24 | ((uint32_t)(oparg)&0xfff) << 12 |          \
	 ((uint32_t)(cmparg)&0xfff))

static void wake_ops(void *arg)
{
	static const struct {
		uint32_t op, before, after;
		bool second; /* wakes at the second address */
	} cases[] = {
		{OP(0, 5, 0, 7), 7, 5, true}, /* set, equal */
		{OP(0, -1, 0, 8), 7, UINT32_MAX, false},
		{OP(1, 3, 1, 7), 7, 10, false}, /* add, not equal */
		{OP(1, -3, 1, 8), 7, 4, true},
		{OP(2, 8, 2, 8), 7, 15, true},           /* or, less */
		{OP(3, 3, 3, 7), 7, 4, true},            /* and not, at most */
		{OP(4, 5, 4, 7), 7, 2, false},           /* xor, greater */
		{OP(8 | 2, 4, 5, 0), 1, 17, true},       /* or 1 << 4, at least */
		{OP(0, 0, 2, 0), (uint32_t)-1, 0, true}, /* the comparison has a sign */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		word2 = cases[i].before;
		assert_int_equal(futex_wake_op(at(&word), at(&word2), 1, 1, cases[i].op), 0);
		assert_int_equal(word2, cases[i].after);
	}
	assert_int_equal(futex_wake_op(at(&word), at(&word2), 1, 1, OP(5, 0, 0, 0)), -ENOSYS);
	assert_int_equal(futex_wake_op(at(&word), 8, 1, 1, OP(0, 0, 0, 0)), -EFAULT);
	machine_thread(wait_and_note, "a");
	word2 = 1;
	sched_yield();
	assert_int_equal(futex_wake_op(at(&word2), at(&word), 1, 1, OP(0, 9, 0, 3)), 0);
	word = 3;
	assert_int_equal(futex_wake_op(at(&word2), at(&word), 1, 1, OP(0, 9, 0, 3)), 1);
	assert_int_equal(word, 9);
}

static void futex_wake_op_computes_and_compares(void **state)
{
	machine_thread(wake_ops, NULL);
	assert_int_equal(machine_run(), 0);
}

/* --- robust lists --- */

struct robust_mutex {
	uint64_t next;
	uint32_t lock;
};

static struct {
	uint64_t next;
	int64_t offset;
	uint64_t pending;
} head;
static struct robust_mutex mutexes[4];

static void die_with_locks(void *arg)
{
	struct thread *t = thread_current();
	uint32_t tid = (uint32_t)t->tid;

	for (int i = 0; i < 3; i++)
		mutexes[i].next = i < 2 ? (uint64_t)&mutexes[i + 1] : (uint64_t)&head;
	head.next = (uint64_t)&mutexes[0];
	head.offset = offsetof(struct robust_mutex, lock);
	head.pending = (uint64_t)&mutexes[3];
	mutexes[0].lock = tid;
	mutexes[1].lock = tid | FUTEX_WAITERS;
	mutexes[2].lock = tid + 1; /* another one's */
	mutexes[3].lock = tid;
	t->robust_list = (vaddr_t)&head;
}

static void wait_for_owner(void *arg)
{
	sched_yield();
	assert_int_equal(
		futex_wait(at(&mutexes[1].lock), 1 | FUTEX_WAITERS, FUTEX_BITSET_ANY, NEVER), 0);
	assert_int_equal(mutexes[0].lock, FUTEX_OWNER_DIED);
	assert_int_equal(mutexes[1].lock, FUTEX_OWNER_DIED | FUTEX_WAITERS);
	assert_int_equal(mutexes[2].lock, 2);
	assert_int_equal(mutexes[3].lock, FUTEX_OWNER_DIED);
}

static void ring(void *arg)
{
	/* A list that never comes back to its head, and one that leads nowhere. */
	mutexes[0].next = mutexes[1].next = (uint64_t)&mutexes[1];
	head.pending = 8;
	thread_current()->robust_list = (vaddr_t)&head;
}

static void late_owner(void *arg)
{
	sched_yield();
	sched_yield();
	die_with_locks(NULL);
}

static void robust_list_frees_the_locks_of_the_dead(void **state)
{
	machine_thread(late_owner, NULL);
	machine_thread(wait_for_owner, NULL);
	mutexes[1].lock = 1 | FUTEX_WAITERS;
	assert_int_equal(machine_run(), 0);
}

static void robust_list_may_be_broken(void **state)
{
	machine_thread(ring, NULL);
	assert_int_equal(machine_run(), 0);
}

/* --- a lock made of it, with interrupted and timed-out waiters in between --- */

#define LOCKERS 6
#define ROUNDS 400

static uint32_t lock; /* 0 free, 1 held, 2 held and waited for */
static bool inside;
static unsigned entered;

static void locker(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		uint32_t state = lock == 0 ? 0 : 2;

		if (state == 0)
			lock = 1;
		while (state != 0) {
			uint64_t deadline = fake_random_below(2)
						    ? NEVER
						    : machine_now_ns + fake_random_below(MS);

			state = lock;
			lock = 2;
			if (state != 0)
				futex_wait(at(&lock), 2, FUTEX_BITSET_ANY, deadline);
		}
		assert_false(inside);
		inside = true;
		entered++;
		machine_spend(fake_random_below(2 * MS));
		inside = false;
		if (lock == 2) {
			lock = 0;
			futex_wake(at(&lock), 1, FUTEX_BITSET_ANY);
		}
		lock = 0;
		machine_spend(fake_random_below(MS));
	}
}

static void futex_lock_excludes(void **state)
{
	fake_seed_from_env();
	lock = 0;
	entered = 0;
	inside = false;
	for (int i = 0; i < LOCKERS; i++)
		machine_thread(locker, NULL);
	assert_int_equal(machine_run(), 0);
	assert_int_equal(entered, LOCKERS * ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(futex_wakes_in_order_of_coming, setup),
		cmocka_unit_test_setup(futex_checks_and_times_out, setup),
		cmocka_unit_test_setup(futex_wakes_by_bitset, setup),
		cmocka_unit_test_setup(futex_requeues, setup),
		cmocka_unit_test_setup(futex_requeued_waiter_times_out, setup),
		cmocka_unit_test_setup(futex_wake_op_computes_and_compares, setup),
		cmocka_unit_test_setup(robust_list_frees_the_locks_of_the_dead, setup),
		cmocka_unit_test_setup(robust_list_may_be_broken, setup),
		cmocka_unit_test_setup(futex_lock_excludes, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
