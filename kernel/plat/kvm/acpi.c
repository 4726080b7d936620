/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Finding ACPI's tables (ACPI 6.4, 5.2). They are the VMM's, and a VMM may be wrong: what does not
 * fit its frame is not there.
 */
#include "base/string.h"
#include "plat/kvm/kvm.h"

#define RSDP_BYTES 36
#define RSDP_REVISION 15
#define RSDP_RSDT 16
#define RSDP_XSDT 24
#define TABLE_LENGTH 4
#define TABLE_MAX 0x100000u

uint32_t acpi_u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

uint64_t acpi_u64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

uint32_t acpi_length(const uint8_t *table)
{
	return acpi_u32(table + TABLE_LENGTH);
}

const uint8_t *acpi_map(paddr_t pa)
{
	const uint8_t *t;
	uint32_t length;

	if (!pa || pa >= DIRECT_MAP_SIZE - TABLE_MAX)
		return NULL;
	t = paging_map_phys(pa, ACPI_HEADER_BYTES, 0);
	if (!t)
		return NULL;
	length = acpi_length(t);
	if (length < ACPI_HEADER_BYTES || length > TABLE_MAX)
		return NULL;
	return paging_map_phys(pa, length, 0);
}

const uint8_t *acpi_find(const char *signature)
{
	const struct hvm_start_info *info = phys_to_virt(kvm.start_info);
	const uint8_t *rsdp, *root;
	size_t entry;

	if (!info->rsdp_paddr || info->rsdp_paddr >= DIRECT_MAP_SIZE - TABLE_MAX)
		return NULL;
	rsdp = paging_map_phys(info->rsdp_paddr, RSDP_BYTES, 0);
	if (!rsdp || memcmp(rsdp, "RSD PTR ", 8) != 0)
		return NULL;
	/* Eight bytes an entry in the XSDT, four in the RSDT. */
	entry = rsdp[RSDP_REVISION] >= 2 && acpi_u64(rsdp + RSDP_XSDT) ? 8 : 4;
	root = acpi_map(entry == 8 ? acpi_u64(rsdp + RSDP_XSDT) : acpi_u32(rsdp + RSDP_RSDT));
	if (!root)
		return NULL;
	for (size_t at = ACPI_HEADER_BYTES; at + entry <= acpi_length(root); at += entry) {
		const uint8_t *t = acpi_map(entry == 8 ? acpi_u64(root + at) : acpi_u32(root + at));

		if (t && memcmp(t, signature, 4) == 0)
			return t;
	}
	return NULL;
}
