/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The FPU state as one block: XSAVE where the processor has it, FXSAVE otherwise. */
#ifndef ARCH_X86_64_FPU_H
#define ARCH_X86_64_FPU_H

#include "base/types.h"

#define FXSAVE_SIZE 512u
#define XSAVE_HEADER_SIZE 64u
#define MXCSR_DEFAULT 0x1f80u
#define FCW_DEFAULT 0x37fu
#define FXSAVE_MXCSR 24 /* offset of MXCSR in the legacy area */
#define FXSAVE_MXCSR_MASK 28
#define FXSAVE_SW_RESERVED 464

/* State components saved and restored; 0: FXSAVE only. */
extern uint64_t fpu_xmask;
/* Bytes that one save takes, without rounding. */
extern uint32_t fpu_size;
/* AVX can be used, and asked whether it is in use (pageclear.S). */
extern bool page_clear_avx;

void fpu_init(void);
/* Once for a new area, before the first fpu_save() into it. */
void fpu_area_prepare(void *area);
/* Make *area the state of a fresh process. */
void fpu_area_init(void *area);
/* Make *area, which a program wrote, safe to restore: reserved bits cleared. */
void fpu_area_sanitize(void *area);

static ALWAYS_INLINE void fpu_save(void *area)
{
	if (fpu_xmask) {
		__asm__ volatile("xsave64 (%0)"
				 :
				 : "r"(area), "a"((uint32_t)fpu_xmask),
				   "d"((uint32_t)(fpu_xmask >> 32))
				 : "memory");
	} else {
		__asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
	}
}

static ALWAYS_INLINE void fpu_restore(const void *area)
{
	if (fpu_xmask)
		__asm__ volatile("xrstor64 (%0)"
				 :
				 : "r"(area), "a"((uint32_t)fpu_xmask),
				   "d"((uint32_t)(fpu_xmask >> 32))
				 : "memory");
	else
		__asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
}

#endif
