/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ repeat: 3
//@ timeout: 180
//@ cflags: -fomit-frame-pointer
/*
 * The 128 bytes below rsp belong to the program: leaf functions keep values there while timer
 * interrupts, preemption and signals without an alternate stack come at a high rate. Any byte that
 * changes is a failure.
 */
#include "test.h"
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#define SPINNERS 4
#define SIGNALS_MIN 100

static volatile bool stop;
static volatile long signals;

/*
 * Fill the red zone with a pattern from seed, spin a little, and count the quadwords that changed.
 * Assembly, so that it is sure where the values are: all 16 quadwords from -128(%rsp) on.
 */
__attribute__((naked, noinline)) static long redzone_check(uint64_t seed, uint64_t spins)
{
	__asm__("mov %rdi, %rax\n\t"
		".irp at, 8,16,24,32,40,48,56,64,72,80,88,96,104,112,120,128\n\t"
		"mov %rax, -\\at(%rsp)\n\t"
		"add $0x1234567, %rax\n\t"
		".endr\n"
		"1:\tdec %rsi\n\t"
		"jnz 1b\n\t"
		"mov %rdi, %rdx\n\t"
		"xor %eax, %eax\n\t"
		".irp at, 8,16,24,32,40,48,56,64,72,80,88,96,104,112,120,128\n\t"
		"xor %ecx, %ecx\n\t"
		"cmp %rdx, -\\at(%rsp)\n\t"
		"setne %cl\n\t"
		"add %rcx, %rax\n\t"
		"add $0x1234567, %rdx\n\t"
		".endr\n\t"
		"ret");
}

/* A leaf that the compiler gives a red zone to. */
__attribute__((noinline)) static uint64_t leaf(uint64_t a, uint64_t b)
{
	volatile uint64_t v[12];

	for (int i = 0; i < 12; i++)
		v[i] = a * (uint64_t)(i + 1) + b;
	for (int k = 0; k < 40; k++)
		for (int i = 0; i < 12; i++)
			v[i] = v[i] ^ v[(i + 5) % 12] ^ (uint64_t)k;
	uint64_t sum = 0;
	for (int i = 0; i < 12; i++)
		sum += v[i] * (uint64_t)(i + 3);
	return sum;
}

static void *spinner(void *arg)
{
	struct rng r = rng_make((uint64_t)(uintptr_t)arg + 1);
	long bad = 0;

	while (!stop) {
		bad += redzone_check(rng_next(&r), 1 + rng_below(&r, 20000));
		uint64_t a = rng_next(&r), b = rng_next(&r), first = leaf(a, b);
		for (int i = 0; i < 20; i++)
			bad += leaf(a, b) != first;
	}
	return (void *)bad;
}

/* Short sleeps: many timer interrupts and switches. */
static void *sleeper(void *arg)
{
	struct rng r = rng_make((uint64_t)(uintptr_t)arg + 100);

	while (!stop) {
		struct timespec ts = {0, (long)rng_below(&r, 300000)};
		nanosleep(&ts, NULL);
	}
	return NULL;
}

static void on_signal(int sig)
{
	volatile char scribble[512];

	for (unsigned i = 0; i < sizeof(scribble); i++)
		scribble[i] = (char)sig;
	signals++;
}

/* For so long, and, however busy the machine is, until enough signals came (half a minute at most).
 */
static long run(int milliseconds, bool with_signals)
{
	pthread_t spin[SPINNERS], sleep[2];
	long bad = 0;
	void *r;

	stop = false;
	for (long i = 0; i < SPINNERS; i++)
		pthread_create(&spin[i], NULL, spinner, (void *)i);
	for (long i = 0; i < 2; i++)
		pthread_create(&sleep[i], NULL, sleeper, (void *)i);
	if (with_signals) {
		struct itimerval it = {{0, 700}, {0, 700}};
		setitimer(ITIMER_REAL, &it, NULL);
	}
	uint64_t end = now_ns() + (uint64_t)milliseconds * 1000000u;
	struct rng rng = rng_make(7);
	uint64_t limit = end + 30000000000u;
	while (now_ns() < end || (with_signals && signals <= SIGNALS_MIN && now_ns() < limit)) {
		bad += redzone_check(rng_next(&rng), 1 + rng_below(&rng, 5000));
		if (with_signals)
			pthread_kill(spin[rng_below(&rng, SPINNERS)], SIGUSR1);
	}
	if (with_signals) {
		struct itimerval off = {0};
		setitimer(ITIMER_REAL, &off, NULL);
	}
	stop = true;
	for (int i = 0; i < SPINNERS; i++) {
		pthread_join(spin[i], &r);
		bad += (long)r;
	}
	for (int i = 0; i < 2; i++)
		pthread_join(sleep[i], NULL);
	return bad;
}

int main(void)
{
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	printf("# seed %lu\n", (unsigned long)test_seed());
	sigaction(SIGALRM, &sa, NULL);
	sigaction(SIGUSR1, &sa, NULL);
	is(run(1500, false), 0, "red zones survive interrupts and preemption");
	is(run(1500, true), 0, "red zones survive signal handlers on the same stack");
	printf("# %ld signals\n", signals);
	ok(signals > SIGNALS_MIN, "signals came");
	return done();
}
