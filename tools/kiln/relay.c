/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The loop around a running program: see relay.h.
 *
 * A pump moves bytes from one descriptor to another through a buffer of its own, and never reads
 * before the last bytes are written, so that a slow reader slows the guest down. Descriptors that
 * kiln shares with others (its own standard streams) are never made non-blocking, as that
 * would change them for the others: a pump writes at most PIPE_BUF bytes after poll() said there is
 * room, which does not block.
 */
#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "proc.h"
#include "symbolize.h"
#include "trace.h"

enum {
	STOP_GRACE_MS = 2000,     /* a VMM asked to end gets this long */
	TTY_RETRY_MS = 500,       /* in the background: look again whether the terminal is ours */
	TEXT_BYTES_MAX = 8 << 20, /* of a log that is kept */
	FRAME_EOF = 0x04,
	FRAME_LITERAL = 0x10,
	FRAME_IGNORED = 0x16,
	FRAME_START = 2 /* ignored bytes at the beginning */
};

struct pump {
	int from, to;
	const char *name; /* of what is written to */
	bool framed;
	bool started;     /* framed: the first byte went out */
	bool done;        /* nothing more to read, or nobody to write to */
	bool reader_gone; /* writing failed */
	bool lost;        /* … and not because nobody wants to read */
	size_t at, len;   /* data[at..len) is still to be written */
	char data[PIPE_BUF];
};

struct relay_loop {
	struct relay *r;
	struct pump in, out, err;
	int signals;
	bool ended;         /* pid was waited for */
	int64_t kill_at_ms; /* 0: no limit yet */
	struct buf line;    /* log_live: a line that is not complete yet */
	struct buf traced;  /* of a traced program: a line that is not complete yet */
	bool holding;       /* log_live: addresses were seen, the rest is printed at the end */
};

static sigset_t relay_signals;
static int relay_signal_fd = -1;

int64_t relay_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int64_t now_ms(void)
{
	return relay_now_ns() / 1000000;
}

void relay_prepare(void)
{
	static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD};

	sigemptyset(&relay_signals);
	/* SIGQUIT asks for a dump of threads, also of a shell's background job, which ignores it.
	 */
	for (size_t i = 0; i < ARRAY_SIZE(caught); i++)
		if (caught[i] == SIGCHLD || caught[i] == SIGQUIT || !signal_is_ignored(caught[i]))
			sigaddset(&relay_signals, caught[i]);
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &relay_signals, NULL);
	relay_signal_fd = signalfd(-1, &relay_signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (relay_signal_fd < 0)
		die(STATUS_NOT_RUN, "cannot wait for signals: %s", strerror(errno));
}

/*
 * A UART drops the byte it holds when the guest switches its FIFO on, and the guest then reads one
 * to make room. So the first two bytes are ones that the guest ignores.
 */
static size_t pump_frame(struct pump *p, const char *raw, size_t n)
{
	size_t len = 0;

	while (!p->started && len < FRAME_START)
		p->data[len++] = FRAME_IGNORED;
	p->started = true;
	for (size_t i = 0; i < n; i++) {
		if (raw[i] == FRAME_EOF || raw[i] == FRAME_LITERAL || raw[i] == FRAME_IGNORED)
			p->data[len++] = FRAME_LITERAL;
		p->data[len++] = raw[i];
	}
	return len;
}

static void pump_read(struct pump *p)
{
	char raw[(sizeof(p->data) - FRAME_START) / 2]; /* each may take two */
	ssize_t n;

	if (p->framed) {
		n = read(p->from, raw, sizeof(raw));
		if (n > 0)
			p->len = pump_frame(p, raw, (size_t)n);
	} else {
		n = read(p->from, p->data, sizeof(p->data));
		if (n > 0)
			p->len = (size_t)n;
	}
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	p->at = 0;
	if (n > 0)
		return;
	/* An error is an end, too. */
	p->done = true;
	if (p->framed) {
		p->len = pump_frame(p, NULL, 0);
		p->data[p->len++] = FRAME_EOF;
	}
}

static void pump_write(struct pump *p)
{
	ssize_t n = write(p->to, p->data + p->at, p->len - p->at);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n < 0) {
		/* A reader that has seen enough is nothing to talk about; a full disk is. */
		p->lost = errno != EPIPE;
		if (p->lost)
			error("cannot write %s: %s", p->name, strerror(errno));
		p->reader_gone = p->done = true;
		p->len = 0;
		return;
	}
	p->at += (size_t)n;
	if (p->at == p->len)
		p->at = p->len = 0;
}

/* What this pump waits for; a negative descriptor is ignored by poll(). */
static struct pollfd pump_poll(const struct pump *p)
{
	if (p->len)
		return (struct pollfd){.fd = p->to, .events = POLLOUT};
	return (struct pollfd){.fd = p->done ? -1 : p->from, .events = POLLIN};
}

/* A process in the background may not read from its terminal: it would be stopped for it. */
static bool terminal_is_others(int fd)
{
	pid_t foreground = tcgetpgrp(fd);

	return foreground > 0 && foreground != getpgrp();
}

static void log_add(struct buf *text, const char *data, size_t n)
{
	if (text->len + n > TEXT_BYTES_MAX) {
		/* The end of a log tells most: drop the older half. */
		size_t drop = text->len / 2;

		memmove(text->p, text->p + drop, text->len - drop);
		text->len -= drop;
	}
	buf_add(text, data, n);
}

/* log_live: complete lines go out at once, until one has an address that is to be looked up at the
 * end. */
static void log_stream(struct relay_loop *l, const char *data, size_t n)
{
	char *newline;

	buf_add(&l->line, data, n);
	while (!l->holding && (newline = memchr(l->line.p, '\n', l->line.len))) {
		size_t line = (size_t)(newline - l->line.p) + 1;

		*newline = '\0';
		l->holding = strstr(l->line.p, "image+0x") || strstr(l->line.p, "program+0x") ||
			     str_after(l->line.p, "kiln: exit ") ||
			     str_after(l->line.p, "kiln: threads: ");
		*newline = '\n';
		if (l->holding)
			break;
		(void)!write(STDERR_FILENO, l->line.p, line);
		memmove(l->line.p, l->line.p + line, l->line.len - line + 1);
		l->line.len -= line;
	}
	if (l->holding) {
		log_add(&l->r->log_text, l->line.p, l->line.len);
		l->line.len = 0;
	}
}

/* A thread dump is complete: whoever has asked for it wants to see it, not to wait for the
 * program's end. */
static void log_print_dump(struct relay_loop *l)
{
	static const char last_line[] = "kiln: end of threads\n";
	struct buf *log = &l->r->log_text;
	char *end;

	while (log->len &&
	       (end = memmem(log->p, log->len, last_line, sizeof(last_line) - 1)) != NULL) {
		size_t n = (size_t)(end - log->p) + sizeof(last_line) - 1;
		struct buf rest = {0};

		symbolize_print(l->r->run, log->p, n);
		buf_add(&rest, log->p + n, log->len - n);
		log->len = 0;
		l->holding = false;
		if (l->r->log_live)
			log_stream(l, rest.p, rest.len);
		else
			log_add(log, rest.p, rest.len);
		buf_free(&rest);
	}
}

/* Text of the log that is no record of a trace. */
static void log_take(struct relay_loop *l, const char *data, size_t n)
{
	if (l->r->log_live)
		log_stream(l, data, n);
	else
		log_add(&l->r->log_text, data, n);
	log_print_dump(l);
}

/* The same before records have been taken out, line by line. */
static void log_take_traced(struct relay_loop *l, const char *data, size_t n)
{
	char *newline;

	buf_add(&l->traced, data, n);
	while (l->traced.len && (newline = memchr(l->traced.p, '\n', l->traced.len))) {
		size_t line = (size_t)(newline - l->traced.p) + 1;

		*newline = '\0';
		if (!trace_take(l->r->trace, l->traced.p)) {
			*newline = '\n';
			log_take(l, l->traced.p, line);
		}
		memmove(l->traced.p, l->traced.p + line, l->traced.len - line + 1);
		l->traced.len -= line;
	}
}

/* Take what is there of a text channel; false when it has ended. */
static void text_read(struct relay_loop *l, int *fd, struct buf *text)
{
	char chunk[16384];
	ssize_t n = read(*fd, chunk, sizeof(chunk));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		close(*fd);
		*fd = -1;
	} else if (fd != &l->r->log) {
		log_add(text, chunk, (size_t)n);
	} else if (l->r->trace) {
		log_take_traced(l, chunk, (size_t)n);
	} else {
		log_take(l, chunk, (size_t)n);
	}
}

/* What the monitor says is an echo of what it is told. */
static void monitor_read(int *fd)
{
	char chunk[4096];
	ssize_t n = read(*fd, chunk, sizeof(chunk));

	if (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)))
		return;
	close(*fd);
	*fd = -1;
}

static void relay_stop(struct relay_loop *l, int signal)
{
	bool again = l->r->stopped_by != 0;

	if (!again)
		l->r->stopped_by = signal;
	if (!l->ended)
		kill(l->r->pid, again ? SIGKILL : SIGTERM);
	if (!l->kill_at_ms)
		l->kill_at_ms = now_ms() + STOP_GRACE_MS;
	/* Nobody waits for input any more, and output must not keep kiln. */
	l->in.done = true;
	l->in.len = 0;
}

static void relay_take_signals(struct relay_loop *l)
{
	struct signalfd_siginfo info;

	while (read(l->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		int status, signal = (int)info.ssi_signo;

		if (signal == SIGCHLD) {
			if (!l->ended &&
			    wait4(l->r->pid, &status, WNOHANG, &l->r->usage) == l->r->pid) {
				l->ended = true;
				l->r->end_ns = relay_now_ns();
				l->r->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status)
								   : WEXITSTATUS(status);
			}
		} else if (signal == SIGQUIT && l->r->vm) {
			static const char command[] = "nmi\n";

			(void)!send(l->r->monitor, command, sizeof(command) - 1,
				    MSG_NOSIGNAL | MSG_DONTWAIT);
		} else if (l->r->vm) {
			relay_stop(l, signal);
		} else if (info.ssi_code != SI_KERNEL && !l->ended) {
			/* A terminal's signal reached the program already; another's did not. */
			kill(l->r->pid, signal);
		}
	}
}

static int relay_timeout_ms(const struct relay_loop *l, bool tty_waits)
{
	int timeout = tty_waits ? TTY_RETRY_MS : -1;

	/* The child is gone: what it wrote is in the pipes, so only take what is there. */
	if (l->ended)
		return l->out.len || l->err.len ? -1 : 0;
	if (l->kill_at_ms) {
		int64_t left = l->kill_at_ms - now_ms();

		timeout = left < 0 ? 0 : left < STOP_GRACE_MS ? (int)left : STOP_GRACE_MS;
	}
	return timeout;
}

static void pump_step(struct pump *p, const struct pollfd *fd)
{
	if (!fd->revents)
		return;
	if (p->len)
		pump_write(p);
	else
		pump_read(p);
}

/* One wait and what it brought. False when the child has ended and its pipes are empty. */
static bool relay_step(struct relay_loop *l)
{
	struct relay *r = l->r;
	bool tty_waits = !l->in.len && !l->in.done && terminal_is_others(l->in.from);
	enum { SIGNALS, IN, OUT, ERR, LOG, DIAG, MONITOR, N };
	struct pollfd fds[N] = {
		[SIGNALS] = {.fd = l->signals, .events = POLLIN},
		[IN] = pump_poll(&l->in),
		[OUT] = pump_poll(&l->out),
		[ERR] = pump_poll(&l->err),
		[LOG] = {.fd = r->log, .events = POLLIN},
		[DIAG] = {.fd = r->diag, .events = POLLIN},
		[MONITOR] = {.fd = r->monitor, .events = POLLIN},
	};

	if (l->ended || tty_waits)
		fds[IN].fd = -1;

	int n = poll(fds, N, relay_timeout_ms(l, tty_waits));

	if (n == 0 && l->ended)
		return false;
	if (!l->ended && l->kill_at_ms && now_ms() >= l->kill_at_ms)
		kill(r->pid, SIGKILL);
	if (n <= 0)
		return true;
	pump_step(&l->in, &fds[IN]);
	if (fds[OUT].revents && !r->first_output_ns)
		r->first_output_ns = relay_now_ns();
	pump_step(&l->out, &fds[OUT]);
	pump_step(&l->err, &fds[ERR]);
	if (fds[LOG].revents)
		text_read(l, &r->log, &r->log_text);
	if (fds[DIAG].revents)
		text_read(l, &r->diag, &r->diag_text);
	if (fds[MONITOR].revents)
		monitor_read(&r->monitor);
	if (fds[SIGNALS].revents)
		relay_take_signals(l);
	if ((l->out.reader_gone || l->err.reader_gone) && !r->stopped_by)
		relay_stop(l, SIGPIPE);
	return !(l->ended && r->stopped_by);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void relay_run(struct relay *r)
{
	struct termios terminal;
	bool is_terminal = !tcgetattr(STDIN_FILENO, &terminal);
	struct relay_loop l = {
		.r = r,
		.signals = relay_signal_fd,
		.in = {.from = STDIN_FILENO,
		       .to = r->in,
		       .name = "the program's input",
		       .framed = true,
		       .done = r->in < 0},
		.out = {.from = r->out,
			.to = STDOUT_FILENO,
			.name = "standard output",
			.done = r->out < 0},
		.err = {.from = r->err,
			.to = STDERR_FILENO,
			.name = "standard error",
			.done = r->err < 0},
	};

	if (r->in >= 0)
		fcntl(r->in, F_SETFL, O_NONBLOCK);
	while (relay_step(&l))
		;
	log_take(&l, l.traced.p, l.traced.len);
	buf_free(&l.traced);
	trace_finish(r->trace);
	r->trace = NULL;
	log_add(&r->log_text, l.line.p, l.line.len);
	buf_free(&l.line);
	close_fd(&r->in);
	close_fd(&r->out);
	close_fd(&r->err);
	close_fd(&r->log);
	close_fd(&r->diag);
	close_fd(&r->monitor);
	r->output_lost = l.out.lost || l.err.lost;
	/* A program that was killed may have left the terminal without echo. It is a process then:
	 * a machine has no terminal. Whoever reads our output (less) may have the terminal now. */
	if (is_terminal && !r->vm && r->status > 128 && isatty(STDOUT_FILENO) &&
	    !terminal_is_others(STDIN_FILENO))
		tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal);
}

int relay_take_exit(struct buf *log)
{
	size_t end = log->len, start;
	uint64_t status;

	while (end && (log->p[end - 1] == '\n' || log->p[end - 1] == '\r'))
		end--;
	for (start = end; start && log->p[start - 1] != '\n'; start--)
		;
	char *line = xstrndup(log->p ? log->p + start : "", end - start);
	const char *number = str_after(line, "kiln: exit ");
	int result = -1;

	if (number && parse_number(number, INT32_MAX, &status)) {
		result = (int)(status & 0xff);
		log->len = start;
	}
	free(line);
	return result;
}
