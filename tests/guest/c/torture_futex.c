/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ repeat: 5
//@ timeout: 180
/*
 * Locks built on futexes by hand (wait, wake, requeue, bitsets, time-outs, robust lists), many
 * threads, seeded disturbance. A lost wake-up shows as a watchdog's report.
 */
#include "test.h"
#include "futex_ops.h"
#include "watchdog.h"
#include <limits.h>
#include <sys/syscall.h>

#define THREADS 12
#define ROUNDS 300

static bool by_instruction; /* system calls by the instruction rather than by libc */

static long futex(volatile uint32_t *addr, int op, uint32_t val, const void *timeout,
		  volatile uint32_t *addr2, uint32_t val3)
{
	if (by_instruction)
		return raw(SYS_futex, addr, op, val, timeout, addr2, val3);
	long r = syscall(SYS_futex, addr, op, val, timeout, addr2, val3);
	return r < 0 ? -errno : r;
}

static void spawn(void *(*body)(void *), int n)
{
	pthread_t t[64];

	for (long i = 0; i < n; i++)
		pthread_create(&t[i], NULL, body, (void *)i);
	for (int i = 0; i < n; i++)
		pthread_join(t[i], NULL);
}

/* A mutex after Drepper: 0 free, 1 held, 2 held and waited for; random time-outs on the waits. */
static volatile uint32_t lock_word;
static long guarded, timeouts;

static void lock(struct rng *r)
{
	uint32_t c = 0;

	if (__atomic_compare_exchange_n(&lock_word, &c, 1, false, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED))
		return;
	while (__atomic_exchange_n(&lock_word, 2, __ATOMIC_ACQUIRE) != 0) {
		struct timespec ts = {0, (long)rng_below(r, 200000)};
		bool timed = rng_below(r, 3) == 0;
		long e = futex(&lock_word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 2, timed ? &ts : NULL,
			       NULL, 0);
		if (e == -ETIMEDOUT)
			__atomic_add_fetch(&timeouts, 1, __ATOMIC_RELAXED);
	}
}

static void unlock(void)
{
	if (__atomic_exchange_n(&lock_word, 0, __ATOMIC_RELEASE) == 2)
		futex(&lock_word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
}

static void *mutex_body(void *arg)
{
	struct rng r = rng_make((uint64_t)(uintptr_t)arg + 1);

	for (int i = 0; i < ROUNDS; i++) {
		lock(&r);
		long x = guarded;
		disturb(&r);
		guarded = x + 1;
		unlock();
		progress++;
	}
	return NULL;
}

/* A condition: waiters wait on cond_word, the signaller wakes one and requeues the others to the
 * mutex. */
static volatile uint32_t cond_word;
static volatile int tokens, consumers_left;

static void *consumer(void *arg)
{
	struct rng r = rng_make((uint64_t)(uintptr_t)arg + 50);

	for (int i = 0; i < 50; i++) {
		lock(&r);
		while (tokens == 0) {
			uint32_t seq = cond_word;
			unlock();
			disturb(&r);
			futex(&cond_word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, seq, NULL, NULL, 0);
			/* It may have been moved to the mutex, so it must take it as contended. */
			while (__atomic_exchange_n(&lock_word, 2, __ATOMIC_ACQUIRE) != 0)
				futex(&lock_word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 2, NULL, NULL,
				      0);
		}
		tokens--;
		unlock();
		progress++;
	}
	__atomic_sub_fetch(&consumers_left, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void *producer(void *arg)
{
	struct rng r = rng_make(1000);

	while (consumers_left > 0) {
		lock(&r);
		tokens += (int)rng_below(&r, 5);
		uint32_t seq = __atomic_add_fetch(&cond_word, 1, __ATOMIC_SEQ_CST);
		if (rng_below(&r, 2))
			futex(&cond_word, FUTEX_CMP_REQUEUE | FUTEX_PRIVATE_FLAG, 1,
			      (void *)(long)INT_MAX, &lock_word, seq);
		else
			futex(&cond_word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT_MAX, NULL, NULL, 0);
		__atomic_store_n(&lock_word, 2, __ATOMIC_SEQ_CST);
		unlock();
		disturb(&r);
	}
	return NULL;
}

static void *requeue_body(void *arg)
{
	return (long)arg == 0 ? producer(arg) : consumer(arg);
}

/* Bitsets: each thread waits for its own bit of one word; one thread at a time is called. */
static volatile uint32_t bit_word;
static volatile uint32_t called[THREADS];

static void *bitset_waiter(void *arg)
{
	long me = (long)arg;

	for (uint32_t i = 1; i <= 30; i++) {
		while (__atomic_load_n(&called[me], __ATOMIC_ACQUIRE) < i) {
			uint32_t seq = bit_word;
			if (called[me] >= i)
				break;
			futex(&bit_word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, seq, NULL, NULL,
			      1u << me);
		}
		progress++;
	}
	return NULL;
}

static void *bitset_body(void *arg)
{
	struct rng r = rng_make(77);

	if ((long)arg != 0)
		return bitset_waiter(arg);
	for (uint32_t i = 1; i <= 30; i++)
		for (int k = 1; k < THREADS; k++) {
			disturb(&r);
			__atomic_store_n(&called[k], i, __ATOMIC_RELEASE);
			__atomic_add_fetch(&bit_word, 1, __ATOMIC_SEQ_CST);
			futex(&bit_word, FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG, INT_MAX, NULL,
			      NULL, 1u << k);
		}
	return NULL;
}

/* Robust mutexes: threads die holding them; the next owner is told. */
static pthread_mutex_t robust;
static long owners_died, taken;

static void *robust_body(void *arg)
{
	struct rng r = rng_make((uint64_t)(uintptr_t)arg + 200);

	for (int i = 0; i < 20; i++) {
		int e = pthread_mutex_lock(&robust);
		taken++;
		if (e == EOWNERDEAD) {
			owners_died++;
			pthread_mutex_consistent(&robust);
		}
		progress++;
		disturb(&r);
		if (i == 19)
			return NULL; /* dies with the lock held */
		pthread_mutex_unlock(&robust);
	}
	return NULL;
}

/* Ping-pong between two threads: wakes that must each arrive. */
static volatile uint32_t ball;

static void *pingpong_body(void *arg)
{
	uint32_t me = (uint32_t)(uintptr_t)arg;

	for (uint32_t i = 0; i < 3000; i++) {
		uint32_t v;
		while (((v = __atomic_load_n(&ball, __ATOMIC_ACQUIRE)) & 1) != me)
			futex(&ball, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, v, NULL, NULL, 0);
		__atomic_add_fetch(&ball, 1, __ATOMIC_RELEASE);
		futex(&ball, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
		progress++;
	}
	return NULL;
}

static void run_all(const char *how)
{
	guarded = 0;
	timeouts = 0;
	spawn(mutex_body, THREADS);
	ok(guarded == THREADS * ROUNDS, "a mutex excludes (%s)", how);
	printf("# %ld time-outs\n", timeouts);

	tokens = 0;
	consumers_left = THREADS - 1;
	spawn(requeue_body, THREADS);
	ok(tokens >= 0, "a condition with requeue loses nobody (%s)", how);

	memset((void *)called, 0, sizeof(called));
	spawn(bitset_body, THREADS);
	ok(true, "bitsets wake whom they name (%s)", how);

	ball = 0;
	spawn(pingpong_body, 2);
	ok(ball == 6000, "two threads pass a ball (%s)", how);
}

int main(void)
{
	pthread_mutexattr_t attr;

	printf("# seed %lu\n", (unsigned long)test_seed());
	watchdog_start();
	run_all("libc");
	by_instruction = true;
	run_all("syscall instruction");

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&robust, &attr);
	spawn(robust_body, THREADS);
	is(owners_died, THREADS - 1, "each death with a robust mutex is told to the next owner");
	is(taken, THREADS * 20, "a robust mutex is handed on");
	return done();
}
