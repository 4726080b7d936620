/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The configuration that the kernel's sources are unit-tested with, in the place of .config's. */
#define CONFIG_PLAT_KVM 1
#define CONFIG_PLAT_LINUXU 1
#define CONFIG_KASLR 1
#define CONFIG_CRASH_REPORT 1
#define CONFIG_NR_CPUS 1
