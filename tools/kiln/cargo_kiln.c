/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * cargo kiln build|run|test|bench: cargo itself, told to make images and to run what it runs in the
 * virtual machine. Cargo starts this as `cargo-kiln kiln ARGS`.
 */
#include "commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cargo.h"
#include "cargo_choose.h"
#include "path.h"
#include "proc.h"
#include "toolchain.h"

/* Options of kiln run that may stand before the command of cargo. */
static const char *const run_options[] = {"--platform", "--machine", "--accel", "--memory",
					  "--cpus"};
/* The same, without a value that is a word of its own. */
static const char *const run_flags[] = {"--trace", "--stats", "--watchdog"};

struct cargo_kiln {
	struct strv runner; /* kiln run and its options, for cargo's `runner` */
	const char *command;
	char **rest; /* cargo's own arguments */
};

/* Is it `name` or `name=VALUE`? */
static bool option_is(const char *arg, const char *name)
{
	const char *rest = str_after(arg, name);

	return rest && (!*rest || *rest == '=');
}

/* Is it `name VALUE` or `name=VALUE`? Then how many words it takes, else 0. */
static size_t option_words(char **argv, const char *name)
{
	if (!option_is(argv[0], name))
		return 0;
	if (!str_after(argv[0], name)[0] && !argv[1])
		die(STATUS_USAGE, "%s takes a value\n  see: cargo kiln --help", name);
	return str_after(argv[0], name)[0] ? 1 : 2;
}

static void cargo_kiln_parse(struct cargo_kiln *k, char **argv)
{
	char *kiln = prefix_bin("kiln");

	strv_add_all(&k->runner, kiln, "run", "--runner", NULL);
	free(kiln);
	while (*argv && (*argv)[0] == '-') {
		size_t n = 0;

		if (!strcmp(*argv, "--help") || !strcmp(*argv, "-h"))
			exit(fputs(cargo_kiln_help, stdout) < 0);
		for (size_t i = 0; i < ARRAY_SIZE(run_options) && !n; i++)
			n = option_words(argv, run_options[i]);
		for (size_t i = 0; i < ARRAY_SIZE(run_flags) && !n; i++)
			n = option_is(*argv, run_flags[i]);
		if (!n)
			die(STATUS_USAGE,
			    "%s is no option of cargo kiln; cargo's own stand behind its command\n"
			    "  see: cargo kiln --help",
			    *argv);
		while (n-- > 0)
			strv_add(&k->runner, *argv++);
	}
	static const char *const commands_known[] = {"build", "b", "run",   "r",
						     "test",  "t", "bench", NULL};

	for (size_t i = 0; *argv && commands_known[i]; i++)
		if (!strcmp(*argv, commands_known[i]))
			k->command = *argv;
	if (!k->command)
		die(STATUS_USAGE,
		    "it takes build, run, test or bench%s%s\n"
		    "  see: cargo kiln --help",
		    *argv ? ", not " : "", *argv ? *argv : "");
	k->rest = argv + 1;
}

/* What of cargo's arguments concerns the choice of folders. */
static void cargo_kiln_note(struct cargo *c, char **argv)
{
	for (; *argv && strcmp(*argv, "--"); argv++) {
		const char *value;

		if (!strcmp(*argv, "--target") || str_after(*argv, "--target="))
			die(STATUS_USAGE, "cargo kiln chooses the target itself");
		if (!strcmp(*argv, "--manifest-path") && argv[1])
			strv_add_all(&c->common, "--manifest-path", argv[1], NULL);
		else if ((value = str_after(*argv, "--manifest-path=")))
			strv_add_all(&c->common, "--manifest-path", value, NULL);
		else if (!strcmp(*argv, "--target-dir") && argv[1])
			c->target_dir = xstrdup(argv[1]);
		else if ((value = str_after(*argv, "--target-dir=")))
			c->target_dir = xstrdup(value);
	}
}

/* Cargo splits the runner's command at spaces. */
static int add_runner(const struct cargo_kiln *k, const struct toolchain *tc, struct strv *env)
{
	struct buf words = {0};

	for (size_t i = 0; i < k->runner.n; i++) {
		if (strchr(k->runner.v[i], ' ')) {
			error("cargo cannot start %s as its runner, because there is a space in "
			      "that name\n  install Kiln elsewhere",
			      k->runner.v[i]);
			buf_free(&words);
			return STATUS_FAILED;
		}
		buf_addf(&words, "%s%s", i ? " " : "", k->runner.v[i]);
	}
	strv_addf(env, "CARGO_TARGET_X86_64_UNKNOWN_LINUX_%s_RUNNER=%s", tc->gnu ? "GNU" : "MUSL",
		  words.p);
	buf_free(&words);
	return 0;
}

static int cargo_kiln_exec(const struct cargo_kiln *k, const struct cargo *c,
			   const struct toolchain *tc, const struct strv *env, bool own_dir)
{
	struct strv argv = {0};

	strv_add_all(&argv, tc->cargo, k->command, "--target", toolchain_target(tc), NULL);
	if (!own_dir)
		strv_add_all(&argv, "--target-dir", c->target_dir, NULL);
	for (char **a = k->rest; *a; a++)
		strv_add(&argv, *a);

	struct proc p = proc_default(&argv);

	p.env = env;
	int err = proc_exec(&p);

	strv_free(&argv);
	return cargo_unstarted(tc, -err);
}

int cargo_kiln_main(char **argv)
{
	struct cargo_kiln k = {0};
	struct cargo c = {0};
	struct strv env = {0};
	struct toolchain tc;

	cargo_kiln_parse(&k, argv);
	c.loadable = k.command[0] != 'b' || !strcmp(k.command, "bench");
	cargo_kiln_note(&c, k.rest);

	bool own_dir = c.target_dir != NULL;
	int status = cargo_toolchain(&c, &tc);

	if (status)
		return status;
	toolchain_environment(&tc, &env);
	status = add_runner(&k, &tc, &env);
	if (!status)
		status = cargo_choose(&c, tc.cargo, &env);
	if (!status) {
		cargo_refresh(&c, &tc, &env);
		status = cargo_kiln_exec(&k, &c, &tc, &env, own_dir);
	}
	strv_free(&env);
	strv_free(&k.runner);
	toolchain_free(&tc);
	cargo_free(&c);
	return status;
}
