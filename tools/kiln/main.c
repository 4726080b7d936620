/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kiln: build Rust programs into unikernels and run them. One binary with several names: kiln-cc,
 * kiln-c++ (linker and compiler of an image), kiln-rustc, kiln-rustdoc (both with Kiln's sysroot)
 * and cargo-kiln (what `cargo kiln` starts) are links to it.
 */
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cc.h"
#include "toolchain.h"

static int cc_command(char **argv)
{
	program_name = "kiln-cc";
	return cc_main(argv, false);
}

static int cxx_command(char **argv)
{
	program_name = "kiln-c++";
	return cc_main(argv, true);
}

const struct command commands[] = {
	{"build", build_main, "build a Cargo crate into an image", build_help},
	{"run", run_main, "run an image, or build a crate and run it", run_help},
	{"new", new_main, "make a new crate, or an app with a C main()", new_help},
	{"env", env_main, "print what plain cargo and rustc need to make images", env_help},
	{"size", size_main, "show what an image is made of", size_help},
	{"doctor", doctor_main, "check that all that is needed is there", doctor_help},
	{"cc", cc_command, "compile and link C into an image (gcc's options)", NULL},
	{"c++", cxx_command, "the same for C++", NULL},
	{NULL, NULL, NULL, NULL},
};

static void print_usage(FILE *to)
{
	fputs("Usage: kiln COMMAND [OPTIONS]\n"
	      "\n"
	      "Turn Rust programs into unikernels: images that boot in a virtual machine, and run "
	      "as Linux\n"
	      "processes.\n"
	      "\n",
	      to);
	for (const struct command *c = commands; c->name; c++)
		fprintf(to, "  %-8s %s\n", c->name, c->summary);
	fputs("\n"
	      "  kiln COMMAND --help    what a command takes\n"
	      "  kiln --version         the version\n",
	      to);
}

static const struct command *command_get(const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

static _Noreturn void die_unknown(const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (strlen(c->name) > 2 && edit_distance(c->name, name) < 3)
			die(STATUS_USAGE,
			    "unknown command %s; did you mean %s?\n  see: kiln --help", name,
			    c->name);
	die(STATUS_USAGE, "unknown command %s\n  see: kiln --help", name);
}

static int command_run(char **argv)
{
	const char *name = argv[0];
	const struct command *c;

	if (!strcmp(name, "--version") || !strcmp(name, "-V"))
		return puts("kiln " KILN_VERSION) < 0;
	if (!strcmp(name, "help") && argv[1]) {
		/* kiln help COMMAND is kiln COMMAND --help. */
		char help[] = "--help";
		char *swapped[] = {argv[1], help, NULL};

		return command_run(swapped);
	}
	if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
		print_usage(stdout);
		return 0;
	}
	c = command_get(name);
	if (!c)
		die_unknown(name);
	if (c->help && argv[1] && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")))
		return fputs(c->help, stdout) < 0;
	return c->main(argv + 1);
}

/* Were one of the standard streams closed, the next file opened would take its place. */
static void open_standard_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY);
}

static int main_by_name(int argc, char **argv)
{
	const char *name = argc ? str_basename(argv[0]) : "kiln";

	if (!strcmp(name, "kiln-cc"))
		return cc_command(argv + 1);
	if (!strcmp(name, "kiln-c++"))
		return cxx_command(argv + 1);
	if (!strcmp(name, "cargo-kiln")) {
		program_name = "cargo kiln";
		/* Cargo gives its name for the command first. */
		return cargo_kiln_main(argv + (argc > 1 && !strcmp(argv[1], "kiln") ? 2 : 1));
	}
	if (!strcmp(name, "kiln-rustc")) {
		program_name = name;
		return rustc_main(argv);
	}
	if (!strcmp(name, "kiln-rustdoc")) {
		program_name = name;
		return rustdoc_main(argv);
	}
	if (argc < 2) {
		print_usage(stderr);
		return STATUS_USAGE;
	}
	return command_run(argv + 1);
}

int main(int argc, char **argv)
{
	int status;

	open_standard_streams();
	/* Were it ignored, which is inherited, nobody would hear of a child's end. */
	signal(SIGCHLD, SIG_DFL);
	status = main_by_name(argc, argv);
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	if (errno != EPIPE)
		error("cannot write standard output: %s", strerror(errno));
	return status ? status : STATUS_FAILED;
}
