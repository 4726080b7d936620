/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ platforms: linuxu kvm
/*
 * What an attacker would try, and must fail: running data, heap, stack or mapped memory as code,
 * writing code or constants, asking for memory that is both, page 0, running over a guard page.
 * Each attempt is made; the fault it ends in is the proof.
 */
#include "test.h"
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#define RET 0xc3

static sigjmp_buf jump;
static char altstack[32768];

static void on_fault(int sig, siginfo_t *info, void *context)
{
	siglongjmp(jump, sig);
}

/* The signal that body ends in, 0 if none. */
#define ATTEMPT(body)                                                                              \
	({                                                                                         \
		int s__ = sigsetjmp(jump, 1);                                                      \
		if (s__ == 0) {                                                                    \
			body;                                                                      \
		}                                                                                  \
		s__;                                                                               \
	})

static uint8_t data[64] = {RET}, bss[64];
static const uint8_t constants[64] = {RET};
static void (*const relocated[2])(void) = {(void (*)(void))abort, (void (*)(void))abort};
static __thread uint8_t tls[64];

static int run_at(void *p)
{
	*(volatile uint8_t *)p = RET;
	return ATTEMPT(((void (*)(void))p)());
}

static int write_at(const volatile void *p)
{
	volatile uint8_t *b = (volatile uint8_t *)(uintptr_t)p;

	return ATTEMPT(*b = *b);
}

static void running(void)
{
	uint8_t local[64];
	void *heap = malloc(64), *big = malloc(1 << 20);
	void *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	is(run_at(data), SIGSEGV, "data is not code");
	is(run_at(bss), SIGSEGV, "bss is not code");
	is(run_at(tls), SIGSEGV, "thread-local storage is not code");
	is(run_at(local), SIGSEGV, "the stack is not code");
	is(run_at(heap), SIGSEGV, "the heap is not code");
	is(run_at(big), SIGSEGV, "large blocks of the heap are not code");
	is(run_at(map), SIGSEGV, "mapped memory is not code");
	is(ATTEMPT(((void (*)(void))(void *)(uintptr_t)constants)()), SIGSEGV,
	   "constants are not code");
	free(heap);
	free(big);
	munmap(map, 4096);
}

static void writing(void)
{
	extern char **environ;
	/* The GOT and tables of pointers are constants once they are relocated. */
	const volatile void *table = (const volatile void *)relocated;

	is(write_at((void *)writing), SIGSEGV, "the program's code cannot be written");
	is(write_at((void *)malloc), SIGSEGV, "libc's code cannot be written");
	is(write_at((void *)mmap), SIGSEGV, "code that calls the kernel cannot be written");
	is(write_at(constants), SIGSEGV, "constants cannot be written");
	is(write_at("a string"), SIGSEGV, "strings cannot be written");
	is(write_at(table), SIGSEGV, "relocated constants cannot be written");
	is(write_at(environ), 0, "the environment can");
}

static void both(void)
{
	const int rwx = PROT_READ | PROT_WRITE | PROT_EXEC;
	void *p = mmap(NULL, 4096, rwx, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ok(p == MAP_FAILED, "memory that is both code and writable is refused");
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	is(mprotect(p, 4096, rwx), -1, "nor can it become that");
	*(volatile uint8_t *)p = RET;
	/* What a JIT may do: write, then run. */
	is(mprotect(p, 4096, PROT_READ | PROT_EXEC), 0, "written memory can become code");
	is(ATTEMPT(((void (*)(void))p)()), 0, "and runs");
	is(write_at(p), SIGSEGV, "and can then not be written");
	munmap(p, 4096);
	long page = (long)writing & -4096;
	is(mprotect((void *)page, 4096, rwx), -1,
	   "the program's code cannot be made writable as well");
}

static void page_zero(void)
{
	volatile uintptr_t zero = 0;

	is(ATTEMPT((void)*(volatile char *)zero), SIGSEGV, "page 0 cannot be read");
	is(write_at((void *)(zero + 4000)), SIGSEGV, "page 0 cannot be written");
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		       -1, 0);
	ok(p == MAP_FAILED, "page 0 cannot be mapped");
}

/* The thread tells where its stack is by an address in it; below the lowest page there must be
 * nothing. */
static void *guard(void *arg)
{
	volatile char here = 0;
	stack_t st = {.ss_sp = altstack, .ss_size = sizeof(altstack)};
	volatile char *p = (volatile char *)((uintptr_t)&here & ~4095ul);
	int pages = 0, sig;

	sigaltstack(&st, NULL);
	while ((sig = ATTEMPT(*p = 0)) == 0 && pages < 100000) {
		pages++;
		p -= 4096;
	}
	st.ss_flags = SS_DISABLE;
	sigaltstack(&st, NULL);
	printf("# a fault %d pages below\n", pages);
	return (void *)(long)sig;
}

static void guards(void)
{
	pthread_t t;
	pthread_attr_t attr;
	void *r;

	pthread_attr_init(&attr);
	for (int i = 0; i < 5; i++) {
		pthread_attr_setstacksize(&attr, (size_t)65536 << i);
		pthread_create(&t, &attr, guard, NULL);
		pthread_join(t, &r);
		is((long)r, SIGSEGV, "below a thread's stack is a guard");
	}
	is((long)guard(NULL), SIGSEGV, "below the main stack is a guard");
}

/* Addresses at which kernels are usually found. */
static void kernel(void)
{
	static const uintptr_t tries[] = {0xffff800000000000, 0xffffffff80000000,
					  0xffffc00000000000, 0xfffffffffffff000};
	int faults = 0;

	for (unsigned i = 0; i < sizeof(tries) / sizeof(tries[0]); i++)
		faults += write_at((void *)tries[i]) == SIGSEGV;
	is(faults, sizeof(tries) / sizeof(tries[0]), "nothing lies at the usual kernel addresses");
}

int main(void)
{
	struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGILL, &sa, NULL);
	running();
	writing();
	both();
	page_zero();
	guards();
	kernel();
	return done();
}
