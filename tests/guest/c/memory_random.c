/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: diff
//@ compare: stdout status
/*
 * Random mmap, munmap, mprotect, mremap, madvise calls inside one area, with reads and writes in
 * between that may fault. The program keeps its own account of what must be there; what it sees is
 * printed as a sum, so that Linux and Kiln can be compared too. TEST_SEED repeats a run.
 */
#include "test.h"
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#define P 4096ul
#define PAGES 300u
#define STEPS 4000
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static struct page {
	bool mapped;
	int prot;
	uint32_t value; /* in the page's first word */
} account[PAGES];

static char *area;
static struct rng rng;
static uint64_t sum;
static int step;
static sigjmp_buf fault_jump;

static void on_fault(int sig)
{
	(void)sig;
	siglongjmp(fault_jump, 1);
}

static unsigned below(unsigned n)
{
	return (unsigned)(rng_next(&rng) % n);
}

static void note(long value)
{
	sum = (sum ^ (uint64_t)value) * 1099511628211u;
}

static void check(bool good, const char *what, unsigned page)
{
	if (good)
		return;
	printf("step %d: %s, page %u\n", step, what, page);
	exit(1);
}

static int random_prot(void)
{
	static const int prots[] = {PROT_NONE, PROT_READ, RW, RW, RW};

	return prots[below(5)];
}

static bool all_mapped(unsigned at, unsigned n)
{
	for (unsigned i = at; i < at + n; i++)
		if (!account[i].mapped)
			return false;
	return true;
}

static void account_map(unsigned at, unsigned n, int prot)
{
	for (unsigned i = at; i < at + n; i++)
		account[i] = (struct page){true, prot, 0};
}

static void account_unmap(unsigned at, unsigned n)
{
	memset(&account[at], 0, n * sizeof(account[0]));
}

static void touch(unsigned i)
{
	volatile uint32_t *word = (volatile uint32_t *)(area + i * P);
	const bool write = below(2);
	const bool allowed = account[i].mapped &&
			     (account[i].prot & (write ? PROT_WRITE : PROT_READ));
	const uint32_t value = (uint32_t)rng_next(&rng);
	volatile uint32_t seen = 0;
	volatile bool fault = true;

	if (sigsetjmp(fault_jump, 1) == 0) {
		if (write)
			*word = value;
		else
			seen = *word;
		fault = false;
	}
	check(fault == !allowed, allowed ? "faults" : "does not fault", i);
	if (fault)
		return;
	if (write)
		account[i].value = value;
	else
		check(seen == account[i].value, "has lost its contents", i);
	note(seen);
}

/* One page, for Linux refuses what are several mappings to it, which depends on their history. */
static void remap(unsigned at, unsigned to, unsigned new_n)
{
	bool possible = account[at].mapped && (to + new_n <= at || at < to);
	struct page page = account[at];
	void *r = mremap(area + at * P, P, new_n * P, MREMAP_MAYMOVE | MREMAP_FIXED, area + to * P);

	check((r != MAP_FAILED) == possible, "mremap", at);
	if (!possible)
		return;
	account_unmap(at, 1);
	account_map(to, new_n, page.prot);
	account[to] = page;
}

static void call(void)
{
	unsigned n = 1 + below(below(4) ? 4 : 40), at = below(PAGES - n), new_n = 1 + below(8);
	int prot = random_prot();
	long r;

	switch (below(6)) {
	case 0:
	case 1:
		r = mmap(area + at * P, n * P, prot, ANON | MAP_FIXED, -1, 0) == MAP_FAILED;
		check(r == 0, "mmap", at);
		account_map(at, n, prot);
		break;
	case 2:
		r = munmap(area + at * P, n * P);
		check(r == 0, "munmap", at);
		account_unmap(at, n);
		break;
	case 3:
		if (!all_mapped(at, n))
			return;
		r = mprotect(area + at * P, n * P, prot);
		check(r == 0, "mprotect", at);
		for (unsigned i = at; i < at + n; i++)
			account[i].prot = prot;
		break;
	case 4:
		if (!all_mapped(at, n))
			return;
		r = madvise(area + at * P, n * P, MADV_DONTNEED);
		check(r == 0, "madvise", at);
		for (unsigned i = at; i < at + n; i++)
			account[i].value = 0;
		break;
	case 5:
		remap(at, below(PAGES - new_n), new_n);
		break;
	}
}

int main(void)
{
	struct sigaction sa = {.sa_handler = on_fault};

	sigaction(SIGSEGV, &sa, NULL);
	rng = rng_make(7);
	area = mmap(NULL, PAGES * P, PROT_NONE, ANON | MAP_NORESERVE, -1, 0);
	if (area == MAP_FAILED)
		return 2;
	munmap(area, PAGES * P);
	for (step = 0; step < STEPS; step++) {
		call();
		for (int i = 0; i < 4; i++)
			touch(below(PAGES));
		if (step % 500 == 499) {
			for (unsigned i = 0; i < PAGES; i++)
				touch(i);
			printf("%d %016llx\n", step + 1, (unsigned long long)sum);
		}
	}
	return 0;
}
