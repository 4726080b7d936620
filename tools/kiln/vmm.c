/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * QEMU's command line. Both machines start with qboot, a firmware that does nothing but enter the
 * image (5,000 instructions, against SeaBIOS' 16 million); everything a guest does not need is left
 * out.
 */
#include "vmm.h"

#include <stdlib.h>
#include <string.h>

#include "cmdline.h"

/* The longest argument Linux passes on (MAX_ARG_STRLEN, its NUL included); qboot takes all of it.
 */
enum { APPEND_BYTES_MAX = 131072 - 1 };

const char *vmm_name(void)
{
	const char *name = getenv("KILN_QEMU");

	return name && *name ? name : "qemu-system-x86_64";
}

static void vmm_machine(const struct run *run, struct strv *argv)
{
	if (!strcmp(run->machine, "microvm")) {
		/* acpi=off makes qboot the firmware; the clock chip stays for the date. */
		strv_add_all(argv, "-M",
			     "microvm,acpi=off,pit=off,pic=off,rtc=on,isa-serial=off,"
			     "x-option-roms=off,auto-kernel-cmdline=off",
			     NULL);
	} else {
		strv_add_all(argv, "-M", "q35,smm=off", "-bios", "qboot.rom", NULL);
	}
	/* Emulation: a host thread for each CPU. */
	strv_add(argv, "-accel");
	strv_addf(argv, "%s%s", run->accel,
		  run->cpus > 1 && !strcmp(run->accel, "tcg") ? ",thread=multi" : "");
	strv_add_all(argv, "-cpu", "max", "-smp", NULL);
	strv_addf(argv, "%u", run->cpus);
	strv_add(argv, "-m");
	strv_addf(argv, "%lluK", (unsigned long long)(run->memory_bytes >> 10));
	/* The host threads of the CPUs have names: top -H shows them, taskset wants them. */
	strv_add_all(argv, "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
		     "-name", "debug-threads=on", NULL);
}

/* A path inside a QEMU option: a comma is written twice. */
static void vmm_add_path_option(struct strv *argv, const char *start, const char *path)
{
	struct buf b = {0};

	buf_adds(&b, start);
	for (; *path; path++) {
		buf_addc(&b, *path);
		if (*path == ',')
			buf_addc(&b, ',');
	}
	strv_add(argv, b.p);
	buf_free(&b);
}

static void vmm_devices(const struct vmm_channels *ch, struct strv *argv)
{
	strv_add_all(argv, "-chardev", "stdio,id=out", "-device", "isa-serial,index=0,chardev=out",
		     NULL);
	strv_add(argv, "-chardev");
	vmm_add_path_option(argv, "file,id=err,path=", ch->err_path);
	strv_add_all(argv, "-device", "isa-serial,index=1,chardev=err", NULL);
	strv_add(argv, "-chardev");
	vmm_add_path_option(argv, "file,id=log,path=", ch->log_path);
	strv_add_all(argv, "-device", "isa-debugcon,iobase=0xe9,chardev=log", NULL);
	strv_add_all(argv, "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04", NULL);
	if (ch->monitor >= 0) {
		strv_add(argv, "-chardev");
		strv_addf(argv, "socket,id=mon,fd=%d", ch->monitor);
		strv_add_all(argv, "-mon", "chardev=mon,mode=readline", NULL);
	}
	if (ch->gdb_port) {
		strv_add_all(argv, "-S", "-gdb", NULL);
		strv_addf(argv, "tcp:127.0.0.1:%u", ch->gdb_port);
	}
}

int vmm_command(const struct run *run, const struct vmm_channels *ch, struct strv *argv)
{
	char *append = cmdline_build(run);
	size_t length = strlen(append);

	if (length > APPEND_BYTES_MAX) {
		error("arguments and environment take %zu bytes; there is room for %d in a virtual "
		      "machine\n"
		      "  give long data through standard input, or run with --platform linuxu",
		      length, APPEND_BYTES_MAX);
		free(append);
		return -1;
	}
	strv_add(argv, vmm_name());
	vmm_machine(run, argv);
	vmm_devices(ch, argv);
	strv_add_all(argv, "-kernel", run_image_path(run), NULL);
	if (run_wants_module(run))
		strv_add_all(argv, "-initrd", run->path, NULL);
	strv_add_all(argv, "-append", append, NULL);
	strv_append(argv, &run->qemu_args);
	free(append);
	return 0;
}
