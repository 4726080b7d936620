/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Link an image: what was given, between Kiln's start files, kernel and libraries, by the system's
 * linker and Kiln's linker script.
 */
#include "cc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "path.h"
#include "proc.h"
#include "scan.h"
#include "toolchain.h"

enum { LINK_ARGS_BYTES_MAX = 65536 };

/* Where an image of code that is not position independent lies: below 2 GiB, as its code expects,
 * and not in the first GiB, where the machine's memory is mapped while it starts. */
#define FIXED_ADDRESS "0x40000000"

/* What <prefix>/lib/kiln/link.args replaces, if it is there. */
static const char *const default_args[] = {
	"-m",
	"elf_x86_64",
	"-static",
	"-pie",
	"--no-dynamic-linker",
	"-z",
	"norelro",
	"-z",
	"now",
	"-z",
	"text",
	"-z",
	"noexecstack",
	"-z",
	"noseparate-code",
	"-z",
	"pack-relative-relocs",
	"--eh-frame-hdr",
	"--gc-sections",
	"--build-id=none",
};

static void add_link_args(struct strv *argv)
{
	struct buf text = {0};
	char *path = prefix_lib("link.args");

	if (!file_read(path, LINK_ARGS_BYTES_MAX, &text)) {
		for (char *word = strtok(text.p, " \t\r\n"); word; word = strtok(NULL, " \t\r\n"))
			strv_add(argv, word);
	} else {
		for (size_t i = 0; i < ARRAY_SIZE(default_args); i++)
			strv_add(argv, default_args[i]);
	}
	buf_free(&text);
	free(path);
}

static void add_part(struct strv *argv, const char *name)
{
	char *path = prefix_lib(name);

	strv_add(argv, path);
	free(path);
}

static void add_cxx_library(struct strv *argv)
{
	static const char *const names[] = {"lib/libc++.a", "lib/libc++abi.a"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *path = prefix_lib(names[i]);

		if (!path_is_file(path))
			die(STATUS_FAILED, "the program needs the C++ library, and this Kiln was "
					   "built without it\n"
					   "  choose it in make menuconfig and build again");
		strv_add(argv, path);
		free(path);
	}
}

static const char *linker_name(void)
{
	/* The linker script is written for GNU ld; where `ld` is another, it has this name. */
	char *path = command_find("ld.bfd");

	free(path);
	return path ? "ld.bfd" : "ld";
}

static void link_command(const struct cc *cc, struct strv *argv)
{
	strv_add(argv, linker_name());
	if (cc->relocatable) {
		strv_add_all(argv, "-r", "-o", cc->output ? cc->output : "a.out", NULL);
		strv_append(argv, &cc->items);
		return;
	}
	add_link_args(argv);
	if (cc->fixed_code)
		strv_add_all(argv, "-no-pie", "-z", "nopack-relative-relocs",
			     "--defsym=kiln_link_base=" FIXED_ADDRESS, NULL);
	/* Which of the kernel's tables the syscall instruction is served from. */
	if (cc->any_syscall)
		strv_add_all(argv, "-u", "kiln_calls_all", "--defsym=kiln_calls=kiln_calls_all",
			     NULL);
	else
		strv_add_all(argv, "-u", "kiln_calls_std", "--defsym=kiln_calls=kiln_calls_std",
			     NULL);
	/* ld would describe procedure linkage tables where the script does not keep them. */
	strv_add_all(argv, "--no-ld-generated-unwind-info", "-T", NULL);
	add_part(argv, "image.ld");
	strv_add_all(argv, "-o", cc->output ? cc->output : "a.out", NULL);
	add_part(argv, "lib/crt1.o");
	add_part(argv, "lib/crti.o");
	add_part(argv, "lib/kernel.o");
	strv_append(argv, &cc->items);
	/* std's backtraces read it (rust/build-std). */
	strv_add_all(argv, "--compress-debug-sections=none", "--start-group", NULL);
	if (cc->cxx || cc->cxx_library)
		add_cxx_library(argv);
	add_part(argv, "lib/libmalloc.a");
	add_part(argv, "lib/libc.a");
	add_part(argv, "lib/libunwind.a");
	add_part(argv, "lib/libcompiler_rt.a");
	strv_add(argv, "--end-group");
	add_part(argv, "lib/crtn.o");
}

/* Too many arguments for Linux: all but the command go into a response file. */
static int link_through_file(const struct strv *argv, const struct strv *env, int err)
{
	const char *tmp = getenv("TMPDIR");
	char *path = xasprintf("%s/kiln-ld-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	int fd = mkstemp(path), status = -errno;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!f) {
		free(path);
		return status;
	}
	for (size_t i = 1; i < argv->n; i++) {
		for (const char *s = argv->v[i]; *s; s++) {
			if (strchr("\\\"' \t\r\n", *s))
				fputc('\\', f);
			fputc(*s, f);
		}
		fputc('\n', f);
	}
	status = fclose(f) ? -errno : 0;
	if (!status) {
		struct strv short_argv = {0};

		strv_add(&short_argv, argv->v[0]);
		strv_addf(&short_argv, "@%s", path);

		struct proc p = proc_default(&short_argv);

		p.env = env;
		p.err = err;
		status = proc_run(&p);
		strv_free(&short_argv);
	}
	unlink(path);
	free(path);
	return status;
}

/* Link; what the linker says goes to err. Status, or -errno if it could not start. */
static int link_once(const struct cc *cc, int err)
{
	struct strv argv = {0}, env = {0};

	link_command(cc, &argv);
	if (cc->verbose) {
		char *command = shell_join(&argv);

		error("%s", command);
		free(command);
	}
	struct proc p = proc_default(&argv);

	strv_add(&env, "LC_ALL=C"); /* for is_about_fixed_code() */
	p.env = &env;
	p.err = err;
	int status = proc_run(&p);

	if (status == -E2BIG)
		status = link_through_file(&argv, &env, err);
	strv_free(&argv);
	strv_free(&env);
	return status;
}

/* Did the linker refuse because of code that can only be at the address it is linked for? If not,
 * its messages go on to standard error. */
static bool is_about_fixed_code(FILE *messages)
{
	char line[1024];
	bool found = false;

	rewind(messages);
	while (!found && fgets(line, sizeof(line), messages))
		found = strstr(line, "when making a PIE object") != NULL;
	rewind(messages);
	while (!found && fgets(line, sizeof(line), messages))
		fputs(line, stderr);
	return found;
}

/*
 * Archives do not say whether their code is position independent. So an image is linked as if all
 * were, and if the linker finds code that is not, once more for a fixed address.
 */
static int link_image(const struct cc *given)
{
	struct cc cc = *given;
	FILE *messages = cc.fixed_code || cc.relocatable ? NULL : tmpfile();
	int status;

	cc.any_syscall = !cc.relocatable && scan_for_syscalls(&cc.items);
	status = link_once(&cc, messages ? fileno(messages) : PROC_INHERIT);
	if (!messages)
		return status;
	if (is_about_fixed_code(messages) && status > 0) {
		cc.fixed_code = true;
		error("note: some of the code is not position independent, so the image has a "
		      "fixed address");
		status = link_once(&cc, PROC_INHERIT);
	}
	fclose(messages);
	return status;
}

int cc_link(const struct cc *cc)
{
	char *missing = prefix_missing();
	int status;

	if (cc->shared) {
		error("an image is one program: shared libraries (cdylib, dylib, -shared) are not "
		      "for it");
		return STATUS_FAILED;
	}
	if (missing) {
		error("this installation of Kiln is incomplete: %s is missing\n"
		      "  build it again: make (in Kiln's source tree)",
		      missing);
		free(missing);
		return STATUS_FAILED;
	}
	status = link_image(cc);
	if (status == -ENOENT)
		error("there is no linker (ld)\n  install it: apt-get install binutils");
	else if (status < 0)
		error("cannot start the linker: %s", strerror(-status));
	return status < 0 ? STATUS_FAILED : status;
}

/* Compile the sources into dir and put the objects in their places. */
static int cc_compile_sources(struct cc *cc, const char *dir, struct strv *objects)
{
	for (size_t i = 0; i < cc->sources.n; i++) {
		const char *source = cc->sources.v[i];

		strv_addf(objects, "%s/%zu.o", dir, i);
		int status = cc_compile_source(cc, source, cc->languages.v[i], objects->v[i]);

		if (status)
			return status;
		for (size_t j = 0; j < cc->items.n; j++)
			if (!strcmp(cc->items.v[j], source)) {
				free(cc->items.v[j]);
				cc->items.v[j] = xstrdup(objects->v[i]);
				break;
			}
	}
	return 0;
}

static int cc_compile_and_link(struct cc *cc)
{
	const char *tmp = getenv("TMPDIR");
	char *dir = xasprintf("%s/kiln-cc-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	struct strv objects = {0};
	int status = STATUS_FAILED;

	if (!mkdtemp(dir)) {
		error("cannot make a folder in %s: %s", tmp && *tmp ? tmp : "/tmp",
		      strerror(errno));
	} else {
		status = cc_compile_sources(cc, dir, &objects);
		if (!status)
			status = cc_link(cc);
		dir_remove_files(dir); /* also what some options of gcc leave beside the objects */
	}
	strv_free(&objects);
	free(dir);
	return status;
}

int cc_main(char **argv, bool cxx)
{
	struct cc cc = {.cxx = cxx};
	int status;

	cc_parse(&cc, argv);
	if (cc.mode != CC_LINK)
		status = cc_compile(&cc);
	else if (cc.sources.n)
		status = cc_compile_and_link(&cc);
	else
		status = cc_link(&cc);
	cc_free(&cc);
	return status;
}
