/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Paths in the fixed tree: what resolves where, a slow model for random paths, garbage, folders,
 * links and texts.
 *
 * sources: fs/node.c fs/dev.c fs/exe.c fs/proc.c fs/uio.c fs/file.c fs/fd.c core/wait.c base/fmt.c
 * fakes: cpu lock log random heap page fail
 */
#include "fake/fake.h"

#include "base/errno.h"
#include "core/thread.h"
#include "core/vma.h"
#include "fs/console.h"
#include "fs/fcntl.h"
#include "fs/epoll.h"
#include "fs/node.h"
#include "plat/plat.h"

/* --- what the files of /proc look at --- */

#define EXE_SIZE 10000u

static void null_stat(struct file *f, struct file_stat *out)
{
	out->mode = S_IFIFO;
}

static const struct file_ops null_ops = {.stat = null_stat};
struct file console_files[3] = {{.ops = &null_ops, .refs = 1},
				{.ops = &null_ops, .refs = 1},
				{.ops = &null_ops, .refs = 1}};
char kiln_image_base[1];

int console_open_tty(unsigned flags, struct file **out)
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

unsigned thread_count(void)
{
	return 3;
}

void mutex_lock_contended(struct mutex *m)
{
	fail_msg("a mutex is taken twice");
}

bool thread_wake(struct thread *t)
{
	fail_msg("nobody sleeps");
	return false;
}

void epoll_forget(struct file *f)
{
	fail_msg("no file is in a set");
}

int user_copy_in(void *dst, vaddr_t src, size_t n)
{
	memcpy(dst, (const void *)src, n);
	return 0;
}

int user_copy_out(vaddr_t dst, const void *src, size_t n)
{
	memcpy((void *)dst, src, n);
	return 0;
}

int user_clear(vaddr_t dst, size_t n)
{
	memset((void *)dst, 0, n);
	return 0;
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

static uint64_t clock_ns(void)
{
	return 12340000000;
}

static const struct plat_ops ops = {
	.name = "fake", .exe_read = exe_read, .ram_info = ram_info, .clock_monotonic_ns = clock_ns};
const struct plat_ops *plat = &ops;

/* --- paths --- */

/* What a path leads to from /dev, or -errno; -ENOENT if only its last part is missing too. */
static long find(const char *path, bool follow)
{
	struct node_path at;
	int err = node_resolve(NODE_DEV, path, follow, &at);

	if (err != 0)
		return err;
	return at.node == NODE_NONE ? -ENOENT : (long)at.node;
}

static void paths_resolve_as_in_posix(void **state)
{
	static const struct {
		const char *path;
		bool follow;
		long node;
	} cases[] = {
		{"/", true, NODE_ROOT},
		{"", true, -ENOENT},
		{".", true, NODE_DEV},
		{"..", true, NODE_ROOT},
		{"../../..", true, NODE_ROOT},
		{"null", true, NODE_DEV_NULL},
		{"nul", true, -ENOENT},
		{"null/", true, -ENOTDIR},
		{"null/.", true, -ENOTDIR},
		{"nowhere/", true, -ENOENT},
		{"nowhere/x", true, -ENOENT},
		{"//dev///null", true, NODE_DEV_NULL},
		{"/dev/../proc/self", true, NODE_PROC_SELF},
		{"/proc/self/exe", true, NODE_EXE},
		{"/proc/self/exe", false, NODE_SELF_EXE},
		{"/proc/self/exe/", false, -ENOTDIR},
		{"/bin/program", true, NODE_EXE},
		{"/bin/program2", true, -ENOENT},
		{"fd", false, NODE_DEV_FD},
		{"fd", true, NODE_SELF_FD},
		{"fd/", false, NODE_SELF_FD},
		{"fd/2", false, NODE_FD + 2},
		{"fd/2", true, NODE_FD + 2},
		{"fd/02", true, -ENOENT},
		{"fd/9", true, -ENOENT},
		{"fd/99999999999", true, -ENOENT},
		{"fd/2/x", true, -ENOTDIR},
		{"stdout", true, NODE_FD + 1},
		{"fd/..", true, NODE_PROC_SELF},
	};

	proc_program.exe = "/bin/program";
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(find(cases[i].path, cases[i].follow), cases[i].node);
}

static void a_missing_last_part_has_a_parent(void **state)
{
	struct node_path at;

	assert_int_equal(node_resolve(NODE_DEV, "../tmp/new", true, &at), 0);
	assert_int_equal(at.node, NODE_NONE);
	assert_int_equal(at.parent, NODE_TMP);
}

static void a_long_name_is_refused(void **state)
{
	char path[600];

	memset(path, 'x', sizeof(path));
	path[255] = 0;
	assert_int_equal(find(path, true), -ENOENT);
	path[255] = 'x';
	path[256] = '/';
	path[299] = 0;
	assert_int_equal(find(path, true), -ENAMETOOLONG);
}

/* Every path that is made of parts that exist gives the folder that walking them one by one gives.
 */
static void random_paths_are_walked_part_by_part(void **state)
{
	static const char *const parts[] = {".",   "..",   "dev", "proc", "self",
					    "tmp", "null", "fd",  "maps", "zz"};

	for (unsigned round = 0; round < 20000; round++) {
		char path[200] = "";
		long want = fake_random_below(2) ? NODE_ROOT : NODE_DEV;

		if (want == NODE_ROOT)
			strcat(path, "/");
		for (unsigned i = 1 + (unsigned)fake_random_below(6); i > 0; i--) {
			const char *part = parts[fake_random_below(ARRAY_SIZE(parts))];
			struct node_path step;
			int err = want < 0 ? (int)want
					   : node_resolve((unsigned)want, part, true, &step);

			if (want >= 0 && node_kind((unsigned)want) != NODE_KIND_DIR)
				err = -ENOTDIR;
			want = err != 0 ? err : step.node == NODE_NONE ? -ENOENT : (long)step.node;
			strcat(path, part);
			strcat(path, i > 1 ? (fake_random_below(3) ? "/" : "//") : "");
		}
		assert_int_equal(find(path, true), want);
	}
}

static void garbage_paths_do_no_harm(void **state)
{
	for (unsigned round = 0; round < 50000; round++) {
		size_t n = fake_random_below(24);
		char *path = malloc(n + 1);
		struct node_path at;

		for (size_t i = 0; i < n; i++)
			path[i] = "/./devfdnul012\x80"[fake_random_below(15)];
		path[n] = 0;
		if (node_resolve(NODE_PROC_SELF, path, fake_random_below(2), &at) == 0 &&
		    at.node != NODE_NONE)
			assert_true(at.node <= NODE_EXE ||
				    (at.node >= NODE_FD && at.node <= NODE_FD + 2));
		free(path);
	}
}

static void links_tell_where_they_lead(void **state)
{
	char buf[64];

	proc_program.exe = "/bin/program";
	assert_int_equal(node_readlink(NODE_SELF_EXE, buf, sizeof(buf)), 12);
	assert_string_equal(buf, "/bin/program");
	node_readlink(NODE_DEV_STDERR, buf, sizeof(buf));
	assert_string_equal(buf, "/proc/self/fd/2");
	node_readlink(NODE_DEV_FD, buf, sizeof(buf));
	assert_string_equal(buf, "/proc/self/fd");
	node_readlink(NODE_FD, buf, sizeof(buf));
	assert_string_equal(buf, "pipe:[0]");
	assert_int_equal(node_readlink(NODE_DEV_NULL, buf, sizeof(buf)), -EINVAL);
	assert_int_equal(node_readlink(NODE_FD + 9, buf, sizeof(buf)), -ENOENT);
	assert_int_equal(node_readlink(NODE_SELF_EXE, buf, 5), -ENAMETOOLONG);
	assert_int_equal(node_path_text(NODE_ROOT, buf, sizeof(buf)), 1);
	assert_string_equal(buf, "/");
	assert_int_equal(node_path_text(NODE_PROC_SELF, buf, sizeof(buf)), 10);
	assert_int_equal(node_path_text(NODE_PROC_SELF, buf, 10), -ENAMETOOLONG);
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
	static const unsigned texts[] = {NODE_PROC_CPUINFO, NODE_PROC_MEMINFO, NODE_PROC_UPTIME,
					 NODE_PROC_VERSION, NODE_SELF_MAPS,    NODE_SELF_CMDLINE,
					 NODE_SELF_STATM};
	static uint8_t a[200000], b[200000];
	static char args[] = "program\0one\0two";

	proc_program.args_start = (vaddr_t)args;
	proc_program.args_end = (vaddr_t)args + sizeof(args);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct file *f;
		size_t n;

		assert_int_equal(node_open(texts[i], O_RDONLY, &f), 0);
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
	struct file *f;

	assert_int_equal(node_open(NODE_EXE, O_RDONLY, &f), 0);
	assert_int_equal(read_in_steps(f, got, sizeof(got), 6000), EXE_SIZE);
	for (size_t i = 0; i < EXE_SIZE; i++)
		assert_int_equal(got[i], i % 251);
	file_stat(f, &st);
	assert_int_equal(st.size, EXE_SIZE);
	assert_int_equal(file_seek(f, -10, SEEK_END), EXE_SIZE - 10);
	assert_int_equal(read_in_steps(f, got, sizeof(got), 3), 10);
	assert_int_equal(file_seek(f, -1, SEEK_SET), -EINVAL);
	assert_int_equal(file_seek(f, INT64_MAX, SEEK_END), -EINVAL);
	assert_int_equal(file_seek(f, 0, 3), -EINVAL);
	file_put(f);
	assert_int_equal(node_open(NODE_EXE, O_RDWR, &f), -EACCES);
	assert_int_equal(fake_heap_objects, 0);
}

static void folders_list_what_is_in_them(void **state)
{
	for (unsigned dir = 0; dir < NODE_TABLE_SIZE; dir++) {
		struct file *f;
		char buf[40];
		unsigned count = 0;
		ssize64_t n;

		if (node_kind(dir) != NODE_KIND_DIR)
			continue;
		assert_int_equal(node_open(dir, O_RDONLY, &f), 0);
		assert_int_equal(node_getdents(f, (vaddr_t)buf, 8), -EINVAL);
		while ((n = node_getdents(f, (vaddr_t)buf, sizeof(buf))) > 0) {
			struct node_path at;

			count++;
			assert_int_equal(node_resolve(dir, buf + 19, false, &at), 0);
			assert_int_equal(at.node + 1, *(uint64_t *)(void *)buf);
		}
		assert_int_equal(n, 0);
		assert_in_range(count, 2, 20);
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
	return cmocka_run_group_tests_name("node", tests, NULL, NULL);
}
