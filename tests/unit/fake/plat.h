/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A platform whose program address space is an array of pages. It checks that core keeps the
 * contract of plat.h, and it plays kvm (pages come by pmap_fault) or linuxu (they are there once
 * reserved).
 */
#ifndef FAKE_PLAT_H
#define FAKE_PLAT_H

#include "plat/plat.h"

#define FAKE_WINDOW_PAGES 16384u
#define FAKE_WINDOW_START 0x40000000ul
#define FAKE_WINDOW_END (FAKE_WINDOW_START + FAKE_WINDOW_PAGES * PAGE_SIZE)

struct fake_pte {
	bool reserved; /* linuxu: mapped at the host; kvm: not kept */
	bool present;
	unsigned prot;  /* linuxu: of what is reserved; kvm: of what is present */
	uint32_t value; /* what the program wrote there; 0 at first */
};

extern struct fake_pte fake_ptes[FAKE_WINDOW_PAGES];
extern uint64_t fake_pages_left; /* what pmap_fault() can still put */

void fake_plat_reset(bool linuxu);
struct fake_pte *fake_pte_of(vaddr_t addr);

#endif
