/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: diff
//@ args: one two
/* Constructors that change the environment: the next ones run all the same, with main's arguments.
 */
#include "test.h"

static int seen[3];

__attribute__((constructor(200))) static void first(int argc, char **argv)
{
	seen[0] = argc > 0 && argv[argc] == NULL ? argc : -1;
	setenv("NEW_VARIABLE", "1", 1);
}

__attribute__((constructor(201))) static void second(int argc, char **argv)
{
	seen[1] = argc > 0 && !strcmp(argv[1], "one") ? argc : -1;
	clearenv();
}

__attribute__((constructor(202))) static void third(int argc, char **argv)
{
	seen[2] = argc > 0 && !strcmp(argv[2], "two") ? argc : -1;
}

int main(void)
{
	printf("%d %d %d\n", seen[0], seen[1], seen[2]);
	return 0;
}
