/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* timerfd_create(2): a timer with the face of a file, which counts how often it has expired. */
#ifndef FS_TIMERFD_H
#define FS_TIMERFD_H

#include "fs/file.h"

/* A timer that is not set; flags: O_NONBLOCK. 0 or -ENOMEM. */
MUST_CHECK int timerfd_create(bool realtime, unsigned flags, struct file **out);
/* Is f a timer? The others want one. */
bool timerfd_is(const struct file *f);
/* Does it follow CLOCK_REALTIME? */
bool timerfd_is_realtime(struct file *f);
/* Let it expire at deadline_ns (CLOCK_MONOTONIC; NEVER: unset it), and then every interval_ns (0:
 * once). What has not been read is forgotten; count: how often it has expired before. */
void timerfd_set(struct file *f, uint64_t deadline_ns, uint64_t interval_ns, uint64_t count);
/* Time until it expires next (0: it is not set), and the interval. */
void timerfd_get(struct file *f, uint64_t *remaining_ns, uint64_t *interval_ns);

#endif
