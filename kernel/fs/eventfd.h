/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* eventfd(2). */
#ifndef FS_EVENTFD_H
#define FS_EVENTFD_H

#include "fs/file.h"

#define EFD_SEMAPHORE 1u

/* A counter that starts with value; flags: EFD_SEMAPHORE, O_NONBLOCK. 0 or -ENOMEM. */
MUST_CHECK int eventfd_create(uint32_t value, unsigned flags, struct file **out);

#endif
