/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * FPU state. The kernel itself never touches it, so it is saved only when a thread that came in by
 * a trap is switched away from (arch_switch) or a signal frame is built.
 */
#include "arch/x86_64/fpu.h"
#include "arch/x86_64/cpuid.h"
#include "base/string.h"

uint64_t fpu_xmask;
uint32_t fpu_size = FXSAVE_SIZE;
bool page_clear_avx;

void fpu_init(void)
{
	if (!(cpuid(1, 0).ecx & CPUID_1_ECX_OSXSAVE))
		return;
	fpu_xmask = xgetbv0() & XSTATE_KERNEL_MASK;
	page_clear_avx = (fpu_xmask & XSTATE_AVX) && (cpuid(0xd, 1).eax & CPUID_D_1_EAX_XGETBV1);
	/* The standard format's size is where the last component that is saved ends (SDM vol.
	 * 1, 13.4.2). */
	fpu_size = FXSAVE_SIZE + XSAVE_HEADER_SIZE;
	for (uint32_t i = 2; i < 8; i++) {
		if (fpu_xmask & (1u << i)) {
			struct cpuid c = cpuid(0xd, i);

			fpu_size = MAX(fpu_size, c.ebx + c.eax);
		}
	}
}

void fpu_area_prepare(void *area)
{
	/* XSAVE leaves the header's reserved bytes as they are; XRSTOR wants them 0. */
	if (fpu_xmask)
		memset((char *)area + FXSAVE_SIZE, 0, XSAVE_HEADER_SIZE);
}

void fpu_area_init(void *area)
{
	memset(area, 0, fpu_size);
	*(uint16_t *)area = FCW_DEFAULT;
	*(uint32_t *)((char *)area + FXSAVE_MXCSR) = MXCSR_DEFAULT;
}

void fpu_area_sanitize(void *area)
{
	uint64_t *header = (uint64_t *)(void *)((char *)area + FXSAVE_SIZE);
	uint32_t *mxcsr = (uint32_t *)(void *)((char *)area + FXSAVE_MXCSR);

	*mxcsr &= 0xffff; /* bits 31-16 fault (SDM vol. 1, 10.2.3) */
	if (!fpu_xmask)
		return;
	header[0] &= fpu_xmask;
	for (int i = 1; i < 8; i++)
		header[i] = 0;
}
