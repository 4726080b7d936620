/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* flock(2): advisory locks that open files have on what they were opened at. */
#ifndef FS_FLOCK_H
#define FS_FLOCK_H

#include "fs/file.h"

#define LOCK_SH 1
#define LOCK_EX 2
#define LOCK_NB 4
#define LOCK_UN 8

/* operation as flock(2) takes it. 0, -EINVAL, -EAGAIN, -ENOMEM, -ERESTARTSYS. */
long flock_change(struct file *f, unsigned operation);
/* f, which has had a lock, is closed for good. */
void flock_drop(struct file *f);

#endif
