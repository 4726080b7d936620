/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The virtual machine monitor's command.
 */
#ifndef KILN_VMM_H
#define KILN_VMM_H

#include "run.h"

/* Where the guest's output channels go; standard input and output are the VMM's own. */
struct vmm_channels {
	const char *err_path;  /* COM2 */
	const char *log_path;  /* debugcon */
	unsigned int gdb_port; /* 0: no debugger */
	int monitor;           /* a socket for the VMM's monitor; -1: none */
};

/* QEMU's name: $KILN_QEMU, or qemu-system-x86_64. */
const char *vmm_name(void);

/*
 * QEMU's argv for this run. 0, or -1 after a message: the kernel's command line does not fit.
 */
MUST_CHECK int vmm_command(const struct run *run, const struct vmm_channels *ch, struct strv *argv);

#endif
