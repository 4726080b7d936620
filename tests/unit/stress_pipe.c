/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Pipes, eventfds and the descriptor table, with several CPUs: bytes are in order and none is lost
 * or doubled, whatever sizes are written and read and however the capacity changes; a descriptor
 * that is closed or replaced while it is used stays good for who uses it.
 *
 * sources: fs/pipe.c fs/uio.c fs/file.c fs/fd.c fs/poll.c fs/eventfd.c core/mutex.c
 * sources: core/futex.c core/futex_pi.c core/thread.c core/sched.c core/sleep.c core/cpus.c
 * sources: core/wait.c core/timer.c core/signal.c base/rbtree.c base/string.c
 * fakes: smp smp_program lock log heap page fail
 */
#include "fake/smp.h"
#include "fake/console_files.h"
#include "fs/console.h"
#include "fs/epoll.h"
#include "fs/eventfd.h"
#include "fs/fcntl.h"
#include "fs/flock.h"
#include "fs/node.h"
#include "fs/pipe.h"
#include "fs/poll.h"

/* Nothing here is in the file tree, or in a set. */
void entry_put(struct entry *e)
{
	CHECK(e == NULL);
}

void node_stat(struct node *n, struct file_stat *out)
{
	CHECK(n == NULL);
}

void flock_drop(struct file *f)
{
	CHECK(f == NULL);
}

void epoll_forget(struct file *f)
{
	CHECK(f == NULL);
}

static ssize64_t move(struct file *f, void *buf, size_t n, bool write)
{
	struct uio_vec vec;
	struct uio u;
	ssize64_t r;

	smp_point();
	uio_init(&u, &vec, (uintptr_t)buf, n, false);
	r = write ? file_write(f, &u) : file_read(f, &u);
	CHECK(r < 0 || u.left == n - (size_t)r);
	return smp_leave(r);
}

/* --- one writer, one reader: a stream; others change the capacity --- */

#define STREAM_MAX 20000u

static struct file *ends[2];
static _Atomic bool stream_over;

static long set_capacity(unsigned long bytes)
{
	return ends[0]->ops->capacity(ends[0], &bytes);
}

static void stream_writer(void *arg)
{
	uint8_t *buf = malloc(STREAM_MAX);
	uint64_t at = 0;

	(void)arg;
	while (!smp_over()) {
		size_t n = 1 + smp_random(smp_random(2) ? 100 : STREAM_MAX);

		for (size_t i = 0; i < n; i++)
			buf[i] = (uint8_t)((at + i) * 7 >> 2);
		CHECK_EQ(move(ends[1], buf, n, true), n);
		at += n;
	}
	file_put(ends[1]);
	free(buf);
}

static void stream_reader(void *arg)
{
	uint8_t *buf = malloc(STREAM_MAX);
	uint64_t at = 0;
	ssize64_t n;

	(void)arg;
	while ((n = move(ends[0], buf, 1 + smp_random(STREAM_MAX), false)) > 0)
		for (ssize64_t i = 0; i < n; i++, at++)
			CHECK_EQ(buf[i], (uint8_t)(at * 7 >> 2));
	CHECK_EQ(n, 0);
	atomic_store(&stream_over, true);
	free(buf);
}

static void stream_resizer(void *arg)
{
	(void)arg;
	while (!atomic_load(&stream_over)) {
		long r;

		smp_point();
		r = set_capacity(4096ul << smp_random(5));
		CHECK(r > 0 || r == -EBUSY);
		smp_leave(0);
		smp_spend(smp_random(100000));
	}
}

static void bytes_stay_in_order(void)
{
	struct smp_thread *t[3];

	CHECK_EQ(pipe_create(0, &ends[0], &ends[1]), 0);
	CHECK_EQ(set_capacity(4096), 4096);
	atomic_store(&stream_over, false);
	t[0] = smp_start(stream_writer, NULL);
	t[1] = smp_start(stream_reader, NULL);
	t[2] = smp_start(stream_resizer, NULL);
	for (unsigned i = 0; i < 3; i++)
		smp_join(t[i]);
	smp_point();
	file_put(ends[0]);
	smp_leave(0);
}

/* --- many writers and readers: records --- */

#define WRITERS 3u
#define READERS 3u

struct record {
	uint32_t writer, number, sum;
	uint8_t filling[52];
};

static _Atomic uint64_t records_written, records_read;

static uint32_t record_sum(const struct record *r)
{
	uint32_t sum = r->writer * 31 + r->number;

	for (size_t i = 0; i < sizeof(r->filling); i++)
		sum = sum * 33 + r->filling[i];
	return sum;
}

static void record_writer(void *arg)
{
	struct record r = {.writer = (uint32_t)(uintptr_t)arg};

	while (!smp_over()) {
		memset(r.filling, (int)smp_random(256), sizeof(r.filling));
		r.number++;
		r.sum = record_sum(&r);
		CHECK_EQ(move(ends[1], &r, sizeof(r), true), sizeof(r));
		atomic_fetch_add(&records_written, 1);
	}
}

static void record_reader(void *arg)
{
	uint32_t last[WRITERS] = {0};
	struct record r[4];
	ssize64_t n;

	(void)arg;
	while ((n = move(ends[0], r, (1 + smp_random(4)) * sizeof(*r), false)) > 0) {
		CHECK_EQ(n % (ssize64_t)sizeof(*r), 0);
		for (ssize64_t i = 0; i < n / (ssize64_t)sizeof(*r); i++) {
			CHECK(r[i].writer < WRITERS);
			CHECK_EQ(r[i].sum, record_sum(&r[i]));
			CHECK(r[i].number > last[r[i].writer]);
			last[r[i].writer] = r[i].number;
			atomic_fetch_add(&records_read, 1);
		}
	}
	CHECK_EQ(n, 0);
}

static void records_stay_whole(void)
{
	struct smp_thread *readers[READERS], *writers[WRITERS];

	CHECK_EQ(pipe_create(0, &ends[0], &ends[1]), 0);
	CHECK_EQ(set_capacity(4096), 4096);
	atomic_store(&records_written, 0);
	atomic_store(&records_read, 0);
	for (unsigned i = 0; i < READERS; i++)
		readers[i] = smp_start(record_reader, NULL);
	for (unsigned i = 0; i < WRITERS; i++)
		writers[i] = smp_start(record_writer, (void *)(uintptr_t)i);
	for (unsigned i = 0; i < WRITERS; i++)
		smp_join(writers[i]);
	smp_point();
	file_put(ends[1]);
	smp_leave(0);
	for (unsigned i = 0; i < READERS; i++)
		smp_join(readers[i]);
	CHECK_EQ(atomic_load(&records_read), atomic_load(&records_written));
	smp_point();
	file_put(ends[0]);
	smp_leave(0);
}

/* --- descriptors --- */

#define SLOTS 8u
#define FIRST 20

static _Atomic uint64_t bytes_written;

/* The writing end comes and goes under several numbers, and is used by them. */
static void table_user(void *arg)
{
	(void)arg;
	while (!smp_over()) {
		int fd = FIRST + (int)smp_random(SLOTS);
		struct file *f;
		ssize64_t n;

		smp_point();
		switch (smp_random(4)) {
		case 0:
			n = fd_close(fd);
			CHECK(n == 0 || n == -EBADF);
			break;
		case 1:
			n = fd_replace(file_get(ends[1]), fd, false);
			CHECK(n == fd || n == -EBUSY);
			if (n < 0)
				file_put(ends[1]);
			break;
		case 2:
			n = fd_cloexec_set(fd, smp_random(2));
			CHECK(n == 0 || n == -EBADF);
			break;
		default:
			f = fd_borrow(fd);
			if (f == NULL)
				break;
			CHECK(f == ends[1]);
			n = move(f, "x", 1, true);
			CHECK_EQ(n, 1);
			atomic_fetch_add(&bytes_written, 1);
			fd_return(fd, f);
		}
		smp_leave(0);
	}
}

static void table_reader(void *arg)
{
	char buf[100];
	uint64_t total = 0;
	ssize64_t n;

	(void)arg;
	while ((n = move(ends[0], buf, sizeof(buf), false)) > 0)
		total += (uint64_t)n;
	CHECK_EQ(n, 0);
	CHECK_EQ(total, atomic_load(&bytes_written));
}

static void files_live_as_long_as_they_are_used(void)
{
	struct smp_thread *reader, *users[5];

	CHECK_EQ(pipe_create(0, &ends[0], &ends[1]), 0);
	atomic_store(&bytes_written, 0);
	reader = smp_start(table_reader, NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(users); i++)
		users[i] = smp_start(table_user, NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(users); i++)
		smp_join(users[i]);
	smp_point();
	fd_close_range(FIRST, FIRST + SLOTS - 1, false);
	/* The last one: had a reference been lost, the end would have come before, or not at all.
	 */
	file_put(ends[1]);
	smp_leave(0);
	smp_join(reader);
	smp_point();
	file_put(ends[0]);
	smp_leave(0);
}

/* --- eventfds, and polling --- */

static struct file *event;
static _Atomic uint64_t added;

static void event_adder(void *arg)
{
	(void)arg;
	while (!smp_over()) {
		uint64_t v = 1 + smp_random(3);

		CHECK_EQ(move(event, &v, sizeof(v), true), sizeof(v));
		atomic_fetch_add(&added, v);
		smp_spend(smp_random(20000));
	}
}

static void event_taker(void *arg)
{
	uint64_t taken = 0, v, stop = 1ul << 40;

	(void)arg;
	while (taken < stop) {
		struct poll_slot slot = {.file = event, .events = POLLIN};

		smp_point();
		if (smp_random(2))
			CHECK_EQ(poll_slots(&slot, 1, NEVER), 1);
		smp_leave(0);
		CHECK_EQ(move(event, &v, sizeof(v), false), sizeof(v));
		CHECK(v > 0);
		taken += v;
	}
	CHECK_EQ(taken - stop, atomic_load(&added));
}

static void what_is_added_is_taken(void)
{
	struct smp_thread *taker, *adders[3];
	uint64_t stop = 1ul << 40;

	CHECK_EQ(eventfd_create(0, 0, &event), 0);
	atomic_store(&added, 0);
	taker = smp_start(event_taker, NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(adders); i++)
		adders[i] = smp_start(event_adder, NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(adders); i++)
		smp_join(adders[i]);
	CHECK_EQ(move(event, &stop, sizeof(stop), true), sizeof(stop));
	smp_join(taker);
	smp_point();
	file_put(event);
	smp_leave(0);
}

int main(void)
{
	static const struct smp_test tests[] = {
		{"bytes_stay_in_order", bytes_stay_in_order},
		{"records_stay_whole", records_stay_whole},
		{"files_live_as_long_as_they_are_used", files_live_as_long_as_they_are_used},
		{"what_is_added_is_taken", what_is_added_is_taken},
	};

	fd_init();
	return smp_run(tests, ARRAY_SIZE(tests));
}
