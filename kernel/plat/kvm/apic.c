/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The local APIC: one-shot timer, interrupts between CPUs, and the I/O APIC entry of the console.
 * That of the boot CPU is set up at the first use, so a program that never waits pays nothing. QEMU
 * (TCG and KVM), Firecracker and cloud-hypervisor all run the timer at 1 GHz (KVM:
 * APIC_BUS_CYCLE_NS), so it needs no calibration; it is what the cycle counter is calibrated with
 * (clock.c).
 */
#include "arch/x86_64/cpuid.h"
#include "core/log.h"
#include "plat/kvm/kvm.h"
#include "plat/kvm/smp.h"
#include "plat/kvm/start.h"

#define CPUID_1_ECX_X2APIC (1u << 21)
#define APIC_BASE_X2APIC (1u << 10)
#define APIC_BASE_ENABLE (1u << 11)
#define MSR_X2APIC 0x800u

/* Register offsets (Intel SDM vol. 3, table 11-1); in x2APIC mode the MSR is 0x800 + offset / 16.
 */
#define APIC_ID 0x20u
#define APIC_EOI 0xb0u
#define APIC_ICR 0x300u
#define APIC_ICR_HIGH 0x310u /* in x2APIC mode the upper half of the MSR */
#define APIC_LVT_TIMER 0x320u
#define APIC_TIMER_INITIAL 0x380u
#define APIC_TIMER_CURRENT 0x390u
#define APIC_TIMER_DIVIDE 0x3e0u
#define APIC_LVT_MASKED 0x10000u
#define APIC_DIVIDE_BY_1 0xbu
#define APIC_ICR_INIT 0x500u
#define APIC_ICR_STARTUP 0x600u
#define APIC_ICR_ASSERT 0x4000u
#define APIC_MMIO_ID_SHIFT 24
#define APIC_MMIO_BROADCAST 255u
#define CPUID_TOPOLOGY 0xbu
#define EXIT_NO_MEMORY 135 /* as of a program that found no page: 128 + SIGBUS */

#define IOAPIC_PADDR 0xfec00000UL
#define IOAPIC_REDIRECTION 0x10u
#define COM1_PIN 4u /* ISA interrupt 4: a pin of its own on microvm and q35 */

static volatile uint32_t *apic_mmio; /* NULL in x2APIC mode */

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

static NOINLINE void apic_setup(struct kvm_cpu *c)
{
	uint64_t base = rdmsr(MSR_APIC_BASE) | APIC_BASE_ENABLE;

	if (cpuid(1, 0).ecx & CPUID_1_ECX_X2APIC)
		base |= APIC_BASE_X2APIC;
	else if (!apic_mmio)
		apic_mmio = paging_map_phys(base & PTE_ADDR, PAGE_SIZE, PTE_PCD);
	if (!apic_mmio && !(base & APIC_BASE_X2APIC)) {
		log_line(LOG_ERROR, "out of memory: none to map the timer; give the machine more "
				    "memory (kiln run --memory SIZE)");
		power_exit(EXIT_NO_MEMORY);
	}
	wrmsr(MSR_APIC_BASE, base);
	apic_write(APIC_SVR, APIC_SVR_ENABLE | TRAP_SPURIOUS);
	apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
	c->apic_id = apic_mmio ? apic_read(APIC_ID) >> APIC_MMIO_ID_SHIFT : apic_read(APIC_ID);
	c->apic_ready = true;
}

void apic_init(void)
{
	struct kvm_cpu *c = kvm_cpu_self();

	if (unlikely(!c->apic_ready))
		apic_setup(c);
}

void apic_eoi(void)
{
	apic_write(APIC_EOI, 0);
}

void apic_timer_set(uint64_t deadline_ns)
{
	uint64_t now, ticks;

	if (deadline_ns == NEVER) {
		if (kvm_cpu_self()->apic_ready)
			apic_write(APIC_TIMER_INITIAL, 0);
		return;
	}
	now = clock_monotonic_ns();
	apic_init();
	/* Too far for the counter: it fires early, and core sets it again. */
	ticks = deadline_ns > now ? MIN(deadline_ns - now, UINT32_MAX) : 1;
	apic_write(APIC_LVT_TIMER, TRAP_TIMER);
	apic_write(APIC_TIMER_INITIAL, (uint32_t)ticks);
}

void apic_count_begin(void)
{
	apic_init();
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | TRAP_TIMER);
	apic_write(APIC_TIMER_INITIAL, UINT32_MAX);
}

uint32_t apic_count_ns(void)
{
	return UINT32_MAX - apic_read(APIC_TIMER_CURRENT);
}

uint32_t apic_id_by_cpuid(void)
{
	struct cpuid c = cpuid(0, 0);

	if (c.eax >= CPUID_TOPOLOGY) {
		c = cpuid(CPUID_TOPOLOGY, 0);
		if (c.ebx != 0)
			return c.edx;
	}
	return cpuid(1, 0).ebx >> APIC_MMIO_ID_SHIFT;
}

bool apic_can_reach(uint32_t apic_id)
{
	return !apic_mmio || apic_id < APIC_MMIO_BROADCAST;
}

/* The interrupt command register. A virtual one has always delivered what it was given before. */
static void apic_command(uint32_t apic_id, uint32_t command)
{
	if (apic_mmio) {
		/* The two halves stay together, whatever handlers do. */
		uint64_t flags = interrupts_off();

		apic_write(APIC_ICR_HIGH, apic_id << APIC_MMIO_ID_SHIFT);
		apic_write(APIC_ICR, command);
		interrupts_restore(flags);
		return;
	}
	/* What was stored before shall be seen by who gets the interrupt; this write does not wait
	 * for it by itself (SDM vol. 3, 11.12.3). */
	__asm__ volatile("mfence; lfence" : : : "memory");
	wrmsr(MSR_X2APIC + APIC_ICR / 16, (uint64_t)apic_id << 32 | command);
}

void apic_interrupt(uint32_t apic_id, unsigned vector)
{
	apic_command(apic_id, APIC_ICR_ASSERT | vector);
}

/*
 * The waiting times of 10 ms and 200 us, and the second start-up interrupt, which the
 * MultiProcessor Specification (B.4) asks for between and behind these two, were for processors
 * with an APIC on a chip of its own. Linux leaves the first out since 2015 (smp_quirk_init_udelay).
 * No hypervisor loses a start-up interrupt: QEMU and KVM keep both events until the processor
 * looks, and take INIT first.
 */
void apic_start_cpu(uint32_t apic_id, unsigned page)
{
	apic_command(apic_id, APIC_ICR_ASSERT | APIC_ICR_INIT);
	apic_command(apic_id, APIC_ICR_ASSERT | APIC_ICR_STARTUP | page);
}

void apic_route_console(void)
{
	volatile uint32_t *ioapic = paging_map_phys(IOAPIC_PADDR, PAGE_SIZE, PTE_PCD);

	apic_init(); /* on another CPU than the boot CPU that was done before */
	if (!ioapic)
		return;
	/* IOREGSEL at 0, IOWIN at 0x10 (82093AA, 3.1); edge-triggered, active high, fixed delivery.
	 */
	ioapic[0] = IOAPIC_REDIRECTION + 2 * COM1_PIN + 1;
	ioapic[4] = kvm_boot_cpu.apic_id << APIC_MMIO_ID_SHIFT;
	ioapic[0] = IOAPIC_REDIRECTION + 2 * COM1_PIN;
	ioapic[4] = TRAP_CONSOLE;
}
