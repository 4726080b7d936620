/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* From the boot to the program's first instruction. */
#ifndef ABI_START_H
#define ABI_START_H

#include "plat/plat.h"

/*
 * Make the program's main thread: arguments, environment, auxiliary vector and stack. It runs when
 * the scheduler starts. What stands in the way (arguments too long, no memory) ends the machine
 * with a message.
 */
void program_start(const struct boot_info *info);

#endif
