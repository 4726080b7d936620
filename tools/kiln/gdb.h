/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A debugger for an image in a virtual machine.
 */
#ifndef KILN_GDB_H
#define KILN_GDB_H

#include "util.h"

/* A port on the loopback interface for QEMU to listen at: 1234, or any other if that is taken. 0:
 * none. */
unsigned int gdb_port_find(void);

/*
 * Write a script that connects gdb, finds out where the kernel put the image, and goes on to its
 * main(). Returns its path (caller unlinks and frees), or NULL if it cannot be written.
 */
char *gdb_script_create(const char *image, unsigned int port);

#endif
