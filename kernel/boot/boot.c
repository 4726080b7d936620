/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The boot order. The platform's start code (plat/kvm/start.S, plat/linuxu/start.S) has relocated
 * the image, set up its protection and one CPU, and comes here.
 */
#include "abi/program.h"
#include "abi/start.h"
#include "core/page.h"
#include "core/percpu.h"
#include "core/thread.h"
#include "core/vma.h"
#include "fs/file.h"
#include "plat/plat.h"

NORETURN void boot_main(const struct boot_info *info)
{
	plat_stage(PLAT_STAGE_KERNEL);
	arch_init();
	percpu_init();
	page_init();
	vma_init();
	program_register_image();
	thread_init();
	fd_init();
	plat_stage(PLAT_STAGE_PROGRAM);
	program_start(info);
	if (IS_ENABLED(CONFIG_BOOT_BANNER)) {
		static const char banner[] = "Kiln " KILN_VERSION "\n";

		plat->console_write(1, banner, sizeof(banner) - 1);
	}
	plat_stage(PLAT_STAGE_ENTRY);
	sched_start(info->start_ns);
}
