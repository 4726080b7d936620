/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Pipes against a model, with random reads, writes and capacities, memory that runs out, and
 * threads at both ends; the descriptor table against an array.
 *
 * sources: fs/pipe.c fs/uio.c fs/file.c fs/fd.c fs/poll.c fs/epoll.c fs/eventfd.c core/mutex.c
 * sources: core/futex.c core/futex_pi.c core/thread.c core/sched.c core/sleep.c core/cpus.c
 * sources: core/wait.c core/timer.c core/signal.c base/rbtree.c base/string.c
 * fakes: machine lock log random heap page fail
 */
#include "fake/fake.h"

#include "base/errno.h"
#include "fake/machine.h"
#include "fake/console_files.h"
#include "fs/console.h"
#include "fs/eventfd.h"
#include "fs/fcntl.h"
#include "fs/flock.h"
#include "fs/node.h"
#include "fs/pipe.h"
#include "fs/poll.h"

/* Nothing here is in the file tree. */
void entry_put(struct entry *e)
{
	fail_msg("an entry");
}

void node_stat(struct node *n, struct file_stat *out)
{
	fail_msg("a node");
}

void flock_drop(struct file *f)
{
	fail_msg("a lock");
}

static ssize64_t move(struct file *f, void *buf, size_t n, bool write)
{
	struct uio_vec vec[3];
	struct uio u;
	size_t a = fake_random_below(n + 1), b = fake_random_below(n - a + 1);

	/* In three pieces, any of which may be empty. */
	vec[0] = (struct uio_vec){(uintptr_t)buf, a};
	vec[1] = (struct uio_vec){(uintptr_t)buf + a, b};
	vec[2] = (struct uio_vec){(uintptr_t)buf + a + b, n - a - b};
	u = (struct uio){.vec = vec, .left = n, .kernel = fake_random_below(2)};
	return write ? file_write(f, &u) : file_read(f, &u);
}

static int setup(void **state)
{
	machine_reset();
	fd_init();
	return 0;
}

#define MODEL_MAX (1u << 20)
static uint8_t model[MODEL_MAX], chunk[300000];
static size_t model_len;
static unsigned fail_every; /* 0: memory never runs out */

static void model_step(struct file *reader, struct file *writer, uint8_t *next)
{
	size_t n = 1 + fake_random_below(fake_random_below(3) ? 5000 : 150000);
	unsigned long capacity;
	long cap = reader->ops->capacity(reader, NULL);
	size_t room = (size_t)cap - model_len;
	ssize64_t r;
	bool fits;

	if (fail_every != 0 && fake_random_below(fail_every) == 0)
		fake_fail_at(1 + (unsigned)fake_random_below(4));
	switch (fake_random_below(9)) {
	case 0:
		capacity = 1ul << (10 + fake_random_below(9));
		r = writer->ops->capacity(writer, &capacity);
		assert_true(r == -EBUSY || r == -ENOMEM || (size_t)r >= model_len);
		break;
	case 1:
	case 2:
	case 3:
	case 4:
		for (size_t i = 0; i < n; i++)
			chunk[i] = (*next)++;
		r = move(writer, chunk, n, true);
		fits = n <= PIPE_BUF ? room >= n : room > 0;
		if (!fake_has_failed())
			assert_int_equal(r, fits ? (ssize64_t)MIN(n, room) : -EAGAIN);
		if (r > 0) {
			memcpy(model + model_len, chunk, (size_t)r);
			model_len += (size_t)r;
		}
		*next = (uint8_t)(model_len ? model[model_len - 1] + 1 : 0);
		break;
	default:
		r = move(reader, chunk, n, false);
		assert_int_equal(r, model_len ? (ssize64_t)MIN(n, model_len) : -EAGAIN);
		if (r > 0) {
			assert_memory_equal(chunk, model, (size_t)r);
			model_len -= (size_t)r;
			memmove(model, model + r, model_len);
		}
	}
	fake_fail_at(0);
}

static void model_thread(void *arg)
{
	struct file *reader, *writer;
	uint8_t next = 0;

	model_len = 0;
	assert_int_equal(pipe_create(O_NONBLOCK, &reader, &writer), 0);
	for (unsigned i = 0; i < 20000; i++)
		model_step(reader, writer, &next);
	file_put(writer);
	while (model_len > 0) {
		ssize64_t r = move(reader, chunk, sizeof(chunk), false);

		assert_int_equal(r, MIN(model_len, sizeof(chunk)));
		model_len -= (size_t)r;
	}
	assert_int_equal(move(reader, chunk, 10, false), 0);
	file_put(reader);
	assert_int_equal(fake_pages_in_use, 0);
}

static void pipe_is_a_queue_of_bytes(void **state)
{
	fail_every = 0;
	machine_thread(model_thread, NULL);
	assert_int_equal(machine_run(), 0);
}

static void pipe_loses_nothing_without_memory(void **state)
{
	fail_every = 3;
	machine_thread(model_thread, NULL);
	assert_int_equal(machine_run(), 0);
}

/* --- threads at both ends --- */

#define STREAM 2000000u
static struct file *ends[2];

static void stream_writer(void *arg)
{
	uint32_t done = 0;

	while (done < STREAM) {
		size_t n = 1 + fake_random_below(100000);

		n = MIN(n, STREAM - done);
		for (size_t i = 0; i < n; i++)
			chunk[i] = (uint8_t)((done + i) * 7);
		assert_int_equal(move(ends[1], chunk, n, true), n);
		done += (uint32_t)n;
	}
	file_put(ends[1]);
}

static void stream_reader(void *arg)
{
	static uint8_t got[70000];
	uint32_t done = 0;
	ssize64_t n;

	while ((n = move(ends[0], got, 1 + fake_random_below(sizeof(got)), false)) > 0) {
		for (ssize64_t i = 0; i < n; i++)
			assert_int_equal(got[i], (uint8_t)((done + (uint32_t)i) * 7));
		done += (uint32_t)n;
	}
	assert_int_equal(n, 0);
	assert_int_equal(done, STREAM);
	file_put(ends[0]);
}

static void pipe_blocks_at_both_ends(void **state)
{
	assert_int_equal(pipe_create(0, &ends[0], &ends[1]), 0);
	machine_thread(stream_writer, NULL);
	machine_thread(stream_reader, NULL);
	assert_int_equal(machine_run(), 0);
}

static void pipe_creation_without_memory_leaves_nothing(void **state)
{
	struct file *r, *w;
	uint64_t before = fake_heap_objects;

	FOR_EACH_FAILURE({
		if (pipe_create(0, &r, &w) == 0) {
			file_put(r);
			file_put(w);
		} else {
			assert_true(fake_has_failed());
		}
		assert_int_equal(fake_heap_objects, before);
	});
}

/* --- poll --- */

static void poll_waiter(void *arg)
{
	struct poll_slot slots[3] = {{.file = ends[0], .events = POLLIN},
				     {.file = arg, .events = POLLIN},
				     {.found = POLLNVAL}};

	assert_int_equal(poll_slots(slots, 3, NEVER), 1);
	slots[2].found = 0;
	assert_int_equal(poll_slots(slots, 2, 0), 0);
	assert_int_equal(poll_slots(slots, 2, machine_now_ns + 1000000), 0);
	assert_int_equal(poll_slots(slots, 2, NEVER), 1);
	assert_int_equal(slots[0].found, 0);
	assert_int_equal(slots[1].found, POLLIN);
	file_put(ends[1]);
	assert_int_equal(poll_slots(slots, 2, NEVER), 2);
	assert_int_equal(slots[0].found, POLLHUP);
	file_put(ends[0]);
	file_put(arg);
}

static void poll_waker(void *arg)
{
	uint64_t one = 1;
	struct uio_vec vec;
	struct uio u;

	machine_spend(5000000);
	sched_yield();
	uio_init(&u, &vec, (uintptr_t)&one, sizeof(one), true);
	assert_int_equal(file_write(arg, &u), 8);
}

static void poll_waits_for_several(void **state)
{
	struct file *event;

	assert_int_equal(pipe_create(0, &ends[0], &ends[1]), 0);
	assert_int_equal(eventfd_create(0, 0, &event), 0);
	machine_thread(poll_waiter, event);
	machine_thread(poll_waker, event);
	assert_int_equal(machine_run(), 0);
}

/* --- descriptors --- */

#define FDS 300
static struct file *table[FDS];

static void fd_check(void)
{
	for (int fd = 3; fd < FDS; fd++) {
		struct file *f = fd_get(fd);

		assert_ptr_equal(f, table[fd]);
		if (f != NULL)
			file_put(f);
	}
}

static int lowest_free(int min)
{
	while (table[min] != NULL)
		min++;
	return min;
}

static void fd_thread(void *arg)
{
	struct file *f;

	atomic_store(&fd_limit, FDS - 10);
	for (unsigned i = 0; i < 5000; i++) {
		int fd = 3 + (int)fake_random_below(FDS - 20), min = 3 + (int)fake_random_below(20);

		switch (fake_random_below(4)) {
		case 0:
		case 1:
			assert_int_equal(eventfd_create(0, 0, &f), 0);
			assert_int_equal(fd_install(f, min, false), lowest_free(min));
			table[lowest_free(min)] = f;
			break;
		case 2:
			assert_int_equal(fd_close(fd), table[fd] ? 0 : -EBADF);
			table[fd] = NULL;
			break;
		default:
			assert_int_equal(eventfd_create(0, 0, &f), 0);
			assert_int_equal(fd_replace(f, fd, true), fd);
			assert_int_equal(fd_cloexec_get(fd), 1);
			table[fd] = f;
		}
		if (lowest_free(23) > FDS - 30) {
			fd_close_range(3, 100, false);
			memset(table, 0, 101 * sizeof(*table));
		}
		if (i % 50 == 0)
			fd_check();
	}
	assert_int_equal(fd_replace(console_files, FDS, false), -EBADF);
	assert_int_equal(fd_install(file_get(console_files), FDS, false), -EINVAL);
	fd_close_range(3, UINT32_MAX, false);
	assert_int_equal(fd_next(3), -1);
}

static void fd_table_is_an_array_of_files(void **state)
{
	machine_thread(fd_thread, NULL);
	assert_int_equal(machine_run(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(pipe_is_a_queue_of_bytes, setup),
		cmocka_unit_test_setup(pipe_loses_nothing_without_memory, setup),
		cmocka_unit_test_setup(pipe_blocks_at_both_ends, setup),
		cmocka_unit_test_setup(pipe_creation_without_memory_leaves_nothing, setup),
		cmocka_unit_test_setup(poll_waits_for_several, setup),
		cmocka_unit_test_setup(fd_table_is_an_array_of_files, setup),
	};

	fake_seed_from_env();
	return cmocka_run_group_tests_name("pipe", tests, NULL, NULL);
}
