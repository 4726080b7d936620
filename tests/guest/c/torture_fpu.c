/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ repeat: 3
//@ timeout: 180
//@ cflags: -mno-red-zone
//@ case: default
//@ case: no-xsave
//@ platforms: kvm
//@ cpu: qemu64
/*
 * General, vector, x87 and control registers survive preemption, signals and system calls made with
 * the syscall instruction. The registers are filled, held over a spin or a system call, and
 * compared, in assembly.
 */
#include "test.h"
#include <cpuid.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#define THREADS 6

struct vectors {
	uint8_t in[16][32], out[16][32];
} __attribute__((aligned(64)));

static volatile bool stop;
static bool have_avx;

#define EACH(X)                                                                                    \
	X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

/* nr < 0: spin; else make that system call (no arguments) while the registers are loaded. */
#define HOLD(load, store)                                                                          \
	__asm__ volatile(EACH(load) "test %%eax, %%eax\n\t"                                        \
				    "js 1f\n\t"                                                    \
				    "syscall\n\t"                                                  \
				    "jmp 2f\n"                                                     \
				    "1:\tdec %%ebx\n\t"                                            \
				    "jnz 1b\n"                                                     \
				    "2:\n\t" EACH(store)                                           \
			 : "+a"(nr), "+b"(spins)                                                   \
			 : "r"(v)                                                                  \
			 : "rcx", "r11", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",   \
			   "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",      \
			   "xmm13", "xmm14", "xmm15")

#define SSE_LOAD(n) "movups " #n "*32(%2), %%xmm" #n "\n\t"
#define SSE_STORE(n) "movups %%xmm" #n ", 512+" #n "*32(%2)\n\t"
#define AVX_LOAD(n) "vmovups " #n "*32(%2), %%ymm" #n "\n\t"
#define AVX_STORE(n) "vmovups %%ymm" #n ", 512+" #n "*32(%2)\n\t"

static void hold_sse(struct vectors *v, int nr, unsigned spins)
{
	HOLD(SSE_LOAD, SSE_STORE);
}

static void hold_avx(struct vectors *v, int nr, unsigned spins)
{
	HOLD(AVX_LOAD, AVX_STORE);
	__asm__ volatile("vzeroupper" : : : "memory");
}

static long vectors_check(struct rng *r, int nr)
{
	struct vectors v;
	long bad = 0;
	size_t width = have_avx ? 32 : 16;

	for (int i = 0; i < 16; i++)
		for (int k = 0; k < 32; k += 8) {
			uint64_t x = rng_next(r);
			memcpy(&v.in[i][k], &x, 8);
		}
	unsigned spins = 1 + (unsigned)rng_below(r, 20000);
	if (have_avx)
		hold_avx(&v, nr, spins);
	else
		hold_sse(&v, nr, spins);
	for (int i = 0; i < 16; i++)
		bad += memcmp(v.in[i], v.out[i], width) != 0;
	return bad;
}

/* x87: eight values on its stack; control words of x87 and SSE other than the defaults. */
static long x87_check(struct rng *r, int nr)
{
	double in[8], out[8];
	uint16_t fcw_in = (uint16_t)(0x037f ^ (rng_below(r, 4) << 10)), fcw_out, fcw_old;
	uint32_t mxcsr_in = 0x1f80u ^ (uint32_t)(rng_below(r, 4) << 13), mxcsr_out, mxcsr_old;
	unsigned spins = 1 + (unsigned)rng_below(r, 20000);
	long bad = 0;

	for (int i = 0; i < 8; i++)
		in[i] = (double)(int32_t)rng_next(r) / 3.0;
	__asm__ volatile("fnstcw %0\n\tstmxcsr %1" : "=m"(fcw_old), "=m"(mxcsr_old));
	__asm__ volatile(
		"fldcw %[fi]\n\t"
		"ldmxcsr %[mi]\n\t"
		"fldl (%[in])\n\tfldl 8(%[in])\n\tfldl 16(%[in])\n\tfldl 24(%[in])\n\t"
		"fldl 32(%[in])\n\tfldl 40(%[in])\n\tfldl 48(%[in])\n\tfldl 56(%[in])\n\t"
		"test %%eax, %%eax\n\t"
		"js 1f\n\t"
		"syscall\n\t"
		"jmp 2f\n"
		"1:\tdec %%ebx\n\t"
		"jnz 1b\n"
		"2:\tfnstcw %[fo]\n\t"
		"stmxcsr %[mo]\n\t"
		"fstpl 56(%[out])\n\tfstpl 48(%[out])\n\tfstpl 40(%[out])\n\tfstpl 32(%[out])\n\t"
		"fstpl 24(%[out])\n\tfstpl 16(%[out])\n\tfstpl 8(%[out])\n\tfstpl (%[out])\n\t"
		"fldcw %[fold]\n\t"
		"ldmxcsr %[mold]"
		: "+a"(nr), "+b"(spins), [fo] "=m"(fcw_out), [mo] "=m"(mxcsr_out)
		: [in] "r"(in), [out] "r"(out), [fi] "m"(fcw_in), [mi] "m"(mxcsr_in),
		  [fold] "m"(fcw_old), [mold] "m"(mxcsr_old)
		: "rcx", "r11", "memory", "cc", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)",
		  "st(6)", "st(7)");
	for (int i = 0; i < 8; i++)
		bad += in[i] != out[i];
	bad += fcw_in != fcw_out;
	bad += (mxcsr_in & 0xffc0u) != (mxcsr_out & 0xffc0u);
	return bad;
}

/* All general registers but rsp over a spin, and over a system call all but rax, rcx and r11. */
static long general_check(struct rng *r, int nr)
{
	uint64_t in[12], out[12];
	long spins = nr >= 0 ? 0 : (long)rng_below(r, 20000);

	for (int i = 0; i < 12; i++)
		in[i] = rng_next(r);
	struct {
		uint64_t *in, *out;
		long nr, spins;
	} a = {in, out, nr, spins};
	__asm__ volatile("push %%rbp\n\t"
			 "push %%rax\n\t"
			 "mov 24(%%rax), %%rcx\n\t"
			 "mov 16(%%rax), %%r11\n\t"
			 "mov (%%rax), %%rax\n\t"
			 "mov (%%rax), %%rbx\n\tmov 8(%%rax), %%rdx\n\tmov 16(%%rax), %%rsi\n\tmov "
			 "24(%%rax), %%rdi\n\t"
			 "mov 32(%%rax), %%rbp\n\tmov 40(%%rax), %%r8\n\tmov 48(%%rax), "
			 "%%r9\n\tmov 56(%%rax), %%r10\n\t"
			 "mov 64(%%rax), %%r12\n\tmov 72(%%rax), %%r13\n\tmov 80(%%rax), "
			 "%%r14\n\tmov 88(%%rax), %%r15\n\t"
			 "mov %%r11, %%rax\n\t"
			 "test %%eax, %%eax\n\t"
			 "js 1f\n\t"
			 "syscall\n\t"
			 "jmp 2f\n"
			 "1:\tdec %%rcx\n\t"
			 "jg 1b\n"
			 "2:\tpop %%rax\n\t"
			 "mov 8(%%rax), %%rax\n\t"
			 "mov %%rbx, (%%rax)\n\tmov %%rdx, 8(%%rax)\n\tmov %%rsi, 16(%%rax)\n\tmov "
			 "%%rdi, 24(%%rax)\n\t"
			 "mov %%rbp, 32(%%rax)\n\tmov %%r8, 40(%%rax)\n\tmov %%r9, "
			 "48(%%rax)\n\tmov %%r10, 56(%%rax)\n\t"
			 "mov %%r12, 64(%%rax)\n\tmov %%r13, 72(%%rax)\n\tmov %%r14, "
			 "80(%%rax)\n\tmov %%r15, 88(%%rax)\n\t"
			 "pop %%rbp"
			 :
			 : "a"(&a)
			 : "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
			   "r13", "r14", "r15", "memory", "cc");
	long bad = 0;
	for (int i = 0; i < 12; i++)
		bad += in[i] != out[i];
	return bad;
}

static void on_signal(int sig)
{
	/* A handler that uses all of it. */
	struct rng r = {(uint64_t)sig * 77u | 1u};
	int saved = errno;

	if (vectors_check(&r, -1) || x87_check(&r, -1))
		abort();
	errno = saved;
}

static void *worker(void *arg)
{
	struct rng r = rng_make((uint64_t)(uintptr_t)arg + 1);
	long bad = 0;

	while (!stop) {
		int nr = -1;

		switch (rng_below(&r, 4)) {
		case 0:
			nr = SYS_sched_yield;
			break;
		case 1:
			nr = SYS_getpid;
			break;
		}
		bad += vectors_check(&r, nr);
		bad += x87_check(&r, nr);
		bad += general_check(&r, nr);
	}
	return (void *)bad;
}

static long run(int milliseconds, bool with_signals)
{
	pthread_t t[THREADS];
	struct timespec ts = {0, 200000};
	struct rng rng = rng_make(99);
	long bad = 0;
	void *r;

	stop = false;
	for (long i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, worker, (void *)i);
	for (uint64_t end = now_ns() + (uint64_t)milliseconds * 1000000u; now_ns() < end;) {
		nanosleep(&ts, NULL);
		if (with_signals)
			pthread_kill(t[rng_below(&rng, THREADS)], SIGUSR1);
	}
	stop = true;
	for (int i = 0; i < THREADS; i++) {
		pthread_join(t[i], &r);
		bad += (long)r;
	}
	return bad;
}

int main(void)
{
	struct sigaction sa = {.sa_handler = on_signal};
	unsigned a, b, c, d, lo;
	struct rng r = rng_make(0);

	printf("# seed %lu\n", (unsigned long)test_seed());
	__get_cpuid(1, &a, &b, &c, &d);
	if ((c & bit_OSXSAVE) && (c & bit_AVX)) {
		__asm__("xgetbv" : "=a"(lo), "=d"(d) : "c"(0));
		have_avx = (lo & 6) == 6;
	}
	printf("# AVX: %s\n", have_avx ? "yes" : "no");
	sigaction(SIGUSR1, &sa, NULL);
	is(vectors_check(&r, SYS_getpid), 0, "vector registers over a system call");
	is(x87_check(&r, SYS_getpid), 0, "x87 and control words over a system call");
	is(general_check(&r, SYS_getpid), 0, "general registers over a system call");
	is(run(1200, false), 0, "registers survive preemption");
	is(run(1200, true), 0, "registers survive signals");
	return done();
}
