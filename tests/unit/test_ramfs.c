/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Files in memory: contents against an array, far apart too; every call without memory leaves
 * nothing half done and nothing lost; the limit; keys of folders.
 *
 * sources: fs/node.c fs/fixed.c fs/walk.c fs/open.c fs/dir.c fs/dev.c fs/exe.c
 * sources: fs/flock.c fs/ramfs.c fs/ramdata.c fs/pipe.c fs/poll.c fs/uio.c fs/file.c fs/fd.c
 * sources: core/mutex.c core/rwmutex.c core/futex.c core/futex_pi.c core/thread.c core/sched.c
 * sources: core/sleep.c core/cpus.c core/wait.c core/timer.c core/signal.c
 * sources: base/rbtree.c base/string.c base/fmt.c
 * fakes: machine lock log random heap page fail
 */
#include "fake/fake.h"

#include "base/errno.h"
#include "core/page.h"
#include "fake/machine.h"
#include "fake/console_files.h"
#include "fs/console.h"
#include "fs/epoll.h"
#include "fs/fixed.h"
#include "fs/flock.h"
#include "fs/pipe.h"
#include "fs/ramfs.h"

int proc_text_open(struct entry *e, unsigned flags, struct file **out)
{
	return -ENOMEM;
}

int console_open_tty(struct entry *e, unsigned flags, struct file **out)
{
	return -ENXIO;
}

void epoll_forget(struct file *f)
{
	fail_msg("no file is in a set");
}

static ssize64_t exe_read(void *buf, size_t n, uint64_t off, uint64_t *size)
{
	return -ENOENT;
}

static const struct node_change_ops *change;

/* What is there from the begin on takes no memory. */
static int setup(void **state)
{
	static struct plat_ops ops;

	machine_reset();
	ops = *plat;
	ops.exe_read = exe_read;
	plat = &ops;
	change = ramfs_root()->node->ops->change;
	return 0;
}

static int open_at(const char *path, unsigned flags, struct file **out)
{
	return tree_open(ramfs_root(), path, flags, 0644, out);
}

static ssize64_t move(struct file *f, void *buf, size_t n, uint64_t pos, bool write)
{
	struct uio_vec vec;
	struct uio u;

	uio_init(&u, &vec, (uintptr_t)buf, n, fake_random_below(2));
	return write ? file_pwrite(f, &u, pos) : file_pread(f, &u, pos);
}

/* --- contents --- */

#define MODEL_MAX 600000u
static uint8_t model[MODEL_MAX], data[MODEL_MAX];
static size_t model_size;

static void model_write(struct file *f, size_t pos, size_t n)
{
	ssize64_t r;

	for (size_t i = 0; i < n; i++)
		data[i] = (uint8_t)fake_random_below(256);
	r = move(f, data, n, pos, true);
	if (!fake_has_failed())
		assert_int_equal(r, n);
	else
		assert_true(r > 0 || r == -ENOSPC);
	if (r > 0) {
		memcpy(model + pos, data, (size_t)r);
		model_size = MAX(model_size, pos + (size_t)r);
	}
}

static void model_read(struct file *f, size_t pos, size_t n)
{
	size_t want = pos < model_size ? MIN(n, model_size - pos) : 0;

	assert_int_equal(move(f, data, n, pos, false), want);
	assert_memory_equal(data, model + pos, want);
}

static void model_cut(struct file *f, size_t size)
{
	assert_int_equal(change->truncate(f->entry->node, size), 0);
	if (size < model_size)
		memset(model + size, 0, model_size - size);
	model_size = size;
}

static void model_allocate(struct file *f, size_t pos, size_t n)
{
	bool punch = fake_random_below(2), keep = punch || fake_random_below(2);
	int err = ramfs_allocate(f, (punch ? FALLOC_PUNCH_HOLE : 0) | (keep ? FALLOC_KEEP_SIZE : 0),
				 pos, n);

	assert_true(err == 0 || (err == -ENOSPC && fake_has_failed()));
	if (err != 0)
		return;
	if (punch)
		memset(model + pos, 0, n);
	else if (!keep)
		model_size = MAX(model_size, pos + n);
}

static void contents_are_an_array(unsigned fail_every)
{
	struct file *f;

	memset(model, 0, sizeof(model));
	model_size = 0;
	assert_int_equal(open_at("f", O_RDWR | O_CREAT, &f), 0);
	for (unsigned i = 0; i < 3000; i++) {
		size_t n = 1 + fake_random_below(fake_random_below(4) ? 3000 : 40000);
		size_t pos = fake_random_below(MODEL_MAX - n);

		if (fail_every != 0 && fake_random_below(fail_every) == 0)
			fake_fail_at(1 + (unsigned)fake_random_below(4));
		switch (fake_random_below(8)) {
		case 0:
			model_cut(f, pos);
			break;
		case 1:
			model_allocate(f, pos, n);
			break;
		case 2:
		case 3:
		case 4:
			model_write(f, pos, n);
			break;
		default:
			model_read(f, pos, n);
		}
		fake_fail_at(0);
	}
	model_read(f, 0, MODEL_MAX);
	model_cut(f, 0);
	assert_int_equal(fake_pages_in_use, 0);
	file_put(f);
	assert_int_equal(change->unlink(ramfs_root(), "f", 1, false), 0);
}

static void contents_are_as_written(void **state)
{
	contents_are_an_array(0);
	assert_int_equal(fake_heap_objects, 0);
}

static void contents_survive_missing_memory(void **state)
{
	contents_are_an_array(3);
	assert_int_equal(fake_heap_objects, 0);
}

/* Pages far apart: where they are found, what is between them, what seeking for data says. */
static void holes_are_as_large_as_a_file_may_be(void **state)
{
	static const uint64_t places[] = {
		0,         4096ul * 63,     4096ul * 64,     4096ul * 4096,
		1ul << 33, (1ul << 40) + 5, (1ul << 52) + 1, (1ul << 62) + 7};
	struct file *f;
	uint64_t next;

	assert_int_equal(open_at("f", O_RDWR | O_CREAT, &f), 0);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		uint8_t byte = (uint8_t)(i + 1);

		assert_int_equal(move(f, &byte, 1, places[i], true), 1);
	}
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		uint8_t bytes[3] = {9, 9, 9};

		assert_in_range(move(f, bytes, 3, places[i], false), 1, 3);
		assert_int_equal(bytes[0], i + 1);
		next = (uint64_t)file_seek(f, (int64_t)(ALIGN_DOWN(places[i], PAGE_SIZE) + 1),
					   SEEK_DATA);
		assert_int_equal(next, ALIGN_DOWN(places[i], PAGE_SIZE) + 1);
		if (i + 1 < ARRAY_SIZE(places)) {
			next = (uint64_t)file_seek(
				f, (int64_t)ALIGN_DOWN(places[i] + PAGE_SIZE, PAGE_SIZE),
				SEEK_DATA);
			assert_int_equal(next, ALIGN_DOWN(places[i + 1], PAGE_SIZE));
		}
	}
	assert_int_equal(fake_pages_in_use, ARRAY_SIZE(places));
	assert_int_equal(
		ramfs_allocate(f, FALLOC_PUNCH_HOLE | FALLOC_KEEP_SIZE, PAGE_SIZE, 1ul << 45), 0);
	assert_int_equal(fake_pages_in_use, 3);
	assert_int_equal(file_seek(f, PAGE_SIZE, SEEK_DATA), 1ul << 52);
	assert_int_equal(change->truncate(f->entry->node, 1), 0);
	assert_int_equal(fake_pages_in_use, 1);
	file_put(f);
	assert_int_equal(change->unlink(ramfs_root(), "f", 1, false), 0);
	assert_int_equal(fake_heap_objects, 0);
}

/* --- without memory --- */

static void remove_name(const char *name)
{
	struct entry *root = ramfs_root();

	if (change->unlink(root, name, strlen(name), false) == -EISDIR)
		assert_int_equal(change->unlink(root, name, strlen(name), true), 0);
}

/* Everything that can be done once, with names a and b, where b is there before. */
static void change_once(unsigned what)
{
	const struct node_new folder = {.mode = S_IFDIR | 0755};
	const struct node_new fifo = {.mode = S_IFIFO | 0600, .fifo_open = fifo_open};
	const struct node_new link = {.mode = S_IFLNK | 0777, .target = "where/it/leads"};
	struct entry *root = ramfs_root(), *e = NULL, *b = NULL;
	const struct node_place from = {root, "b", 1, false}, to = {root, "a", 1, false};
	struct file *f = NULL;
	char byte = 1;

	switch (what) {
	case 0:
		if (open_at("a", O_RDWR | O_CREAT, &f) == 0) {
			(void)move(f, &byte, 1, 5000000, true);
			file_put(f);
		}
		break;
	case 1:
		(void)change->create(root, "a", 1, &folder, &e);
		break;
	case 2:
		(void)change->create(root, "a", 1, &link, &e);
		break;
	case 3:
		(void)change->create(root, "a", 1, &fifo, &e);
		if (e != NULL && open_at("a", O_RDWR, &f) == 0)
			file_put(f);
		break;
	case 4:
		spin_lock(&tree_lock);
		(void)root->node->ops->find(root, "b", 1, &b);
		spin_unlock(&tree_lock);
		(void)change->link(root, "a", 1, b);
		entry_put(b);
		break;
	case 5:
		(void)change->rename(&from, &to, 0);
		break;
	case 6:
		if (open_at(".", O_TMPFILE | O_DIRECTORY | O_RDWR, &f) == 0)
			file_put(f);
		break;
	case 7:
		if (ramfs_create_memfd("memfd:x", 7, true, &f) == 0)
			file_put(f);
		break;
	default:
		if (open_at("b", O_RDWR, &f) == 0) {
			(void)flock_change(f, LOCK_EX);
			file_put(f);
		}
	}
	if (e != NULL)
		entry_put(e);
}

static void nothing_is_left_of_what_fails(void **state)
{
	struct ramfs_usage before, after;
	struct file *f;

	ramfs_usage(&before);
	for (unsigned what = 0; what <= 8; what++) {
		bool failed = true;

		for (unsigned n = 1; failed; n++) {
			assert_in_range(n, 1, 100);
			assert_int_equal(open_at("b", O_RDWR | O_CREAT, &f), 0);
			file_put(f);
			fake_fail_at(n);
			change_once(what);
			failed = fake_has_failed();
			fake_fail_at(0);
			remove_name("a");
			remove_name("b");
			assert_int_equal(fake_heap_objects, 0);
			assert_int_equal(fake_pages_in_use, 0);
		}
	}
	ramfs_usage(&after);
	assert_memory_equal(&before, &after, sizeof(after));
}

/* --- the limit --- */

static void a_full_file_system_says_so(void **state)
{
	static uint8_t big[1 << 20];
	struct ramfs_usage usage;
	struct file *f;
	ssize64_t n;
	uint64_t total = 0;

	fake_pages_total = 4096;
	ramfs_usage(&usage);
	assert_int_equal(usage.pages, 2048);
	assert_int_equal(open_at("f", O_RDWR | O_CREAT, &f), 0);
	while ((n = move(f, big, sizeof(big), total, true)) > 0)
		total += (uint64_t)n;
	assert_int_equal(n, -ENOSPC);
	assert_in_range(total, 2000 * PAGE_SIZE, 2048 * PAGE_SIZE);
	ramfs_usage(&usage);
	assert_in_range(usage.pages_free, 0, 1);
	assert_int_equal(change->truncate(f->entry->node, 0), 0);
	ramfs_usage(&usage);
	assert_in_range(usage.pages_free, 2046, 2048);
	file_put(f);
	remove_name("f");
	fake_pages_total = 1 << 20;
	assert_int_equal(fake_heap_objects, 0);
}

/* --- folders --- */

#define NAMES 3000

/* While a folder is listed step by step, others come and go: what stays is listed once. */
static void what_stays_is_listed_once(void **state)
{
	static uint8_t seen[NAMES];
	struct entry *root = ramfs_root(), *dir, *e;
	const struct node_new folder = {.mode = S_IFDIR | 0755}, file = {.mode = S_IFREG | 0644};
	struct node_dirent d;
	char name[20];

	memset(seen, 0, sizeof(seen));
	assert_int_equal(change->create(root, "dir", 3, &folder, &dir), 0);
	for (unsigned i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "%u", i);
		assert_int_equal(change->create(dir, name, strlen(name), &file, &e), 0);
		entry_put(e);
	}
	for (uint64_t pos = 2; dir->node->ops->list(dir, &pos, &d); pos++) {
		unsigned n = (unsigned)strtoul(d.name, NULL, 10);

		if (d.name[0] != 'x')
			seen[n]++;
		for (unsigned k = 0; k < 3; k++) {
			snprintf(name, sizeof(name), "x%u", (unsigned)fake_random_below(500));
			if (change->create(dir, name, strlen(name), &file, &e) == -EEXIST)
				assert_int_equal(change->unlink(dir, name, strlen(name), false), 0);
			entry_put(e);
		}
	}
	for (unsigned i = 0; i < NAMES; i++)
		assert_int_equal(seen[i], 1);
	for (uint64_t pos = 2; dir->node->ops->list(dir, &pos, &d); pos++)
		assert_int_equal(change->unlink(dir, d.name, strlen(d.name), false), 0);
	entry_put(dir);
	remove_name("dir");
	assert_int_equal(fake_heap_objects, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(contents_are_as_written),
		cmocka_unit_test(contents_survive_missing_memory),
		cmocka_unit_test(holes_are_as_large_as_a_file_may_be),
		cmocka_unit_test(nothing_is_left_of_what_fails),
		cmocka_unit_test(a_full_file_system_says_so),
		cmocka_unit_test(what_stays_is_listed_once),
	};

	fake_seed_from_env();
	fd_init();
	return cmocka_run_group_tests_name("ramfs", tests, setup, NULL);
}
