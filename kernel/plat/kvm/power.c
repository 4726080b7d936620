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

/* SLP_TYPa of \_S5: the first number of the package that the DSDT names so. -1 if there is none. */
static int sleep_type(const uint8_t *dsdt)
{
	uint32_t n = acpi_length(dsdt);

	for (uint32_t i = ACPI_HEADER_BYTES; i + 9 < n; i++) {
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
	const uint8_t *fadt = acpi_find("FACP"), *dsdt;
	uint32_t length;
	int type;

	if (!fadt)
		return;
	length = acpi_length(fadt);
	if (length < FADT_PM1A_CNT + 4)
		return;
	if (length >= FADT_SLEEP_CONTROL + 12 && acpi_u32(fadt + FADT_FLAGS) & FADT_HW_REDUCED) {
		uint64_t at = acpi_u64(fadt + FADT_SLEEP_CONTROL + 4);
		uint8_t v = 5 << 2 | SLEEP_CONTROL_EN;
		volatile uint8_t *reg = NULL;

		if (fadt[FADT_SLEEP_CONTROL] == 1)
			outb((uint16_t)at, v);
		else if (at && at < DIRECT_MAP_SIZE)
			reg = paging_map_phys(at, 1, PTE_PCD);
		if (reg)
			*reg = v;
		return;
	}
	dsdt = acpi_map(acpi_u32(fadt + FADT_DSDT));
	type = dsdt ? sleep_type(dsdt) : -1;
	if (type >= 0)
		outw((uint16_t)acpi_u32(fadt + FADT_PM1A_CNT),
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
