/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Fault injection: one countdown that all fakes ask. */
#include "fake/fake.h"

static unsigned fail_countdown;
static bool fail_happened;

void fake_fail_at(unsigned n)
{
	fail_countdown = n;
	fail_happened = false;
}

bool fake_fails(void)
{
	if (fail_countdown == 0 || --fail_countdown != 0)
		return false;
	fail_happened = true;
	return true;
}

bool fake_has_failed(void)
{
	return fail_happened;
}
