/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ platforms: linuxu
//@ cpus: 1 2 4
//@ load: no
/*
 * The border between the program and the host, on each CPU (a thread of the host each): a syscall
 * instruction of the program's own is caught, and a program that jumps to one of the kernel's gets
 * no more from the host than the kernel needs. What is forbidden ends it there and then, by SIGSYS.
 * Each case runs on the last CPU.
 */
//@ case: caught
//@ case: openat
//@ args: openat
//@ status: 159
//@ judge: match
//@ case: execve
//@ args: execve
//@ status: 159
//@ judge: match
//@ case: socket
//@ args: socket
//@ status: 159
//@ judge: match
//@ case: kill
//@ args: kill
//@ status: 159
//@ judge: match
//@ case: signal-to-another-process
//@ args: tgkill
//@ status: 159
//@ judge: match
//@ case: fork
//@ args: fork
//@ status: 159
//@ judge: match
//@ case: write-elsewhere
//@ args: write
//@ status: 159
//@ judge: match
//@ case: mmap-of-a-file
//@ args: mmap
//@ status: 159
//@ judge: match
//@ case: terminal
//@ args: ioctl
//@ status: 159
//@ judge: match
//@ case: requeue
//@ args: futex
//@ status: 159
//@ judge: match
#include "test.h"
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linuxu_hostcall: syscall, ret, and what stands behind it. */
static const uint8_t hostcall_code[] = {0x0f, 0x05, 0xc3, 0x48, 0xc7, 0xc0, 0x0f,
					0x00, 0x00, 0x00, 0x0f, 0x05, 0x0f, 0x0b};

static const uint8_t *hostcall;

static void hostcall_find(void)
{
	char line[256];
	FILE *maps = fopen("/proc/self/maps", "r");

	while (!hostcall && maps && fgets(line, sizeof(line), maps)) {
		uintptr_t start, end;

		if (sscanf(line, "%lx-%lx r-x", &start, &end) == 2 && strstr(line, "r-x"))
			hostcall = memmem((const void *)start, end - start, hostcall_code,
					  sizeof(hostcall_code));
	}
	if (maps)
		fclose(maps);
	if (!hostcall) {
		fprintf(stderr, "the kernel's syscall instruction is not found\n");
		exit(2);
	}
}

/* A call of the host as the kernel makes it. */
static long host(long nr, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = 0;
	register long r9 __asm__("r9") = 0;

	__asm__ volatile("sub $128, %%rsp\n\t"
			 "call *%[at]\n\t"
			 "add $128, %%rsp"
			 : "+a"(nr)
			 : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9), [at] "r"(hostcall)
			 : "rcx", "r11", "memory", "cc");
	return nr;
}

static int cpus(void)
{
	const char *n = getenv("TEST_CPUS");

	return n ? atoi(n) : 1;
}

static bool move_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) == 0 && sched_getcpu() == cpu;
}

static sigjmp_buf jump;

static void on_fault(int sig)
{
	siglongjmp(jump, sig);
}

/* Returns how many of its calls were not caught. */
static void *make_calls(void *arg)
{
	long wrong = 0;

	for (int i = 0; i < 2000; i++) {
		wrong += raw(SYS_getpid) != 1;
		wrong += raw(9999) != -ENOSYS;
		if (i % 100 == 0)
			sched_yield();
	}
	return (void *)wrong;
}

static void caught(void)
{
	enum { THREADS = 8 };
	pthread_t threads[THREADS];
	long wrong = 0;

	signal(SIGSEGV, on_fault);
	for (int cpu = 0; cpu < cpus(); cpu++) {
		char byte;
		int sig;

		if (!ok(move_to(cpu), "on CPU %d", cpu))
			continue;
		is(raw(SYS_getpid), 1, "an inline call is caught");
		is(raw(SYS_getcpu), 0, "and another one");
		is(host(SYS_getrandom, (long)&byte, 1, 1 /* GRND_NONBLOCK */, 0), 1,
		   "the kernel's own reaches the host");
		sig = sigsetjmp(jump, 1);
		if (sig == 0)
			*(volatile int *)8 = 1;
		is(sig, SIGSEGV, "a fault comes here");
	}
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, make_calls, NULL);
	for (int i = 0; i < THREADS; i++) {
		void *result;

		pthread_join(threads[i], &result);
		wrong += (long)result;
	}
	is(wrong, 0, "inline calls of many threads are caught");
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		long nr, args[4];
	} calls[] = {
		{"openat", SYS_openat, {AT_FDCWD, (long)"/etc/passwd", O_RDONLY, 0}},
		{"execve", SYS_execve, {(long)"/bin/true", 0, 0, 0}},
		{"socket", SYS_socket, {1, 1, 0, 0}},
		{"kill", SYS_kill, {0, 0, 0, 0}},
		{"tgkill", SYS_tgkill, {1, 1, SIGURG, 0}},
		{"fork", SYS_clone, {SIGCHLD, 0, 0, 0}},
		{"write", SYS_write, {77, (long)"x", 1, 0}},
		{"mmap", SYS_mmap, {0, 4096, PROT_READ, MAP_PRIVATE}},
		{"ioctl", SYS_ioctl, {0, 0x5412 /* TIOCSTI */, (long)"x", 0}},
		{"futex", SYS_futex, {0, 3 /* FUTEX_REQUEUE */, 0, 0}},
	};

	hostcall_find();
	if (argc == 1) {
		caught();
		return done();
	}
	if (!move_to(cpus() - 1))
		return 2;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strcmp(argv[1], calls[i].name) == 0)
			printf("survived: %ld\n",
			       host(calls[i].nr, calls[i].args[0], calls[i].args[1],
				    calls[i].args[2], calls[i].args[3]));
	return 3;
}
