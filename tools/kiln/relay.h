/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What kiln does while a program runs: carry its streams, keep its log, pass signals on, see its
 * end. Thread dumps in the log are printed at once.
 */
#ifndef KILN_RELAY_H
#define KILN_RELAY_H

#include "run.h"
#include "util.h"

#include <sys/resource.h>
#include <sys/types.h>

struct relay {
	pid_t pid;
	bool vm;       /* pid is a VMM: stop it on signals; else pass signals on to the program */
	bool log_live; /* print log lines as they come */
	/* kiln's ends of pipes to pid; -1: there is none. Closed by relay_run(). */
	int in; /* framed standard input */
	int out, err;
	int log;
	int diag;              /* the VMM's own standard error */
	int monitor;           /* of QEMU, by which the machine is asked for a thread dump */
	struct trace *trace;   /* takes its records out of the log; or NULL */
	const struct run *run; /* whose addresses the log has */
	int64_t start_ns;      /* CLOCK_MONOTONIC before pid was started; for who wants to know */
	/* Results. */
	int64_t end_ns,
		first_output_ns; /* 0: there was no output, or it did not pass through kiln */
	struct rusage usage;     /* pid's */
	int status;              /* of pid, as a shell has it */
	int stopped_by;   /* the signal that made kiln stop a VM (SIGPIPE: nobody reads the output),
			     or 0 */
	bool output_lost; /* some of it could not be written (a full disk) */
	struct buf log_text; /* but for what log_live printed */
	struct buf diag_text;
};

/*
 * To be called before the child starts: from here on signals wait for relay_run(). Ends kiln if the
 * machine does not allow it.
 */
void relay_prepare(void);

void relay_run(struct relay *r);

/* CLOCK_MONOTONIC. */
int64_t relay_now_ns(void);

/*
 * Take the kernel's line `kiln: exit N` from the end of the log. N, or -1 if the line is not there:
 * the end was not the kernel's doing.
 */
int relay_take_exit(struct buf *log);

#endif
