/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The end of the machine: QEMU's isa-debug-exit if it is there, else ACPI's soft-off
 * (ACPI 6.4, 4.8.3.2, 16.1.1), else a reset, which ends a VM started with -no-reboot.
 */
#include "base/string.h"
#include "plat/kvm/kvm.h"

#define DEBUG_EXIT_PORT 0xf4
#define STATUS_MASK 0x7f

#define FADT_DSDT 40
#define FADT_PM1A_CNT 64
#define FADT_FLAGS 112
#define FADT_SLEEP_CONTROL 244 /* generic address structure; the address is 4 bytes in */
#define FADT_HW_REDUCED (1u << 20)
#define PM1_SLP_EN 0x2000u
#define SLEEP_CONTROL_EN 0x20u
#define AML_PACKAGE 0x12
#define AML_BYTE_PREFIX 0x0a
#define RESET_PORT 0xcf9
#define I8042_COMMAND 0x64
#define I8042_RESET 0xfe
#define TABLE_MAX 0x100000u

struct PACKED acpi_header {
	char signature[4];
	uint32_t length;
	uint8_t rest[28];
};
_Static_assert(sizeof(struct acpi_header) == 36, "ACPI table header");

static uint32_t get_u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t get_u64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* An ACPI table at its physical address, mapped whole; NULL if it cannot be right. */
static const uint8_t *table_map(paddr_t pa)
{
	const struct acpi_header *h;

	if (!pa || pa >> GIB_SHIFT >= 256)
		return NULL;
	h = paging_map_phys(pa, sizeof(*h), 0);
	if (!h || h->length < sizeof(*h) || h->length > TABLE_MAX)
		return NULL;
	return paging_map_phys(pa, h->length, 0);
}

static const uint8_t *fadt_find(void)
{
	const struct hvm_start_info *info = phys_to_virt(kvm.start_info);
	const uint8_t *rsdp, *root;
	size_t entry;

	if (!info->rsdp_paddr || info->rsdp_paddr >> GIB_SHIFT >= 256)
		return NULL;
	rsdp = paging_map_phys(info->rsdp_paddr, 36, 0);
	if (!rsdp || memcmp(rsdp, "RSD PTR ", 8) != 0)
		return NULL;
	entry = rsdp[15] >= 2 && get_u64(rsdp + 24) ? 8 : 4;
	root = table_map(entry == 8 ? get_u64(rsdp + 24) : get_u32(rsdp + 16));
	if (!root)
		return NULL;
	for (size_t at = sizeof(struct acpi_header); at + entry <= get_u32(root + 4); at += entry) {
		const uint8_t *t = table_map(entry == 8 ? get_u64(root + at) : get_u32(root + at));

		if (t && memcmp(t, "FACP", 4) == 0)
			return t;
	}
	return NULL;
}

/* SLP_TYPa of \_S5: the first number of the package that the DSDT names so. -1 if there is none. */
static int sleep_type(const uint8_t *dsdt)
{
	uint32_t n = get_u32(dsdt + 4);

	for (uint32_t i = sizeof(struct acpi_header); i + 9 < n; i++) {
		const uint8_t *p = dsdt + i + 4;

		if (memcmp(dsdt + i, "_S5_", 4) != 0 || *p++ != AML_PACKAGE)
			continue;
		p += (*p >> 6) + 1; /* PkgLength */
		p++;                /* NumElements */
		if (p + 1 >= dsdt + n)
			return -1;
		return *p == AML_BYTE_PREFIX ? p[1] & 7 : *p & 7;
	}
	return -1;
}

static void acpi_power_off(void)
{
	const uint8_t *fadt = fadt_find(), *dsdt;
	uint32_t length;
	int type;

	if (!fadt)
		return;
	length = get_u32(fadt + 4);
	if (length >= FADT_SLEEP_CONTROL + 12 && get_u32(fadt + FADT_FLAGS) & FADT_HW_REDUCED) {
		uint64_t at = get_u64(fadt + FADT_SLEEP_CONTROL + 4);
		uint8_t v = 5 << 2 | SLEEP_CONTROL_EN;

		if (fadt[FADT_SLEEP_CONTROL] == 1)
			outb((uint16_t)at, v);
		else if (at && at >> GIB_SHIFT < 256)
			*(volatile uint8_t *)paging_map_phys(at, 1, PTE_PCD) = v;
		return;
	}
	dsdt = table_map(get_u32(fadt + FADT_DSDT));
	type = dsdt ? sleep_type(dsdt) : -1;
	if (type >= 0)
		outw((uint16_t)get_u32(fadt + FADT_PM1A_CNT),
		     (uint16_t)(PM1_SLP_EN | (unsigned)type << 10));
}

NORETURN void power_exit(int status)
{
	uart_log_exit(status);
	outl(DEBUG_EXIT_PORT, (uint32_t)status & STATUS_MASK);
	acpi_power_off();
	outb(RESET_PORT, 6);
	outb(I8042_COMMAND, I8042_RESET);
	/* A machine without any of these: no exception can be delivered any more, which resets it.
	 */
	__asm__ volatile("lidt %0; ud2" : : "m"((struct table_pointer){0, 0}));
	__builtin_unreachable();
}
