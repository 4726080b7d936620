/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The PVH boot protocol's structures (Xen, public/arch-x86/hvm/start_info.h, version 1). */
#ifndef PLAT_KVM_PVH_H
#define PLAT_KVM_PVH_H

#include "base/types.h"

#define HVM_START_MAGIC_VALUE 0x336ec578u
#define HVM_MEMMAP_TYPE_RAM 1u

struct hvm_start_info {
	uint32_t magic, version, flags, nr_modules;
	uint64_t modlist_paddr, cmdline_paddr, rsdp_paddr;
	uint64_t memmap_paddr; /* version 1 */
	uint32_t memmap_entries, reserved;
};
_Static_assert(sizeof(struct hvm_start_info) == 56, "hvm_start_info");

struct hvm_memmap_table_entry {
	uint64_t addr, size;
	uint32_t type, reserved;
};
_Static_assert(sizeof(struct hvm_memmap_table_entry) == 24, "hvm_memmap_table_entry");

struct hvm_modlist_entry {
	uint64_t paddr, size, cmdline_paddr, reserved;
};

#endif
