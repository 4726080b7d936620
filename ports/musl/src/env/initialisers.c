/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Initialisers (the functions in .init_array) get main's three arguments, as with glibc. Rust's std
 * takes the program's arguments from there, so that a Rust library finds them also when main() is
 * C.
 */
#include <stdint.h>

extern char **__environ;

/*
 * Call the initialiser that slot holds. argv lies right below the environment on the initial stack
 * and argc below argv: the first time, when no initialiser can have changed the environment, go
 * down from there until the word is the number of words that were passed.
 */
__attribute__((__visibility__("hidden"))) void kiln_run_initialiser(uintptr_t slot)
{
	void (*initialiser)(int, char **, char **) = *(void (**)(int, char **, char **))slot;
	static char **argv;
	static intptr_t argc;

	if (!argv)
		for (argv = __environ - 1; (intptr_t)argv[-1] != argc; argv--)
			argc++;
	initialiser((int)argc, argv, __environ);
}
