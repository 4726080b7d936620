/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Start, wait for and read from other programs: see proc.h.
 */
#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "path.h"

extern char **environ;

struct proc proc_default(const struct strv *argv)
{
	return (struct proc){
		.argv = argv, .in = PROC_INHERIT, .out = PROC_INHERIT, .err = PROC_INHERIT};
}

/* kiln's environment with p's additions, which replace variables of the same name. */
static void proc_environment(const struct proc *p, struct strv *env)
{
	for (char **e = environ; !p->env_only && *e; e++) {
		size_t name = strcspn(*e, "=") + 1;
		bool replaced = false;

		for (size_t i = 0; p->env && i < p->env->n && !replaced; i++)
			replaced = !strncmp(*e, p->env->v[i], name);
		if (!replaced)
			strv_add(env, *e);
	}
	if (p->env)
		strv_append(env, p->env);
	/* An empty list has no array yet, and execve needs one. */
	if (!env->n) {
		strv_add(env, "");
		free(env->v[0]);
		env->v[0] = NULL;
		env->n = 0;
	}
}

static void proc_redirect(int fd, int target)
{
	if (fd == PROC_NULL)
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd >= 0 && fd != target)
		dup2(fd, target);
	else if (fd == target)
		fcntl(fd, F_SETFD, 0);
}

bool signal_is_ignored(int sig)
{
	struct sigaction sa;

	return !sigaction(sig, NULL, &sa) && sa.sa_handler == SIG_IGN;
}

/* In the child, or instead of kiln. Returns -errno. */
static int proc_enter(const struct proc *p, const char *file, char *const *envp)
{
	sigset_t none;

	proc_redirect(p->in, STDIN_FILENO);
	proc_redirect(p->out, STDOUT_FILENO);
	proc_redirect(p->err, STDERR_FILENO);
	for (size_t i = 0; i < p->n_keep; i++)
		fcntl(p->keep[i], F_SETFD, 0);
	if (p->dir && chdir(p->dir))
		return -errno;
	if (p->die_with_parent)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_DFL);
	if (p->ignore_quit)
		signal(SIGQUIT, SIG_IGN);
	sigemptyset(&none);
	/* A VMM handles these itself, though whoever started kiln (nohup) has them ignored. */
	if (p->ignore_quit && signal_is_ignored(SIGHUP))
		sigaddset(&none, SIGHUP);
	if (p->ignore_quit && signal_is_ignored(SIGINT))
		sigaddset(&none, SIGINT);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(file, p->argv->v, envp);
	return -errno;
}

int proc_exec(const struct proc *p)
{
	struct strv env = {0};
	char *file = command_find(p->file ? p->file : p->argv->v[0]);
	int err = -ENOENT;

	if (file) {
		proc_environment(p, &env);
		err = proc_enter(p, file, env.v);
		strv_free(&env);
	}
	free(file);
	return err;
}

pid_t proc_start(const struct proc *p)
{
	struct strv env = {0};
	int report[2], err = 0;
	char *file = command_find(p->file ? p->file : p->argv->v[0]);
	pid_t pid;

	if (!file)
		return -ENOENT;
	/* The child's execve either closes this pipe or sends its error through it. */
	if (pipe2(report, O_CLOEXEC)) {
		err = -errno;
		free(file);
		return err;
	}
	proc_environment(p, &env);
	pid = fork();
	if (!pid) {
		err = proc_enter(p, file, env.v);
		(void)!write(report[1], &err, sizeof(err));
		_exit(127);
	}
	if (pid < 0)
		err = -errno;
	close(report[1]);
	if (pid > 0 && read(report[0], &err, sizeof(err)) == (ssize_t)sizeof(err))
		waitpid(pid, NULL, 0);
	close(report[0]);
	strv_free(&env);
	free(file);
	return err ? err : pid;
}

int proc_status(int wait_status)
{
	if (WIFSIGNALED(wait_status))
		return 128 + WTERMSIG(wait_status);
	return WEXITSTATUS(wait_status);
}

int proc_wait(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return proc_status(status);
}

int proc_run(const struct proc *p)
{
	pid_t pid = proc_start(p);

	return pid < 0 ? pid : proc_wait(pid);
}

int proc_capture(const struct proc *p, size_t limit, struct buf *out)
{
	struct proc child = *p;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	child.out = fds[1];
	pid_t pid = proc_start(&child);

	close(fds[1]);
	for (;;) {
		char chunk[4096];
		ssize_t n = read(fds[0], chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		if (out->len < limit)
			buf_add(out, chunk,
				(size_t)n < limit - out->len ? (size_t)n : limit - out->len);
	}
	close(fds[0]);
	buf_adds(out, "");
	return pid < 0 ? pid : proc_wait(pid);
}
