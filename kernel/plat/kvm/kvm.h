/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the files of the kvm platform share. Memory layout (docs/ARCHITECTURE.md, section 5): one
 * PML4 slot of the lower half holds the image and the top of the program's mappings, one of the
 * upper half the direct map of RAM, kernel stacks and device registers; both slots are random.
 */
#ifndef PLAT_KVM_KVM_H
#define PLAT_KVM_KVM_H

#include <stdatomic.h>
#include "arch/trap_frame.h"
#include "base/types.h"
#include "plat/kvm/pvh.h"
#include "plat/plat.h"

#define IMAGE_PHYS 0x100000UL

#define PTE_P (1UL << 0)
#define PTE_W (1UL << 1)
#define PTE_U (1UL << 2) /* ring 3 may use it */
#define PTE_PCD (1UL << 4)
#define PTE_A (1UL << 5)
#define PTE_D (1UL << 6)
#define PTE_PS (1UL << 7)
#define PTE_NX (1UL << 63)
#define PTE_ADDR 0x000ffffffffff000UL
#define PTE_TABLE (PTE_P | PTE_W | PTE_U | PTE_A) /* what it leads to decides */
#define PTE_KERNEL_DATA (PTE_P | PTE_W | PTE_A | PTE_D | PTE_NX)

#define SLOT_SHIFT 39 /* what a PML4 entry maps: 512 GiB */
#define GIB_SHIFT 30
#define LARGE_SHIFT 21
#define LARGE_BYTES (1UL << LARGE_SHIFT)

#define MEMMAP_MAX 32

struct kvm_layout {
	vaddr_t image_base;  /* where the image is mapped */
	vaddr_t direct_base; /* RAM at physical address p is at direct_base + p */
	vaddr_t window_max;  /* upper end of the program's mappings */
	uintptr_t canary;    /* of the stack protector */
	uint64_t *pml4;      /* in the direct map once kvm_main() runs */
	paddr_t start_info;
	unsigned nr_memmap;
	struct {
		paddr_t start, end;
	} memmap[MEMMAP_MAX]; /* RAM, page-aligned */
};

extern struct kvm_layout kvm;

/* An entry of a table that several CPUs may change. boot.c, alone, takes them as numbers. */
typedef _Atomic uint64_t pte_t;

static ALWAYS_INLINE void *phys_to_virt(paddr_t p)
{
	return (void *)(kvm.direct_base + p);
}

static ALWAYS_INLINE paddr_t virt_to_phys(const void *v)
{
	return (vaddr_t)v - kvm.direct_base;
}

static ALWAYS_INLINE paddr_t image_phys(const volatile void *p)
{
	return IMAGE_PHYS + ((vaddr_t)p - kvm.image_base);
}

/* RAM beyond it is not used. */
#define DIRECT_MAP_SIZE (255UL << GIB_SHIFT)
#define KSTACK_AREA (kvm.direct_base + DIRECT_MAP_SIZE)
#define KSTACK_AREA_SIZE (1UL << GIB_SHIFT)

/* --- boot.c: runs at physical addresses, before paging is what it will be --- */
/* Returns the image's virtual base; *pml4 is the physical address of the tables. */
vaddr_t kvm_start(struct hvm_start_info *info, paddr_t *pml4);

/* What is left of the pool of zeroed pages in .bss. */
void kvm_table_pool_rest(paddr_t *start, paddr_t *end);
/* End of the RAM behind the image that boot tables took. */
paddr_t kvm_tables_end(void);

/* --- paging.c --- */
/* Physical memory that is not RAM (device registers, firmware tables) at its place in the direct
 * map; uncached with PTE_PCD in flags. NULL without memory for tables. */
void *paging_map_phys(paddr_t pa, size_t len, uint64_t flags);
int paging_reserve(vaddr_t va, size_t len, unsigned prot);
void paging_remove(vaddr_t va, size_t len, vaddr_t touched_lo, vaddr_t touched_hi);
int paging_protect(vaddr_t va, size_t len, unsigned prot, vaddr_t touched_lo, vaddr_t touched_hi);
void paging_discard(vaddr_t va, size_t len, vaddr_t touched_lo, vaddr_t touched_hi);
int paging_populate(vaddr_t va, size_t len, unsigned prot);
int paging_move(vaddr_t old, vaddr_t new_va, size_t len, unsigned prot);
int paging_fault(vaddr_t va, unsigned prot);
/* Map this page at va, where there is none. False: no memory for tables. */
bool paging_map_page(vaddr_t va, paddr_t page, unsigned prot);
/*
 * Taking pages away in three steps. Other CPUs may use them as long as they have not flushed their
 * TLBs, so entries first become inaccessible, but keep the pages' addresses (of any number of
 * ranges); then all CPUs forget them, at once; then, range by range, the pages go back. With one
 * CPU the order does not matter, and only the last step does something.
 */
struct paging_removal {
	vaddr_t lo, hi; /* what was accessible; lo >= hi: nothing */
	char *first;    /* pages to free that lie in a row in RAM */
	size_t count;
};
#define PAGING_REMOVAL_INIT                                                                        \
	{                                                                                          \
		.lo = UINT64_MAX                                                                   \
	}
void paging_hide(struct paging_removal *r, vaddr_t start, vaddr_t end);
void paging_hidden(const struct paging_removal *r);
void paging_drop(struct paging_removal *r, vaddr_t start, vaddr_t end);
/* The entry that maps va; NULL if there is no table (create: if there is no memory for one). va is
 * not in a large page. */
pte_t *paging_entry(vaddr_t va, bool create);
/* The same of va's 2 MiB: 0, a table, or (PTE_PS) a large page. */
pte_t *paging_directory_entry(vaddr_t va, bool create);
/* The bits of an entry for a page with rights PROT_*. */
uint64_t paging_prot_flags(unsigned prot);

/* --- large.c --- */
/* As plat->pmap_fault_large(). */
bool paging_fault_large(vaddr_t va, unsigned prot);
/* Make a table of small pages from the large page that *entry maps; returns it. The mm lock is held
 * for writing. */
pte_t *paging_split(pte_t *entry);
/* Give a large page back that no entry maps any more. */
void paging_free_large(void *page);

/* --- kstack.c --- */
vaddr_t kstack_alloc(size_t bytes);
void kstack_free(vaddr_t base, size_t bytes);
/* n stacks that are never given back, of bytes[i] bytes each, with a guard page below each: all or
 * none. */
MUST_CHECK bool kstack_take(unsigned n, const size_t bytes[], vaddr_t bases[]);

/* --- trap.c, trap.S --- */
/* Segments of a program that does not run in the kernel's ring: the numbers that Linux has. */
#define SELECTOR_USER_DATA 0x2bu
#define SELECTOR_USER_CODE 0x33u
#define RING_MASK 3u

struct kvm_cpu;
/* The interrupt table, and this CPU's own descriptors, of the boot CPU; the latter of any CPU,
 * whose tss.ist is set. */
void trap_init(struct kvm_cpu *boot);
void trap_init_cpu(struct kvm_cpu *c);
/* The vectors that CPUs send each other. Once. */
void trap_init_smp(void);
struct trap_frame *kvm_trap(struct trap_frame *frame);

/* What lgdt, lidt take. */
struct PACKED table_pointer {
	uint16_t limit;
	uint64_t base;
};

/* --- apic.c: this CPU's local APIC --- */
void apic_timer_set(uint64_t deadline_ns);
/* Make it ready, if it is not: ends the machine if there is no memory. */
void apic_init(void);
/* Its number by the CPUID instruction, which is there without it being mapped. */
uint32_t apic_id_by_cpuid(void);
/* Send another CPU an interrupt. */
void apic_interrupt(uint32_t apic_id, unsigned vector);
/* Let another CPU begin in real mode at the physical address page * 4096, whatever it does now. */
void apic_start_cpu(uint32_t apic_id, unsigned page);
/* Is apic_id one that interrupts can be sent to? */
bool apic_can_reach(uint32_t apic_id);
/* Route the legacy interrupt of the console's UART to the boot CPU. */
void apic_route_console(void);
void apic_eoi(void);
/* Let the timer count down from its maximum without interrupting, 1 ns a tick; and what it has
 * counted since. */
void apic_count_begin(void);
uint32_t apic_count_ns(void);

/* --- clock.c --- */
void clock_init(void);
uint64_t clock_monotonic_ns(void);
uint64_t clock_realtime_ns(void);

/* --- memmap.c --- */
void memmap_init(void);
bool memmap_ram_range(unsigned n, struct plat_ram *out);
void memmap_ram_info(uint64_t *total, uint64_t *free);
ssize64_t memmap_exe_read(void *buf, size_t n, uint64_t off, uint64_t *size);

/* The module's address and size; size 0: there is none. */
paddr_t memmap_exe(uint64_t *size);

/* --- load.c: in the loader's image only --- */
extern const struct plat_load_ops kvm_load_ops WEAK;

/* --- uart.c --- */
void uart_init(void);
void uart_stdin_framed(void);
ssize64_t uart_console_write(int fd, const void *buf, size_t n);
ssize64_t uart_console_read(void *buf, size_t n);
void uart_console_watch(unsigned fds);
bool uart_console_is_tty(int fd);
void uart_log_write(const char *s, size_t n);
void uart_log_exit(int status);

/* --- acpi.c --- */
#define ACPI_HEADER_BYTES 36u
/* The first table with that signature, or the one at a physical address, mapped whole; NULL if
 * there is none or it cannot be right. */
const uint8_t *acpi_find(const char *signature);
const uint8_t *acpi_map(paddr_t pa);
/* What its header says: at least ACPI_HEADER_BYTES. */
uint32_t acpi_length(const uint8_t *table);
/* Little-endian numbers at any address. */
uint32_t acpi_u32(const uint8_t *p);
uint64_t acpi_u64(const uint8_t *p);

/* --- power.c --- */
NORETURN void power_exit(int status);

static ALWAYS_INLINE void outb(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static ALWAYS_INLINE void outw(uint16_t port, uint16_t v)
{
	__asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port));
}

static ALWAYS_INLINE void outl(uint16_t port, uint32_t v)
{
	__asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}

static ALWAYS_INLINE uint8_t inb(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static ALWAYS_INLINE void wrmsr(uint32_t msr, uint64_t v)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32))
			 : "memory");
}

static ALWAYS_INLINE uint64_t rdmsr(uint32_t msr)
{
	uint32_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return (uint64_t)hi << 32 | lo;
}

static ALWAYS_INLINE void invlpg(vaddr_t va)
{
	__asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

static ALWAYS_INLINE uint64_t cr4_read(void)
{
	uint64_t v;

	__asm__ volatile("mov %%cr4, %0" : "=r"(v));
	return v;
}

static ALWAYS_INLINE uint64_t interrupts_off(void)
{
	uint64_t flags;

	__asm__ volatile("pushfq; pop %0; cli" : "=r"(flags) : : "memory");
	return flags;
}

static ALWAYS_INLINE void interrupts_restore(uint64_t flags)
{
	__asm__ volatile("push %0; popfq" : : "r"(flags) : "memory", "cc");
}

#define MSR_APIC_BASE 0x1bu
#define MSR_STAR 0xc0000081u
#define MSR_LSTAR 0xc0000082u
#define MSR_FMASK 0xc0000084u
#define MSR_FS_BASE 0xc0000100u
#define MSR_GS_BASE 0xc0000101u

#endif
