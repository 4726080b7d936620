/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Threads, sleeping, waking and timers, with several CPUs.
 *
 * sources: core/futex.c core/futex_pi.c core/thread.c core/sched.c core/sleep.c core/cpus.c
 * sources: core/wait.c core/mutex.c core/timer.c core/signal.c base/rbtree.c base/string.c
 * fakes: smp smp_program lock log heap page fail
 */
#include "core/futex.h"
#include "core/mutex.h"
#include "core/percpu.h"
#include "fake/smp.h"

#define US 1000u
#define MS 1000000u

/* --- locks, before there are other CPUs and behind --- */

/* The first test: until then there is one CPU. */
static void locks_stay_held_when_cpus_start(void)
{
	struct spinlock lock;

	spin_init(&lock, LOCK_TREE);
	CHECK(spin_cpus.alone);
	spin_lock(&lock);
	sched_start_cpus();
	CHECK(!spin_cpus.alone);
	CHECK(!spin_trylock(&lock));
	spin_unlock(&lock);
	CHECK(spin_trylock(&lock));
	spin_unlock(&lock);
}

/* --- sleeping --- */

static long sleep_until(uint64_t deadline)
{
	long err;

	smp_point();
	do {
		thread_sleep_prepare("test");
		err = thread_sleep(deadline, 0);
	} while (err == 0);
	return smp_leave(err);
}

static void sleeper(void *arg)
{
	(void)arg;
	while (!smp_over()) {
		uint64_t deadline = smp_now_ns() + smp_random(smp_random(10) ? 100 * US : 3 * MS);

		CHECK_EQ(sleep_until(deadline), -ETIMEDOUT);
		CHECK(smp_now_ns() >= deadline);
		if (smp_random(4) == 0)
			sched_yield();
	}
}

static void spinner(void *arg)
{
	(void)arg;
	while (!smp_over())
		smp_spend(smp_random(30 * US));
}

static void sleeps_end_beside_threads_that_spin(void)
{
	struct smp_thread *threads[8];

	for (unsigned i = 0; i < ARRAY_SIZE(threads); i++)
		threads[i] = smp_start(i < 3 ? spinner : sleeper, NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(threads); i++)
		smp_join(threads[i]);
}

/* --- park and unpark: a wake-up that is lost hangs the test --- */

struct pair {
	struct waitq wq[2];
	_Atomic uint64_t turn;
};

struct player {
	struct pair *pair;
	unsigned side;
};

static void player(void *arg)
{
	struct player *p = arg;
	struct pair *pair = p->pair;

	for (uint64_t i = p->side; !smp_over(); i += 2) {
		smp_point();
		CHECK_EQ(waitq_wait(&pair->wq[p->side], atomic_load(&pair->turn) >= i, NEVER, 0,
				    "turn"),
			 0);
		smp_leave(0);
		if (atomic_load(&pair->turn) > i)
			break;
		if (smp_random(16) == 0)
			smp_spend(smp_random(50 * US));
		atomic_store(&pair->turn, i + 1);
		smp_point();
		waitq_fence();
		if (waitq_active(&pair->wq[!p->side]))
			waitq_wake(&pair->wq[!p->side], 1);
		smp_leave(0);
	}
	/* The other one shall not wait any more. */
	atomic_store(&pair->turn, UINT64_MAX);
	smp_point();
	waitq_wake(&pair->wq[!p->side], 1);
	smp_leave(0);
}

static void wake_ups_are_not_lost(void)
{
	static struct pair pairs[3];
	struct player players[2 * ARRAY_SIZE(pairs)];
	struct smp_thread *threads[ARRAY_SIZE(players)];

	for (unsigned i = 0; i < ARRAY_SIZE(players); i++) {
		struct pair *p = &pairs[i / 2];

		waitq_init(&p->wq[i % 2]);
		p->turn = 0;
		players[i] = (struct player){p, i % 2};
	}
	for (unsigned i = 0; i < ARRAY_SIZE(players); i++)
		threads[i] = smp_start(player, &players[i]);
	for (unsigned i = 0; i < ARRAY_SIZE(players); i++)
		smp_join(threads[i]);
}

/* --- the kernel's sleeping lock --- */

static struct mutex mutex = MUTEX_INIT(mutex);
static uint64_t guarded;
static _Atomic uint64_t entered;

static void mutex_user(void *arg)
{
	(void)arg;
	while (!smp_over()) {
		smp_point();
		if (smp_random(4) != 0)
			mutex_lock(&mutex);
		else if (!mutex_trylock(&mutex))
			continue;
		guarded++;
		entered++;
		if (smp_random(10) == 0)
			sched_yield();
		mutex_unlock(&mutex);
		smp_leave(0);
	}
}

static void kernel_mutex_excludes(void)
{
	guarded = entered = 0;
	smp_crowd(6, mutex_user, NULL);
	CHECK_EQ(guarded, entered);
	CHECK_EQ(mutex.state, MUTEX_FREE);
}

/* --- waiting in several queues, as poll does --- */

static struct source {
	struct waitq wq;
	_Atomic unsigned tokens;
} sources[3];
static _Atomic uint64_t put, taken;
static _Atomic bool closed;

static bool take_any(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(sources); i++) {
		unsigned n = sources[i].tokens;

		while (n > 0)
			if (atomic_compare_exchange_weak(&sources[i].tokens, &n, n - 1))
				return true;
	}
	return false;
}

static void poller(void *arg)
{
	(void)arg;
	for (;;) {
		struct waiter w[ARRAY_SIZE(sources)];
		bool got, end;
		int err = 0;

		smp_point();
		for (unsigned i = 0; i < ARRAY_SIZE(sources); i++)
			waitq_add(&sources[i].wq, &w[i]);
		for (;;) {
			thread_sleep_prepare("poll");
			end = closed; /* before the look: what was put earlier is seen */
			got = take_any();
			if (got || end || err == -ETIMEDOUT)
				break;
			err = thread_sleep(smp_random(3) ? NEVER : smp_now_ns() + smp_random(MS),
					   SLEEP_INTERRUPTIBLE);
		}
		thread_sleep_cancel();
		for (unsigned i = 0; i < ARRAY_SIZE(sources); i++)
			waitq_remove(&w[i]);
		smp_leave(0);
		taken += got;
		if (end && !got)
			return;
	}
}

static void feeder(void *arg)
{
	(void)arg;
	while (!smp_over()) {
		struct source *s = &sources[smp_random(ARRAY_SIZE(sources))];

		s->tokens++;
		put++;
		smp_point();
		waitq_fence();
		if (waitq_active(&s->wq))
			waitq_wake(&s->wq, UINT32_MAX);
		smp_leave(0);
		if (smp_random(2))
			smp_spend(smp_random(100 * US));
	}
}

static void poll_takes_all_that_comes(void)
{
	struct smp_thread *feeders[2], *pollers[4];

	put = taken = 0;
	closed = false;
	for (unsigned i = 0; i < ARRAY_SIZE(sources); i++) {
		waitq_init(&sources[i].wq);
		sources[i].tokens = 0;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(pollers); i++)
		pollers[i] = smp_start(poller, NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(feeders); i++)
		feeders[i] = smp_start(feeder, NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(feeders); i++)
		smp_join(feeders[i]);
	closed = true;
	for (unsigned i = 0; i < ARRAY_SIZE(sources); i++) {
		waitq_fence();
		waitq_wake(&sources[i].wq, UINT32_MAX);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(pollers); i++)
		smp_join(pollers[i]);
	CHECK_EQ(put, taken);
}

/* --- timers --- */

struct clock {
	struct timer timer;
	_Atomic unsigned fired;
	_Atomic bool firing, stopped;
	uint64_t due;
};

static void clock_fire(struct timer *timer)
{
	struct clock *c = container_of(timer, struct clock, timer);

	CHECK(!atomic_exchange(&c->firing, true));
	CHECK(!c->stopped);
	CHECK(smp_now_ns() >= c->due);
	c->fired++;
	c->firing = false;
}

static void clock_user(void *arg)
{
	struct clock clocks[4];

	(void)arg;
	for (unsigned i = 0; i < ARRAY_SIZE(clocks); i++) {
		timer_init(&clocks[i].timer, clock_fire);
		clocks[i].firing = clocks[i].stopped = false;
		clocks[i].fired = 0;
	}
	while (!smp_over()) {
		struct clock *c = &clocks[smp_random(ARRAY_SIZE(clocks))];
		unsigned fired;

		/* A call of the kernel that starts one, and on some CPU one that stops it. */
		timer_stop(&c->timer);
		CHECK(!c->firing);
		fired = c->fired;
		c->due = smp_now_ns() + smp_random(100 * US);
		timer_start(&c->timer, c->due);
		smp_leave(0);
		switch (smp_random(4)) {
		case 0:
			sleep_until(smp_now_ns() + smp_random(150 * US));
			break;
		case 1:
			smp_spend(smp_random(100 * US));
			break;
		case 2:
			sched_yield();
			break;
		default:
			while (c->fired == fired)
				smp_point();
			CHECK_EQ(c->fired, fired + 1);
		}
		timer_stop(&c->timer);
		c->stopped = true;
		CHECK(!c->firing);
		CHECK(c->fired - fired <= 1);
		smp_point();
		c->stopped = false;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(clocks); i++)
		timer_stop(&clocks[i].timer);
}

static void timers_stop_and_fire_once(void)
{
	smp_crowd(5, clock_user, NULL);
}

/* --- threads that come and go --- */

static _Atomic uint64_t lived;

static void short_life(void *arg)
{
	(void)arg;
	if (smp_random(3) == 0)
		smp_spend(smp_random(20 * US));
	if (smp_random(4) == 0)
		sleep_until(smp_now_ns() + smp_random(50 * US));
	lived++;
}

static void breeder(void *arg)
{
	struct smp_thread *children[24];
	uint64_t *made = arg;

	while (!smp_over()) {
		unsigned n = 1 + (unsigned)smp_random(smp_random(4) ? 4 : ARRAY_SIZE(children));

		for (unsigned i = 0; i < n; i++)
			children[i] = smp_start(short_life, NULL);
		for (unsigned i = 0; i < n; i++)
			smp_join(children[i]);
		__atomic_fetch_add(made, n, __ATOMIC_RELAXED);
	}
}

static void threads_come_and_go(void)
{
	uint64_t made = 0;

	lived = 0;
	smp_crowd(3, breeder, &made);
	CHECK_EQ(made, lived);
}

int main(void)
{
	const struct smp_test tests[] = {
		{"locks_stay_held_when_cpus_start", locks_stay_held_when_cpus_start},
		{"sleeps_end_beside_threads_that_spin", sleeps_end_beside_threads_that_spin},
		{"wake_ups_are_not_lost", wake_ups_are_not_lost},
		{"kernel_mutex_excludes", kernel_mutex_excludes},
		{"poll_takes_all_that_comes", poll_takes_all_that_comes},
		{"timers_stop_and_fire_once", timers_stop_and_fire_once},
		{"threads_come_and_go", threads_come_and_go},
	};

	return smp_run(tests, ARRAY_SIZE(tests));
}
