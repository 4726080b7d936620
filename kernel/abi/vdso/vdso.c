/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The vDSO of a loaded program (vdso(7)): a shared object of its own, which C libraries look these
 * functions up in. It runs as part of the program, on the program's stack, and reads one page of
 * the kernel's that lies in front of it. Whatever cannot be answered from there is a system call.
 */
#include "abi/time.h"
#include "plat/vdso.h"

#define NR_gettimeofday 96
#define NR_time 201
#define NR_clock_gettime 228
#define NR_getcpu 309

/* The linker script puts it a page in front of the ELF header. */
extern const volatile struct vdso_data vdso_data __attribute__((visibility("hidden")));

#define VDSO __attribute__((visibility("default")))

VDSO long __vdso_clock_gettime(int clock, struct k_timespec *out);
VDSO long __vdso_gettimeofday(struct k_timeval *out, uint64_t *zone);
VDSO int64_t __vdso_time(int64_t *out);
VDSO long __vdso_getcpu(uint32_t *cpu, uint32_t *node, void *unused);

static long vdso_call(long nr, uintptr_t a, uintptr_t b, uintptr_t c)
{
	__asm__ volatile("syscall"
			 : "+a"(nr)
			 : "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory", "cc");
	return nr;
}

/* The clocks that are one and the same here; coarse ones need not be coarse. */
static ALWAYS_INLINE bool clock_is_monotonic(int clock)
{
	return clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_RAW ||
	       clock == CLOCK_MONOTONIC_COARSE || clock == CLOCK_BOOTTIME;
}

static ALWAYS_INLINE bool clock_is_realtime(int clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
}

/* Nanoseconds of a clock, by the cycle counter. False: it cannot be told here. */
static ALWAYS_INLINE bool clock_read(bool realtime, uint64_t *ns)
{
	uint64_t mult = vdso_data.clock.mult, offset = 0;

	if (realtime)
		offset = vdso_data.clock.realtime_offset;
	if (unlikely(mult == 0 || (realtime && offset == 0)))
		return false;
	*ns = (uint64_t)((unsigned __int128)(arch_cycles_ordered() - vdso_data.clock.base) * mult >>
			 32) +
	      offset;
	return true;
}

long __vdso_clock_gettime(int clock, struct k_timespec *out)
{
	bool realtime = clock_is_realtime(clock);
	uint64_t ns;

	if (likely(realtime || clock_is_monotonic(clock))) {
		if (likely(clock_read(realtime, &ns))) {
			out->sec = (int64_t)(ns / NS_PER_SECOND);
			out->nsec = (int64_t)(ns % NS_PER_SECOND);
			return 0;
		}
		if (vdso_data.host_clock_gettime != NULL)
			return vdso_data.host_clock_gettime(
				realtime ? CLOCK_REALTIME : CLOCK_MONOTONIC, out);
	}
	return vdso_call(NR_clock_gettime, (uintptr_t)clock, (uintptr_t)out, 0);
}

long __vdso_gettimeofday(struct k_timeval *out, uint64_t *zone)
{
	struct k_timespec now;

	if (out != NULL) {
		long err = __vdso_clock_gettime(CLOCK_REALTIME, &now);

		if (err != 0)
			return err;
		out->sec = now.sec;
		out->usec = now.nsec / NS_PER_US;
	}
	if (zone != NULL)
		*zone = 0; /* struct timezone: two ints, always 0 in UTC */
	return 0;
}

int64_t __vdso_time(int64_t *out)
{
	struct k_timespec now;
	long err = __vdso_clock_gettime(CLOCK_REALTIME, &now);

	if (err != 0)
		return err;
	if (out != NULL)
		*out = now.sec;
	return now.sec;
}

/* There is one memory node. */
long __vdso_getcpu(uint32_t *cpu, uint32_t *node, void *unused)
{
	uint32_t id;

	switch (vdso_data.cpu) {
	case VDSO_CPU_LIMIT:
		__asm__("lsl %1, %0" : "=r"(id) : "r"(VDSO_CPU_SELECTOR) : "cc");
		break;
	case VDSO_CPU_GS:
		__asm__("mov %%gs:%c1, %0" : "=r"(id) : "i"(VDSO_CPU_OFFSET));
		break;
	default:
		return vdso_call(NR_getcpu, (uintptr_t)cpu, (uintptr_t)node, (uintptr_t)unused);
	}
	if (cpu != NULL)
		*cpu = id;
	if (node != NULL)
		*node = 0;
	return 0;
}

#define ALIAS(name) __attribute__((visibility("default"), weak, alias("__vdso_" #name)))
ALIAS(clock_gettime) long clock_gettime(int clock, struct k_timespec *out);
ALIAS(gettimeofday) long gettimeofday(struct k_timeval *out, uint64_t *zone);
ALIAS(time) int64_t time(int64_t *out);
ALIAS(getcpu) long getcpu(uint32_t *cpu, uint32_t *node, void *unused);
