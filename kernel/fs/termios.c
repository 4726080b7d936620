/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a terminal says of itself. The line discipline is the one of the terminal outside:
 * canonical, with echo, and Kiln cannot change it.
 */
#include "fs/termios.h"
#include "arch/arch.h"
#include "base/errno.h"
#include "base/string.h"

struct k_termios { /* struct termios of the kernel (include/uapi/asm-generic/termbits.h) */
	uint32_t iflag, oflag, cflag, lflag;
	uint8_t line;
	uint8_t cc[19];
};
_Static_assert(sizeof(struct k_termios) == 36, "struct termios");

struct k_winsize {
	uint16_t row, col, xpixel, ypixel;
};

/* As Linux initialises a terminal (drivers/tty/tty_io.c, tty_std_termios). */
static const struct k_termios termios_standard = {
	.iflag = 0x500,  /* ICRNL IXON */
	.oflag = 0x5,    /* OPOST ONLCR */
	.cflag = 0xbf,   /* B38400 CS8 CREAD */
	.lflag = 0x8a3b, /* ISIG ICANON ECHO ECHOE ECHOK ECHOCTL ECHOKE IEXTEN */
	.cc = {3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22},
};

static long termios_set(vaddr_t arg)
{
	struct k_termios wanted;
	int err = user_copy_in(&wanted, arg, sizeof(wanted));

	if (err != 0)
		return err;
	return memcmp(&wanted, &termios_standard, sizeof(wanted)) == 0 ? 0 : -EINVAL;
}

long termios_ioctl(unsigned cmd, vaddr_t arg)
{
	const struct k_winsize unknown = {0};
	const int32_t pgrp = 1;

	switch (cmd) {
	case TCGETS:
		return user_copy_out(arg, &termios_standard, sizeof(termios_standard));
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
		return termios_set(arg);
	case TIOCGWINSZ: /* no size is known, which zeros say */
		return user_copy_out(arg, &unknown, sizeof(unknown));
	case TIOCGPGRP:
		return user_copy_out(arg, &pgrp, sizeof(pgrp));
	default:
		return -ENOTTY;
	}
}
