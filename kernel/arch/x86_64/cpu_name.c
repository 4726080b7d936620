/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What CPUID tells of the processor's maker and model (Intel SDM vol. 2, CPUID). */
#include "arch/arch.h"
#include "arch/x86_64/cpuid.h"
#include "base/string.h"

#define CPUID_BRAND_FIRST 0x80000002u
#define CPUID_BRAND_LAST 0x80000004u

void arch_cpu_name(struct arch_cpu_name *out)
{
	struct cpuid id = cpuid(0, 0), brand;

	*out = (struct arch_cpu_name){0};
	memcpy(out->vendor, &id.ebx, 4);
	memcpy(out->vendor + 4, &id.edx, 4);
	memcpy(out->vendor + 8, &id.ecx, 4);
	id = cpuid(1, 0);
	out->stepping = id.eax & 0xf;
	out->model = id.eax >> 4 & 0xf;
	out->family = id.eax >> 8 & 0xf;
	if (out->family == 6 || out->family == 15)
		out->model |= id.eax >> 12 & 0xf0;
	if (out->family == 15)
		out->family += id.eax >> 20 & 0xff;
	if (cpuid(0x80000000u, 0).eax < CPUID_BRAND_LAST)
		return;
	for (uint32_t leaf = CPUID_BRAND_FIRST; leaf <= CPUID_BRAND_LAST; leaf++) {
		brand = cpuid(leaf, 0);
		memcpy(out->brand + (leaf - CPUID_BRAND_FIRST) * sizeof(brand), &brand,
		       sizeof(brand));
	}
}
