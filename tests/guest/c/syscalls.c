/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: diff
//@ compare: stdout status
/*
 * System calls made with the syscall instruction, as crates like rustix make them: results, error
 * numbers, and which registers change. A thread is made with a raw clone().
 */
#include "test.h"
#include "futex_ops.h"
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

static void show(const char *what, long value)
{
	printf("%s %ld\n", what, value);
	fflush(stdout);
}

static void identity(void)
{
	struct utsname u;

	show("getpid is getpid()", raw(SYS_getpid) == getpid());
	show("gettid is getpid", raw(SYS_gettid) == raw(SYS_getpid));
	show("uname", raw(SYS_uname, &u));
	show("sysname is Linux", strcmp(u.sysname, "Linux") == 0);
	show("machine is x86_64", strcmp(u.machine, "x86_64") == 0);
	show("getuid is geteuid", raw(SYS_getuid) == raw(SYS_geteuid));
}

static void errors(void)
{
	char buf[16];

	show("no such call", raw(9999));
	show("no such call, -1", raw(-1));
	show("read(-1)", raw(SYS_read, -1, buf, 1));
	show("write(99)", raw(SYS_write, 99, buf, 1));
	show("write bad pointer", raw(SYS_write, 1, 8, 10));
	show("write kernel pointer", raw(SYS_write, 1, 0xffff800000000000, 10));
	show("close(77)", raw(SYS_close, 77));
	show("fcntl(55)", raw(SYS_fcntl, 55, F_GETFD));
	show("lseek pipe-like", raw(SYS_lseek, 98, 0, 0));
	show("munmap odd", raw(SYS_munmap, 1, 4096));
	show("mmap length 0", raw(SYS_mmap, 0, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	show("mmap no kind", raw(SYS_mmap, 0, 4096, PROT_READ, MAP_ANONYMOUS, -1, 0));
	show("mmap bad fd", raw(SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE, 77, 0));
	show("mprotect odd", raw(SYS_mprotect, 1, 4096, PROT_READ));
	show("clock_gettime bad clock", raw(SYS_clock_gettime, 12345, buf));
	show("nanosleep bad pointer", raw(SYS_nanosleep, 8, 0));
	struct timespec bad = {0, 1000000000};
	show("nanosleep bad value", raw(SYS_nanosleep, &bad, 0));
	show("futex odd address", raw(SYS_futex, buf + 1, FUTEX_WAIT, 0, 0, 0, 0));
	show("rseq of nothing fails", raw(SYS_rseq, 0, 0, 0, 0) < 0);
	show("futex bad op", raw(SYS_futex, buf, 77, 0, 0, 0, 0));
	show("tgkill nobody", raw(SYS_tgkill, getpid(), 0x3fffff, 0));
	show("kill bad signal", raw(SYS_kill, getpid(), 99));
	show("getrandom bad flags", raw(SYS_getrandom, buf, 4, 0x1000));
	show("openat nothing", raw(SYS_openat, AT_FDCWD, "/does/not/exist", O_RDONLY));
	show("openat null", raw(SYS_openat, AT_FDCWD, 0, O_RDONLY));
}

static void writing(void)
{
	struct iovec v[3] = {{"one ", 4}, {"", 0}, {"two\n", 4}};

	show("write", raw(SYS_write, 1, "hello\n", 6));
	show("write nothing", raw(SYS_write, 1, "", 0));
	show("writev", raw(SYS_writev, 1, v, 3));
	show("writev none", raw(SYS_writev, 1, v, 0));
	show("writev too many", raw(SYS_writev, 1, v, 5000));
	v[1] = (struct iovec){(void *)8, 5};
	show("writev into the bad part", raw(SYS_writev, 1, v, 3));
	printf("\n");
}

static void memory(void)
{
	char *p = (char *)raw(SYS_mmap, 0, 3 * 4096, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	show("mmap aligned", (uintptr_t)p % 4096 == 0);
	show("zero", p[0] == 0 && p[3 * 4096 - 1] == 0);
	p[0] = p[4096] = p[8192] = 5;
	show("mprotect", raw(SYS_mprotect, p + 4096, 4096, PROT_READ));
	show("write from it", raw(SYS_write, 1, p + 4096, 0));
	show("munmap middle", raw(SYS_munmap, p + 4096, 4096));
	show("read into the hole", raw(SYS_getrandom, p + 4096, 10, 0));
	show("ends remain", p[0] + p[8192]);
	show("munmap all", raw(SYS_munmap, p, 3 * 4096));
}

/* rdi, rsi, rdx, r10, r8, r9, rbx, rbp, r12-r15 keep their values; rcx is the return address. */
static void registers(void)
{
	uint64_t out[13];
	uint64_t *p = out;

	__asm__ volatile("push %%rbp\n\tpush %[p]\n\t"
			 "mov $39, %%eax\n\tmov $0x1001, %%rdi\n\tmov $0x1002, %%rsi\n\tmov "
			 "$0x1003, %%rdx\n\t"
			 "mov $0x1004, %%r10\n\tmov $0x1005, %%r8\n\tmov $0x1006, %%r9\n\tmov "
			 "$0x1007, %%rbx\n\t"
			 "mov $0x1008, %%rbp\n\tmov $0x1009, %%r12\n\tmov $0x100a, %%r13\n\tmov "
			 "$0x100b, %%r14\n\t"
			 "mov $0x100c, %%r15\n\t"
			 "syscall\n"
			 "1:\tpop %%rax\n\t"
			 "mov %%rdi, (%%rax)\n\tmov %%rsi, 8(%%rax)\n\tmov %%rdx, 16(%%rax)\n\tmov "
			 "%%r10, 24(%%rax)\n\t"
			 "mov %%r8, 32(%%rax)\n\tmov %%r9, 40(%%rax)\n\tmov %%rbx, "
			 "48(%%rax)\n\tmov %%rbp, 56(%%rax)\n\t"
			 "mov %%r12, 64(%%rax)\n\tmov %%r13, 72(%%rax)\n\tmov %%r14, "
			 "80(%%rax)\n\tmov %%r15, 88(%%rax)\n\t"
			 "lea 1b(%%rip), %%rbx\n\tsub %%rbx, %%rcx\n\tmov %%rcx, 96(%%rax)\n\t"
			 "pop %%rbp"
			 :
			 : [p] "a"(p)
			 : "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
			   "r13", "r14", "r15", "memory", "cc");
	for (int i = 0; i < 13; i++)
		printf("register %d: %lx\n", i, (unsigned long)out[i]);

	unsigned long before, after;
	__asm__ volatile("pushfq\n\tpop %0\n\tor $0xc01, %0\n\tpush %0\n\tpopfq\n\t"
			 "mov $39, %%eax\n\tsyscall\n\tpushfq\n\tpop %1\n\tcld"
			 : "=&r"(before), "=&r"(after)
			 :
			 : "rax", "rcx", "r11", "memory", "cc");
	printf("flags %lx %lx\n", before & 0xcd5, after & 0xcd5);
}

static volatile uint32_t child_tid = 0xffff, parent_tid, child_ran;
static char child_stack[65536] __attribute__((aligned(16)));

/*
 * A thread without libc: the child writes to child_ran and exits; the kernel clears child_tid and
 * wakes. Its fs is the parent's, so it may call nothing.
 */
static void clone_raw(void)
{
	long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
		     CLONE_SYSVSEM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
	register long r10 __asm__("r10") = (long)&child_tid;
	register long r8 __asm__("r8") = 0;
	register volatile uint32_t *r12 __asm__("r12") = &child_ran;
	long ret;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "movl $0x77, (%%r12)\n\t"
			 "xor %%edi, %%edi\n\t"
			 "mov $60, %%eax\n\t"
			 "syscall\n\t"
			 "ud2\n"
			 "1:"
			 : "=a"(ret)
			 : "a"(SYS_clone), "D"(flags), "S"(child_stack + sizeof(child_stack)),
			   "d"(&parent_tid), "r"(r10), "r"(r8), "r"(r12)
			 : "rcx", "r11", "memory");
	show("clone gave a number", ret > 0 && ret != getpid());
	show("parent's copy", parent_tid == (uint32_t)ret);
	uint32_t v;
	while ((v = child_tid) != 0)
		raw(SYS_futex, &child_tid, FUTEX_WAIT, v, 0, 0, 0);
	show("child ran", child_ran);
	while (raw(SYS_tgkill, getpid(), ret, 0) == 0)
		sched_yield();
	show("child is gone", raw(SYS_tgkill, getpid(), ret, 0));
}

static void futexes(void)
{
	uint32_t word = 5;
	struct timespec ts = {0, 1000000}, past = {1, 0};

	show("futex other value", raw(SYS_futex, &word, FUTEX_WAIT, 4, 0, 0, 0));
	show("futex time-out", raw(SYS_futex, &word, FUTEX_WAIT, 5, &ts, 0, 0));
	show("futex past deadline", raw(SYS_futex, &word, FUTEX_WAIT_BITSET, 5, &past, 0, ~0u));
	show("futex no bits", raw(SYS_futex, &word, FUTEX_WAIT_BITSET, 5, &past, 0, 0));
	show("futex wake nobody", raw(SYS_futex, &word, FUTEX_WAKE, 10, 0, 0, 0));
	show("futex null", raw(SYS_futex, 0, FUTEX_WAIT, 5, &ts, 0, 0));
	ts.tv_nsec = 1000000000;
	show("futex bad time", raw(SYS_futex, &word, FUTEX_WAIT, 5, &ts, 0, 0));
	ts = (struct timespec){-1, 0};
	show("futex negative time", raw(SYS_futex, &word, FUTEX_WAIT, 5, &ts, 0, 0));
}

int main(void)
{
	identity();
	errors();
	writing();
	memory();
	registers();
	clone_raw();
	futexes();
	return 0;
}
