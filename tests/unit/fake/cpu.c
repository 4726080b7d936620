/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The one CPU of tests that have no scheduler, behind %gs, which is free on x86-64 Linux. */
#include "fake/fake.h"

#include <asm/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/percpu.h"

static struct percpu fake_percpu;
struct percpu *percpu_table[CONFIG_NR_CPUS] = {&fake_percpu};
_Atomic unsigned percpu_started = 1;

__attribute__((constructor)) static void fake_cpu_init(void)
{
	static struct cpu cpu = {.self = &cpu, .percpu = &fake_percpu};

	cpu.current = &fake_percpu.idle;
	spin_init(&fake_percpu.pages.lock, LOCK_PAGE_CACHE);
	spin_init(&fake_percpu.heap.lock, LOCK_HEAP);
	if (syscall(SYS_arch_prctl, ARCH_SET_GS, &cpu) != 0)
		abort();
}
