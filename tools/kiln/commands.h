/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The commands of kiln and what they say about themselves. Each takes the arguments after its name.
 */
#ifndef KILN_COMMANDS_H
#define KILN_COMMANDS_H

#include "util.h"

struct command {
	const char *name;
	int (*main)(char **argv);
	const char *summary;
	const char *help; /* NULL: the command answers --help itself */
};

extern const struct command commands[]; /* closed by a NULL name */

int build_main(char **argv);
int run_main(char **argv);
int env_main(char **argv);
int doctor_main(char **argv);
int size_main(char **argv);
int new_main(char **argv);
int cargo_kiln_main(char **argv);

extern const char build_help[], run_help[], env_help[], doctor_help[], new_help[],
	cargo_kiln_help[], size_help[];

#endif
