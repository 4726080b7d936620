/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Command line options from tables: `--name VALUE`, `--name=VALUE`, `-n VALUE`, `-nVALUE`, flags
 * that may be bundled (`-vq`), operands between them, and `--`.
 */
#ifndef KILN_OPTS_H
#define KILN_OPTS_H

#include "util.h"

enum { OPT_END = 0, OPT_OPERAND = -1 };

struct opt {
	int id;            /* > 0; 0 closes a table */
	const char *name;  /* without dashes, or NULL */
	char letter;       /* or 0 */
	const char *value; /* what the value is called in help, NULL for a flag; one that begins
			      with [ may be left out */
};

struct opts {
	const char *command;         /* for messages: "kiln run" */
	const struct opt *tables[3]; /* NULL-terminated */
	char **argv;                 /* what remains */
	const char *bundle;          /* rest of a bundle of flags */
	/* What opts_next() found. */
	const struct opt *opt;
	const char *value; /* an option's value or an operand */
};

/*
 * The id of the next option, OPT_OPERAND, or OPT_END. At "--" it is OPT_END, with argv at what
 * follows. A mistake ends kiln with a message and STATUS_USAGE.
 */
int opts_next(struct opts *o);

#endif
