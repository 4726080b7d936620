/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: diff
/* Faults that the program handles itself: what the handler is told, mending and returning, jumping
 * out. */
#include "test.h"
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

static char *volatile page;
static volatile int faults;
static sigjmp_buf jump;
static volatile int seen_code;
static volatile long seen_offset;
static int new_prot = PROT_READ | PROT_WRITE;

static void mend(int sig, siginfo_t *info, void *context)
{
	faults++;
	seen_code = info->si_code;
	seen_offset = (char *)info->si_addr - page;
	if (mprotect(page, 4096, new_prot))
		_exit(3);
}

static void escape(int sig, siginfo_t *info, void *context)
{
	seen_code = info->si_code;
	seen_offset = (char *)info->si_addr - page;
	siglongjmp(jump, sig);
}

static void install(int sig, void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};

	sigaction(sig, &sa, NULL);
}

/* Run body; print the signal it ended with, 0 if none. */
#define TRY(what, body)                                                                            \
	do {                                                                                       \
		int s__ = sigsetjmp(jump, 1);                                                      \
		if (s__ == 0) {                                                                    \
			body;                                                                      \
			printf("%s: nothing\n", what);                                             \
		} else {                                                                           \
			printf("%s: signal %d code %d\n", what, s__, seen_code);                   \
		}                                                                                  \
		fflush(stdout);                                                                    \
	} while (0)

static void mending(void)
{
	install(SIGSEGV, mend, 0);
	page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	page[123] = 'a';
	printf("write to PROT_NONE: %d faults, code %d, offset %ld, %c\n", faults, seen_code,
	       seen_offset, page[123]);
	mprotect(page, 4096, PROT_READ);
	page[4095] = 'b';
	printf("write to PROT_READ: %d faults, code %d, offset %ld, %c%c\n", faults, seen_code,
	       seen_offset, page[123], page[4095]);
	mprotect(page, 4096, PROT_NONE);
	new_prot = PROT_READ;
	char c = *(volatile char *)(page + 123);
	printf("read of PROT_NONE: %d faults, code %d, %c\n", faults, seen_code, c);
	for (int i = 0; i < 500; i++) {
		mprotect(page, 4096, i & 1 ? PROT_READ : PROT_NONE);
		new_prot = PROT_READ | PROT_WRITE;
		page[i] = (char)i;
	}
	printf("many: %d faults, %d\n", faults, page[499]);
}

/* Registers in the context can be changed: skip the faulting instruction. */
static void skip(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	uc->uc_mcontext.gregs[REG_RIP] += 3;
	uc->uc_mcontext.gregs[REG_RBX] = 0x1234;
}

static void skipping(void)
{
	long value = 77, rbx = 1;

	install(SIGSEGV, skip, 0);
	__asm__ volatile("mov %2, %%rbx\n\t"
			 "mov (%%rax), %%rdx\n\t"
			 "mov %%rbx, %1"
			 : "+d"(value), "=&r"(rbx)
			 : "r"(5L), "a"(8L)
			 : "rbx", "memory");
	printf("skipped: %ld %lx\n", value, rbx);
}

static void kinds(void)
{
	volatile int zero = 0, one = 1;
	volatile int min = -2147483647 - 1, minus = -1;

	install(SIGSEGV, escape, 0);
	install(SIGBUS, escape, 0);
	install(SIGFPE, escape, 0);
	install(SIGILL, escape, 0);
	install(SIGTRAP, escape, 0);
	TRY("null read", (void)*(volatile int *)zero);
	TRY("null write", *(volatile int *)(long)zero = 1);
	TRY("unmapped", *(volatile char *)0x123456789000 = 1);
	TRY("non-canonical", *(volatile char *)0x8000000000000000 = 1);
	TRY("kernel half", *(volatile char *)0xffffffffff000000 = 1);
	TRY("division by zero", one = one / zero);
	TRY("division overflow", min = min / minus);
	TRY("ud2", __asm__ volatile("ud2"));
	TRY("int3", __asm__ volatile("int3"));
	TRY("jump to null", ((void (*)(void))(long)zero)());
	TRY("jump to data", ((void (*)(void))(void *)page)());
	TRY("write to code", *(volatile char *)(void *)kinds = 1);
	TRY("write to constants", *(volatile char *)(void *)"constant" = 1);
	munmap(page, 4096);
	TRY("write after munmap", page[0] = 1);
}

static char altstack[65536];

static volatile int deep;

__attribute__((noinline)) static int recurse(int n)
{
	volatile char frame[1024];

	frame[0] = (char)n;
	deep = n;
	if (n == 1 << 30)
		return 0;
	return recurse(n + 1) + frame[0];
}

static void *overflow(void *arg)
{
	stack_t st = {.ss_sp = altstack, .ss_size = sizeof(altstack)};

	sigaltstack(&st, NULL);
	for (int i = 0; i < 5; i++) {
		TRY("stack overflow", recurse(0));
		printf("deep enough: %d\n", deep > 100);
	}
	st.ss_flags = SS_DISABLE;
	sigaltstack(&st, NULL);
	return NULL;
}

int main(void)
{
	pthread_attr_t attr;
	pthread_t t;

	mending();
	skipping();
	kinds();
	install(SIGSEGV, escape, SA_ONSTACK);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 << 10);
	pthread_create(&t, &attr, overflow, NULL);
	pthread_join(t, NULL);
	overflow(NULL);
	return 0;
}
