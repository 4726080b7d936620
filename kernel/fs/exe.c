/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* /proc/self/exe: the file that the program was made from, where the platform has it. */
#include "base/errno.h"
#include "fs/chunk.h"
#include "fs/fixed.h"
#include "plat/plat.h"

static ssize64_t proc_exe_read(struct file *f, struct uio *u, uint64_t *pos)
{
	size_t total = u->left;
	struct chunk c;
	ssize64_t n = 1;

	(void)f;
	chunk_begin(&c, u->left);
	while (u->left > 0 && n > 0) {
		n = plat->exe_read(c.buf, MIN(u->left, c.cap), *pos, NULL);
		if (n > 0 && uio_put(u, c.buf, (size_t)n) != 0)
			n = -EFAULT;
		if (n > 0)
			*pos += (uint64_t)n;
	}
	chunk_end(&c);
	return u->left < total ? (ssize64_t)(total - u->left) : n;
}

const struct file_ops proc_exe_ops = {
	.read = proc_exe_read,
	.seekable = true,
	.mappable = true,
};
