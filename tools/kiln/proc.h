/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Other programs: start one, wait for it, take its output. Every file descriptor kiln opens is
 * close-on-exec; what a child is to have is named in struct proc.
 */
#ifndef KILN_PROC_H
#define KILN_PROC_H

#include "util.h"

#include <sys/types.h>

enum { PROC_INHERIT = -1, PROC_NULL = -2 };

struct proc {
	const struct strv *argv;
	const struct strv *env; /* added to kiln's environment, "K=V"; may be NULL */
	bool env_only;          /* env is the whole environment */
	const char *file;       /* what to execute, if it is not argv[0] looked up in PATH */
	const char *dir;        /* working folder, or NULL for kiln's own */
	int in, out, err;       /* a file descriptor, PROC_INHERIT or PROC_NULL */
	const int *keep;        /* n_keep further descriptors the child keeps under their numbers */
	size_t n_keep;
	bool ignore_quit;     /* SIGQUIT, which a terminal sends to all, is kiln's alone */
	bool die_with_parent; /* the child is killed when kiln dies */
};

/* A struct proc that runs argv with kiln's own streams. */
struct proc proc_default(const struct strv *argv);

/* The child's id, or -errno (-ENOENT: no such command). The child's signal mask is empty. */
MUST_CHECK pid_t proc_start(const struct proc *p);

/* Wait; the status as a shell has it: the exit status, or 128 + signal. */
int proc_wait(pid_t pid);

/* proc_start and proc_wait. Status, or -errno if it could not start. */
MUST_CHECK int proc_run(const struct proc *p);

/* Run and append standard output to out, at most limit bytes of it (the rest is read and dropped).
 */
MUST_CHECK int proc_capture(const struct proc *p, size_t limit, struct buf *out);

/* Replace kiln by p. Returns -errno only. */
int proc_exec(const struct proc *p);

/* Status of a shell from a status of waitpid(). */
int proc_status(int wait_status);

/* Is a signal ignored, as it may be inherited? */
bool signal_is_ignored(int sig);

#endif
