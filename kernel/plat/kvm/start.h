/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a processor is told on its way to long mode: for start.S and trampoline.S, and the
 * descriptors for trap.c.
 */
#ifndef PLAT_KVM_START_H
#define PLAT_KVM_START_H

#define CR0_PG_WP_NE_MP_PE 0x80010023
#define CR0_WP 0x10000UL
#define CR4_PAE_OSFXSR_OSXMMEXCPT 0x620
#define MSR_EFER 0xc0000080
#define EFER_NXE_LME_SCE 0x901

/* The local APIC at reset (Intel SDM vol. 3, 11.4 and 11.5.1). */
#define APIC_PADDR 0xfee00000
#define APIC_SVR 0xf0
#define APIC_SVR_ENABLE 0x100
#define APIC_LVT_LINT1 0x360
#define APIC_LVT_NMI 0x400
#define TRAP_VECTOR_SPURIOUS 63

/* Segment descriptors (Intel SDM vol. 3, figure 3-8), accessed already, so that nothing writes to
 * the table. */
#define GDT_CODE64 0x00af9b000000ffff
#define GDT_DATA 0x00cf93000000ffff
#define GDT_USER_DATA 0x00cff3000000ffff
#define GDT_USER_CODE64 0x00affb000000ffff
#define GDT_USER_CPU 0x0000f10000000000
#define SELECTOR_CODE 0x08
#define SELECTOR_DATA 0x10
#define SELECTOR_TSS 0x18

#endif
