/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ cpus: 1 2 4
//@ platforms: linuxu kvm
//@ timeout: 120
//@ case: usual
//@ args: 15000
//@ case: small
//@ platforms: kvm
//@ memory: 4M
//@ args: 5000
/*
 * System calls by random number with random, mostly hostile arguments, by libc's syscall() and by
 * the syscall instruction, from two threads. They may fail as they like: the kernel must not, nor
 * hang.
 *
 * What would be the program's own end by right is left out: exit, handlers at random addresses,
 * unmapping its stack, SIGKILL. All valid pointers lead into an arena between guards, so that no
 * length, however large, makes a call write over the program itself. A third thread sends signals
 * all the time, for whom a call keeps waiting.
 */
#include "test.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARENA (64ul << 10)
#define GUARD (64ul << 20)
#define NR_MAX 460
#define FUZZERS 2

static uint8_t *arena;
static atomic_long made, succeeded, signals_seen;
static atomic_int running;
static long calls = 15000;
static pthread_t threads[FUZZERS];
static pthread_mutex_t arena_lock = PTHREAD_MUTEX_INITIALIZER; /* while it may have holes */
static bool arena_whole;

static const uint64_t bad_addresses[] = {
	0,
	1,
	8,
	4095,
	4096,
	0x7fffffffffff,
	0x7ffffffff000,
	0x800000000000,
	0x8000000000000000,
	0xffff800000000000,
	0xffffffff80000000,
	0xffffc00000000000,
	0xfffffffffffff000,
	0xfffffffffffffff8,
	0xffffffffffffffff,
	0x123456789abcdef0,
};

static const uint64_t lengths[] = {
	0,
	1,
	7,
	8,
	24,
	64,
	128,
	4095,
	4096,
	4097,
	65536,
	0x7fffffff,
	0x80000000,
	0xffffffff,
	0x100000000,
	0x7ffffffff000,
	0x7fffffffffffffff,
	0x8000000000000000,
	0xfffffffffffff000,
	0xffffffffffffffff,
};

static uint64_t pick(struct rng *r, const uint64_t *from, size_t n)
{
	return from[rng_below(r, n)];
}
#define PICK(r, array) pick(r, array, sizeof(array) / sizeof(array[0]))

static uint64_t arena_address(struct rng *r)
{
	uint64_t at = rng_below(r, ARENA + 4096);

	return (uint64_t)arena + (rng_below(r, 4) ? at & ~7ul : at);
}

static uint64_t any_value(struct rng *r)
{
	switch (rng_below(r, 8)) {
	case 0:
		return PICK(r, bad_addresses);
	case 1:
		return PICK(r, lengths);
	case 2:
		return rng_next(r);
	case 3:
		return 1ul << rng_below(r, 64);
	case 4:
		return -rng_below(r, 200);
	case 5:
		return rng_below(r, 40);
	default:
		return arena_address(r);
	}
}

static void arena_map(void)
{
	void *p = mmap(arena, ARENA, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (p == MAP_FAILED && errno != ENOMEM)
		abort();
	arena_whole = p != MAP_FAILED;
}

/* Ranges of structures, times, masks: whatever the calls take them for. */
static void arena_fill(struct rng *r)
{
	uint64_t *words = (uint64_t *)arena, n = ARENA / 8;

	pthread_mutex_lock(&arena_lock);
	if (!arena_whole)
		arena_map();
	for (int i = 0; arena_whole && i < 64; i++)
		words[rng_below(r, n)] = rng_below(r, 2) ? any_value(r) : rng_below(r, 1000);
	for (int i = 0; arena_whole && i < 8; i++)
		memcpy(arena + rng_below(r, ARENA - 64), "/proc/self/../self/maps\0/dev/zero", 34);
	pthread_mutex_unlock(&arena_lock);
}

static bool is_standard_fd(uint64_t v)
{
	return (uint32_t)v <= 2;
}

/* A range that a call may take away: in the arena, or none that can be there. */
static void tame_range(struct rng *r, uint64_t *start, uint64_t *len)
{
	uint64_t page = rng_below(r, ARENA / 4096);

	if (*start >= 0x7fffffffffff || (*start & 4095))
		return;
	*start = (uint64_t)arena + page * 4096;
	*len = 1 + rng_below(r, ARENA - page * 4096);
}

/* Not one of those that have no handler. */
static uint64_t tame_signal(uint64_t sig)
{
	switch ((uint32_t)sig) {
	case SIGKILL:
	case SIGSEGV:
	case SIGBUS:
	case SIGILL:
	case SIGFPE:
	case 32: /* libc's own */
	case 33:
	case 34:
		return SIGUSR2;
	default:
		return sig;
	}
}

/* Calls that are the program's end, or libc's. */
static bool is_left_out(long nr)
{
	switch (nr) {
	case SYS_exit:
	case SYS_exit_group:
	case SYS_rt_sigreturn:
	case SYS_rt_sigsuspend:
	case SYS_fork:
	case SYS_vfork:
	case SYS_set_tid_address: /* libc's lock of all threads hangs on it */
	case 335:                 /* uretprobe: some hosts answer it by themselves, with a signal */
	case 336:                 /* uprobe */
		return true;
	default:
		return false;
	}
}

/* Change arguments of calls that change the program's memory. False: it is none of them. */
static bool tame_memory(struct rng *r, long nr, uint64_t a[6])
{
	switch (nr) {
	case SYS_brk:
		a[0] = rng_below(r, 2) ? 0 : PICK(r, bad_addresses);
		return true;
	case SYS_munmap:
	case SYS_mprotect:
	case SYS_madvise:
	case SYS_mlock:
	case SYS_mlock2:
		tame_range(r, &a[0], &a[1]);
		return true;
	case SYS_mmap:
		if (a[3] & MAP_FIXED)
			tame_range(r, &a[0], &a[1]);
		else
			a[3] &= ~(uint64_t)(MAP_POPULATE | MAP_LOCKED);
		return true;
	case SYS_mremap:
		tame_range(r, &a[0], &a[1]);
		tame_range(r, &a[4], &a[2]);
		return true;
	default:
		return false;
	}
}

/* The same for those by which the program would rightly end, or hang. */
static void tame(struct rng *r, long nr, uint64_t a[6])
{
	switch (nr) {
	case SYS_clone:
		a[0] &= ~0x10000ul; /* CLONE_THREAD */
		return;
	case SYS_clone3:
	case SYS_sigaltstack:
		a[0] = PICK(r, bad_addresses);
		return;
	case SYS_rt_sigaction:
	case SYS_rt_sigprocmask:
		a[1] = rng_below(r, 2) ? 0 : PICK(r, bad_addresses);
		return;
	case SYS_kill:
	case SYS_tkill:
	case SYS_rt_sigqueueinfo:
		a[1] = tame_signal(a[1]);
		return;
	case SYS_tgkill:
	case SYS_rt_tgsigqueueinfo:
		a[2] = tame_signal(a[2]);
		return;
	case SYS_ppoll:
		a[3] = PICK(r, bad_addresses);
		break;
	case SYS_pselect6:
		a[5] = PICK(r, bad_addresses);
		break;
	case SYS_arch_prctl:
		if ((uint32_t)a[0] == 0x1002) /* ARCH_SET_FS */
			a[1] |= 0x800000000000;
		return;
	case SYS_dup2:
	case SYS_dup3:
		a[1] += is_standard_fd(a[1]) ? 3 : 0;
		break;
	}
	if (is_standard_fd(a[0]))
		a[0] += 3;
}

static bool changes_memory(long nr)
{
	return nr == SYS_munmap || nr == SYS_mprotect || nr == SYS_madvise || nr == SYS_mmap ||
	       nr == SYS_mremap;
}

static void one_call(struct rng *r, bool verbose)
{
	long nr = rng_below(r, 20) ? (long)rng_below(r, NR_MAX) : (long)any_value(r), ret;
	bool by_libc = rng_below(r, 2);
	uint64_t a[6];

	for (int i = 0; i < 6; i++)
		a[i] = any_value(r);
	if (is_left_out(nr))
		return;
	if (!tame_memory(r, nr, a))
		tame(r, nr, a);
	if (verbose)
		dprintf(2, "%ld %s(0x%lx, 0x%lx, 0x%lx, 0x%lx, 0x%lx, 0x%lx)\n", nr,
			by_libc ? "syscall" : "inline", a[0], a[1], a[2], a[3], a[4], a[5]);
	if (changes_memory(nr))
		pthread_mutex_lock(&arena_lock);
	if (by_libc)
		ret = syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	else
		ret = raw_syscall(nr, (long)a[0], (long)a[1], (long)a[2], (long)a[3], (long)a[4],
				  (long)a[5]);
	made++;
	succeeded += ret >= 0;
	if (!by_libc && ret < 0 && ret >= -600 && ret <= -512) {
		ok(false, "call %ld returned the kernel's own %ld", nr, ret);
	}
	if ((nr == SYS_mmap || nr == SYS_mremap) && ret > 0 &&
	    (uint64_t)ret - (uint64_t)arena >= ARENA)
		munmap((void *)ret, nr == SYS_mmap ? a[1] : a[2]);
	if (changes_memory(nr)) {
		arena_map();
		pthread_mutex_unlock(&arena_lock);
	}
}

static void *fuzz(void *arg)
{
	bool verbose = getenv("FUZZ_VERBOSE") != NULL;

	for (long done = 0; done < calls / FUZZERS; done += 50) {
		struct rng r = rng_make((uint64_t)(long)arg << 32 | (uint64_t)done);

		arena_fill(&r);
		for (int i = 0; i < 50; i++)
			one_call(&r, verbose);
	}
	running--;
	return NULL;
}

static void on_signal(int sig)
{
	signals_seen++;
}

static void handle_signals(void)
{
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};

	sigfillset(&sa.sa_mask);
	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &sa, NULL);
	sigemptyset(&sa.sa_mask);
	/* A fault in the program is a finding. */
	sa.sa_handler = SIG_DFL;
	for (int i = 0; i < 4; i++)
		sigaction((int[]){SIGSEGV, SIGBUS, SIGILL, SIGFPE}[i], &sa, NULL);
}

int main(int argc, char **argv)
{
	uint8_t *room = mmap(NULL, GUARD * 2 + ARENA, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			     0);

	if (argc > 1)
		calls = atol(argv[1]);
	arena = room + GUARD;
	arena_map();
	handle_signals();
	running = FUZZERS;
	for (long i = 0; i < FUZZERS; i++)
		if (pthread_create(&threads[i], NULL, fuzz, (void *)i))
			abort();
	while (running > 0) {
		const struct timespec ts = {0, 2000000};

		nanosleep(&ts, NULL);
		for (int i = 0; i < FUZZERS; i++)
			pthread_kill(threads[i], SIGUSR1);
	}
	for (int i = 0; i < FUZZERS; i++)
		pthread_join(threads[i], NULL);
	printf("# %ld calls, %ld succeeded, %ld signals\n", made, succeeded, signals_seen);
	ok(true, "the kernel survives random calls");
	return done();
}
