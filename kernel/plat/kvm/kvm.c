/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The kvm platform's table of functions, and its way from the new address space to boot_main(). */
#include "arch/arch.h"
#include "arch/x86_64/cpuid.h"
#include "base/string.h"
#include "plat/kvm/kvm.h"
#include "plat/kvm/smp.h"
#include "plat/kvm/start.h"

#define CR4_FSGSBASE (1u << 16)
#define CR4_OSXSAVE (1u << 18)
#define WINDOW_MIN 0x10000UL
#define PIC1_DATA 0x21
#define PIC2_DATA 0xa1

NORETURN void kvm_main(void);

struct kvm_cpu kvm_boot_cpu;
extern char boot_stack[], boot_stack_end[];

static void fs_base_write(uintptr_t base)
{
	wrmsr(MSR_FS_BASE, base);
}

static void window(vaddr_t *min, vaddr_t *max)
{
	*min = WINDOW_MIN;
	*max = kvm.window_max;
}

static void idle(uint64_t deadline_ns)
{
	if (deadline_ns != NEVER)
		apic_timer_set(deadline_ns);
	__asm__ volatile("cli");
	/* sti takes effect behind the next instruction: no interrupt can come between it and hlt.
	 */
	if (atomic_load_explicit(&cpu_self()->pending, memory_order_relaxed)) {
		__asm__ volatile("sti" : : : "memory");
		return;
	}
	tlb_idle_begin();
	__asm__ volatile("sti; hlt" : : : "memory");
	tlb_idle_end();
}

static size_t entropy(void *buf, size_t n)
{
	(void)buf;
	(void)n;
	return 0; /* rdseed and jitter are core's own; a virtio-rng driver comes with the devices */
}

static const struct plat_ops kvm_ops = {
	.name = "kvm",
	.load = &kvm_load_ops,
	.ram_range = memmap_ram_range,
	.pmap_reserve = paging_reserve,
	.pmap_remove = paging_remove,
	.pmap_protect = paging_protect,
	.pmap_discard = paging_discard,
	.pmap_populate = paging_populate,
	.pmap_move = paging_move,
	.pmap_fault = paging_fault,
	.pmap_fault_large = paging_fault_large,
	.pmap_window = window,
	.kstack_alloc = kstack_alloc,
	.kstack_free = kstack_free,
	.console_write = uart_console_write,
	.console_read = uart_console_read,
	.console_watch = uart_console_watch,
	.console_framed = uart_stdin_framed,
	.console_is_tty = uart_console_is_tty,
	.log_write = uart_log_write,
	.slice_ns = 1000000,
	.clock_monotonic_ns = clock_monotonic_ns,
	.clock_realtime_ns = clock_realtime_ns,
	.timer_set = apic_timer_set,
	.idle = idle,
	.cpu_count = smp_cpu_count,
#if CONFIG_NR_CPUS > 1
	.cpu_start = smp_cpu_start,
	.cpu_kick = smp_cpu_kick,
	.cpu_relax = smp_cpu_relax,
#endif
	.entropy = entropy,
	.exe_read = memmap_exe_read,
	.exit = power_exit,
	.ram_info = memmap_ram_info,
};

/* CR4.OSXSAVE and XCR0: every state component that the kernel saves and the processor has. */
static void xsave_enable(uint64_t *cr4)
{
	uint32_t mask;

	if (!(cpuid(1, 0).ecx & CPUID_1_ECX_XSAVE))
		return;
	*cr4 |= CR4_OSXSAVE;
	__asm__ volatile("mov %0, %%cr4" : : "r"(*cr4));
	mask = cpuid(0xd, 0).eax & XSTATE_KERNEL_MASK;
	__asm__ volatile("xsetbv" : : "c"(0), "a"(mask), "d"(0));
}

/* Calls of the program are to be traced: their stubs change, write protection being off for it. */
static void trace_start(unsigned what)
{
	uint64_t cr0;

	__asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
	__asm__ volatile("mov %0, %%cr0" : : "r"(cr0 & ~CR0_WP) : "memory");
	arch_trace_begin(what);
	__asm__ volatile("mov %0, %%cr0" : : "r"(cr0) : "memory");
}

NORETURN NO_STACK_PROTECTOR void kvm_main(void)
{
	const struct hvm_start_info *info = phys_to_virt(kvm.start_info);
	struct boot_info boot = {.cmdline = ""};
	struct kvm_cpu *c = &kvm_boot_cpu;
	uint64_t cr3, cr4;
	unsigned traced;

	wrmsr(MSR_GS_BASE, (uint64_t)c);
	*(uint64_t *)phys_to_virt(kvm.pml4[0] & PTE_ADDR) = 0; /* the identity map goes */
	__asm__ volatile("mov %%cr3, %0; mov %0, %%cr3" : "=r"(cr3) : : "memory");
	c->cpu.self = &c->cpu;
	c->cpu.kstack_base = (uintptr_t)boot_stack;
	c->cpu.kstack_top = (uintptr_t)boot_stack_end;
	c->cpu.canary = kvm.canary;
	c->table_region = TABLE_REGION_NONE;
	trap_init(c);
	uart_init();
	clock_init();

	cr4 = cr4_read();
	if (cpuid(7, 0).ebx & CPUID_7_EBX_FSGSBASE) {
		cr4 |= CR4_FSGSBASE;
		__asm__ volatile("mov %0, %%cr4" : : "r"(cr4));
		arch_has_fsgsbase = true;
	}
	arch_fs_base_write_slow = fs_base_write;
	xsave_enable(&cr4);
	__asm__ volatile("fninit");

	memmap_init();
	plat = &kvm_ops;
	/* Firmware leaves the legacy interrupt controller delivering to exception vectors. */
	outb(PIC1_DATA, 0xff);
	outb(PIC2_DATA, 0xff);
	if (info->cmdline_paddr)
		boot.cmdline = phys_to_virt(info->cmdline_paddr);
	traced = plat_trace_wanted(boot.cmdline);
	if (IS_ENABLED(CONFIG_TRACE) && traced)
		trace_start(traced);
	__asm__ volatile("sti");
	boot_main(&boot);
}
