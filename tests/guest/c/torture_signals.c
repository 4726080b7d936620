/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ timeout: 120
/*
 * Signals from a timer, from other threads and from sigqueue(3) rain on threads that sleep, lock,
 * wait, compute, poll and use pipes. Each checks what it does; no queued signal gets lost.
 */
#include "test.h"
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <unistd.h>

#define THREADS 6
#define SECONDS 2
#define QUEUED (SIGRTMIN + 1)

static atomic_int handled, sent, received, errors, stop;
static pthread_t threads[THREADS];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static long counter;
static atomic_long entered;
static __thread long own;

static void handler(int sig, siginfo_t *info, void *context)
{
	int saved = errno;
	volatile double x = sig * 1.5;

	x *= 2;
	handled++;
	if (sig == QUEUED) {
		received++;
		if (info->si_value.sival_int != 5 || info->si_code != SI_QUEUE)
			errors++;
	}
	errno = saved;
}

static void expect(bool cond, const char *what)
{
	if (cond)
		return;
	errors++;
	fprintf(stderr, "# %s failed: %s\n", what, strerror(errno));
}

static void do_sleep(struct rng *rng)
{
	struct timespec ts = {0, (long)rng_below(rng, 300000)};

	expect(nanosleep(&ts, NULL) == 0 || errno == EINTR, "nanosleep");
}

static void do_lock(struct rng *rng)
{
	long seen;

	pthread_mutex_lock(&mutex);
	seen = counter;
	if (rng_below(rng, 2))
		sched_yield();
	counter = seen + 1;
	entered++;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&mutex);
}

static void do_wait(struct rng *rng)
{
	struct timespec ts;
	int err;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_nsec += (long)rng_below(rng, 400000);
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_nsec -= 1000000000;
		ts.tv_sec++;
	}
	pthread_mutex_lock(&mutex);
	err = pthread_cond_timedwait(&cond, &mutex, &ts);
	pthread_mutex_unlock(&mutex);
	errno = err;
	expect(err == 0 || err == ETIMEDOUT, "pthread_cond_timedwait");
}

static void do_compute(struct rng *rng)
{
	char fill = (char)rng_next(rng), buf[256];
	double sum = 0;

	memset(buf, fill, sizeof(buf));
	for (int i = 0; i < 3000; i++)
		sum += i * 0.5;
	expect(sum == 2249250.0, "arithmetic");
	for (size_t i = 0; i < sizeof(buf); i++)
		expect(buf[i] == fill, "stack");
}

static void do_pipe(const int *fd)
{
	char c = 'x';
	struct pollfd p = {fd[0], POLLIN, 0};
	ssize_t n;

	do
		n = write(fd[1], &c, 1);
	while (n < 0 && errno == EINTR);
	expect(n == 1, "write");
	do
		n = read(fd[0], &c, 1);
	while (n < 0 && errno == EINTR);
	expect(n == 1 && c == 'x', "read");
	n = poll(&p, 1, 0);
	expect(n == 0 || (n < 0 && errno == EINTR), "poll");
}

static void *worker(void *arg)
{
	struct rng rng = rng_make((uint64_t)(uintptr_t)arg);
	int fd[2];

	own = (long)arg * 7;
	expect(pipe(fd) == 0, "pipe");
	while (!stop) {
		union sigval value = {.sival_int = 5};
		pthread_t target;

		switch (rng_below(&rng, 7)) {
		case 0:
			do_sleep(&rng);
			break;
		case 1:
			do_lock(&rng);
			break;
		case 2:
			do_wait(&rng);
			break;
		case 3:
			do_compute(&rng);
			break;
		case 4:
			do_pipe(fd);
			break;
		case 5:
			target = threads[rng_below(&rng, THREADS)];
			if (target)
				pthread_kill(target, SIGUSR1);
			break;
		default:
			if (sigqueue(getpid(), QUEUED, value) == 0)
				sent++;
			else
				expect(errno == EAGAIN, "sigqueue");
			break;
		}
		expect(own == (long)arg * 7, "thread-local");
	}
	return NULL;
}

int main(void)
{
	struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
	struct itimerval often = {{0, 700}, {0, 700}}, off = {{0, 0}, {0, 0}};
	uint64_t end = now_ns() + SECONDS * 1000000000ull;

	sigaction(SIGUSR1, &sa, NULL);
	sigaction(QUEUED, &sa, NULL);
	sa.sa_flags |= SA_RESTART;
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (long i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, worker, (void *)i);
	while (now_ns() < end)
		usleep(20000);
	stop = 1;
	setitimer(ITIMER_REAL, &off, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	is(errors, 0, "every thread got what it asked for");
	is(counter, entered, "the mutex excluded");
	is(received, sent, "queued signals arrived");
	ok(handled > 100, "signals were handled");
	fprintf(stderr, "# %d handled, %d queued, %ld locked\n", handled, sent, counter);
	return done();
}
