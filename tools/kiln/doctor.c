/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kiln doctor: one line for each thing that building and running needs.
 */
#include "commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accel.h"
#include "path.h"
#include "proc.h"
#include "toolchain.h"
#include "vmm.h"

enum { OUTPUT_BYTES_MAX = 65536 };

struct doctor {
	bool broken; /* something that kiln run needs is missing */
};

static void say_ok(const char *what, const char *detail)
{
	printf("ok       %-12s %s\n", what, detail);
}

/* Something is missing; without it kiln run does not work, if needed is set. */
static void say_missing(struct doctor *d, bool needed, const char *what, const char *detail)
{
	printf("%-8s %-12s ", needed ? "missing" : "note", what);
	for (; *detail; detail++) {
		putchar(*detail);
		if (*detail == '\n')
			printf("%21s", "");
	}
	putchar('\n');
	d->broken |= needed;
}

/* Output of a command, or NULL. Caller frees. */
static char *doctor_ask(const char *command, const char *option, const char *operand)
{
	struct strv argv = {0};
	struct buf out = {0};

	strv_add_all(&argv, command, option, operand, NULL);

	struct proc p = proc_default(&argv);

	p.in = p.err = PROC_NULL;
	int status = proc_capture(&p, OUTPUT_BYTES_MAX, &out);

	strv_free(&argv);
	if (status)
		buf_free(&out);
	return out.p;
}

static void check_command(struct doctor *d, bool needed, const char *what, const char *command,
			  const char *install)
{
	char *version = doctor_ask(command, "--version", NULL);

	if (version) {
		version[strcspn(version, "\n")] = '\0';
		say_ok(what, version);
	} else {
		say_missing(d, needed, what, install);
	}
	free(version);
}

static void check_machine(struct doctor *d)
{
	char *machines = doctor_ask(vmm_name(), "-M", "help");

	if (!machines)
		return;
	if (strstr(machines, "\nmicrovm"))
		say_ok("machine", "microvm");
	else if (strstr(machines, "\nq35"))
		say_missing(d, false, "machine",
			    "this QEMU has no microvm: use kiln run --machine q35");
	else
		say_missing(d, true, "machine",
			    "this QEMU has neither microvm nor q35\n"
			    "apt-get install qemu-system-x86");
	free(machines);
}

static void check_kvm(struct doctor *d)
{
	const char *why;

	if (accel_kvm_works(&why)) {
		say_ok("kvm", "guests run on the processor itself");
		return;
	}
	const char *next = strstr(why, "access") ? "\nsudo usermod -aG kvm $USER, then log in again"
						 : "";
	char *text = xasprintf("%s, so programs run in emulation, slower%s", why, next);

	say_missing(d, false, "kvm", text);
	free(text);
}

static void check_prefix(struct doctor *d)
{
	char *missing = prefix_missing();

	if (missing) {
		char *text = xasprintf("%s is not there\nmake (in Kiln's source tree)", missing);

		say_missing(d, true, "kiln", text);
		free(text);
	} else {
		say_ok("kiln", prefix_dir());
	}
	free(missing);
}

static void check_rust(struct doctor *d, const char *dir)
{
	struct toolchain tc;
	char *why;

	if (toolchain_find(dir, &tc, &why)) {
		say_missing(d, true, "rust", why);
		free(why);
		return;
	}
	char *text = xasprintf("%s, %s", tc.version ? tc.version : tc.rustc,
			       tc.kiln_sysroot ? "with Kiln's standard library"
					       : "which has the target " RUST_TARGET);

	say_ok("rust", text);
	free(text);
	char *cargo = command_find(tc.cargo);

	if (cargo)
		say_ok("cargo", cargo);
	else
		say_missing(d, true, "cargo", "apt-get install cargo-web");
	free(cargo);
	toolchain_free(&tc);
}

static void check_cxx(struct doctor *d)
{
	char *headers = prefix_lib("include/c++/v1");

	if (path_is_dir(headers))
		say_ok("c++", "libc++");
	else
		say_missing(d, false, "c++", "not built into this Kiln (make menuconfig has it)");
	free(headers);
}

int doctor_main(char **argv)
{
	struct doctor d = {0};
	const char *dir = argv[0];

	if (dir && (argv[1] || dir[0] == '-'))
		die(STATUS_USAGE, "kiln doctor takes a folder at most\n  see: kiln doctor --help");
	if (dir && !path_is_dir(dir))
		die(STATUS_USAGE, "%s is not a folder", dir);
	check_command(&d, true, "qemu", vmm_name(),
		      "not installed\napt-get install qemu-system-x86");
	check_machine(&d);
	check_kvm(&d);
	check_prefix(&d);
	check_rust(&d, dir);
	check_command(&d, true, "linker", "ld", "not installed\napt-get install binutils");
	check_command(&d, false, "c", "gcc",
		      "not installed, for crates with C code in them\napt-get install gcc");
	check_cxx(&d);
	check_command(&d, false, "addr2line", "addr2line",
		      "not installed, so crash reports have no names\napt-get install binutils");
	check_command(&d, false, "gdb", "gdb",
		      "not installed, for kiln run --gdb\napt-get install gdb");
	puts(d.broken ? "\nkiln run cannot work yet: see the lines marked missing."
		      : "\nkiln run can work.");
	return d.broken ? STATUS_FAILED : 0;
}
