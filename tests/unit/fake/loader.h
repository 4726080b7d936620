/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The loader over platforms that check what they are told: for test_load.c, and for the fuzzer
 * (tests/fuzz).
 */
#ifndef FAKE_LOADER_H
#define FAKE_LOADER_H

#include "base/types.h"

/* A file at most. */
#define LOADER_FILE_MAX 0x10000u

/* Bytes of the ELF header's e_ident that nobody reads tell what happens meanwhile. */
#define LOADER_IDENT_FAIL 14u /* the number of the request for memory that fails; 0: none */
#define LOADER_IDENT_HOW 15u  /* LOADER_* */
#define LOADER_HOST 1u /* the host maps the file, as on linuxu; else page by page, as on kvm */
#define LOADER_MISALIGNED 2u /* kvm: the file does not begin at a page */

enum loader_end {
	LOADER_LOADED,  /* all holds that the loader promises */
	LOADER_BROKEN,  /* refused for what is in the file */
	LOADER_NO_ROOM, /* refused because memory or addresses are not to be had */
};

/*
 * Load a file that begins with these n bytes. Zeros follow, up to where the header's e_shoff says
 * that section headers are: the loader does not read either. Anything but a loader_end ends the
 * test.
 */
enum loader_end loader_try(const uint8_t *data, size_t n);

/* Where the stack was mapped, before the program; at the same place after the same fake_seed(). */
extern vaddr_t loader_stack;

/* The size of the file that is made of them. */
size_t loader_file_size(const uint8_t *data, size_t n);

/* loader_try(), and what the command says of the same file: it lets nothing through that the loader
 * then calls broken. */
enum loader_end loader_check(const uint8_t *data, size_t n);

#endif
