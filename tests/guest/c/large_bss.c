/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
/* Large static arrays: on kvm their page tables do not fit into the image. */
#include "test.h"

#define MIB (1ul << 20)

static char large[300 * MIB];

int main(void)
{
	unsigned long sum = 0;

	for (unsigned long i = 0; i < sizeof(large); i += 64 * 1024)
		sum += (unsigned char)large[i];
	is((long)sum, 0, "zeros");
	large[0] = 1;
	large[sizeof(large) - 1] = 2;
	is(large[0] + large[sizeof(large) - 1], 3, "from the first to the last byte");
	return done();
}
