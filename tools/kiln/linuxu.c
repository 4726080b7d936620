/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Run an image as a Linux process. Its environment is the one it would have in a virtual machine:
 * nothing but what --env gives, and KILN_OPTS, which is for the kernel and hidden from the program.
 */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <unistd.h>

#include "cmdline.h"
#include "gdb.h"
#include "path.h"
#include "proc.h"
#include "relay.h"
#include "stats.h"
#include "symbolize.h"

static void linuxu_environment(const struct run *run, int log_fd, struct strv *env)
{
	struct buf opts = {0};

	buf_adds(&opts, "KILN_OPTS=");
	if (log_fd >= 0)
		buf_addf(&opts, "logfd=%d ", log_fd);
	buf_addf(&opts, "cpus=%u", run->cpus);
	if (run->deterministic)
		buf_addf(&opts, " deterministic=%llu", (unsigned long long)run->seed);
	if (run->verbose)
		buf_adds(&opts, " verbose");
	if (run->trace)
		buf_adds(&opts, " trace");
	if (run->stats)
		buf_adds(&opts, " stats");
	if (run->watchdog)
		buf_adds(&opts, " watchdog");
	if (run->loader) {
		char *path = path_absolute(run->path);

		buf_adds(&opts, " exec=");
		cmdline_encode(&opts, path);
		free(path);
	}
	strv_add(env, opts.p);
	strv_append(env, &run->env);
	buf_free(&opts);
}

/* `env -i K=V... `, as words in front of a command. */
static void linuxu_env_words(const struct run *run, struct strv *words)
{
	strv_add_all(words, "env", "-i", NULL);
	linuxu_environment(run, -1, words);
}

/* The image under gdb, with its own environment; gdb keeps kiln's. */
static void linuxu_gdb_command(const struct run *run, struct strv *argv)
{
	struct strv words = {0};

	linuxu_env_words(run, &words);
	char *wrapper = shell_join(&words);

	strv_add_all(argv, "gdb", "-ex", NULL);
	strv_addf(argv, "set exec-wrapper %s", wrapper);
	/* Timers, kicks between CPUs, and system calls by instruction. */
	strv_add_all(argv, "-ex", "handle SIGALRM SIGURG SIGSYS nostop noprint pass", "-ex", NULL);
	gdb_add_source(argv);
	if (run->loader) {
		struct strv commands = {0};

		strv_add_all(argv, "-ex", "starti", NULL);
		gdb_add_program(run, &commands);
		strv_add_all(&commands, "tbreak main", "continue", NULL);
		for (size_t i = 0; i < commands.n; i++)
			strv_add_all(argv, "-ex", commands.v[i], NULL);
		strv_free(&commands);
	}
	strv_add_all(argv, "--args", run_image_path(run), NULL);
	strv_append(argv, &run->args);
	free(wrapper);
	strv_free(&words);
}

static int linuxu_dry_run(const struct run *run)
{
	struct strv words = {0};

	if (run->gdb) {
		linuxu_gdb_command(run, &words);
	} else {
		linuxu_env_words(run, &words);
		strv_add(&words, run_image_path(run));
		strv_append(&words, &run->args);
	}
	char *command = shell_join(&words);

	puts(command);
	free(command);
	strv_free(&words);
	return 0;
}

static int linuxu_gdb(const struct run *run)
{
	struct strv argv = {0};

	linuxu_gdb_command(run, &argv);

	struct proc p = proc_default(&argv);
	int err = proc_exec(&p);

	if (err == -ENOENT)
		error("gdb is not installed\n  install it: apt-get install gdb");
	else
		error("cannot start gdb: %s", strerror(-err));
	strv_free(&argv);
	return STATUS_NOT_RUN;
}

static void linuxu_say_not_started(const struct run *run, int err)
{
	if (err == -EACCES || err == -ENOENT)
		error("%s may not be executed\n  allow it: chmod +x %s (or copy it off a noexec "
		      "mount)",
		      run_image_path(run), run_image_path(run));
	else if (err == -E2BIG)
		error("the arguments are too long for Linux");
	else
		error("Linux cannot start %s: %s", run_image_path(run), strerror(-err));
}

static pid_t linuxu_start(const struct run *run, int log_fd)
{
	struct strv argv = {0}, env = {0};

	strv_add(&argv, run->path);
	strv_append(&argv, &run->args);
	linuxu_environment(run, log_fd, &env);
	/* Addresses decide, too. Where it is not allowed, runs just differ. */
	if (run->deterministic)
		(void)personality(ADDR_NO_RANDOMIZE);

	/* A plain file name is the image's name, not a command in PATH. */
	char *file = path_absolute(run_image_path(run));
	struct proc p = proc_default(&argv);

	p.file = file;
	p.env = &env;
	p.env_only = true;
	p.keep = &log_fd;
	p.n_keep = 1;
	p.die_with_parent = true;
	pid_t pid = proc_start(&p);

	if (pid < 0)
		linuxu_say_not_started(run, pid);
	free(file);
	strv_free(&argv);
	strv_free(&env);
	return pid;
}

int linuxu_run(const struct run *run)
{
	int log[2];

	if (run->dry_run)
		return linuxu_dry_run(run);
	if (run->gdb)
		return linuxu_gdb(run);
	relay_prepare();
	if (pipe2(log, O_CLOEXEC))
		die(STATUS_NOT_RUN, "cannot make a pipe: %s", strerror(errno));

	struct relay r = {
		.start_ns = relay_now_ns(),
		.pid = linuxu_start(run, log[1]),
		.log_live = run->verbose,
		.in = -1,
		.out = -1,
		.err = -1,
		.log = log[0],
		.diag = -1,
		.monitor = -1,
		.trace = run->trace,
		.run = run,
	};

	close(log[1]);
	if (r.pid < 0)
		return STATUS_NOT_RUN;
	relay_run(&r);
	/* Linux says how the process ended; the kernel's own line is not news. */
	(void)relay_take_exit(&r.log_text);
	if (run->stats)
		stats_print(&r);
	symbolize_print(run, r.log_text.p, r.log_text.len);
	buf_free(&r.log_text);
	return r.status;
}
