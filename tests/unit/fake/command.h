/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the kiln command makes of a file, before the kernel sees it (tools/kiln/image.c). */
#ifndef FAKE_COMMAND_H
#define FAKE_COMMAND_H

#include <stddef.h>
#include <stdint.h>

enum command_end {
	COMMAND_REFUSES, /* with a reason */
	COMMAND_IMAGE,
	COMMAND_LOADS,
};

/* A file of these n bytes and zeros behind them. */
enum command_end command_try(const uint8_t *data, size_t n, size_t file_size);

#endif
