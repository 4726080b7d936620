/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Pipes (pipe(7)) and FIFOs (fifo(7)). */
#ifndef FS_PIPE_H
#define FS_PIPE_H

#include "fs/file.h"

#define F_SETPIPE_SZ 1031u
#define F_GETPIPE_SZ 1032u

/* Both ends of a new pipe; flags may hold O_NONBLOCK. 0 or -ENOMEM. */
MUST_CHECK int pipe_create(unsigned flags, struct file **reader, struct file **writer);
/* A pipe with a name: there while somebody has it open. */
struct fifo {
	struct spinlock lock; /* guards the rest, and the pipe's number of files */
	struct pipe *pipe;
};

static inline void fifo_init(struct fifo *fifo)
{
	spin_init(&fifo->lock, LOCK_NODE);
	fifo->pipe = NULL;
}

/* Open it at e. 0, -ENXIO, -ENOMEM, -ERESTARTSYS. */
MUST_CHECK int fifo_open(struct fifo *fifo, struct entry *e, unsigned flags, struct file **out);
/* fcntl(2)'s F_GETPIPE_SZ and F_SETPIPE_SZ: the capacity in bytes; -EBADF if f is no pipe, -EINVAL,
 * -EBUSY, -ENOMEM. */
long pipe_capacity(struct file *f);
long pipe_set_capacity(struct file *f, unsigned long bytes);

#endif
