/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Clocks from the cycle counter. Its frequency is found out when a clock is first read, never on
 * the way to the program: from the hypervisor's CPUID leaf, from kvmclock, or, under emulation, by
 * comparing it with the LAPIC timer for CALIBRATE_NS. The date comes from kvmclock or the CMOS
 * clock.
 */
#include "arch/x86_64/cpuid.h"
#include "base/atomic.h"
#include "plat/kvm/kvm.h"

#define NS_PER_S 1000000000UL
#define CALIBRATE_NS 4000000u
#define CALIBRATE_TRIES 8

#define CPUID_HYPERVISOR 0x40000000u
#define CPUID_HYPERVISOR_TIMING 0x40000010u
#define CPUID_KVM_FEATURES 0x40000001u
#define KVM_SIGNATURE 0x4b4d564bu /* "KVMK" */
#define KVM_FEATURE_CLOCKSOURCE2 (1u << 3)
#define MSR_KVM_WALL_CLOCK_NEW 0x4b564d00u
#define MSR_KVM_SYSTEM_TIME_NEW 0x4b564d01u

/* Documentation/virt/kvm/x86/msr.rst */
struct pvclock_vcpu_time_info {
	uint32_t version, pad0;
	uint64_t tsc_timestamp, system_time;
	uint32_t tsc_to_system_mul;
	int8_t tsc_shift;
	uint8_t flags, pad[2];
};

struct pvclock_wall_clock {
	uint32_t version, sec, nsec;
};

void clock_init(void)
{
	plat_cycle_clock.base = arch_cycles();
}

static bool hypervisor_is_kvm(void)
{
	return cpuid(CPUID_HYPERVISOR, 0).ebx == KVM_SIGNATURE &&
	       cpuid(CPUID_KVM_FEATURES, 0).eax & KVM_FEATURE_CLOCKSOURCE2;
}

/* A structure that KVM fills when it is given its physical address: on a page of its own in the
 * image's .bss. */
static ALIGNED(64) struct pvclock_vcpu_time_info vcpu_time;
static ALIGNED(16) struct pvclock_wall_clock wall_clock;

/* kvmclock's scale: ns = (ticks << shift) * mul >> 32. 0 if there is no kvmclock. */
static uint64_t mult_from_kvmclock(void)
{
	volatile struct pvclock_vcpu_time_info *t = &vcpu_time;
	uint64_t mult;

	if (!hypervisor_is_kvm())
		return 0;
	wrmsr(MSR_KVM_SYSTEM_TIME_NEW, image_phys(t) | 1);
	mult = t->tsc_to_system_mul;
	mult = t->tsc_shift < 0 ? mult >> -t->tsc_shift : mult << t->tsc_shift;
	wrmsr(MSR_KVM_SYSTEM_TIME_NEW, 0);
	return mult;
}

static uint64_t mult_from_cpuid(void)
{
	struct cpuid c = cpuid(CPUID_HYPERVISOR, 0);

	if (c.eax < CPUID_HYPERVISOR_TIMING || c.eax > CPUID_HYPERVISOR + 0xffff)
		return 0;
	c = cpuid(CPUID_HYPERVISOR_TIMING, 0); /* eax: TSC frequency in kHz */
	return c.eax ? (1000000UL << 32) / c.eax : 0;
}

/* Read both counters at about the same moment: of several tries the one that took the fewest
 * cycles. */
static void counters_read(uint64_t *tsc, uint32_t *ns)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < CALIBRATE_TRIES; i++) {
		uint64_t before = arch_cycles();
		uint32_t count = apic_count_ns();
		uint64_t after = arch_cycles();

		if (after - before < best) {
			best = after - before;
			*tsc = before + best / 2;
			*ns = count;
		}
	}
}

static uint64_t mult_from_apic(void)
{
	uint64_t tsc0 = 0, tsc1 = 0;
	uint32_t ns0 = 0, ns1 = 0;

	apic_count_begin();
	counters_read(&tsc0, &ns0);
	while (apic_count_ns() - ns0 < CALIBRATE_NS)
		arch_pause();
	counters_read(&tsc1, &ns1);
	return ((uint64_t)(ns1 - ns0) << 32) / (tsc1 - tsc0);
}

/* Interrupts are off meanwhile: the LAPIC timer is not armed before a clock has been read, so none
 * is late. */
static NOINLINE void calibrate(void)
{
	uint64_t flags = interrupts_off(), mult;

	if (!atomic_load_explicit(&plat_cycle_clock.mult, memory_order_relaxed)) {
		mult = mult_from_cpuid();
		if (!mult)
			mult = mult_from_kvmclock();
		if (!mult)
			mult = mult_from_apic();
		atomic_store_explicit(&plat_cycle_clock.mult, mult, memory_order_relaxed);
	}
	interrupts_restore(flags);
}

static NOINLINE uint64_t clock_monotonic_first(void)
{
	calibrate();
	return clock_monotonic_ns();
}

uint64_t clock_monotonic_ns(void)
{
	uint64_t mult = atomic_load_explicit(&plat_cycle_clock.mult, memory_order_relaxed);

	return likely(mult) ? plat_cycles_ns(mult) : clock_monotonic_first();
}

#define CMOS_INDEX 0x70
#define CMOS_DATA 0x71
#define CMOS_STATUS_A 10
#define CMOS_UPDATING 0x80
#define CMOS_STATUS_B 11
#define CMOS_24_HOURS 2
#define CMOS_BINARY 4

static struct spinlock cmos_lock = SPINLOCK_INIT(LOCK_DEVICE);

static unsigned cmos_read(uint8_t reg)
{
	outb(CMOS_INDEX, reg);
	return inb(CMOS_DATA);
}

/* Days since 1970-01-01 of a date in the Gregorian calendar (month 1-12). */
static uint64_t days_from_date(uint64_t year, unsigned month, unsigned day)
{
	/* Years begin in March, so that the leap day is the last of a year. */
	uint64_t y = month > 2 ? year : year - 1, m = month > 2 ? month - 3 : month + 9;

	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

/* Seconds since the epoch by the CMOS clock (MC146818), which VMMs keep in UTC; 0 if there is none.
 */
static uint64_t cmos_epoch(void)
{
	static const uint8_t regs[6] = {0, 2, 4, 7, 8, 9}; /* second minute hour day month year */
	unsigned v[6], status = cmos_read(CMOS_STATUS_B);

	if (status == 0xff)
		return 0;
	do {
		while (cmos_read(CMOS_STATUS_A) & CMOS_UPDATING)
			arch_pause();
		for (int i = 0; i < 6; i++)
			v[i] = cmos_read(regs[i]);
	} while (v[0] != cmos_read(regs[0]));
	for (int i = 0; i < 6; i++) {
		bool pm = i == 2 && !(status & CMOS_24_HOURS) && v[i] & 0x80;

		v[i] = i == 2 ? v[i] & 0x7f : v[i];
		if (!(status & CMOS_BINARY))
			v[i] = (v[i] >> 4) * 10 + (v[i] & 15);
		if (pm)
			v[i] = v[i] % 12 + 12;
	}
	return ((days_from_date(2000 + v[5], v[4], v[3]) * 24 + v[2]) * 60 + v[1]) * 60 + v[0];
}

/* CLOCK_REALTIME at the machine's start by kvmclock, or 0. */
static uint64_t kvm_wall_clock_ns(void)
{
	volatile struct pvclock_wall_clock *w = &wall_clock;

	if (!hypervisor_is_kvm())
		return 0;
	wrmsr(MSR_KVM_WALL_CLOCK_NEW, image_phys(w));
	return w->sec * NS_PER_S + w->nsec;
}

/* Interrupts are off meanwhile: the CMOS clock's index register is for one at a time, and
 * clock_gettime() can be preempted. */
static NOINLINE uint64_t realtime_offset_find(void)
{
	uint64_t flags = interrupts_off(), offset;

	spin_lock(&cmos_lock);
	offset = atomic_load_explicit(&plat_cycle_clock.realtime_offset, memory_order_relaxed);
	if (!offset)
		offset = kvm_wall_clock_ns();
	if (!offset)
		offset = cmos_epoch() * NS_PER_S - clock_monotonic_ns();
	atomic_store_explicit(&plat_cycle_clock.realtime_offset, offset, memory_order_relaxed);
	spin_unlock(&cmos_lock);
	interrupts_restore(flags);
	return offset;
}

uint64_t clock_realtime_ns(void)
{
	uint64_t offset = atomic_load_explicit(&plat_cycle_clock.realtime_offset,
					       memory_order_relaxed);

	if (unlikely(!offset))
		offset = realtime_offset_find();
	return clock_monotonic_ns() + offset;
}
