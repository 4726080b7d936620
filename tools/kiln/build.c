/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kiln build: a crate becomes an image.
 */
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cargo.h"
#include "cargo_choose.h"
#include "image.h"
#include "path.h"

enum { BUILD_OUTPUT = 1, BUILD_HELP };

static const struct opt build_options[] = {
	{BUILD_OUTPUT, "output", 'o', "FILE"},
	{BUILD_HELP, "help", 'h', NULL},
	{0, NULL, 0, NULL},
};

/* Copy beside the target and rename: a running image is not overwritten under its VMM. What is no
 * file (/dev/null) is written to. 0 or -errno. */
static int file_copy(const char *from, const char *name)
{
	char *to = realpath(name, NULL), *tmp = NULL;
	int in = open(from, O_RDONLY | O_CLOEXEC), out, err = 0;
	struct stat st;

	if (!to)
		to = xstrdup(name);
	if (!stat(to, &st) && !S_ISREG(st.st_mode)) {
		out = open(to, O_WRONLY | O_CLOEXEC);
	} else {
		tmp = xasprintf("%s.XXXXXX", to);
		out = mkostemp(tmp, O_CLOEXEC);
	}
	if (in < 0 || out < 0 || fstat(in, &st)) {
		err = -errno;
	} else {
		for (off_t left = st.st_size; left > 0 && !err;) {
			ssize_t n = sendfile(out, in, NULL, (size_t)left);

			if (n <= 0)
				err = n ? -errno : -EIO;
			left -= n;
		}
		if (!err && tmp && fchmod(out, st.st_mode & 0777))
			err = -errno;
	}
	if (in >= 0)
		close(in);
	/* Some file systems say only now that there is no room. */
	if (out >= 0 && close(out) && !err)
		err = -errno;
	if (out >= 0 && tmp && !err && rename(tmp, to))
		err = -errno;
	if (out >= 0 && tmp && err)
		unlink(tmp);
	free(tmp);
	free(to);
	return err;
}

static void build_report(const char *path)
{
	struct image image;
	char *why;

	if (image_inspect_only(path, &image, &why)) {
		free(why);
		return;
	}
	printf("image: %s, %llu KiB (%llu KiB of it loaded)\n", path,
	       (unsigned long long)(image.file_bytes + 1023) / 1024,
	       (unsigned long long)(image.loaded_bytes + 1023) / 1024);
}

static int build_finish(const struct cargo *c, const char *output)
{
	if (output && c->images.n > 1) {
		error("-o names one file, but the crate has several programs\n  choose one: --bin "
		      "NAME");
		return STATUS_FAILED;
	}
	if (output) {
		int err = file_copy(c->images.v[0], output);

		if (err) {
			error("cannot write %s: %s", output, strerror(-err));
			return STATUS_FAILED;
		}
		build_report(output);
		return 0;
	}
	for (size_t i = 0; i < c->images.n; i++)
		build_report(c->images.v[i]);
	return 0;
}

int build_main(char **argv)
{
	struct opts o = {
		.command = "kiln build", .tables = {build_options, cargo_options}, .argv = argv};
	struct cargo c = {0};
	const char *output = NULL;
	int id;

	while ((id = opts_next(&o)) != OPT_END) {
		if (id == BUILD_OUTPUT)
			output = o.value;
		else if (id == BUILD_HELP)
			return fputs(build_help, stdout) < 0;
		else if (id == OPT_OPERAND && c.dir)
			die(STATUS_USAGE,
			    "one folder at a time: %s and %s\n  see: kiln build --help", c.dir,
			    o.value);
		else if (id == OPT_OPERAND)
			c.dir = o.value;
		else
			(void)cargo_take_option(&c, &o, id);
	}
	if (*o.argv)
		die(STATUS_USAGE, "arguments are for the program, and kiln build does not run it\n"
				  "  build and run: kiln run");
	char *manifest = cargo_manifest(c.dir);

	if (c.dir && !path_is_dir(c.dir))
		die(STATUS_FAILED,
		    "%s is not a folder\n  kiln build takes the folder that has Cargo.toml in it",
		    c.dir);
	if (!manifest && !strv_has(&c.common, "--manifest-path"))
		die(STATUS_FAILED,
		    "there is no Cargo.toml in %s or above it\n"
		    "  give the crate's folder: kiln build DIR; a new crate: cargo new DIR",
		    c.dir ? c.dir : "this folder");
	free(manifest);
	int status = cargo_build(&c);

	if (!status)
		status = build_finish(&c, output);
	cargo_free(&c);
	return status;
}
