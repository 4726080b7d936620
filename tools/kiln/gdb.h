/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A debugger for an image in a virtual machine.
 */
#ifndef KILN_GDB_H
#define KILN_GDB_H

#include "run.h"
#include "util.h"

/* A port on the loopback interface for QEMU to listen at: 1234, or any other if that is taken. 0:
 * none. */
unsigned int gdb_port_find(void);

/*
 * Write a script that connects gdb, finds out where the kernel put the image (and a program that is
 * loaded), and goes on to main(). Returns its path (caller unlinks and frees), or NULL if it cannot
 * be written.
 */
char *gdb_script_create(const struct run *run, unsigned int port);

/* gdb's command that reads what Kiln has for it: `info threads` shows the program's. */
void gdb_add_source(struct strv *commands);

/* gdb's commands for a program that is loaded, from where the image's symbols are known: to its
 * main(). */
void gdb_add_program(const struct run *run, struct strv *commands);

#endif
