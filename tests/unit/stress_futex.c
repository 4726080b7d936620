/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a program builds on futexes, with several CPUs: each test has plain data that only the lock
 * under test guards.
 *
 * sources: core/futex.c core/futex_pi.c core/thread.c core/sched.c core/sleep.c core/cpus.c
 * sources: core/wait.c core/timer.c core/signal.c base/rbtree.c base/string.c
 * fakes: smp smp_program lock log heap page fail
 */
#include "core/futex.h"
#include "fake/smp.h"

#define US 1000u
#define MS 1000000u
#define THREADS 6u

static vaddr_t at(_Atomic uint32_t *word)
{
	return (vaddr_t)word;
}

/* --- a mutex --- */

static struct smp_mutex mutex;
static struct {
	uint64_t a, b;
} guarded;
static _Atomic uint64_t entered;

static void guarded_change(void)
{
	CHECK_EQ(guarded.a, guarded.b);
	guarded.a++;
	if (smp_random(8) == 0)
		smp_point();
	guarded.b++;
	entered++;
}

static void mutex_user(void *arg)
{
	(void)arg;
	while (!smp_over()) {
		uint64_t deadline = NEVER;

		if (smp_random(3) == 0)
			deadline = smp_now_ns() + smp_random(200 * US);
		if (!smp_mutex_lock(&mutex, deadline)) {
			CHECK(smp_now_ns() >= deadline);
			continue;
		}
		guarded_change();
		smp_mutex_unlock(&mutex);
		if (smp_random(20) == 0)
			smp_spend(smp_random(100 * US));
	}
}

static void futex_mutex_excludes(void)
{
	guarded.a = guarded.b = entered = 0;
	smp_crowd(THREADS, mutex_user, NULL);
	CHECK_EQ(guarded.a, entered);
	CHECK_EQ(mutex.word, 0);
}

/* --- a bounded queue with two condition variables --- */

#define QUEUE_SLOTS 4u

static struct {
	struct smp_mutex mutex;
	struct smp_cond not_empty, not_full;
	uint64_t slots[QUEUE_SLOTS];
	unsigned count, head;
	unsigned producers;
	uint64_t put_sum, taken_sum; /* of what went through */
	unsigned gone;               /* waits that took too long */
} queue;

static void queue_wake(struct smp_cond *c)
{
	if (smp_random(4) == 0)
		smp_cond_broadcast(c, &queue.mutex);
	else
		smp_cond_signal(c);
}

/* False: it took too long. */
static bool queue_wait(struct smp_cond *c)
{
	uint64_t deadline = smp_random(4) ? NEVER : smp_now_ns() + smp_random(500 * US);

	return smp_cond_wait(c, &queue.mutex, deadline);
}

static void producer(void *arg)
{
	(void)arg;
	while (!smp_over()) {
		uint64_t value = smp_random(1000);

		smp_mutex_lock(&queue.mutex, NEVER);
		while (queue.count == QUEUE_SLOTS)
			if (!queue_wait(&queue.not_full))
				queue.gone++;
		queue.slots[(queue.head + queue.count++) % QUEUE_SLOTS] = value;
		queue.put_sum += value;
		queue_wake(&queue.not_empty);
		smp_mutex_unlock(&queue.mutex);
	}
	smp_mutex_lock(&queue.mutex, NEVER);
	if (--queue.producers == 0)
		smp_cond_broadcast(&queue.not_empty, &queue.mutex);
	smp_mutex_unlock(&queue.mutex);
}

static void consumer(void *arg)
{
	(void)arg;
	smp_mutex_lock(&queue.mutex, NEVER);
	for (;;) {
		while (queue.count == 0 && queue.producers > 0)
			if (!queue_wait(&queue.not_empty))
				queue.gone++;
		if (queue.count == 0)
			break;
		queue.taken_sum += queue.slots[queue.head];
		queue.head = (queue.head + 1) % QUEUE_SLOTS;
		queue.count--;
		queue_wake(&queue.not_full);
		smp_mutex_unlock(&queue.mutex);
		smp_point();
		smp_mutex_lock(&queue.mutex, NEVER);
	}
	smp_mutex_unlock(&queue.mutex);
}

static void futex_requeue_serves_condition_variables(void)
{
	struct smp_thread *threads[8];
	const unsigned n = ARRAY_SIZE(threads);

	memset(&queue, 0, sizeof(queue));
	queue.producers = n / 2;
	for (unsigned i = 0; i < n; i++)
		threads[i] = smp_start(i < n / 2 ? producer : consumer, NULL);
	for (unsigned i = 0; i < n; i++)
		smp_join(threads[i]);
	CHECK_EQ(queue.put_sum, queue.taken_sum);
	CHECK_EQ(queue.count, 0);
}

/* --- a semaphore --- */

static _Atomic uint32_t tokens, token_waiters;
static _Atomic unsigned holders;
#define TOKENS 2u

static void semaphore_user(void *arg)
{
	(void)arg;
	while (!smp_over()) {
		uint32_t seen = tokens;

		if (seen == 0) {
			token_waiters++;
			SMP_CALL(futex_wait(at(&tokens), 0, 1u << smp_random(4),
					    smp_random(2) ? NEVER : smp_now_ns() + smp_random(MS)));
			token_waiters--;
			continue;
		}
		if (!atomic_compare_exchange_strong(&tokens, &seen, seen - 1))
			continue;
		CHECK(++holders <= TOKENS);
		smp_spend(smp_random(20 * US));
		holders--;
		tokens++;
		if (token_waiters)
			SMP_CALL(futex_wake(at(&tokens), 1, FUTEX_BITSET_ANY));
	}
	/* Woken for a token that it does not take any more: that is the next one's. */
	SMP_CALL(futex_wake(at(&tokens), 1, FUTEX_BITSET_ANY));
}

static void futex_semaphore_lets_so_many_in(void)
{
	tokens = TOKENS;
	smp_crowd(THREADS, semaphore_user, NULL);
	CHECK_EQ(tokens, TOKENS);
	CHECK_EQ(holders, 0);
}

/* --- each wake-up is of one waiter, and no waiter wakes without one --- */

#define WORDS 3u

static _Atomic uint32_t words[WORDS];
static _Atomic uint64_t woken, awake;

static void short_waiter(void *arg)
{
	(void)arg;
	while (!smp_over()) {
		uint64_t deadline = smp_now_ns() + smp_random(60 * US);
		long err;

		smp_point();
		err = smp_leave(
			futex_wait(at(&words[smp_random(WORDS)]), 0, FUTEX_BITSET_ANY, deadline));
		if (err == 0)
			awake++;
		else
			CHECK_EQ(err, -ETIMEDOUT);
	}
}

static void waker(void *arg)
{
	(void)arg;
	while (!smp_over()) {
		vaddr_t a = at(&words[smp_random(WORDS)]), b = at(&words[smp_random(WORDS)]);
		const uint32_t zero = 0;

		switch (smp_random(4)) {
		case 0: {
			/* What is moved counts too: only wakes are wanted here. */
			SMP_CALL(futex_requeue(a, b, 0, (uint32_t)smp_random(4), &zero));
			break;
		}
		case 1:
			woken += (uint64_t)SMP_CALL(futex_wake_op(
				a, b, 1, 1, 1u << 28)); /* adds 0; the second if it was 0 */
			break;
		default:
			woken += (uint64_t)SMP_CALL(
				futex_wake(a, 1 + (uint32_t)smp_random(2), FUTEX_BITSET_ANY));
		}
		smp_spend(smp_random(30 * US));
	}
}

static void futex_wakes_are_counted_once(void)
{
	struct smp_thread *threads[8];

	woken = awake = 0;
	for (unsigned i = 0; i < ARRAY_SIZE(threads); i++)
		threads[i] = smp_start(i < 3 ? waker : short_waiter, NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(threads); i++)
		smp_join(threads[i]);
	CHECK_EQ(woken, awake);
}

/* --- locks with an owner --- */

static _Atomic uint32_t pi_word;

static uint32_t own_tid(void)
{
	return (uint32_t)smp_self()->tid;
}

/* 0, -ETIMEDOUT, -EAGAIN (try). *died: its owner had ended. */
static long pi_lock(uint64_t deadline_ns, bool try, bool *died)
{
	uint32_t seen = 0;
	long err = 0;

	*died = false;
	smp_point();
	if (atomic_compare_exchange_strong(&pi_word, &seen, own_tid()))
		return 0;
	err = SMP_CALL(futex_lock_pi(at(&pi_word), deadline_ns, try));
	if (err == 0) {
		uint32_t value = pi_word;

		CHECK_EQ(value & FUTEX_TID_MASK, own_tid());
		*died = value & FUTEX_OWNER_DIED;
		if (*died)
			atomic_fetch_and(&pi_word, ~FUTEX_OWNER_DIED);
	}
	return err;
}

static void pi_unlock(void)
{
	uint32_t seen = own_tid();

	if (!atomic_compare_exchange_strong(&pi_word, &seen, 0))
		CHECK_EQ(SMP_CALL(futex_unlock_pi(at(&pi_word))), 0);
	smp_point();
}

static void pi_user(void *arg)
{
	(void)arg;
	while (!smp_over()) {
		bool died, try = smp_random(5) == 0;
		uint64_t deadline = NEVER;
		long err;

		if (smp_random(3) == 0)
			deadline = smp_now_ns() + smp_random(100 * US);
		err = pi_lock(deadline, try, &died);
		if (err == -ETIMEDOUT || (try && err == -EAGAIN))
			continue;
		CHECK_EQ(err, 0);
		CHECK(!died);
		guarded_change();
		CHECK_EQ(SMP_CALL(futex_lock_pi(at(&pi_word), NEVER, false)), -EDEADLK);
		pi_unlock();
	}
}

static void futex_pi_excludes(void)
{
	guarded.a = guarded.b = entered = 0;
	pi_word = 0;
	smp_crowd(THREADS, pi_user, NULL);
	CHECK_EQ(guarded.a, entered);
	CHECK_EQ(pi_word & FUTEX_TID_MASK, 0);
	CHECK_EQ(SMP_CALL(futex_unlock_pi(at(&pi_word))), -EPERM);
}

/* --- robust: the kernel finds the lock of a thread that ends --- */

struct robust_head {
	_Atomic uint64_t next;
	int64_t offset;
	_Atomic uint64_t pending;
};

struct robust_lock {
	_Atomic uint64_t next;
	_Atomic uint32_t word;
};

static struct robust_lock robust;
static _Atomic unsigned deaths, deaths_seen;

/* Whoever has waited cannot know whether others still do. */
static void robust_lock(void)
{
	uint32_t seen, waiters = 0;

	for (;;) {
		seen = robust.word;
		if ((seen & FUTEX_TID_MASK) == 0) {
			if (!atomic_compare_exchange_strong(&robust.word, &seen,
							    own_tid() | waiters |
								    (seen & FUTEX_WAITERS)))
				continue;
			deaths_seen += (seen & FUTEX_OWNER_DIED) != 0;
			return;
		}
		if (!(seen & FUTEX_WAITERS) &&
		    !atomic_compare_exchange_strong(&robust.word, &seen, seen | FUTEX_WAITERS))
			continue;
		waiters = FUTEX_WAITERS;
		SMP_CALL(futex_wait(at(&robust.word), seen | waiters, FUTEX_BITSET_ANY, NEVER));
	}
}

/* Takes the lock once, and ends with it or without. */
static void robust_user(void *arg)
{
	struct robust_head *head = arg;

	atomic_store(&head->next, (uint64_t)head);
	head->offset = offsetof(struct robust_lock, word);
	thread_current()->robust_list = (vaddr_t)head;
	atomic_store(&head->pending, (uint64_t)&robust);
	robust_lock();
	atomic_store(&robust.next, (uint64_t)head);
	atomic_store(&head->next, (uint64_t)&robust);
	atomic_store(&head->pending, 0);
	guarded_change();
	if (smp_random(2) == 0) {
		deaths++;
		return;
	}
	atomic_store(&head->pending, (uint64_t)&robust);
	atomic_store(&head->next, (uint64_t)head);
	if (atomic_exchange(&robust.word, 0) & FUTEX_WAITERS)
		SMP_CALL(futex_wake(at(&robust.word), 1, FUTEX_BITSET_ANY));
	atomic_store(&head->pending, 0);
}

static void robust_locks_outlive_their_owners(void)
{
	struct smp_thread *threads[THREADS];
	struct robust_head heads[THREADS];

	guarded.a = guarded.b = entered = 0;
	deaths = deaths_seen = 0;
	robust.word = 0;
	while (!smp_over()) {
		for (unsigned i = 0; i < THREADS; i++)
			threads[i] = smp_start(robust_user, &heads[i]);
		for (unsigned i = 0; i < THREADS; i++)
			smp_join(threads[i]);
	}
	CHECK_EQ(guarded.a, entered);
	CHECK_EQ(deaths_seen, deaths - ((robust.word & FUTEX_OWNER_DIED) != 0));
}

/* --- PI locks whose owners end: the next one gets them --- */

static void pi_dier(void *arg)
{
	bool died;
	long err = pi_lock(NEVER, false, &died);

	(void)arg;
	/* Whoever has ended was seen, or may still be in the list of threads. */
	if (err == -ESRCH)
		return;
	CHECK_EQ(err, 0);
	guarded_change();
	if (smp_random(2) == 0)
		pi_unlock();
}

static void futex_pi_locks_outlive_their_owners(void)
{
	guarded.a = guarded.b = entered = 0;
	while (!smp_over()) {
		pi_word = 0;
		smp_crowd(THREADS, pi_dier, NULL);
	}
	CHECK_EQ(guarded.a, entered);
}

int main(void)
{
	const struct smp_test tests[] = {
		{"futex_mutex_excludes", futex_mutex_excludes},
		{"futex_requeue_serves_condition_variables",
		 futex_requeue_serves_condition_variables},
		{"futex_semaphore_lets_so_many_in", futex_semaphore_lets_so_many_in},
		{"futex_wakes_are_counted_once", futex_wakes_are_counted_once},
		{"futex_pi_excludes", futex_pi_excludes},
		{"robust_locks_outlive_their_owners", robust_locks_outlive_their_owners},
		{"futex_pi_locks_outlive_their_owners", futex_pi_locks_outlive_their_owners},
	};

	return smp_run(tests, ARRAY_SIZE(tests));
}
