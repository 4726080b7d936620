/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: diff
//@ cpus: 1 2 4
//@ compare: stdout status
/*
 * mmap and its family, as Linux does it: results, error numbers, what is in memory afterwards and
 * which accesses fault. What is left to the kernel's choice (addresses) is not printed.
 */
#include "test.h"
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define P 4096ul
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

static sigjmp_buf fault_jump;
static volatile int fault_signal;

static void on_fault(int sig)
{
	fault_signal = sig;
	siglongjmp(fault_jump, 1);
}

/* What an access does: 0, or the signal. */
static int read_at(volatile char *p)
{
	fault_signal = 0;
	if (sigsetjmp(fault_jump, 1) == 0)
		(void)*p;
	return fault_signal;
}

static int write_at(volatile char *p, char c)
{
	fault_signal = 0;
	if (sigsetjmp(fault_jump, 1) == 0)
		*p = c;
	return fault_signal;
}

static void show(const char *what, long value)
{
	printf("%s: %ld\n", what, value);
	fflush(stdout);
}

/* A call's result: 0 for success, else the error's number. */
static void result(const char *what, long r)
{
	show(what, r == -1 ? errno : 0);
}

static char *map(size_t pages, int prot)
{
	char *p = mmap(NULL, pages * P, prot, ANON, -1, 0);

	if (p == MAP_FAILED) {
		printf("mmap failed: %d\n", errno);
		exit(1);
	}
	return p;
}

static void mapping(void)
{
	char *p = map(4, RW), *q;
	long sum = 0;

	for (size_t i = 0; i < 4 * P; i++)
		sum += p[i];
	show("fresh memory is zero", sum);
	memset(p, 1, 4 * P);
	result("unmap a part", munmap(p + P, P));
	show("read it", read_at(p + P));
	show("read beside it", read_at(p + 2 * P));
	result("unmap it again", munmap(p + P, P));
	result("unmap misaligned", munmap(p + 1, P));
	result("unmap nothing", munmap(p, 0));
	q = mmap(p, 4 * P, RW, ANON | MAP_FIXED, -1, 0);
	show("fixed is at its place", q == p);
	show("and zero", p[0] + p[3 * P]);
	result("noreplace on a mapping", (long)mmap(p, P, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0));
	munmap(p, 4 * P);
	q = mmap(p, P, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0);
	show("noreplace on free memory", q == p);
	q = mmap(p + P, P, RW, ANON, -1, 0);
	show("a free hint is taken", q == p + P);
	q = mmap(p, P, RW, ANON, -1, 0);
	show("a used hint is not", q != p && q != MAP_FAILED);
	result("no kind", (long)mmap(NULL, P, RW, MAP_ANONYMOUS, -1, 0));
	result("length 0", (long)mmap(NULL, 0, RW, ANON, -1, 0));
	result("far too long", (long)mmap(NULL, SIZE_MAX - P, RW, ANON, -1, 0));
	result("longer than the address space", (long)mmap(NULL, 1ul << 47, RW, ANON, -1, 0));
	result("bad descriptor", (long)mmap(NULL, P, PROT_READ, MAP_PRIVATE, 99, 0));
	result("misaligned offset", (long)mmap(NULL, P, PROT_READ, MAP_PRIVATE, 0, 5));
	result("fixed and misaligned", (long)mmap((void *)0x10001, P, RW, ANON | MAP_FIXED, -1, 0));
	q = mmap(NULL, 64ul << 30, PROT_NONE, ANON | MAP_NORESERVE, -1, 0);
	show("64 GiB can be reserved", q != MAP_FAILED);
	result("and made accessible in the middle", mprotect(q + (32ul << 30), P, RW));
	show("and written there", write_at(q + (32ul << 30), 1));
	result("and unmapped", munmap(q, 64ul << 30));
	q = mmap(NULL, 2 * P, RW, ANON | MAP_POPULATE, -1, 0);
	show("populate", q[0] + q[P]);
	q = mmap(NULL, 2 * P, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	show("shared anonymous", write_at(q, 1));
}

static void protection(void)
{
	char *p = map(6, RW);

	memset(p, 7, 6 * P);
	result("protect", mprotect(p + P, 2 * P, PROT_READ));
	show("read", read_at(p + P));
	show("write", write_at(p + P, 1));
	show("write before", write_at(p + P - 1, 1));
	show("write behind", write_at(p + 3 * P, 1));
	result("protect from all", mprotect(p + 2 * P, 2 * P, PROT_NONE));
	show("read", read_at(p + 2 * P));
	result("and back", mprotect(p, 6 * P, RW));
	show("contents are there", p[P] + p[2 * P] + p[4 * P]);
	/* Not through musl, which rounds. */
	show("misaligned", raw(SYS_mprotect, p + 1, P, RW));
	show("length 0", raw(SYS_mprotect, p, 0, RW));
	show("unknown bit", raw(SYS_mprotect, p, P, 0x40));
	munmap(p + 3 * P, P);
	result("over a hole", mprotect(p + 2 * P, 3 * P, RW));
	show("page 0", read_at(NULL));
	show("beyond the end of the address space", read_at((char *)0x7ffffffff000));
}

static void discarding(void)
{
	char *p = map(8, RW);

	memset(p, 3, 8 * P);
	result("dontneed", madvise(p + 2 * P, 2 * P, MADV_DONTNEED));
	show("is zero", p[2 * P] + p[4 * P - 1]);
	show("around it is not", p[2 * P - 1] + p[4 * P]);
	show("and can be written", write_at(p + 2 * P, 1));
	result("free", madvise(p, P, MADV_FREE));
	p[0] = 9;
	show("free and written", p[0]);
	result("willneed", madvise(p, P, MADV_WILLNEED));
	result("sequential", madvise(p, P, MADV_SEQUENTIAL));
	result("unknown advice", madvise(p, P, 77));
	result("misaligned", madvise(p + 1, P, MADV_DONTNEED));
	result("length 0", madvise(p, 0, MADV_DONTNEED));
	munmap(p + 5 * P, P);
	result("over a hole", madvise(p + 4 * P, 3 * P, MADV_DONTNEED));
	show("and on both sides of it", p[4 * P] + p[6 * P]);
	result("mlock", mlock(p, P));
	result("mlock a hole", mlock(p + 5 * P, P));
	result("munlock", munlock(p, P));
	result("msync", msync(p, P, MS_SYNC));
	result("msync both ways", msync(p, P, MS_SYNC | MS_ASYNC));
	result("msync a hole", msync(p + 5 * P, P, MS_SYNC));
}

static void residency(void)
{
	char *p = map(4, RW);
	unsigned char vec[4];

	p[0] = 1;
	result("mincore", mincore(p, 4 * P, vec));
	show("touched", vec[0] & 1);
	result("mincore misaligned", mincore(p + 1, P, vec));
	munmap(p + P, P);
	result("mincore of a hole", mincore(p, 4 * P, vec));
	result("mincore to nowhere", mincore(p, P, (void *)8));
}

static void resizing(void)
{
	char *p = map(8, RW), *q;

	memset(p, 5, 8 * P);
	q = mremap(p, 8 * P, 4 * P, 0);
	show("shrink in place", q == p);
	show("the rest is gone", read_at(p + 4 * P));
	q = mremap(p, 4 * P, 8 * P, 0);
	show("grow in place", q == p);
	show("old contents", p[4 * P - 1]);
	show("new contents", p[4 * P]);
	mmap(p + 4 * P, P, PROT_READ, ANON | MAP_FIXED, -1, 0);
	result("grow into another", (long)mremap(p, 4 * P, 5 * P, 0));
	munmap(p + 6 * P, P);
	result("grow what is unmapped", (long)mremap(p + 6 * P, P, 2 * P, 0));
	result("grow two at once", (long)mremap(p, 5 * P, 9 * P, MREMAP_MAYMOVE));
	result("to nothing", (long)mremap(p, P, 0, 0));
	result("misaligned", (long)mremap(p + 1, P, 2 * P, MREMAP_MAYMOVE));
	result("fixed without maymove", (long)mremap(p, P, P, MREMAP_FIXED, p + 50 * P));
	q = mremap(p, 4 * P, 6 * P, MREMAP_MAYMOVE);
	show("moves", q != p && q != MAP_FAILED);
	show("contents", q[0] + q[4 * P - 1] + q[4 * P]);
	show("gone where it was", read_at(p));
	show("its neighbour is not", read_at(p + 4 * P));
	p = map(16, RW);
	memset(p, 2, 16 * P);
	q = mremap(p, 4 * P, 2 * P, MREMAP_MAYMOVE | MREMAP_FIXED, p + 8 * P);
	show("moves to its place", q == p + 8 * P);
	show("gone", read_at(p));
	show("the rest too", read_at(p + 3 * P));
	result("overlapping",
	       (long)mremap(p + 8 * P, 4 * P, 4 * P, MREMAP_MAYMOVE | MREMAP_FIXED, p + 9 * P));
}

/* 100 MiB as a growing vector has it, in an address space that is cut up. */
static void growing(void)
{
	size_t len = P, max = 100ul << 20;
	char *p = map(1, RW), *q;
	int moved = 0;

	p[0] = 42;
	while (len < max) {
		q = mremap(p, len, len * 2, MREMAP_MAYMOVE);
		if (q == MAP_FAILED) {
			printf("stuck at %zu: %d\n", len, errno);
			return;
		}
		moved += q != p;
		p = q;
		len *= 2;
		p[len - 1] = 1;
	}
	show("grown to", (long)len);
	show("contents", p[0] + p[len - 1] + p[len / 2 - 1]);
	result("unmap", munmap(p, len));
}

static void brk_moves(void)
{
	/* musl refuses to move the break by sbrk(); the call itself is what is tested. */
	long now = raw(SYS_brk, 0), more = raw(SYS_brk, now + 3 * (long)P);

	show("break grows", more - now);
	show("is zero", *(char *)now + *(char *)(more - 1));
	show("write", write_at((char *)now, 1));
	show("shrinks", raw(SYS_brk, now + 1) - now);
	show("cannot be anywhere", raw(SYS_brk, 1) - now);
	show("back", raw(SYS_brk, now) - now);
}

static void files(void)
{
	int fd = open("/proc/self/exe", O_RDONLY), zero = open("/dev/zero", O_RDWR);
	char *p = mmap(NULL, P, PROT_READ, MAP_PRIVATE, fd, 0);

	/* On kvm it is there only if the VMM hands it over. */
	show("the program's own file", fd < 0 || (p != MAP_FAILED && memcmp(p, "\177ELF", 4) == 0));
	result("dontneed", fd < 0 ? 0 : madvise(p, P, MADV_DONTNEED));
	show("comes again", fd < 0 || memcmp(p, "\177ELF", 4) == 0);
	p = mmap(NULL, P, RW, MAP_PRIVATE, zero, 0);
	show("/dev/zero", p != MAP_FAILED && p[5] == 0);
	close(fd);
	close(zero);
}

#define THREADS 200

static void *deep(void *arg)
{
	volatile char frame[40000];

	for (size_t i = 0; i < sizeof(frame); i += 1000)
		frame[i] = (char)i;
	return (void *)((long)arg + frame[1000] - frame[1000]);
}

/* Stacks come and go; nothing may be lost. */
static void stacks(void)
{
	pthread_t t[THREADS];
	long sum = 0;
	void *r;

	for (int round = 0; round < 5; round++) {
		for (long i = 0; i < THREADS; i++)
			if (pthread_create(&t[i], NULL, deep, (void *)i) != 0) {
				printf("no thread %ld\n", i);
				return;
			}
		for (int i = 0; i < THREADS; i++) {
			pthread_join(t[i], &r);
			sum += (long)r;
		}
	}
	show("threads' sum", sum);
}

/* A shuffled heap of mappings: the tree of mappings must stay fast and right. */
static void fragments(void)
{
	enum { N = 4000 };
	static char *m[N];
	struct rng r = rng_make(1);
	long bad = 0;

	for (int i = 0; i < N; i++)
		m[i] = map(1 + rng_next(&r) % 3, i & 1 ? RW : PROT_READ);
	for (int round = 0; round < 10000; round++) {
		int i = (int)(rng_next(&r) % N);

		munmap(m[i], P);
		m[i] = map(1, i & 1 ? RW : PROT_READ);
		if (i & 1)
			*m[i] = 1;
		bad += read_at(m[i]) != 0;
	}
	show("fragments", bad);
}

int main(void)
{
	struct sigaction sa = {.sa_handler = on_fault};

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	mapping();
	protection();
	discarding();
	residency();
	resizing();
	growing();
	brk_moves();
	files();
	stacks();
	fragments();
	return 0;
}
