/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The local APIC's one-shot timer, and the I/O APIC entry of the console. Set up at the first use,
 * so a program that never waits pays nothing. QEMU (TCG and KVM), Firecracker and cloud-hypervisor
 * all run the timer at 1 GHz (KVM: APIC_BUS_CYCLE_NS), so it needs no calibration; it is what the
 * cycle counter is calibrated with (clock.c).
 */
#include "arch/x86_64/cpuid.h"
#include "core/log.h"
#include "plat/kvm/kvm.h"

#define CPUID_1_ECX_X2APIC (1u << 21)
#define APIC_BASE_X2APIC (1u << 10)
#define APIC_BASE_ENABLE (1u << 11)
#define MSR_X2APIC 0x800u

/* Register offsets (Intel SDM vol. 3, table 11-1); in x2APIC mode the MSR is 0x800 + offset / 16.
 */
#define APIC_EOI 0xb0u
#define APIC_SVR 0xf0u
#define APIC_LVT_TIMER 0x320u
#define APIC_TIMER_INITIAL 0x380u
#define APIC_TIMER_CURRENT 0x390u
#define APIC_TIMER_DIVIDE 0x3e0u
#define APIC_SVR_ENABLE 0x100u
#define APIC_LVT_MASKED 0x10000u
#define APIC_DIVIDE_BY_1 0xbu
#define APIC_ID 0x20u
#define EXIT_NO_MEMORY 135 /* as of a program that found no page: 128 + SIGBUS */

#define IOAPIC_PADDR 0xfec00000UL
#define IOAPIC_REDIRECTION 0x10u
#define COM1_PIN 4u /* ISA interrupt 4: a pin of its own on microvm and q35 */

static volatile uint32_t *apic_mmio; /* NULL in x2APIC mode */
static bool apic_ready;

static void apic_write(uint32_t reg, uint32_t v)
{
	if (apic_mmio)
		apic_mmio[reg / 4] = v;
	else
		wrmsr(MSR_X2APIC + reg / 16, v);
}

static uint32_t apic_read(uint32_t reg)
{
	return apic_mmio ? apic_mmio[reg / 4] : (uint32_t)rdmsr(MSR_X2APIC + reg / 16);
}

static void apic_setup(void)
{
	uint64_t base = rdmsr(MSR_APIC_BASE) | APIC_BASE_ENABLE;

	if (cpuid(1, 0).ecx & CPUID_1_ECX_X2APIC)
		base |= APIC_BASE_X2APIC;
	else
		apic_mmio = paging_map_phys(base & PTE_ADDR, PAGE_SIZE, PTE_PCD);
	if (!apic_mmio && !(base & APIC_BASE_X2APIC)) {
		log_line(LOG_ERROR, "out of memory: none to map the timer; give the machine more "
				    "memory (kiln run --memory SIZE)");
		power_exit(EXIT_NO_MEMORY);
	}
	wrmsr(MSR_APIC_BASE, base);
	apic_write(APIC_SVR, APIC_SVR_ENABLE | TRAP_SPURIOUS);
	apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
	apic_ready = true;
}

void apic_eoi(void)
{
	apic_write(APIC_EOI, 0);
}

void apic_timer_set(uint64_t deadline_ns)
{
	uint64_t now, ticks;

	if (deadline_ns == NEVER) {
		if (apic_ready)
			apic_write(APIC_TIMER_INITIAL, 0);
		return;
	}
	now = clock_monotonic_ns();
	if (!apic_ready)
		apic_setup();
	/* Too far for the counter: it fires early, and core sets it again. */
	ticks = deadline_ns > now ? MIN(deadline_ns - now, UINT32_MAX) : 1;
	apic_write(APIC_LVT_TIMER, TRAP_TIMER);
	apic_write(APIC_TIMER_INITIAL, (uint32_t)ticks);
}

void apic_count_begin(void)
{
	if (!apic_ready)
		apic_setup();
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | TRAP_TIMER);
	apic_write(APIC_TIMER_INITIAL, UINT32_MAX);
}

uint32_t apic_count_ns(void)
{
	return UINT32_MAX - apic_read(APIC_TIMER_CURRENT);
}

void apic_route_console(void)
{
	volatile uint32_t *ioapic = paging_map_phys(IOAPIC_PADDR, PAGE_SIZE, PTE_PCD);
	uint32_t id;

	if (!apic_ready)
		apic_setup();
	id = apic_mmio ? apic_read(APIC_ID) >> 24 : apic_read(APIC_ID);
	if (!ioapic)
		return;
	/* IOREGSEL at 0, IOWIN at 0x10 (82093AA, 3.1); edge-triggered, active high, fixed delivery.
	 */
	ioapic[0] = IOAPIC_REDIRECTION + 2 * COM1_PIN + 1;
	ioapic[4] = id << 24;
	ioapic[0] = IOAPIC_REDIRECTION + 2 * COM1_PIN;
	ioapic[4] = TRAP_CONSOLE;
}
