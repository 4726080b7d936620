/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Races, each short enough for thousands of seeds: ./run starts `races NAME` in the deterministic
 * mode, seed by seed. A lost wake-up shows as "every thread waits", everything else as a message
 * and status 1.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define THREADS 3

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			printf("line %d: %s (errno %d)\n", __LINE__, #cond, errno);                \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

static long futex(_Atomic uint32_t *addr, int op, uint32_t val, const struct timespec *timeout,
		  _Atomic uint32_t *addr2, uint32_t val3)
{
	return syscall(SYS_futex, addr, op, val, timeout, addr2, val3);
}

static void run_threads(void *(*fn)(void *))
{
	pthread_t t[THREADS];

	for (long i = 0; i < THREADS; i++)
		CHECK(pthread_create(&t[i], NULL, fn, (void *)i) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(t[i], NULL) == 0);
}

/* --- a lock of one word: 0 free, 1 taken, 2 taken and waited for --- */

static _Atomic uint32_t word;
static volatile int inside;
static volatile unsigned total;

static void lock(const struct timespec *timeout)
{
	uint32_t seen = 0;

	if (atomic_compare_exchange_strong(&word, &seen, 1))
		return;
	while (atomic_exchange(&word, 2) != 0)
		futex(&word, FUTEX_WAIT_PRIVATE, 2, timeout, NULL, 0);
}

static void unlock(void)
{
	if (atomic_exchange(&word, 0) == 2)
		futex(&word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void *lock_turns(void *arg)
{
	const struct timespec little = {0, 1 + (long)arg * 700};

	for (int i = 0; i < 15; i++) {
		lock(i % 3 == 2 ? &little : NULL);
		CHECK(inside++ == 0);
		total++;
		if (i % 4 == 0)
			sched_yield();
		CHECK(--inside == 0);
		unlock();
	}
	return NULL;
}

static void race_futex(void)
{
	run_threads(lock_turns);
	CHECK(total == THREADS * 15);
}

/* The same with the mistake that ./run is to find: who waits forgets to say so. */
static void *lock_wrong_turns(void *arg)
{
	(void)arg;
	for (int i = 0; i < 15; i++) {
		uint32_t seen = 0;

		while (!atomic_compare_exchange_strong(&word, &seen, 1)) {
			atomic_store(&word, 2);
			futex(&word, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0);
			seen = 0;
		}
		CHECK(inside++ == 0);
		sched_yield();
		CHECK(--inside == 0);
		unlock();
	}
	return NULL;
}

static void race_wrong(void)
{
	run_threads(lock_wrong_turns);
}

/* --- conditions: broadcast moves waiters, time-outs take them away --- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int tokens, served;

static void *consumer(void *arg)
{
	for (int i = 0; i < 5; i++) {
		pthread_mutex_lock(&mutex);
		while (tokens == 0) {
			if ((long)arg == 0) {
				struct timespec until;

				clock_gettime(CLOCK_REALTIME, &until);
				until.tv_nsec += 3000;
				if (until.tv_nsec >= 1000000000) {
					until.tv_sec++;
					until.tv_nsec -= 1000000000;
				}
				pthread_cond_timedwait(&cond, &mutex, &until);
			} else {
				pthread_cond_wait(&cond, &mutex);
			}
		}
		tokens--;
		served++;
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static void race_condition(void)
{
	pthread_t t[THREADS];

	for (long i = 0; i < THREADS; i++)
		CHECK(pthread_create(&t[i], NULL, consumer, (void *)i) == 0);
	for (int made = 0; made < THREADS * 5;) {
		pthread_mutex_lock(&mutex);
		for (int n = 0; n < 2 && made < THREADS * 5; n++, made++)
			tokens++;
		if (made % 4 == 0)
			pthread_cond_broadcast(&cond);
		else
			pthread_cond_signal(&cond), pthread_cond_signal(&cond);
		pthread_mutex_unlock(&mutex);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	CHECK(served == THREADS * 5 && tokens == 0);
}

/* --- locks with an owner, and owners that die --- */

static void *pi_turns(void *arg)
{
	const uint32_t self = (uint32_t)syscall(SYS_gettid);

	(void)arg;
	for (int i = 0; i < 10; i++) {
		uint32_t seen = 0;

		if (!atomic_compare_exchange_strong(&word, &seen, self))
			CHECK(futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0);
		CHECK(inside++ == 0);
		sched_yield();
		CHECK(--inside == 0);
		seen = self;
		if (!atomic_compare_exchange_strong(&word, &seen, 0))
			CHECK(futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0);
	}
	return NULL;
}

static void race_pi(void)
{
	run_threads(pi_turns);
	CHECK((word & FUTEX_TID_MASK) == 0);
}

static pthread_mutex_t robust;
static _Atomic int deaths;

static void *robust_die(void *arg)
{
	int err = pthread_mutex_lock(&robust);

	(void)arg;
	if (err == EOWNERDEAD) {
		atomic_fetch_add(&deaths, 1);
		CHECK(pthread_mutex_consistent(&robust) == 0);
	} else {
		CHECK(err == 0);
	}
	return NULL; /* with the lock */
}

static void race_robust(void)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&robust, &attr);
	for (int round = 0; round < 3; round++)
		run_threads(robust_die);
	CHECK(pthread_mutex_lock(&robust) == EOWNERDEAD);
	CHECK(deaths == 3 * THREADS - 1);
}

/* --- signals against sleeping, masks and ends --- */

static _Atomic int signals_seen;

static void on_signal(int sig)
{
	(void)sig;
	atomic_fetch_add(&signals_seen, 1);
}

static void *pauses(void *arg)
{
	sigset_t set;

	(void)arg;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	for (int i = 0; i < 6; i++) {
		int seen = signals_seen;
		sigset_t open;

		pthread_sigmask(SIG_BLOCK, &set, &open);
		sigdelset(&open, SIGUSR1);
		while (signals_seen == seen && signals_seen < 12)
			sigsuspend(&open);
		pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	}
	return NULL;
}

static void race_signal(void)
{
	struct sigaction sa = {.sa_handler = on_signal};
	pthread_t t[THREADS];
	int alive = 0;

	sigaction(SIGUSR1, &sa, NULL);
	for (long i = 0; i < THREADS; i++)
		CHECK(pthread_create(&t[i], NULL, pauses, (void *)i) == 0);
	/* Until all are through: each pause needs a signal of its own or another's. */
	for (int i = 0; i < 400 && signals_seen < 40; i++) {
		if (i % 5 == 4)
			kill(getpid(), SIGUSR1);
		else
			alive += pthread_kill(t[i % THREADS], SIGUSR1) == 0;
		sched_yield();
	}
	for (int i = 0; i < THREADS; i++) {
		while (pthread_tryjoin_np(t[i], NULL) != 0) {
			pthread_kill(t[i], SIGUSR1);
			usleep(1);
		}
	}
	CHECK(alive > 0 && signals_seen > 0);
}

static _Atomic int32_t victim_tid;

static void *short_life(void *arg)
{
	(void)arg;
	atomic_store(&victim_tid, (int32_t)syscall(SYS_gettid));
	sched_yield();
	return NULL;
}

static void race_exit(void)
{
	struct sigaction sa = {.sa_handler = on_signal};

	sigaction(SIGUSR2, &sa, NULL);
	for (int round = 0; round < 12; round++) {
		pthread_t a, b;
		int32_t tid;

		victim_tid = 0;
		CHECK(pthread_create(&a, NULL, short_life, NULL) == 0);
		CHECK(pthread_create(&b, NULL, short_life, NULL) == 0);
		while ((tid = victim_tid) == 0)
			sched_yield();
		for (int i = 0; i < 4; i++) {
			long r = syscall(SYS_tgkill, getpid(), tid, SIGUSR2);

			CHECK(r == 0 || errno == ESRCH);
		}
		CHECK(pthread_join(a, NULL) == 0 && pthread_join(b, NULL) == 0);
	}
}

/* --- memory that goes while another thread touches it --- */

static char *_Atomic page;
static _Atomic bool over;

static void *toucher(void *arg)
{
	int fd[2];

	(void)arg;
	CHECK(pipe(fd) == 0);
	while (!over) {
		char *p = page;
		ssize_t n;

		/* The kernel reads it: there, or EFAULT, and never another's contents. */
		n = p ? write(fd[1], p, 1) : 0;
		CHECK(n == 0 || n == 1 || errno == EFAULT);
		if (n == 1) {
			char c = 1;

			CHECK(read(fd[0], &c, 1) == 1);
			CHECK(c == 0 || c == 'x');
		}
		sched_yield();
	}
	close(fd[0]), close(fd[1]);
	return NULL;
}

static void race_unmap(void)
{
	pthread_t t[2];

	for (int i = 0; i < 2; i++)
		CHECK(pthread_create(&t[i], NULL, toucher, NULL) == 0);
	for (int i = 0; i < 15; i++) {
		char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			       0);

		CHECK(p != MAP_FAILED && p[0] == 0 && p[4096] == 0);
		p[0] = 'x';
		page = p;
		sched_yield();
		if (i % 3 == 0)
			CHECK(mprotect(p, 4096, PROT_NONE) == 0);
		if (i % 3 == 1)
			CHECK(madvise(p, 4096, MADV_DONTNEED) == 0);
		sched_yield();
		page = NULL;
		CHECK(munmap(p, 8192) == 0);
	}
	over = true;
	pthread_join(t[0], NULL), pthread_join(t[1], NULL);
}

/* --- descriptors --- */

static int ends[2];

static void *pipe_writer(void *arg)
{
	const char c = (char)('a' + (long)arg);

	for (int i = 0; i < 20; i++)
		CHECK(write(ends[1], &c, 1) == 1);
	return NULL;
}

static void *pipe_reader(void *arg)
{
	unsigned *count = arg;
	char buf[7];
	ssize_t n;

	while ((n = read(ends[0], buf, sizeof(buf))) > 0)
		*count += (unsigned)n;
	CHECK(n == 0);
	return NULL;
}

static void race_pipe(void)
{
	pthread_t readers[2];
	unsigned counts[2] = {0, 0};

	CHECK(pipe(ends) == 0);
	for (int i = 0; i < 2; i++)
		CHECK(pthread_create(&readers[i], NULL, pipe_reader, &counts[i]) == 0);
	run_threads(pipe_writer);
	close(ends[1]); /* the readers may be just about to sleep */
	pthread_join(readers[0], NULL), pthread_join(readers[1], NULL);
	CHECK(counts[0] + counts[1] == THREADS * 20);
}

static int event;

static void *event_adder(void *arg)
{
	const uint64_t one = 1;

	(void)arg;
	for (int i = 0; i < 8; i++)
		CHECK(write(event, &one, 8) == 8);
	return NULL;
}

static void race_epoll(void)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET, .data.u32 = 7}, got;
	pthread_t t[2];
	uint64_t sum = 0, value;
	int set = epoll_create1(0);

	event = eventfd(0, EFD_NONBLOCK);
	CHECK(set >= 0 && event >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, event, &ev) == 0);
	for (int i = 0; i < 2; i++)
		CHECK(pthread_create(&t[i], NULL, event_adder, NULL) == 0);
	while (sum < 16) {
		CHECK(epoll_wait(set, &got, 1, -1) == 1 && got.data.u32 == 7);
		while (read(event, &value, 8) == 8)
			sum += value;
		CHECK(errno == EAGAIN);
	}
	CHECK(sum == 16);
	pthread_join(t[0], NULL), pthread_join(t[1], NULL);
}

static void race_poll(void)
{
	pthread_t t[2];
	uint64_t sum = 0, value;

	event = eventfd(0, 0);
	CHECK(pipe(ends) == 0);
	for (int i = 0; i < 2; i++)
		CHECK(pthread_create(&t[i], NULL, event_adder, NULL) == 0);
	while (sum < 16) {
		struct pollfd p[2] = {{ends[0], POLLIN, 0}, {event, POLLIN, 0}};
		int n = poll(p, 2, -1);

		CHECK(n == 1 && p[1].revents == POLLIN);
		CHECK(read(event, &value, 8) == 8);
		sum += value;
	}
	pthread_join(t[0], NULL), pthread_join(t[1], NULL);
}

/* --- threads sent about --- */

static void *wanderer(void *arg)
{
	for (unsigned i = 0; i < 12; i++) {
		unsigned long mask = 1ul << ((i + (unsigned)(long)arg) % 2);
		unsigned cpu;

		CHECK(sched_setaffinity(0, sizeof(mask), (void *)&mask) == 0);
		CHECK(syscall(SYS_getcpu, &cpu, NULL, NULL) == 0 && 1ul << cpu == mask);
		lock(NULL);
		total++;
		unlock();
	}
	return NULL;
}

static void race_affinity(void)
{
	run_threads(wanderer);
	CHECK(total == THREADS * 12);
}

static const struct {
	const char *name;
	void (*fn)(void);
} races[] = {
	{"futex", race_futex},   {"condition", race_condition}, {"pi", race_pi},
	{"robust", race_robust}, {"signal", race_signal},       {"exit", race_exit},
	{"unmap", race_unmap},   {"pipe", race_pipe},           {"epoll", race_epoll},
	{"poll", race_poll},     {"affinity", race_affinity},   {"wrong", race_wrong},
};

int main(int argc, char **argv)
{
	for (unsigned i = 0; i < sizeof(races) / sizeof(races[0]); i++) {
		if (argc == 1 && strcmp(races[i].name, "wrong") != 0)
			puts(races[i].name);
		if (argc == 2 && !strcmp(argv[1], races[i].name)) {
			races[i].fn();
			return 0;
		}
	}
	return argc == 1 ? 0 : 2;
}
