/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Run cargo: options, and the build itself. What is printed is cargo's; the images are found in its
 * JSON messages. They are in a target folder of their own (target/kiln), so that an ordinary musl
 * build of the same crate and an image do not take each other's place.
 */
#include "cargo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cargo_choose.h"
#include "image.h"
#include "json.h"
#include "path.h"
#include "proc.h"
#include "toolchain.h"

enum {
	CARGO_PASS = 100, /* to cargo build */
	CARGO_SELECT,     /* to cargo build; chooses targets */
	CARGO_COMMON,     /* to cargo build and cargo metadata */
	CARGO_FILE,       /* the same, and the value is a file */
	CARGO_PACKAGE,
	CARGO_TARGET,
	CARGO_TARGET_DIR,
	CARGO_QUIET,
	CARGO_LAST
};

enum { STAMP_BYTES_MAX = 8192 };

const struct opt cargo_options[] = {
	{CARGO_PASS, "release", 'r', NULL},
	{CARGO_PASS, "profile", 0, "NAME"},
	{CARGO_SELECT, "bin", 0, "NAME"},
	{CARGO_SELECT, "bins", 0, NULL},
	{CARGO_SELECT, "example", 0, "NAME"},
	{CARGO_SELECT, "examples", 0, NULL},
	{CARGO_SELECT, "test", 0, "NAME"},
	{CARGO_SELECT, "tests", 0, NULL},
	{CARGO_SELECT, "bench", 0, "NAME"},
	{CARGO_SELECT, "benches", 0, NULL},
	{CARGO_SELECT, "all-targets", 0, NULL},
	{CARGO_PACKAGE, "package", 'p', "SPEC"},
	{CARGO_PASS, "workspace", 0, NULL},
	{CARGO_PASS, "all", 0, NULL},
	{CARGO_PASS, "exclude", 0, "SPEC"},
	{CARGO_PASS, "features", 'F', "FEATURES"},
	{CARGO_PASS, "all-features", 0, NULL},
	{CARGO_PASS, "no-default-features", 0, NULL},
	{CARGO_PASS, "jobs", 'j', "N"},
	{CARGO_PASS, "keep-going", 0, NULL},
	{CARGO_PASS, "ignore-rust-version", 0, NULL},
	{CARGO_PASS, "timings", 0, NULL},
	{CARGO_PASS, "future-incompat-report", 0, NULL},
	{CARGO_COMMON, "locked", 0, NULL},
	{CARGO_COMMON, "offline", 0, NULL},
	{CARGO_COMMON, "frozen", 0, NULL},
	{CARGO_COMMON, "config", 0, "KEY=VALUE"},
	{CARGO_COMMON, "color", 0, "WHEN"},
	{CARGO_COMMON, NULL, 'Z', "FLAG"},
	{CARGO_FILE, "manifest-path", 0, "FILE"},
	{CARGO_TARGET, "target", 0, "TRIPLE"},
	{CARGO_TARGET_DIR, "target-dir", 0, "DIR"},
	{CARGO_QUIET, "quiet", 'q', NULL},
	{CARGO_PASS, "verbose", 'v', NULL},
	{0, NULL, 0, NULL},
};

static void cargo_add(struct strv *args, const struct opt *opt, const char *value)
{
	if (opt->name)
		strv_addf(args, "--%s", opt->name);
	else
		strv_addf(args, "-%c", opt->letter);
	if (value)
		strv_add(args, value);
}

bool cargo_take_option(struct cargo *c, const struct opts *o, int id)
{
	switch (id) {
	case CARGO_SELECT:
		c->selected = true;
		break;
	case CARGO_PACKAGE:
		strv_add(&c->packages, o->value);
		break;
	case CARGO_COMMON:
		cargo_add(&c->common, o->opt, o->value);
		return true;
	case CARGO_FILE: {
		char *path = path_absolute(o->value);

		cargo_add(&c->common, o->opt, path);
		free(path);
		return true;
	}
	case CARGO_TARGET:
		c->gnu = !strcmp(o->value, RUST_GNU_TARGET);
		if (c->gnu && !c->loadable)
			die(STATUS_USAGE,
			    "kiln build makes images, which are of " RUST_TARGET "\n"
			    "  kiln run also takes programs of %s, and loads them",
			    o->value);
		if (!c->gnu && strcmp(o->value, RUST_TARGET))
			die(STATUS_USAGE, "images are built for " RUST_TARGET ", not for %s",
			    o->value);
		return true;
	case CARGO_TARGET_DIR:
		free(c->target_dir);
		c->target_dir = path_absolute(o->value);
		return true;
	case CARGO_QUIET:
		c->quiet = true;
		break;
	default:
		if (id < CARGO_PASS || id >= CARGO_LAST)
			return false;
	}
	cargo_add(&c->args, o->opt, o->value);
	return true;
}

void cargo_free(struct cargo *c)
{
	strv_free(&c->args);
	strv_free(&c->common);
	strv_free(&c->packages);
	strv_free(&c->images);
	free(c->target_dir);
	c->target_dir = NULL;
}

/* One build of cargo's, while it runs. */
struct cargo_pass {
	struct cargo *c;
	struct strv stale; /* images that cargo took for fresh, but are older than Kiln's kernel */
	int64_t kiln_mtime_ns;
};

static void cargo_take_message(struct cargo_pass *pass, const char *line)
{
	struct json *message = json_parse(line);
	const char *reason = json_string(message, "reason");
	const char *file = json_string(message, "executable");
	const struct json *kind = json_get(json_get(message, "target"), "kind");

	if (!reason)
		puts(line);
	if (reason && !strcmp(reason, "compiler-artifact") && file &&
	    !json_has(kind, "custom-build")) {
		strv_add(&pass->c->images, file);
		if (json_is_true(message, "fresh") && path_mtime_ns(file) < pass->kiln_mtime_ns)
			strv_add(&pass->stale, file);
	}
	json_free(message);
}

static int cargo_pass_run(struct cargo_pass *pass, const struct strv *argv, const struct strv *env)
{
	struct proc p = proc_default(argv);
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	p.dir = pass->c->dir;
	p.env = env;
	p.out = fds[1];
	strv_free(&pass->c->images);
	pid_t pid = proc_start(&p);

	close(fds[1]);
	FILE *out = fdopen(fds[0], "r");

	while (out && (n = getline(&line, &cap, out)) > 0) {
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		cargo_take_message(pass, line);
	}
	free(line);
	if (out)
		fclose(out);
	return pid < 0 ? pid : proc_wait(pid);
}

static void cargo_build_argv(const struct cargo *c, const struct toolchain *tc, struct strv *argv)
{
	strv_add_all(argv, tc->cargo, "build", "--target", toolchain_target(tc), "--target-dir",
		     c->target_dir, "--message-format=json-render-diagnostics", NULL);
	strv_append(argv, &c->common);
	strv_append(argv, &c->args);
}

/* What cargo built is no image if the crate's own configuration names another linker. */
static int cargo_check_image(const char *path, bool gnu)
{
	struct image image;
	char *why;
	int err = gnu ? image_inspect(path, &image, &why) : image_inspect_only(path, &image, &why);

	if (!err)
		return 0;
	if (gnu)
		error("%s", why);
	else
		error("%s\n  cargo linked it without Kiln: does .cargo/config.toml or RUSTFLAGS "
		      "set a linker?",
		      why);
	free(why);
	return STATUS_FAILED;
}

static int cargo_check_result(const struct cargo *c, bool gnu)
{
	if (!c->images.n) {
		error("the crate has no program in it, so there is nothing to make an image of\n"
		      "  a program is src/main.rs or a [[bin]]\n"
		      "  an example: --example NAME; another package: -p NAME");
		return STATUS_FAILED;
	}
	for (size_t i = 0; i < c->images.n; i++) {
		int status = cargo_check_image(c->images.v[i], gnu);

		if (status)
			return status;
	}
	return 0;
}

/* Have cargo forget all that it has built for the target, if what the file in the target folder
 * remembers is not what it should be, or, if there is no such file, unstamped_is_old. */
static void cargo_check_stamp(const struct cargo *c, const struct toolchain *tc,
			      const struct strv *env, const char *name, const char *stamp,
			      bool unstamped_is_old)
{
	struct buf seen = {0};
	struct strv argv = {0};
	char *file = path_join(c->target_dir, name);
	bool other = file_read(file, STAMP_BYTES_MAX, &seen) ? unstamped_is_old
							     : strcmp(seen.p, stamp) != 0;
	bool cleaned = false;

	if (other) {
		strv_add_all(&argv, tc->cargo, "clean", "-q", "--target", toolchain_target(tc),
			     "--target-dir", c->target_dir, NULL);
		strv_append(&argv, &c->common);
		struct proc p = proc_default(&argv);

		p.dir = c->dir;
		p.env = env;
		cleaned = proc_run(&p) == 0;
	}
	if ((other ? cleaned : !seen.len) && (dir_create(c->target_dir) || file_write(file, stamp)))
		error("cannot write %s", file);
	buf_free(&seen);
	strv_free(&argv);
	free(file);
}

/* Cargo does not see a sysroot change under it. The sysroot is known by its place and time. */
static void cargo_check_sysroot(const struct cargo *c, const struct toolchain *tc,
				const struct strv *env)
{
	char *description = path_join(tc->sysroot, "toolchain");
	char *stamp = xasprintf("%s %lld\n", tc->sysroot, (long long)path_mtime_ns(description));

	cargo_check_stamp(c, tc, env, ".kiln-sysroot", stamp, false);
	free(description);
	free(stamp);
}

void cargo_refresh(const struct cargo *c, const struct toolchain *tc, const struct strv *env)
{
	char *stamp, *images = path_join(c->target_dir, toolchain_target(tc));
	/* kiln build leaves no stamp; what it built before this Kiln came is another one's. */
	bool old = !strncmp(str_basename(c->target_dir), "kiln", 4) && path_is_dir(images) &&
		   path_mtime_ns(images) < prefix_mtime_ns();

	free(images);
	if (tc->gnu)
		return; /* nothing of Kiln is in its programs */
	if (tc->kiln_sysroot)
		cargo_check_sysroot(c, tc, env);
	stamp = xasprintf("%lld\n", (long long)prefix_mtime_ns());
	cargo_check_stamp(c, tc, env, ".kiln-linked", stamp, old);
	free(stamp);
}

int cargo_unstarted(const struct toolchain *tc, int err)
{
	error("cannot start %s: %s\n"
	      "  install it: apt-get install cargo-web, or see https://rustup.rs",
	      tc->cargo, strerror(err));
	return STATUS_FAILED;
}

static int cargo_build_with(struct cargo *c, const struct toolchain *tc)
{
	struct strv argv = {0}, env = {0};
	struct cargo_pass pass = {.c = c, .kiln_mtime_ns = tc->gnu ? 0 : prefix_mtime_ns()};
	int status;

	toolchain_environment(tc, &env);
	status = cargo_choose(c, tc->cargo, &env);
	if (!status && tc->kiln_sysroot)
		cargo_check_sysroot(c, tc, &env);
	if (!status) {
		cargo_build_argv(c, tc, &argv);
		status = cargo_pass_run(&pass, &argv, &env);
	}
	/* Cargo does not know that the linker's own files are newer than its result. */
	if (!status && pass.stale.n) {
		cargo_forget(&pass.stale);
		status = cargo_pass_run(&pass, &argv, &env);
	}
	if (status < 0)
		status = cargo_unstarted(tc, -status);
	if (!status)
		status = cargo_check_result(c, tc->gnu);
	strv_free(&pass.stale);
	strv_free(&argv);
	strv_free(&env);
	return status;
}

/* The toolchain for images; or, where a program will do, one that makes static programs. 0 or -1
 * with *why. */
static int cargo_find_toolchain(const struct cargo *c, struct toolchain *tc, char **why)
{
	char *why_not;

	if (c->gnu)
		return toolchain_find_gnu(c->dir, tc, why);
	if (!toolchain_find(c->dir, tc, why))
		return 0;
	if (!c->loadable || getenv("KILN_RUST"))
		return -1;
	if (toolchain_find_gnu(c->dir, tc, &why_not)) {
		free(why_not);
		return -1;
	}
	if (!c->quiet)
		error("note: %s has no target " RUST_TARGET
		      ", so this is an ordinary static program for glibc, which is loaded",
		      tc->version);
	free(*why);
	return 0;
}

int cargo_toolchain(const struct cargo *c, struct toolchain *tc)
{
	char *why = prefix_missing();

	if (why) {
		error("this installation of Kiln is incomplete: %s is missing\n"
		      "  build it again: make (in Kiln's source tree)",
		      why);
		free(why);
		return STATUS_FAILED;
	}
	if (cargo_find_toolchain(c, tc, &why)) {
		error("%s", why);
		free(why);
		return STATUS_FAILED;
	}
	if (tc->instead && !c->quiet)
		error("note: %s asks for a toolchain without " RUST_TARGET
		      "; this is built with %s",
		      tc->instead, tc->version);
	return 0;
}

int cargo_build(struct cargo *c)
{
	struct toolchain tc;
	int status = cargo_toolchain(c, &tc);

	if (status)
		return status;
	status = cargo_build_with(c, &tc);
	toolchain_free(&tc);
	return status;
}
