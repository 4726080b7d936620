/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ repeat: 3
//@ timeout: 240
/*
 * What one CPU does to the address space, the others obey at once. One thread maps, fills, unmaps,
 * protects, moves and discards pages again and again, and has the freed ones filled by something
 * else; the others read and write them all the time, by themselves and by system calls. As soon as
 * a call has returned an access must do what the mapping says, and never may one find what is not
 * this mapping's.
 */
#include "test.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define PAGE 4096L
#define PAGES 64
#define ROUNDS 200
#define SPACE (1L << 20) /* from one area to the next */
#define FOREIGN 0xbad0bad0bad0bad0u

/* Where the pages are, where they are moved to, and what else is mapped. */
static char *area, *elsewhere, *other;

/* What holds for pages [first, last) of the area, as long as the number is the same. */
enum state { ANYTHING, FILLED, GONE, ZERO, READ_ONLY, STATES };
static volatile uint64_t now; /* (count * STATES) + state */
static volatile int first, last;
static volatile bool stop;
static long found[STATES]; /* accesses that were made while the state held, from all threads */

/* An access that may fault: 0 in the second half if it did not. */
struct attempt {
	uint64_t value, failed;
};
struct attempt try_load(const void *from);
struct attempt try_store(void *to, uint64_t value);
extern char try_begin[], try_end[], try_failed[];
__asm__(".text\n"
	"try_begin:\n"
	"try_load: xor %edx, %edx; mov (%rdi), %rax; ret\n"
	"try_store: xor %edx, %edx; mov %rsi, (%rdi); ret\n"
	"try_end:\n"
	"try_failed: mov $1, %edx; ret\n");

static void on_fault(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	char *rip = (char *)uc->uc_mcontext.gregs[REG_RIP];

	(void)sig;
	(void)info;
	if (rip < try_begin || rip >= try_end)
		_exit(9);
	uc->uc_mcontext.gregs[REG_RIP] = (long)try_failed;
}

static uint64_t tag(const char *p)
{
	return (uint64_t)p ^ 0x5555aaaa5555aaaau;
}

static void die(const char *what)
{
	printf("# %s: %s\n", what, strerror(errno));
	fflush(stdout);
	_exit(8);
}

/* The kernel reads the word. */
static struct attempt kernel_load(int pipe[2], const void *from)
{
	struct attempt a = {0, 1};

	if (write(pipe[1], from, 8) == 8 && read(pipe[0], &a.value, 8) == 8)
		a.failed = 0;
	return a;
}

/* The word at p was read: is that right? */
static void judge(enum state s, const char *p, struct attempt a)
{
	static const char *const names[] = {"changing", "filled", "gone", "discarded", "read-only"};
	bool good = a.failed ? s == ANYTHING || s == GONE : s != GONE;

	if (!a.failed && a.value != 0 && a.value != tag(p))
		good = false;
	if (!a.failed && ((s == ZERO && a.value != 0) || (s == FILLED && a.value == 0)))
		good = false;
	if (good)
		return;
	printf("not ok - page %ld, %s: %s 0x%lx\n", (p - area) / PAGE, names[s],
	       a.failed ? "fault" : "found", (unsigned long)a.value);
	fflush(stdout);
	_exit(1);
}

static void *reader(void *arg)
{
	struct rng r = rng_make((uint64_t)arg);
	int pipes[2];

	if (pipe(pipes))
		die("pipe");
	while (!stop) {
		uint64_t before = now;
		int lo = first, hi = last;
		char *p = area +
			  (lo + (long)rng_below(&r, (uint64_t)(hi > lo ? hi - lo : 1))) * PAGE;
		struct attempt a;
		bool store = rng_below(&r, 4) == 0;

		if (store)
			a = try_store(p + 8, 1);
		else if (rng_below(&r, 4) == 0)
			a = kernel_load(pipes, p);
		else
			a = try_load(p);
		bool held = now == before;
		enum state s = held ? before % STATES : ANYTHING;

		if (!store) {
			judge(s, p, a);
		} else if ((s == GONE || s == READ_ONLY) && !a.failed) {
			printf("not ok - page %ld was written to\n", (p - area) / PAGE);
			fflush(stdout);
			_exit(1);
		}
		__atomic_add_fetch(&found[s], 1, __ATOMIC_RELAXED);
		if (rng_below(&r, 64) == 0)
			sched_yield(); /* with one CPU the other thread does something, too */
		if (rng_below(&r, 256) == 0)
			usleep(200); /* an idle CPU has to learn it later */
	}
	close(pipes[0]);
	close(pipes[1]);
	return NULL;
}

/* From now on: s; and let the others see something of it. */
static void announce(enum state s, struct rng *r)
{
	long seen;

	now = (now / STATES + 1) * STATES + s;
	if (s == ANYTHING || rng_below(r, 2))
		return;
	seen = __atomic_load_n(&found[s], __ATOMIC_RELAXED);
	for (int i = 0; i < 3000 && __atomic_load_n(&found[s], __ATOMIC_RELAXED) == seen; i++)
		if (i % 1000 == 999)
			sched_yield();
}

static void map(char *at, int prot)
{
	if (mmap(at, PAGES * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != at)
		die("mmap");
}

/* Take pages that were just freed and put something else there. */
static void reuse(int pages)
{
	map(other, PROT_READ | PROT_WRITE);
	for (int i = 0; i < pages; i++) {
		uint64_t *w = (uint64_t *)(other + i * PAGE);

		if (w[0] != 0 || w[1] != 0 || w[511] != 0) {
			printf("not ok - a new page is not zero: 0x%lx\n", (unsigned long)w[0]);
			fflush(stdout);
			_exit(1);
		}
		for (int k = 0; k < 512; k += 8)
			w[k] = FOREIGN, w[k + 1] = FOREIGN;
	}
	/* Who still wrote to them would be found here. */
	for (int i = 0; i < pages; i++)
		if (((uint64_t *)(other + i * PAGE))[1] != FOREIGN) {
			printf("not ok - somebody wrote to a page that was given away\n");
			fflush(stdout);
			_exit(1);
		}
	if (munmap(other, PAGES * PAGE))
		die("munmap");
}

static void change(char *p, size_t n, struct rng *r)
{
	switch (rng_below(r, 5)) {
	case 0:
		if (munmap(p, n))
			die("munmap");
		announce(GONE, r);
		break;
	case 1:
		if (madvise(p, n, MADV_DONTNEED))
			die("madvise");
		announce(ZERO, r);
		break;
	case 2:
		if (mprotect(p, n, PROT_NONE))
			die("mprotect");
		announce(GONE, r);
		now = (now / STATES + 1) * STATES;
		if (mprotect(p, n, PROT_READ | PROT_WRITE))
			die("mprotect");
		announce(FILLED, r);
		break;
	case 3:
		if (mprotect(p, n, PROT_READ))
			die("mprotect");
		announce(READ_ONLY, r);
		now = (now / STATES + 1) * STATES;
		if (munmap(p, n))
			die("munmap");
		announce(GONE, r);
		break;
	default:
		if (mremap(p, n, n, MREMAP_MAYMOVE | MREMAP_FIXED, elsewhere) != elsewhere)
			die("mremap");
		announce(GONE, r);
		if (*(uint64_t *)elsewhere != tag(p))
			die("what was moved is not there");
		if (munmap(elsewhere, n))
			die("munmap");
		break;
	}
}

static void rounds(struct rng *r)
{
	for (int i = 0; i < ROUNDS; i++) {
		announce(ANYTHING, r);
		map(area, PROT_READ | PROT_WRITE);
		first = (int)rng_below(r, PAGES);
		last = first + 1 + (int)rng_below(r, (uint64_t)(PAGES - first));
		for (int k = first; k < last; k++)
			*(volatile uint64_t *)(area + k * PAGE) = tag(area + k * PAGE);
		announce(FILLED, r);
		now = (now / STATES + 1) * STATES;
		change(area + first * PAGE, (size_t)((last - first) * PAGE), r);
		reuse(last - first);
	}
}

int main(void)
{
	struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
	int readers = (int)sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t threads[8];
	struct rng r = rng_make(0);

	printf("# seed %lu\n", (unsigned long)test_seed());
	readers = readers > 8 ? 8 : readers > 1 ? readers - 1 : 1;
	sigaction(SIGSEGV, &sa, NULL);
	area = mmap(NULL, 3 * SPACE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		die("mmap");
	elsewhere = area + SPACE;
	other = elsewhere + SPACE;
	map(area, PROT_READ | PROT_WRITE);
	for (int i = 0; i < readers; i++)
		if (pthread_create(&threads[i], NULL, reader, (void *)(long)(i + 1)))
			die("pthread_create");
	rounds(&r);
	stop = true;
	for (int i = 0; i < readers; i++)
		pthread_join(threads[i], NULL);
	printf("# %d readers saw %ld changing, %ld filled, %ld gone, %ld discarded, %ld "
	       "read-only\n",
	       readers, found[ANYTHING], found[FILLED], found[GONE], found[ZERO], found[READ_ONLY]);
	ok(true, "no access found what the mapping did not say");
	return done();
}
