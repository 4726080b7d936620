/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ repeat: 3
//@ timeout: 240
/*
 * One pipe, one eventfd, one poll and many threads: no byte is lost, doubled or torn, no wake-up is
 * missed, the end of a pipe is seen exactly once everything was read. What a writer puts in with
 * one call comes out in one piece up to PIPE_BUF bytes.
 */
#include "test.h"
#include "watchdog.h"
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#define WRITERS 5
#define READERS 4
#define RECORDS 1500 /* of each writer */

static int ends[2];
static volatile bool finished;
static volatile long bad; /* complaints */

static void complain(const char *what, long a, long b)
{
	if (__atomic_fetch_add(&bad, 1, __ATOMIC_RELAXED) < 5)
		printf("# %s: %ld, %ld\n", what, a, b);
}

/* --- records of one size, many readers --- */

struct record {
	uint32_t writer, number;
	uint64_t sum;
	uint8_t filling[240];
};

static void record_make(struct record *r, long writer, uint32_t number)
{
	r->writer = (uint32_t)writer;
	r->number = number;
	r->sum = 0;
	for (unsigned i = 0; i < sizeof(r->filling); i++) {
		r->filling[i] = (uint8_t)(writer * 31 + number * 7 + i);
		r->sum += (uint64_t)(r->filling[i] + 1) * (i + 1);
	}
}

static uint8_t record_seen[WRITERS][RECORDS];

static void record_check(const struct record *r, uint32_t last[WRITERS])
{
	struct record want;

	record_make(&want, r->writer, r->number);
	if (r->writer >= WRITERS || r->number >= RECORDS || memcmp(r, &want, sizeof(want)) != 0) {
		complain("a record is torn", r->writer, r->number);
		return;
	}
	if (__atomic_fetch_add(&record_seen[r->writer][r->number], 1, __ATOMIC_RELAXED) != 0)
		complain("a record came twice", r->writer, r->number);
	if (r->number + 1 <= last[r->writer])
		complain("a record overtook another one", r->writer, r->number);
	last[r->writer] = r->number + 1;
}

static void *record_writer(void *arg)
{
	long me = (long)arg;
	struct rng rng = rng_make((uint64_t)me + 100);
	struct record r;

	for (uint32_t i = 0; i < RECORDS; i++) {
		struct iovec v[2] = {{&r, 100}, {(char *)&r + 100, sizeof(r) - 100}};

		record_make(&r, me, i);
		if ((i & 1 ? write(ends[1], &r, sizeof(r)) : writev(ends[1], v, 2)) != sizeof(r))
			complain("write", me, errno);
		progress++;
		disturb(&rng);
	}
	return NULL;
}

static void *record_reader(void *arg)
{
	uint32_t last[WRITERS] = {0};
	struct record r[8];
	struct rng rng = rng_make((uint64_t)(long)arg + 200);
	long got = 0;

	for (;;) {
		ssize_t n = read(ends[0], r, (1 + rng_below(&rng, 8)) * sizeof(*r));

		if (n <= 0 || n % (ssize_t)sizeof(*r) != 0) {
			if (n != 0)
				complain("read", n, errno);
			return (void *)got;
		}
		for (ssize_t i = 0; i < n / (ssize_t)sizeof(*r); i++, got++)
			record_check(&r[i], last);
		progress++;
		disturb(&rng);
	}
}

static void records(void)
{
	struct crew writers, readers;

	memset(record_seen, 0, sizeof(record_seen));
	pipe(ends);
	crew_start(&readers, READERS, record_reader);
	crew_start(&writers, WRITERS, record_writer);
	crew_join(&writers);
	close(ends[1]);
	is(crew_join(&readers), WRITERS * RECORDS, "every record is read once");
	close(ends[0]);
}

/* --- writes of any size up to PIPE_BUF, one reader of a stream --- */

struct message {
	uint16_t length; /* of all of it */
	uint8_t writer, fill;
};

static void *message_writer(void *arg)
{
	long me = (long)arg, total = 0;
	struct rng rng = rng_make((uint64_t)me + 300);
	uint8_t buf[PIPE_BUF];

	for (int i = 0; i < RECORDS; i++) {
		size_t n = rng_below(&rng, 4) ? 4 + rng_below(&rng, 100)
					      : PIPE_BUF - rng_below(&rng, 9);
		struct message m = {(uint16_t)n, (uint8_t)me, (uint8_t)(me * 50 + i % 50)};

		memset(buf, m.fill, n);
		memcpy(buf, &m, sizeof(m));
		if (write(ends[1], buf, n) != (ssize_t)n)
			complain("write", me, errno);
		total += (long)n;
		progress++;
		disturb(&rng);
	}
	return (void *)total;
}

/* Exactly n bytes; false at the end. */
static bool read_all(void *buf, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t r = read(ends[0], (char *)buf + done, n - done);

		if (r <= 0) {
			if (r < 0 || done > 0)
				complain("read in a message", r, errno);
			return false;
		}
		done += (size_t)r;
	}
	return true;
}

static void *message_reader(void *arg)
{
	int number[WRITERS] = {0};
	long total = 0;
	struct message m;
	uint8_t buf[PIPE_BUF];

	(void)arg;
	while (read_all(&m, sizeof(m))) {
		if (m.writer >= WRITERS || m.length < sizeof(m) || m.length > PIPE_BUF ||
		    m.fill != m.writer * 50 + number[m.writer] % 50) {
			complain("a message's head", m.writer, m.length);
			break;
		}
		number[m.writer]++;
		read_all(buf, m.length - sizeof(m));
		for (size_t i = 0; i < m.length - sizeof(m); i++)
			if (buf[i] != m.fill)
				complain("a message is torn", m.writer, (long)i);
		total += m.length;
		progress++;
	}
	return (void *)total;
}

/* Meanwhile the pipe grows and shrinks. */
static void *resizer(void *arg)
{
	struct rng rng = rng_make(400);

	(void)arg;
	while (!finished) {
		fcntl(ends[0], F_SETPIPE_SZ, 4096 << rng_below(&rng, 6));
		disturb(&rng);
		usleep(200);
	}
	return NULL;
}

static void messages(void)
{
	struct crew writers, reader, other;
	long sent;

	pipe(ends);
	finished = false;
	crew_start(&reader, 1, message_reader);
	crew_start(&other, 1, resizer);
	crew_start(&writers, WRITERS, message_writer);
	sent = crew_join(&writers);
	finished = true;
	crew_join(&other);
	close(ends[1]);
	is(crew_join(&reader), sent, "messages of all sizes arrive whole");
	close(ends[0]);
}

/* --- large writes and reads: only amounts and each writer's own order count --- */

#define LARGE 500000

/* Bytes 0 … 49 in turn, plus 50 times the writer. */
static void *large_writer(void *arg)
{
	long me = (long)arg;
	struct rng rng = rng_make((uint64_t)me + 500);
	static uint8_t bufs[WRITERS][100000];
	uint8_t *buf = bufs[me];

	for (long done = 0; done < LARGE;) {
		size_t n = 1 + rng_below(&rng, 100000);

		if (n > (size_t)(LARGE - done))
			n = (size_t)(LARGE - done);
		for (size_t i = 0; i < n; i++)
			buf[i] = (uint8_t)(me * 50 + (done + (long)i) % 50);
		if (write(ends[1], buf, n) != (ssize_t)n)
			complain("large write", me, errno);
		done += (long)n;
		progress++;
	}
	return NULL;
}

/* In a small pipe, room comes while a writer looks how much there is. */
static void large(int capacity)
{
	struct crew writers;
	long next[WRITERS] = {0}, total = 0;
	static uint8_t buf[70000];
	struct rng rng = rng_make(600);
	ssize_t n;

	pipe(ends);
	fcntl(ends[0], F_SETPIPE_SZ, capacity);
	crew_start(&writers, WRITERS, large_writer);
	while (total < (long)WRITERS * LARGE) {
		n = read(ends[0], buf, 1 + rng_below(&rng, sizeof(buf)));
		for (ssize_t i = 0; i < n; i++) {
			long w = buf[i] / 50;

			if (w >= WRITERS || buf[i] % 50 != next[w]++ % 50)
				complain("large: a byte out of order", w, (long)i);
		}
		if (n <= 0)
			complain("large read", n, errno);
		total += n;
		progress++;
	}
	crew_join(&writers);
	close(ends[1]);
	is(read(ends[0], buf, 1), 0, "large writes: all bytes, then the end");
	close(ends[0]);
}

/* --- one poll, many writers --- */

#define POLLED 6
static int polled[POLLED][2];

static void *poll_writer(void *arg)
{
	struct rng rng = rng_make((uint64_t)(long)arg + 700);

	for (int i = 0; i < RECORDS; i++) {
		uint64_t one = 1;
		int which = (int)rng_below(&rng, POLLED);

		/* Pipes hold less than all writers may write, but then the writer waits. */
		if (write(polled[which][1], &one, 8) != 8)
			complain("poll: write", which, errno);
		progress++;
		disturb(&rng);
	}
	return NULL;
}

static void polling(void)
{
	struct crew writers;
	struct pollfd p[POLLED];
	long got = 0;

	for (int i = 0; i < POLLED; i++) {
		if (i % 2)
			pipe2(polled[i], O_NONBLOCK);
		else
			polled[i][0] = polled[i][1] = eventfd(0, EFD_NONBLOCK);
		p[i] = (struct pollfd){polled[i][0], POLLIN, 0};
	}
	crew_start(&writers, WRITERS, poll_writer);
	while (got < WRITERS * RECORDS) {
		int n = poll(p, POLLED, -1), seen = 0;

		for (int i = 0; i < POLLED; i++) {
			uint64_t v[64];
			ssize_t r;

			if (p[i].revents == 0)
				continue;
			seen++;
			r = read(p[i].fd, v, sizeof(v));
			for (ssize_t k = 0; k < r / 8; k++)
				got += (long)v[k];
			if (r <= 0 || p[i].revents != POLLIN)
				complain("poll said more than there is", r, p[i].revents);
		}
		if (n != seen || n <= 0)
			complain("poll's count", n, seen);
		progress++;
	}
	crew_join(&writers);
	is(poll(p, POLLED, 0), 0, "poll with many writers finds all");
	for (int i = 0; i < POLLED; i++) {
		close(polled[i][0]);
		if (i % 2)
			close(polled[i][1]);
	}
}

/* --- eventfd --- */

static int event;

static void *event_adder(void *arg)
{
	struct rng rng = rng_make((uint64_t)(long)arg + 800);
	long sum = 0;

	for (int i = 0; i < RECORDS; i++) {
		uint64_t v = 1 + rng_below(&rng, 3);

		if (write(event, &v, 8) != 8)
			complain("eventfd write", (long)v, errno);
		sum += (long)v;
		progress++;
		disturb(&rng);
	}
	return (void *)sum;
}

/* A value of 1000000 and more is the word to go home. */
#define EVENT_END 1000000

static void *event_taker(void *arg)
{
	long sum = 0;
	uint64_t v = 0, end = EVENT_END;

	(void)arg;
	while (v < EVENT_END) {
		if (read(event, &v, 8) != 8 || v == 0)
			complain("eventfd read", (long)v, errno);
		sum += (long)v;
		progress++;
	}
	if (write(event, &end, 8) != 8) /* for the next one */
		complain("eventfd end", 0, errno);
	return (void *)(sum - EVENT_END);
}

static void events(void)
{
	struct crew adders, takers;
	uint64_t v = EVENT_END;
	long sum;

	event = eventfd(0, 0);
	crew_start(&takers, READERS, event_taker);
	crew_start(&adders, WRITERS, event_adder);
	sum = crew_join(&adders);
	write(event, &v, 8);
	is(crew_join(&takers), sum, "an eventfd's values add up");
	close(event);
}

static void *semaphore_taker(void *arg)
{
	uint64_t v;

	(void)arg;
	for (int i = 0; i < WRITERS * 300; i++) {
		if (read(event, &v, 8) != 8 || v != 1)
			complain("semaphore read", (long)v, errno);
		progress++;
	}
	return NULL;
}

static void *semaphore_adder(void *arg)
{
	struct rng rng = rng_make((uint64_t)(long)arg + 900);
	uint64_t v = READERS;

	for (int i = 0; i < 300; i++) {
		if (write(event, &v, 8) != 8)
			complain("semaphore write", i, errno);
		disturb(&rng);
	}
	return NULL;
}

static void semaphores(void)
{
	struct crew adders, takers;
	struct pollfd p;

	event = eventfd(0, EFD_SEMAPHORE);
	p = (struct pollfd){event, POLLIN, 0};
	crew_start(&takers, READERS, semaphore_taker);
	crew_start(&adders, WRITERS, semaphore_adder);
	crew_join(&adders);
	crew_join(&takers);
	is(poll(&p, 1, 0), 0, "an eventfd as semaphore is taken as often as given");
	close(event);
}

/* --- ends --- */

static void *closer(void *arg)
{
	struct rng rng = rng_make(1000 + progress);

	disturb(&rng);
	close((int)(long)arg);
	return NULL;
}

/* The last of several writers leaves just as the reader goes to sleep; then the other way round. */
static void ending(void)
{
	static uint8_t buf[70000];
	pthread_t t[2];

	for (int i = 0; i < 400; i++) {
		pipe(ends);
		int second = dup(ends[1]);
		pthread_create(&t[0], NULL, closer, (void *)(long)ends[1]);
		pthread_create(&t[1], NULL, closer, (void *)(long)second);
		if (read(ends[0], buf, 1) != 0)
			complain("the end of a pipe", i, errno);
		pthread_join(t[0], NULL);
		pthread_join(t[1], NULL);
		close(ends[0]);

		pipe(ends);
		pthread_create(&t[0], NULL, closer, (void *)(long)ends[0]);
		for (int k = 0; k < 3; k++) {
			ssize_t n = write(ends[1], buf, sizeof(buf));

			if (n < 0 && errno != EPIPE)
				complain("a pipe without reader", i, errno);
			if (n < 0)
				break;
			if (k == 2)
				complain("a pipe without reader takes all", i, n);
		}
		pthread_join(t[0], NULL);
		close(ends[1]);
		progress++;
	}
	ok(true, "the end is seen from both sides");
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	watchdog_start();
	records();
	messages();
	large(4096);
	large(65536);
	polling();
	events();
	semaphores();
	ending();
	is(bad, 0, "nothing to complain about");
	return done();
}
