/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Pipes (pipe(7)) and FIFOs (fifo(7)). */
#ifndef FS_PIPE_H
#define FS_PIPE_H

#include "fs/node.h"

#define F_SETPIPE_SZ 1031u
#define F_GETPIPE_SZ 1032u

/* Both ends of a new pipe; flags may hold O_NONBLOCK. 0 or -ENOMEM. */
MUST_CHECK int pipe_create(unsigned flags, struct file **reader, struct file **writer);
/* A pipe with a name: there while somebody has it open. */
struct fifo {
	struct spinlock lock; /* guards the pipe, and its number of files */
	struct pipe *pipe;
	fifo_opener *open; /* constant */
};

static inline void fifo_init(struct fifo *fifo, fifo_opener *open)
{
	spin_init(&fifo->lock, LOCK_NODE);
	fifo->pipe = NULL;
	fifo->open = open;
}

/* Open it at e. 0, -ENXIO, -ENOMEM, -ERESTARTSYS. Only who makes FIFOs (mknod) names it: an image
 * without has no pipes in it. */
fifo_opener fifo_open;

#endif
