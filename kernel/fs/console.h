/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Standard input, output and error: the platform's console as files. */
#ifndef FS_CONSOLE_H
#define FS_CONSOLE_H

#include "fs/file.h"

/* Descriptors 0, 1 and 2 as the program starts. */
extern struct file console_files[3];

/* A new file for /dev/tty, opened at e. 0, -ENXIO (the console is no terminal) or -ENOMEM. */
MUST_CHECK int console_open_tty(struct entry *e, unsigned flags, struct file **out);

#endif
