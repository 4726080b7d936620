/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Files and folders: where kiln is installed, where commands are, whole files in memory.
 */
#ifndef KILN_PATH_H
#define KILN_PATH_H

#include "util.h"

#include <sys/types.h>

/*
 * The folder kiln is installed in: its binary is <prefix>/bin/kiln, everything else is below
 * <prefix>/lib/kiln. Found through /proc/self/exe, so that an installation can be moved.
 */
const char *prefix_dir(void);
/* <prefix>/lib/kiln/NAME; caller frees. */
char *prefix_lib(const char *name);
/* <prefix>/bin/NAME; caller frees. */
char *prefix_bin(const char *name);

char *path_join(const char *dir, const char *name);
/* Absolute form of path, without looking at the file system. Caller frees. */
char *path_absolute(const char *path);
bool path_is_file(const char *path);
bool path_is_dir(const char *path);
/* Modification time in ns since the epoch, or 0 if there is no such file. */
int64_t path_mtime_ns(const char *path);

/* The command's file in PATH (or name itself if it has a slash), or NULL; caller frees. */
char *command_find(const char *name);

/* Read at most limit bytes. 0 or -errno (-EFBIG: longer than limit). */
MUST_CHECK int file_read(const char *path, size_t limit, struct buf *out);

/* Make text the content of the file. 0 or -errno. */
MUST_CHECK int file_write(const char *path, const char *text);

/* mkdir -p. 0 or -errno. */
MUST_CHECK int dir_create(const char *path);

/* Remove a folder and the files in it. */
void dir_remove_files(const char *path);

#endif
