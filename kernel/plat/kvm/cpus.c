/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Which processors the machine has: by ACPI's MADT (ACPI 6.4, 5.2.12), or where there is no ACPI,
 * as on QEMU's microvm, by the table of Intel's MultiProcessor Specification 1.4 (chapter 4), which
 * qboot and older Firecrackers write. Read when the number of CPUs is first asked for, on the boot
 * CPU. A table that cannot be right counts as none: the boot CPU is there in any case.
 */
#include "base/string.h"
#include "core/log.h"
#include "plat/kvm/kvm.h"
#include "plat/kvm/smp.h"

#if CONFIG_NR_CPUS > 1

#define MADT_ENTRIES 44
#define MADT_LAPIC 0
#define MADT_LAPIC_BYTES 8
#define MADT_X2APIC 9
#define MADT_X2APIC_BYTES 16
/* Processors that are not enabled, but "online capable", are not there: they can be plugged in. */
#define MADT_ENABLED 1u

#define MP_POINTER_BYTES 16
#define MP_POINTER_TABLE 4
#define MP_LENGTH 4 /* 16 bits */
#define MP_ENTRIES 44
#define MP_PROCESSOR 0
#define MP_PROCESSOR_BYTES 20
#define MP_OTHER_BYTES 8
#define MP_LAST_TYPE 4
#define MP_ENABLED 1u
/* Where the pointer to it may be (4.1): the last KiB of base memory, the BIOS's ROM. */
#define MP_BASE_MEMORY 0x9fc00UL
#define MP_BASE_BYTES 1024u
#define MP_ROM 0xf0000UL
#define MP_ROM_BYTES 0x10000u

static uint8_t checksum(const uint8_t *p, size_t n)
{
	uint8_t sum = 0;

	while (n--)
		sum = (uint8_t)(sum + *p++);
	return sum;
}

/* One more processor; the boot CPU, which is the first in the list, and doubles are left out. */
static void cpu_add(struct cpu_list *l, uint32_t apic_id)
{
	for (unsigned i = 0; i < l->count; i++)
		if (l->apic_ids[i] == apic_id)
			return;
	if (l->count < CONFIG_NR_CPUS)
		l->apic_ids[l->count++] = apic_id;
	else
		l->ignored++;
}

static bool madt_read(const uint8_t *madt, struct cpu_list *l)
{
	uint32_t n = acpi_length(madt);

	if (n < MADT_ENTRIES || checksum(madt, n) != 0)
		return false;
	for (uint32_t at = MADT_ENTRIES; at < n;) {
		const uint8_t *e = madt + at;

		if (n - at < 2 || e[1] < 2 || e[1] > n - at)
			return false;
		at += e[1];
		if (e[0] == MADT_LAPIC && e[1] >= MADT_LAPIC_BYTES &&
		    acpi_u32(e + 4) & MADT_ENABLED)
			cpu_add(l, e[3]);
		else if (e[0] == MADT_X2APIC && e[1] >= MADT_X2APIC_BYTES &&
			 acpi_u32(e + 8) & MADT_ENABLED)
			cpu_add(l, acpi_u32(e + 4));
	}
	return true;
}

static unsigned mp_u16(const uint8_t *p)
{
	return p[0] | (unsigned)p[1] << 8;
}

static bool mp_table_read(const uint8_t *t, struct cpu_list *l)
{
	size_t n = mp_u16(t + MP_LENGTH), size;

	if (n < MP_ENTRIES || checksum(t, n) != 0)
		return false;
	/* Up to the table's length: qboot says of no entry that it is there. */
	for (size_t at = MP_ENTRIES; at < n; at += size) {
		const uint8_t *e = t + at;

		size = e[0] == MP_PROCESSOR ? MP_PROCESSOR_BYTES : MP_OTHER_BYTES;
		if (e[0] > MP_LAST_TYPE || size > n - at)
			return false;
		if (e[0] == MP_PROCESSOR && e[3] & MP_ENABLED)
			cpu_add(l, e[1]);
	}
	return true;
}

/* The table's physical address, or 0. */
static paddr_t mp_table_find(paddr_t pa, size_t bytes)
{
	const uint8_t *p = phys_to_virt(pa); /* the direct map has both places */

	for (size_t at = 0; at + MP_POINTER_BYTES <= bytes; at += MP_POINTER_BYTES)
		if (memcmp(p + at, "_MP_", 4) == 0 && checksum(p + at, MP_POINTER_BYTES) == 0)
			return acpi_u32(p + at + MP_POINTER_TABLE);
	return 0;
}

static bool mp_table_find_and_read(struct cpu_list *l)
{
	paddr_t pa = mp_table_find(MP_BASE_MEMORY, MP_BASE_BYTES);
	const uint8_t *t;

	if (!pa)
		pa = mp_table_find(MP_ROM, MP_ROM_BYTES);
	if (!pa)
		return true; /* a machine with one CPU needs no table */
	t = paging_map_phys(pa, MP_ENTRIES, 0);
	if (!t || memcmp(t, "PCMP", 4) != 0)
		return false;
	t = paging_map_phys(pa, mp_u16(t + MP_LENGTH), 0);
	return t && mp_table_read(t, l);
}

void cpus_find(struct cpu_list *l)
{
	const uint8_t *madt = acpi_find("APIC");
	bool good;

	l->apic_ids[0] = apic_id_by_cpuid();
	l->count = 1;
	l->ignored = 0;
	good = madt ? madt_read(madt, l) : mp_table_find_and_read(l);
	if (!good) {
		l->count = 1;
		log_line(LOG_WARN, "the machine's table of processors is broken: only one is used");
	} else if (l->ignored) {
		log_line(LOG_WARN,
			 "%u of the machine's processors are not used: this image was configured "
			 "for %u "
			 "(CONFIG_NR_CPUS)",
			 l->ignored, CONFIG_NR_CPUS);
	}
}

#endif
