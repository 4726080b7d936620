/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Find a Rust toolchain: see toolchain.h.
 */
#include "toolchain.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "path.h"
#include "proc.h"

/* What Kiln's own sysroot is made for; the file `toolchain` in it may say otherwise. */
#define SYSTEM_RUSTC "/usr/bin/rustc"
#define SYSTEM_CARGO "/usr/bin/cargo"

enum { OUTPUT_BYTES_MAX = 65536 };

static bool sysroot_has(const char *sysroot, const char *target)
{
	char *pattern = xasprintf("%s/lib/rustlib/%s/lib/libstd-*.rlib", sysroot, target);
	glob_t found;
	bool has = !glob(pattern, 0, NULL, &found);

	if (has)
		globfree(&found);
	free(pattern);
	return has;
}

/* The first line of what `command option...` prints, or NULL if it fails. */
static char *first_line(const char *dir, const char *command, const char *option,
			const char *operand)
{
	struct strv argv = {0}, env = {0};
	struct buf out = {0};
	char *line = NULL;

	strv_add_all(&argv, command, option, operand, NULL);
	/* A toolchain that a rust-toolchain file names is used if it is there, and never
	 * downloaded. */
	strv_add(&env, "RUSTUP_AUTO_INSTALL=0");

	struct proc p = proc_default(&argv);

	p.dir = dir;
	p.env = &env;
	p.in = p.err = PROC_NULL;
	if (proc_capture(&p, OUTPUT_BYTES_MAX, &out) == 0)
		line = xstrndup(out.p, strcspn(out.p, "\n"));
	buf_free(&out);
	strv_free(&env);
	strv_free(&argv);
	return line;
}

static const char *environment_or(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value && *value ? value : otherwise;
}

static bool toolchain_find_users(const char *dir, const char *target, struct toolchain *tc)
{
	const char *rustc = environment_or("RUSTC", "rustc");
	char *sysroot = first_line(dir, rustc, "--print", "sysroot");
	bool found = sysroot && sysroot_has(sysroot, target);

	if (found) {
		tc->rustc = xstrdup(rustc);
		tc->cargo = xstrdup(environment_or("CARGO", "cargo"));
		tc->version = first_line(dir, rustc, "--version", NULL);
	}
	free(sysroot);
	return found;
}

/* The value of KEY=VALUE in the sysroot's description, or otherwise. Caller frees. */
static char *description_get(const char *text, const char *key, const char *otherwise)
{
	size_t n = strlen(key);

	for (; text && *text; text += strcspn(text, "\n") + 1) {
		if (!strncmp(text, key, n) && text[n] == '=')
			return xstrndup(text + n + 1, strcspn(text + n + 1, "\n"));
		if (!text[strcspn(text, "\n")])
			break;
	}
	return otherwise ? xstrdup(otherwise) : NULL;
}

/* Kiln's sysroot: $KILN_RUST, a folder or the name of one in <prefix>/lib/kiln, or "rust". Caller
 * frees. */
static char *sysroot_path(void)
{
	const char *name = environment_or("KILN_RUST", "rust");

	return name[0] == '/' ? xstrdup(name) : prefix_lib(name);
}

static char *sysroot_description(const char *key, const char *otherwise)
{
	struct buf text = {0};
	char *sysroot = sysroot_path(), *path = path_join(sysroot, "toolchain"), *value;

	if (file_read(path, OUTPUT_BYTES_MAX, &text))
		buf_free(&text);
	value = description_get(text.p, key, otherwise);
	buf_free(&text);
	free(path);
	free(sysroot);
	return value;
}

void toolchain_add_sysroot(struct strv *argv)
{
	char *sysroot = sysroot_path(), *unwinds = sysroot_description("UNWINDS", "1");

	strv_add_all(argv, "--sysroot", sysroot, NULL);
	/* Nothing reads them where panics abort. */
	if (!strcmp(unwinds, "0"))
		strv_add_all(argv, "-C", "force-unwind-tables=no", NULL);
	free(unwinds);
	free(sysroot);
}

/* What tells rustup to take a certain toolchain in this folder, or NULL; caller frees. */
static char *toolchain_choice(const char *dir)
{
	static const char *const names[] = {"rust-toolchain.toml", "rust-toolchain"};
	char *rustup = command_find("rustup"), *folder = realpath(dir ? dir : ".", NULL);
	char *choice = NULL;

	if (rustup && getenv("RUSTUP_TOOLCHAIN"))
		choice = xstrdup("RUSTUP_TOOLCHAIN");
	while (rustup && folder && !choice && *folder) {
		for (size_t i = 0; i < ARRAY_SIZE(names) && !choice; i++) {
			char *file = xasprintf("%s/%s", folder, names[i]);

			if (path_is_file(file))
				choice = file;
			else
				free(file);
		}
		*strrchr(folder, '/') = 0;
	}
	free(folder);
	free(rustup);
	return choice;
}

static int toolchain_find_kilns(struct toolchain *tc, char **why)
{
	char *wanted = sysroot_description("VERSION", NULL);

	tc->kiln_sysroot = true;
	tc->sysroot = sysroot_path();
	tc->rustc = sysroot_description("RUSTC", SYSTEM_RUSTC);
	tc->cargo = sysroot_description("CARGO", SYSTEM_CARGO);
	tc->version = first_line(NULL, tc->rustc, "--version", NULL);
	if (!tc->version)
		*why = xasprintf("Kiln's Rust standard library needs %s, which does not run\n"
				 "  install it: apt-get install rustc-web cargo-web",
				 tc->rustc);
	else if (wanted && strcmp(wanted, tc->version))
		*why = xasprintf("Kiln's Rust standard library was built for %s, but %s is %s\n"
				 "  build it again: make rust (in Kiln's source tree)",
				 wanted, tc->rustc, tc->version);
	free(wanted);
	if (!*why)
		return 0;
	toolchain_free(tc);
	return -1;
}

int toolchain_find(const char *dir, struct toolchain *tc, char **why)
{
	*tc = (struct toolchain){0};
	*why = NULL;
	if (!getenv("KILN_RUST") && toolchain_find_users(dir, RUST_TARGET, tc))
		return 0;

	char *sysroot = sysroot_path();
	bool kilns = sysroot_has(sysroot, RUST_TARGET);

	if (!kilns && getenv("KILN_RUST"))
		*why = xasprintf("KILN_RUST is a sysroot without the target " RUST_TARGET ": %s",
				 sysroot);
	free(sysroot);
	if (*why)
		return -1;
	if (kilns && toolchain_find_kilns(tc, why))
		return -1;
	if (kilns) {
		tc->instead = getenv("KILN_RUST") ? NULL : toolchain_choice(dir);
		return 0;
	}

	char *rustup = command_find("rustup");

	*why = xasprintf(
		"there is no Rust standard library for the target " RUST_TARGET "\n%s"
		"  %s Debian's Rust: apt-get install rustc-web cargo-web rust-web-src, then\n"
		"  make rust (in Kiln's source tree)",
		rustup ? "  add it to rustup's toolchain: rustup target add " RUST_TARGET "\n" : "",
		rustup ? "or build it with" : "build it with");
	free(rustup);
	return -1;
}

int toolchain_find_gnu(const char *dir, struct toolchain *tc, char **why)
{
	*tc = (struct toolchain){.gnu = true};
	*why = NULL;
	if (toolchain_find_users(dir, RUST_GNU_TARGET, tc))
		return 0;
	*why = xasprintf("there is no rustc with the target " RUST_GNU_TARGET "\n"
			 "  install one: apt-get install rustc-web cargo-web, or see "
			 "https://rustup.rs");
	return -1;
}

const char *toolchain_target(const struct toolchain *tc)
{
	return tc->gnu ? RUST_GNU_TARGET : RUST_TARGET;
}

void toolchain_free(struct toolchain *tc)
{
	free(tc->sysroot);
	free(tc->cargo);
	free(tc->rustc);
	free(tc->version);
	free(tc->instead);
	*tc = (struct toolchain){0};
}

/* RUSTFLAGS, if there are any, are the only ones that cargo looks at. */
static void environment_add_static(struct strv *env)
{
	const char *flags = getenv("RUSTFLAGS");

	if (flags && *flags)
		strv_addf(env, "RUSTFLAGS=%s -C target-feature=+crt-static", flags);
	else
		strv_add(env, "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS="
			      "-C target-feature=+crt-static");
}

void toolchain_environment(const struct toolchain *tc, struct strv *env)
{
	if (tc->gnu) {
		strv_add(env, "RUSTUP_AUTO_INSTALL=0");
		environment_add_static(env);
		return;
	}
	char *cc = prefix_bin("kiln-cc"), *cxx = prefix_bin("kiln-c++");
	char *include = prefix_lib("include");

	strv_add(env, "RUSTUP_AUTO_INSTALL=0");
	strv_addf(env, "CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER=%s", cc);
	/* What the cc, cmake and bindgen crates look for. */
	strv_addf(env, "CC_x86_64_unknown_linux_musl=%s", cc);
	strv_addf(env, "CXX_x86_64_unknown_linux_musl=%s", cxx);
	strv_add(env, "AR_x86_64_unknown_linux_musl=ar");
	strv_add(env, "CXXSTDLIB_x86_64_unknown_linux_musl=c++");
	strv_addf(env, "BINDGEN_EXTRA_CLANG_ARGS_x86_64_unknown_linux_musl=-isystem %s", include);
	if (tc->kiln_sysroot) {
		char *rustc = prefix_bin("kiln-rustc"), *rustdoc = prefix_bin("kiln-rustdoc");

		strv_addf(env, "RUSTC=%s", rustc);
		strv_addf(env, "RUSTDOC=%s", rustdoc); /* examples in documentation are tests */
		free(rustc);
		free(rustdoc);
	}
	free(cc);
	free(cxx);
	free(include);
}

static const char *const prefix_parts[] = {
	"lib/kiln/image.ld",
	"lib/kiln/lib/crt1.o",
	"lib/kiln/lib/crti.o",
	"lib/kiln/lib/crtn.o",
	"lib/kiln/lib/kernel.o",
	"lib/kiln/lib/libc.a",
	"lib/kiln/lib/libmalloc.a",
	"lib/kiln/lib/libunwind.a",
	"lib/kiln/lib/libcompiler_rt.a",
	"lib/kiln/include/stdio.h",
	"bin/kiln-cc",
};

char *prefix_missing(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(prefix_parts); i++) {
		char *path = path_join(prefix_dir(), prefix_parts[i]);

		if (!path_is_file(path))
			return path;
		free(path);
	}
	return NULL;
}

int64_t prefix_mtime_ns(void)
{
	int64_t newest = 0;

	for (size_t i = 0; i < ARRAY_SIZE(prefix_parts); i++) {
		/* A header does not change what is linked, and kiln-cc is kiln, whose changes
		 * rarely do. */
		if (!str_ends(prefix_parts[i], ".o") && !str_ends(prefix_parts[i], ".a") &&
		    !str_ends(prefix_parts[i], ".ld"))
			continue;
		char *path = path_join(prefix_dir(), prefix_parts[i]);
		int64_t mtime = path_mtime_ns(path);

		newest = mtime > newest ? mtime : newest;
		free(path);
	}
	return newest;
}

/* Whether rustc's arguments (a list in an @file included) say that it compiles for the target. */
static bool arguments_name_target(char **argv, bool in_file)
{
	bool option = false;

	for (; *argv; argv++) {
		const char *value = str_after(*argv, "--target=");

		if (!strcmp(value ? value : option ? *argv : "", RUST_TARGET))
			return true;
		option = !strcmp(*argv, "--target");
		if ((*argv)[0] != '@' || in_file)
			continue;

		struct buf text = {0};
		struct strv lines = {0};
		bool found = false;

		if (!file_read(*argv + 1, 64 << 20, &text))
			for (char *line = strtok(text.p, "\n"); line; line = strtok(NULL, "\n"))
				strv_add(&lines, line);
		if (lines.n)
			found = arguments_name_target(lines.v, true);
		strv_free(&lines);
		buf_free(&text);
		if (found)
			return true;
	}
	return false;
}

static bool arguments_name_sysroot(char **argv)
{
	for (; *argv; argv++)
		if (!strcmp(*argv, "--sysroot") || str_after(*argv, "--sysroot="))
			return true;
	return false;
}

/* Become tool, with Kiln's sysroot where it compiles for the target. */
static int tool_main(const char *tool, char **argv)
{
	struct strv args = {0};

	strv_add(&args, tool);
	if (arguments_name_target(argv + 1, false) && !arguments_name_sysroot(argv + 1))
		toolchain_add_sysroot(&args);
	for (char **a = argv + 1; *a; a++)
		strv_add(&args, *a);

	struct proc p = proc_default(&args);
	int err = proc_exec(&p);

	error("cannot start %s: %s\n  install it: apt-get install rustc-web", tool, strerror(-err));
	return STATUS_FAILED;
}

int rustc_main(char **argv)
{
	return tool_main(sysroot_description("RUSTC", SYSTEM_RUSTC), argv);
}

int rustdoc_main(char **argv)
{
	char *rustc = sysroot_description("RUSTC", SYSTEM_RUSTC);

	/* Beside rustc. */
	return tool_main(xasprintf("%.*srustdoc", (int)(str_basename(rustc) - rustc), rustc), argv);
}
