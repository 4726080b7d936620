/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: diff
//@ cpus: 1 2 4
/*
 * futex(2) by its manual page: who is woken, how many, what is returned. Waiters announce
 * themselves and the main thread waits until they sleep (their number is known from a requeue to
 * the same word).
 */
#include "test.h"
#include "futex_ops.h"
#include <limits.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WAITERS 8

static uint32_t a, b;
static volatile int woken, result[WAITERS];
static volatile int ready;

static long futex(uint32_t *addr, int op, uint32_t val, const void *timeout, uint32_t *addr2,
		  uint32_t val3)
{
	long r = syscall(SYS_futex, addr, op, val, timeout, addr2, val3);

	return r < 0 ? -errno : r;
}

static void pause_ms(long ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&ts, NULL);
}

static void *waiter(void *arg)
{
	long id = (long)arg;

	__atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
	result[id] = (int)futex(&a, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 0, NULL, NULL,
				1u << id);
	__atomic_add_fetch(&woken, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static pthread_t threads[WAITERS];

static void waiters_start(void)
{
	a = b = 0;
	ready = woken = 0;
	for (long i = 0; i < WAITERS; i++)
		pthread_create(&threads[i], NULL, waiter, (void *)i);
	while (ready < WAITERS)
		pause_ms(1);
	/* All are counted by a requeue of everybody to where they are. */
	while (futex(&a, FUTEX_CMP_REQUEUE | FUTEX_PRIVATE_FLAG, 0, (void *)(long)INT_MAX, &a, 0) <
	       WAITERS)
		pause_ms(1);
}

static void waiters_end(const char *what, int expected)
{
	for (int i = 0; i < 1000 && woken < expected; i++)
		pause_ms(1);
	pause_ms(20);
	printf("%s: %d awake\n", what, woken);
	futex(&a, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT_MAX, NULL, NULL, 0);
	futex(&b, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT_MAX, NULL, NULL, 0);
	for (int i = 0; i < WAITERS; i++) {
		pthread_join(threads[i], NULL);
		if (result[i] != 0)
			printf("waiter %d: %d\n", i, result[i]);
	}
}

static void wake_ops(void)
{
	/* *b = *b OP arg; wake on a, and on b if the old *b CMP cmparg. */
	static const struct {
		int op, oparg, cmp, cmparg;
		uint32_t start;
	} t[] = {
		{FUTEX_OP_SET, 7, FUTEX_OP_CMP_EQ, 3, 3},
		{FUTEX_OP_ADD, 5, FUTEX_OP_CMP_NE, 3, 3},
		{FUTEX_OP_ADD, 0xfff, FUTEX_OP_CMP_LT, 0, 1},
		{FUTEX_OP_OR, 0xf0, FUTEX_OP_CMP_LT, 5, 4},
		{FUTEX_OP_ANDN, 0xf, FUTEX_OP_CMP_LE, 4, 0xff},
		{FUTEX_OP_XOR, 0xff, FUTEX_OP_CMP_GT, 3, 0xf0},
		{FUTEX_OP_SET | FUTEX_OP_ARG_SHIFT, 4, FUTEX_OP_CMP_GE, 9, 9},
		{FUTEX_OP_OR | FUTEX_OP_ARG_SHIFT, 31, FUTEX_OP_CMP_EQ, 0, 0},
		{FUTEX_OP_ADD, 1, FUTEX_OP_CMP_GT, 0, 0xffffffff},
		{9, 1, FUTEX_OP_CMP_EQ, 0, 1},
	};

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint32_t word = t[i].start, other = 0;
		uint32_t code = FUTEX_OP(t[i].op, t[i].oparg, t[i].cmp, t[i].cmparg);
		long r = futex(&other, FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG, 1, (void *)1L, &word,
			       code);

		printf("wake_op %u: %ld, word %x\n", i, r, word);
	}
}

static void requeues(void)
{
	long r;

	waiters_start();
	r = futex(&a, FUTEX_REQUEUE | FUTEX_PRIVATE_FLAG, 2, (void *)3L, &b, 0);
	printf("requeue 2 and 3: %ld\n", r);
	waiters_end("requeued", 2);

	waiters_start();
	r = futex(&a, FUTEX_CMP_REQUEUE | FUTEX_PRIVATE_FLAG, 1, (void *)(long)INT_MAX, &b, 0);
	printf("cmp_requeue 1 and all: %ld\n", r);
	printf("then wake b: %ld\n", futex(&b, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 2, NULL, NULL, 0));
	waiters_end("cmp_requeued", 3);

	waiters_start();
	r = futex(&a, FUTEX_CMP_REQUEUE | FUTEX_PRIVATE_FLAG, 1, (void *)5L, &b, 99);
	printf("cmp_requeue other value: %ld\n", r);
	waiters_end("not requeued", 0);
}

int main(void)
{
	waiters_start();
	printf("wake 3: %ld\n", futex(&a, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 3, NULL, NULL, 0));
	waiters_end("wake", 3);

	waiters_start();
	printf("wake bits: %ld\n",
	       futex(&a, FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG, INT_MAX, NULL, NULL, 0x85));
	waiters_end("wake_bitset", 3);
	printf("which: %d %d %d\n", result[0], result[2], result[7]);

	waiters_start();
	printf("wake other bits: %ld\n",
	       futex(&a, FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG, 5, NULL, NULL, 0xff00));
	printf("wake no bits: %ld\n",
	       futex(&a, FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG, 5, NULL, NULL, 0));
	waiters_end("wake nobody", 0);

	waiters_start();
	b = 0;
	printf("wake_op: %ld\n", futex(&b, FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG, 1, (void *)2L, &a,
				       FUTEX_OP(FUTEX_OP_SET, 1, FUTEX_OP_CMP_EQ, 0)));
	printf("a is %u\n", a);
	waiters_end("wake_op", 2);

	requeues();
	wake_ops();
	return 0;
}
