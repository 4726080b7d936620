/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* CPUID and control registers that both platforms read (Intel SDM vol. 2, CPUID). */
#ifndef ARCH_X86_64_CPUID_H
#define ARCH_X86_64_CPUID_H

#include "base/types.h"

struct cpuid {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid r;

	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(subleaf));
	return r;
}

#define CPUID_1_ECX_OSXSAVE (1u << 27)
#define CPUID_1_ECX_XSAVE (1u << 26)
#define CPUID_1_ECX_RDRAND (1u << 30)
#define CPUID_D_1_EAX_XGETBV1 (1u << 2)
#define CPUID_7_EBX_FSGSBASE (1u << 0)
#define CPUID_7_EBX_RDSEED (1u << 18)

/* XCR0 state components (SDM vol. 1, 13.1): x87, SSE, AVX, the three of AVX-512. */
#define XSTATE_KERNEL_MASK 0xe7u
#define XSTATE_AVX 0x4u

static inline uint64_t xgetbv0(void)
{
	uint32_t lo, hi;

	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return (uint64_t)hi << 32 | lo;
}

#endif
