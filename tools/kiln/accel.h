/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Whether KVM can run an image on this machine.
 */
#ifndef KILN_ACCEL_H
#define KILN_ACCEL_H

#include "util.h"

/*
 * True if a small 64-bit guest with interrupt returns and SSE ran under KVM at full speed. Else
 * false, and *why says what is missing, in a few words (static string).
 */
bool accel_kvm_works(const char **why);

#endif
