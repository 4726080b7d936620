/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Times as the program passes them, turned into nanoseconds. */
#ifndef ABI_TIME_H
#define ABI_TIME_H

#include "base/types.h"

#define NS_PER_SECOND 1000000000u
#define NS_PER_US 1000u
#define US_PER_SECOND 1000000u

#define CLOCK_REALTIME 0
#define CLOCK_MONOTONIC 1
#define CLOCK_PROCESS_CPUTIME_ID 2
#define CLOCK_THREAD_CPUTIME_ID 3
#define CLOCK_MONOTONIC_RAW 4
#define CLOCK_REALTIME_COARSE 5
#define CLOCK_MONOTONIC_COARSE 6
#define CLOCK_BOOTTIME 7
#define CLOCK_REALTIME_ALARM 8
#define CLOCK_BOOTTIME_ALARM 9
#define CLOCK_TAI 11

struct k_timespec { /* struct timespec */
	int64_t sec, nsec;
};

struct k_timeval { /* struct timeval */
	int64_t sec, usec;
};

/* A timespec of the program in ns; what is too far away becomes NEVER. -EFAULT, -EINVAL (negative,
 * or ns out of range). */
MUST_CHECK int timespec_in(vaddr_t ts, uint64_t *ns);
MUST_CHECK long timespec_out(vaddr_t ts, uint64_t ns);
MUST_CHECK int timeval_in(vaddr_t tv, uint64_t *ns);
MUST_CHECK long timeval_out(vaddr_t tv, uint64_t ns);

/* ns from now on, as a deadline in CLOCK_MONOTONIC. NEVER stays NEVER. */
uint64_t deadline_after(uint64_t ns);
/* A time of CLOCK_REALTIME as a deadline in CLOCK_MONOTONIC: 0 if it is past. */
uint64_t deadline_realtime(uint64_t ns);
/* The timeout of a system call at address ts, relative: 0 is "none" and gives NEVER. -EFAULT,
 * -EINVAL. */
MUST_CHECK int deadline_in(vaddr_t ts, uint64_t *deadline_ns);

#endif
