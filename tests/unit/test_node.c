/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Paths in the fixed tree: what resolves where, a slow model for random paths, garbage, folders,
 * links and texts.
 *
 * sources: fs/node.c fs/fixed.c fs/walk.c fs/open.c fs/dir.c fs/dev.c fs/exe.c fs/proc.c
 * sources: fs/proc_cpu.c fs/load.c fs/flock.c fs/ramfs.c fs/ramdata.c fs/pipe.c fs/poll.c
 * sources: fs/uio.c fs/file.c fs/fd.c core/mutex.c core/rwmutex.c core/futex.c core/futex_pi.c
 * sources: core/thread.c core/sched.c core/sleep.c core/cpus.c core/wait.c core/timer.c
 * sources: core/signal.c base/rbtree.c base/string.c base/fmt.c
 * fakes: machine lock log random heap page fail
 */
#include "fake/fake.h"

#include "base/errno.h"
#include "core/thread.h"
#include "core/vma.h"
#include "fake/machine.h"
#include "fs/console.h"
#include "fs/fcntl.h"
#include "fs/epoll.h"
#include "fs/fixed.h"
#include "plat/plat.h"

/* --- what the files of /proc look at --- */

#define EXE_SIZE 10000u

static void null_stat(struct file *f, struct file_stat *out)
{
	out->mode = S_IFIFO;
}

static void null_release(struct file *f)
{
}

static const struct file_ops null_ops = {.stat = null_stat, .release = null_release};
struct file console_files[3] = {{.ops = &null_ops, .refs = 1},
				{.ops = &null_ops, .refs = 1},
				{.ops = &null_ops, .refs = 1}};

int console_open_tty(struct entry *e, unsigned flags, struct file **out)
{
	return -ENXIO;
}

bool vma_find(vaddr_t addr, bool next, struct vma *out)
{
	uint64_t i = addr / 0x10000 + (addr % 0x10000 != 0);

	*out = (struct vma){.start = i * 0x10000,
			    .end = i * 0x10000 + 0x8000,
			    .prot = i % 8,
			    .name = i == 3 ? "[stack]" : NULL};
	return i < 1000;
}

void vma_usage(uint64_t *mapped, uint64_t *touched)
{
	*mapped = 4096 * 100;
	*touched = 4096 * 7;
}

void epoll_forget(struct file *f)
{
	fail_msg("no file is in a set");
}

void arch_cpu_name(struct arch_cpu_name *out)
{
	*out = (struct arch_cpu_name){.vendor = "Maker", .brand = "Model", .family = 6};
}

static ssize64_t exe_read(void *buf, size_t n, uint64_t off, uint64_t *size)
{
	if (size != NULL)
		*size = EXE_SIZE;
	if (off >= EXE_SIZE)
		return 0;
	n = MIN(n, EXE_SIZE - off);
	for (size_t i = 0; i < n; i++)
		((uint8_t *)buf)[i] = (uint8_t)((off + i) % 251);
	return (ssize64_t)n;
}

static void ram_info(uint64_t *total, uint64_t *free)
{
	*total = 64 << 20;
	*free = 32 << 20;
}

static void machine_with_files(void)
{
	static struct plat_ops ops;

	machine_reset();
	ops = *plat;
	ops.exe_read = exe_read;
	ops.ram_info = ram_info;
	plat = &ops;
}

/* --- paths --- */

static struct entry *dev(void)
{
	return fixed_entry(FIXED_DEV);
}

/* What a path leads to from base: its path, or the errno as text. */
static const char *find_from(struct entry *base, const char *path, bool follow)
{
	static char text[PATH_MAX];
	struct entry *e;
	struct walk w;
	int err = walk_begin(&w, base, path, follow ? WALK_FOLLOW : 0);

	if (err == 0)
		err = walk_take(&w, &e);
	if (err != 0) {
		snprintf(text, sizeof(text), "%d", err);
		return text;
	}
	assert_in_range(entry_path(e, text, sizeof(text), NULL), 1, sizeof(text));
	entry_put(e);
	return text;
}

#define NOENT "-2"
#define NOTDIR "-20"

static void paths_resolve_as_in_posix(void **state)
{
	static const struct {
		const char *path;
		bool follow;
		const char *leads_to;
	} cases[] = {
		{"/", true, "/"},
		{"", true, NOENT},
		{".", true, "/dev"},
		{"..", true, "/"},
		{"../../..", true, "/"},
		{"null", true, "/dev/null"},
		{"nul", true, NOENT},
		{"null/", true, NOTDIR},
		{"null/.", true, NOTDIR},
		{"nowhere/", true, NOENT},
		{"nowhere/x", true, NOENT},
		{"//dev///null", true, "/dev/null"},
		{"/dev/../proc/self", true, "/proc/self"},
		{"/proc/self/exe", true, "/bin/program"},
		{"/proc/self/exe", false, "/proc/self/exe"},
		{"/proc/self/exe/", false, NOTDIR},
		{"/bin/program", true, "/bin/program"},
		{"/bin/program2", true, NOENT},
		{"fd", false, "/dev/fd"},
		{"fd", true, "/proc/self/fd"},
		{"fd/", false, "/proc/self/fd"},
		{"fd/2", false, "/proc/self/fd/2"},
		{"fd/2", true, "/proc/self/fd/2"},
		{"fd/02", true, NOENT},
		{"fd/9", true, NOENT},
		{"fd/99999999999", true, NOENT},
		{"fd/2/x", true, NOTDIR},
		{"stdout", true, "/proc/self/fd/1"},
		{"fd/..", true, "/proc/self"},
		{"/tmp", true, "/tmp"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(find_from(dev(), cases[i].path, cases[i].follow),
				    cases[i].leads_to);
}

static void a_missing_last_part_has_a_parent(void **state)
{
	char text[64];
	struct walk w;

	assert_int_equal(walk_begin(&w, dev(), "../tmp/new//", WALK_FOLLOW), 0);
	assert_null(w.entry);
	assert_int_equal(entry_path(w.dir, text, sizeof(text), NULL), 4);
	assert_string_equal(text, "/tmp");
	assert_int_equal(w.len, 3);
	assert_memory_equal(w.name, "new", 3);
	assert_true(w.slash);
	walk_end(&w);
}

static void a_long_name_is_refused(void **state)
{
	char path[600];

	memset(path, 'x', sizeof(path));
	path[255] = 0;
	assert_string_equal(find_from(dev(), path, true), NOENT);
	path[255] = 'x';
	path[256] = '/';
	path[299] = 0;
	assert_string_equal(find_from(dev(), path, true), "-36");
}

/* Every path that is made of parts that exist gives what walking them one by one gives. */
static void random_paths_are_walked_part_by_part(void **state)
{
	static const char *const parts[] = {".",   "..",   "dev", "proc", "self",
					    "tmp", "null", "fd",  "maps", "zz"};

	for (unsigned round = 0; round < 20000; round++) {
		struct entry *at = fake_random_below(2) ? tree_root() : entry_get(dev());
		char path[200] = "", want[100];
		int err = 0;

		if (at->parent == at)
			strcat(path, "/");
		for (unsigned i = 1 + (unsigned)fake_random_below(6); i > 0; i--) {
			const char *part = parts[fake_random_below(ARRAY_SIZE(parts))];
			struct entry *next = NULL;
			struct walk w;

			if (err == 0)
				err = walk_begin(&w, at, part, WALK_FOLLOW);
			if (err == 0)
				err = walk_take(&w, &next);
			if (err == 0) {
				entry_put(at);
				at = next;
			}
			strcat(path, part);
			strcat(path, i > 1 ? (fake_random_below(3) ? "/" : "//") : "");
		}
		if (err == 0)
			entry_path(at, want, sizeof(want), NULL);
		else
			snprintf(want, sizeof(want), "%d", err);
		entry_put(at);
		assert_string_equal(find_from(dev(), path, true), want);
	}
}

static void garbage_paths_do_no_harm(void **state)
{
	uint64_t before = fake_heap_objects;

	for (unsigned round = 0; round < 50000; round++) {
		size_t n = fake_random_below(24);
		char *path = malloc(n + 1);

		for (size_t i = 0; i < n; i++)
			path[i] = "/./devfdnul012\x80"[fake_random_below(15)];
		path[n] = 0;
		(void)find_from(fixed_entry(FIXED_PROC_SELF), path, fake_random_below(2));
		free(path);
	}
	assert_int_equal(fake_heap_objects, before);
}

/* Where the link at path leads, as text; or -errno. */
static ssize64_t read_link(const char *path, char *buf, size_t cap)
{
	struct entry *e;
	struct walk w;
	ssize64_t n;

	assert_int_equal(walk_begin(&w, dev(), path, 0), 0);
	assert_int_equal(walk_take(&w, &e), 0);
	n = entry_read_link(e, buf, cap);
	entry_put(e);
	return n;
}

static void links_tell_where_they_lead(void **state)
{
	char buf[64];
	struct entry *self = fixed_entry(FIXED_PROC_SELF);

	assert_int_equal(read_link("/proc/self/exe", buf, sizeof(buf)), 12);
	assert_string_equal(buf, "/bin/program");
	read_link("stderr", buf, sizeof(buf));
	assert_string_equal(buf, "/proc/self/fd/2");
	read_link("fd", buf, sizeof(buf));
	assert_string_equal(buf, "/proc/self/fd");
	read_link("fd/0", buf, sizeof(buf));
	assert_string_equal(buf, "pipe:[0]");
	assert_int_equal(read_link("null", buf, sizeof(buf)), -EINVAL);
	assert_int_equal(read_link("/proc/self/exe", buf, 5), -ENAMETOOLONG);
	assert_int_equal(entry_path(self, buf, sizeof(buf), NULL), 10);
	assert_int_equal(entry_path(self, buf, 10, NULL), -ENAMETOOLONG);
	assert_int_equal(entry_path(self, buf, 11, NULL), 10);
	assert_int_equal(entry_path(self->parent->parent, buf, 2, NULL), 1);
	assert_string_equal(buf, "/");
}

static struct file *open_file(const char *path, unsigned flags)
{
	struct file *f;

	assert_int_equal(tree_open(dev(), path, flags, 0, &f), 0);
	return f;
}

/* --- texts and the program's file --- */

static size_t read_in_steps(struct file *f, uint8_t *to, size_t cap, size_t step_max)
{
	size_t done = 0;

	for (;;) {
		struct uio_vec vec;
		struct uio u;
		size_t step = 1 + fake_random_below(step_max);
		ssize64_t n;

		assert_in_range(done + step, 0, cap);
		uio_init(&u, &vec, (uintptr_t)(to + done), step, false);
		n = file_read(f, &u);
		assert_in_range(n, 0, step);
		if (n == 0)
			return done;
		done += (size_t)n;
	}
}

static void texts_are_the_same_in_any_steps(void **state)
{
	static const char *const texts[] = {"/proc/stat",         "/proc/loadavg",
					    "/proc/self/status",  "/proc/cpuinfo",
					    "/proc/meminfo",      "/proc/uptime",
					    "/proc/version",      "/proc/self/maps",
					    "/proc/self/cmdline", "/proc/self/statm"};
	static uint8_t a[200000], b[200000];
	static char args[] = "program\0one\0two";

	proc_program.args_start = (vaddr_t)args;
	proc_program.args_end = (vaddr_t)args + sizeof(args);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct file *f = open_file(texts[i], O_RDONLY);
		size_t n;

		n = read_in_steps(f, a, sizeof(a), 9000);
		assert_in_range(n, 5, sizeof(a));
		assert_int_equal(file_seek(f, 0, SEEK_SET), 0);
		assert_int_equal(read_in_steps(f, b, sizeof(b), 100), n);
		assert_memory_equal(a, b, n);
		file_put(f);
	}
}

static void the_programs_file_is_read_whole(void **state)
{
	static uint8_t got[2 * EXE_SIZE];
	struct file_stat st;
	struct file *f = open_file("/proc/self/exe", O_RDONLY);

	assert_int_equal(read_in_steps(f, got, sizeof(got), 6000), EXE_SIZE);
	for (size_t i = 0; i < EXE_SIZE; i++)
		assert_int_equal(got[i], i % 251);
	file_stat(f, &st);
	assert_int_equal(st.size, EXE_SIZE);
	assert_int_equal(file_seek(f, -10, SEEK_END), EXE_SIZE - 10);
	assert_int_equal(read_in_steps(f, got, sizeof(got), 3), 10);
	assert_int_equal(file_seek(f, -1, SEEK_SET), -EINVAL);
	assert_int_equal(file_seek(f, INT64_MAX, SEEK_END), -EINVAL);
	assert_int_equal(file_seek(f, 0, SEEK_DATA), 0);
	assert_int_equal(file_seek(f, 0, SEEK_HOLE), EXE_SIZE);
	assert_int_equal(file_seek(f, EXE_SIZE, SEEK_DATA), -ENXIO);
	assert_int_equal(file_seek(f, 0, 5), -EINVAL);
	file_put(f);
	assert_int_equal(tree_open(dev(), "/proc/self/exe", O_RDWR, 0, &f), -EACCES);
	assert_int_equal(fake_heap_objects, 0);
}

static void folders_list_what_is_in_them(void **state)
{
	static const char *const folders[] = {"/", "/dev", "/proc", "/proc/self", "/proc/self/fd"};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		struct file *f = open_file(folders[i], O_RDONLY | O_DIRECTORY);
		char buf[40];
		unsigned count = 0;
		ssize64_t n;

		assert_int_equal(dir_getdents(f, (vaddr_t)buf, 8), -EINVAL);
		while ((n = dir_getdents(f, (vaddr_t)buf, sizeof(buf))) > 0) {
			struct entry *e;
			struct walk w;

			count++;
			assert_int_equal(walk_begin(&w, f->entry, buf + 19, 0), 0);
			assert_int_equal(walk_take(&w, &e), 0);
			assert_int_equal(e->node->ino, *(uint64_t *)(void *)buf);
			entry_put(e);
		}
		assert_int_equal(n, 0);
		assert_in_range(count, 5, 20);
		file_put(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_resolve_as_in_posix),
		cmocka_unit_test(a_missing_last_part_has_a_parent),
		cmocka_unit_test(a_long_name_is_refused),
		cmocka_unit_test(random_paths_are_walked_part_by_part),
		cmocka_unit_test(garbage_paths_do_no_harm),
		cmocka_unit_test(links_tell_where_they_lead),
		cmocka_unit_test(texts_are_the_same_in_any_steps),
		cmocka_unit_test(the_programs_file_is_read_whole),
		cmocka_unit_test(folders_list_what_is_in_them),
	};

	fake_seed_from_env();
	fd_init();
	machine_with_files();
	proc_program.exe = "/bin/program";
	return cmocka_run_group_tests_name("node", tests, NULL, NULL);
}
