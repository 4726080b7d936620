/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* ioctl(2) commands for all files and for terminals (include/uapi/asm-generic/ioctls.h). */
#ifndef FS_TERMIOS_H
#define FS_TERMIOS_H

#include "base/types.h"

#define TCGETS 0x5401u
#define TCSETS 0x5402u
#define TCSETSW 0x5403u
#define TCSETSF 0x5404u
#define TCFLSH 0x540Bu
#define TIOCGPGRP 0x540Fu
#define TIOCSPGRP 0x5410u
#define TIOCGWINSZ 0x5413u
#define FIONREAD 0x541Bu
#define FIONBIO 0x5421u
#define FIONCLEX 0x5450u
#define FIOCLEX 0x5451u

/* A terminal's commands; -ENOTTY for others. */
long termios_ioctl(unsigned cmd, vaddr_t arg);

#endif
