/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kiln run: options, the image (built first, if a crate is given), memory; then to the platform.
 */
#include "run.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accel.h"
#include "cargo.h"
#include "cargo_choose.h"
#include "commands.h"
#include "path.h"
#include "trace.h"

enum {
	RUN_PLATFORM = 1,
	RUN_MACHINE,
	RUN_ACCEL,
	RUN_MEMORY,
	RUN_CPUS,
	RUN_DETERMINISTIC,
	RUN_ENV,
	RUN_GDB,
	RUN_DRY_RUN,
	RUN_QEMU_ARG,
	RUN_RUNNER,
	RUN_TRACE,
	RUN_STATS,
	RUN_WATCHDOG,
	RUN_VERBOSE,
	RUN_HELP
};

static const struct opt run_options[] = {
	{RUN_PLATFORM, "platform", 0, "kvm|linuxu"},
	{RUN_MACHINE, "machine", 0, "microvm|q35"},
	{RUN_ACCEL, "accel", 0, "auto|kvm|tcg"},
	{RUN_MEMORY, "memory", 0, "SIZE"},
	{RUN_CPUS, "cpus", 0, "N"},
	{RUN_DETERMINISTIC, "deterministic", 0, "SEED"},
	{RUN_ENV, "env", 0, "NAME=VALUE"},
	{RUN_GDB, "gdb", 0, NULL},
	{RUN_DRY_RUN, "dry-run", 0, NULL},
	{RUN_QEMU_ARG, "qemu-arg", 0, "ARG"},
	{RUN_RUNNER, "runner", 0, NULL},
	{RUN_TRACE, "trace", 0, "[FAMILY,...]"},
	{RUN_STATS, "stats", 0, NULL},
	{RUN_WATCHDOG, "watchdog", 0, NULL},
	{RUN_VERBOSE, "verbose", 'v', NULL},
	{RUN_HELP, "help", 'h', NULL},
	{0, NULL, 0, NULL},
};

static const uint64_t default_memory_bytes = UINT64_C(128) << 20;
/* From here on the default is added to what the image itself takes. */
static const uint64_t big_image_bytes = UINT64_C(4) << 20;
/* Beside the image, for page tables, stacks and the smallest heap; and for a large image's tables …
 */
static const uint64_t spare_memory_bytes = UINT64_C(256) << 10;
static const uint64_t table_share = 256;
/* … with which it has to be in the first GiB of a virtual machine (kernel/plat/kvm/boot.c). */
static const uint64_t vm_image_bytes_max = (UINT64_C(1) << 30) - (UINT64_C(2) << 20);

/* One of the words in "a|b|c". */
static const char *run_choice(const struct opts *o)
{
	const char *words = o->opt->value;
	size_t n = strlen(o->value);

	while (*words) {
		size_t word = strcspn(words, "|");

		if (word == n && !strncmp(words, o->value, n))
			return o->value;
		words += word + (words[word] == '|');
	}
	die(STATUS_USAGE, "--%s is %s, not %s\n  see: kiln run --help", o->opt->name, o->opt->value,
	    o->value);
}

static unsigned int run_cpus(const char *value)
{
	uint64_t n;

	if (!parse_number(value, CPUS_MAX, &n) || !n)
		die(STATUS_USAGE, "--cpus takes a number from 1 to %d, not %s", CPUS_MAX, value);
	return (unsigned int)n;
}

/* CPUs that this process may use. */
static unsigned int run_host_cpus(void)
{
	/* Linux refuses a mask that is too small for the machine. */
	for (size_t bits = 1024; bits <= 65536; bits *= 2) {
		cpu_set_t *set = CPU_ALLOC(bits);
		int n = -1;

		if (!set)
			break;
		if (!sched_getaffinity(0, CPU_ALLOC_SIZE(bits), set))
			n = CPU_COUNT_S(CPU_ALLOC_SIZE(bits), set);
		CPU_FREE(set);
		if (n > 0)
			return n < CPUS_MAX ? (unsigned int)n : CPUS_MAX;
		if (errno != EINVAL)
			break;
	}
	return 1;
}

/* The last value given for a variable counts. */
static void run_add_env(struct run *run, const char *pair)
{
	const char *equals = strchr(pair, '=');

	if (!equals || equals == pair)
		die(STATUS_USAGE, "--env takes NAME=VALUE, not %s", pair);
	for (size_t i = 0; i < run->env.n; i++)
		if (!strncmp(run->env.v[i], pair, (size_t)(equals - pair) + 1)) {
			free(run->env.v[i]);
			run->env.v[i] = xstrdup(pair);
			return;
		}
	strv_add(&run->env, pair);
}

/* Rust's own message after a panic says to set this, and means the shell's environment. --env goes
 * first. */
static void run_pass_backtrace(struct run *run)
{
	static const char name[] = "RUST_BACKTRACE";
	const char *value = getenv(name);

	for (size_t i = 0; i < run->env.n; i++)
		if (!strncmp(run->env.v[i], "RUST_BACKTRACE=", sizeof(name)))
			return;
	if (value)
		strv_addf(&run->env, "%s=%s", name, value);
	run->backtrace_inherited = value != NULL;
}

/* What cargo tells the programs that it runs, and what is meant for Rust programs, goes on to them.
 */
static void run_pass_cargo(struct run *run)
{
	struct strv given = {0};

	strv_append(&given, &run->env);
	for (char **e = environ; *e; e++) {
		size_t name = strcspn(*e, "=") + 1;
		bool known = false;

		if (!str_after(*e, "CARGO_") && !str_after(*e, "RUST_"))
			continue;
		for (size_t i = 0; i < given.n && !known; i++)
			known = !strncmp(given.v[i], *e, name);
		if (!known && !str_after(*e, "RUST_BACKTRACE="))
			strv_add(&run->env, *e);
	}
	strv_free(&given);
}

struct run_command {
	struct run run;
	struct cargo cargo;
	const char *operand;
	const char *accel;
	bool runner;
	bool cargo_options;
};

static void run_take_option(struct run_command *c, const struct opts *o, int id)
{
	struct run *run = &c->run;

	switch (id) {
	case RUN_PLATFORM:
		run->linuxu = !strcmp(run_choice(o), "linuxu");
		break;
	case RUN_MACHINE:
		run->machine = run_choice(o);
		break;
	case RUN_ACCEL:
		c->accel = run_choice(o);
		break;
	case RUN_MEMORY:
		if (!parse_size(o->value, &run->memory_bytes) || !run->memory_bytes)
			die(STATUS_USAGE, "--memory takes a size like 64M or 2G, not %s", o->value);
		break;
	case RUN_CPUS:
		run->cpus = run_cpus(o->value);
		break;
	case RUN_DETERMINISTIC:
		if (!parse_number(o->value, UINT32_MAX, &run->seed))
			die(STATUS_USAGE, "--deterministic takes a number to %u, not %s",
			    UINT32_MAX, o->value);
		run->deterministic = true;
		break;
	case RUN_ENV:
		run_add_env(run, o->value);
		break;
	case RUN_GDB:
		run->gdb = true;
		break;
	case RUN_DRY_RUN:
		run->dry_run = true;
		break;
	case RUN_QEMU_ARG:
		strv_add(&run->qemu_args, o->value);
		break;
	case RUN_RUNNER:
		c->runner = true;
		break;
	case RUN_TRACE:
		trace_finish(run->trace);
		run->trace = trace_create(o->value);
		break;
	case RUN_STATS:
		run->stats = true;
		break;
	case RUN_WATCHDOG:
		run->watchdog = true;
		break;
	case RUN_VERBOSE:
		run->verbose = true;
		break;
	case RUN_HELP:
		exit(fputs(run_help, stdout) < 0);
	default:
		c->cargo_options |= cargo_take_option(&c->cargo, o, id);
	}
}

static void run_parse(struct run_command *c, char **argv)
{
	struct opts o = {
		.command = "kiln run", .tables = {run_options, cargo_options}, .argv = argv};
	int id;

	while ((id = opts_next(&o)) != OPT_END) {
		if (id != OPT_OPERAND) {
			run_take_option(c, &o, id);
			continue;
		}
		if (c->operand)
			die(STATUS_USAGE,
			    "%s is one operand too many\n"
			    "  the program's arguments come after --: kiln run %s -- %s",
			    o.value, c->operand, o.value);
		c->operand = o.value;
		if (c->runner)
			break;
	}
	for (; *o.argv; o.argv++)
		strv_add(&c->run.args, *o.argv);
}

const char *run_image_path(const struct run *run)
{
	return run->loader ? run->loader : run->path;
}

bool run_wants_module(const struct run *run)
{
	if (run->loader)
		return true;
	if (run->without_debug)
		return false;
	for (size_t i = 0; i < run->env.n; i++) {
		const char *value = str_after(run->env.v[i], "RUST_BACKTRACE=");

		if (value)
			return strcmp(value, "0") && *value;
	}
	return false;
}

/* Build the crate if it is one. run->path is set. 0 or a status. */
static int run_find_image(struct run_command *c)
{
	const char *operand = c->operand ? c->operand : ".";
	char *manifest;
	int status;

	if (!path_is_dir(operand)) {
		if (c->cargo_options)
			die(STATUS_USAGE,
			    "cargo's options are for a crate's folder, and %s is not a folder",
			    operand);
		c->run.path = operand;
		return 0;
	}
	manifest = cargo_manifest(operand);
	if (!manifest && !strv_has(&c->cargo.common, "--manifest-path")) {
		error("there is no Cargo.toml in %s or above it\n"
		      "  give an image or a crate's folder: kiln run IMAGE|DIR",
		      c->operand ? operand : "this folder");
		return STATUS_NOT_RUN;
	}
	free(manifest);
	c->cargo.dir = operand;
	c->cargo.one = true;
	/* -v is also cargo's. */
	if (c->run.verbose)
		strv_add(&c->cargo.args, "--verbose");
	status = cargo_build(&c->cargo);
	if (!status && c->cargo.images.n > 1) {
		error("the crate has %zu programs\n  choose one: --bin NAME", c->cargo.images.n);
		return STATUS_FAILED;
	}
	c->run.path = status ? NULL : c->cargo.images.v[0];
	return status;
}

/* A Linux program: the image that is started is the loader. */
static int run_take_loader(struct run *run)
{
	struct image program = run->image;
	char *why;

	run->load_bytes = program.file_bytes + program.own_bytes;
	run->loader = prefix_lib("kiln-loader");
	if (!path_is_file(run->loader)) {
		error("%s is a Linux program, and this Kiln was built without a loader for such\n"
		      "  build it with CONFIG_LOADER: make menuconfig, then make (in Kiln's source "
		      "tree)",
		      run->path);
		return STATUS_NOT_RUN;
	}
	if (!image_inspect_only(run->loader, &run->image, &why))
		return 0;
	error("%s", why);
	free(why);
	return STATUS_NOT_RUN;
}

static int run_check_image(struct run *run)
{
	char *why;

	if (image_inspect(run->path, &run->image, &why)) {
		error("%s", why);
		free(why);
		return STATUS_NOT_RUN;
	}
	if (run->image.program && run_take_loader(run))
		return STATUS_NOT_RUN;
	if (!run->linuxu && !run->image.kvm) {
		error("%s has no kvm platform in it (built without CONFIG_PLAT_KVM)\n"
		      "  run it as a Linux process: kiln run --platform linuxu",
		      run_image_path(run));
		return STATUS_NOT_RUN;
	}
	if (run->linuxu && !run->image.linuxu) {
		error("%s has no linuxu platform in it (built without CONFIG_PLAT_LINUXU)\n"
		      "  run it in a virtual machine: kiln run --platform kvm",
		      run_image_path(run));
		return STATUS_NOT_RUN;
	}
	return 0;
}

/*
 * The machine's memory: what was asked for, if the image fits into it; without a wish the default,
 * and for a big image as much again beside it.
 */
static int run_check_memory(struct run *run)
{
	uint64_t image = run->image.phys_end, least,
		 module = run->loader             ? run->load_bytes
			  : run_wants_module(run) ? run->image.file_bytes
						  : 0;

	if (__builtin_add_overflow(image, image / table_share, &image) ||
	    __builtin_add_overflow(image, spare_memory_bytes, &least) ||
	    __builtin_add_overflow(least, module, &least) || least > (uint64_t)INT64_MAX / 2) {
		error("%s asks for more memory than there can be", run->path);
		return STATUS_NOT_RUN;
	}
	if (!run->linuxu && image > vm_image_bytes_max) {
		error("%s is too large for a virtual machine: with its page tables it takes %llu "
		      "MiB, of %llu at most\n"
		      "  allocate large memory when the program runs, or run it as a process: "
		      "kiln run --platform linuxu",
		      run->path, (unsigned long long)(image >> 20) + 1,
		      (unsigned long long)vm_image_bytes_max >> 20);
		return STATUS_NOT_RUN;
	}
	if (run->backtrace_inherited && !run->loader && run->memory_bytes &&
	    run->memory_bytes < least) {
		run->without_debug = true;
		least -= module;
		module = 0;
	}
	if (!run->memory_bytes)
		run->memory_bytes = default_memory_bytes +
				    (least > big_image_bytes ? (least | 0xfffff) + 1 : 0);
	if (run->memory_bytes >= least)
		return 0;
	error("%s does not fit into %llu KiB of memory: it takes %llu KiB to load%s\n"
	      "  give it more: --memory %lluM",
	      run->path, (unsigned long long)run->memory_bytes >> 10,
	      (unsigned long long)least >> 10,
	      module && !run->loader ? " with its debug information, for RUST_BACKTRACE" : "",
	      (unsigned long long)(least >> 20) + 1);
	return STATUS_NOT_RUN;
}

static int run_check_accel(struct run_command *c)
{
	const char *why;

	if (!strcmp(c->accel, "auto")) {
		c->run.accel = accel_kvm_works(&why) ? "kvm" : "tcg";
		if (c->run.verbose && !strcmp(c->run.accel, "tcg"))
			error("running in emulation: %s", why);
		return 0;
	}
	c->run.accel = c->accel;
	if (strcmp(c->accel, "kvm") || !access("/dev/kvm", R_OK | W_OK))
		return 0;
	if (access("/dev/kvm", F_OK))
		error("there is no /dev/kvm: this machine has no hardware virtualisation, or it is "
		      "off\n"
		      "  try: modprobe kvm_intel (or kvm_amd); or run in emulation: --accel tcg");
	else
		error("no access to /dev/kvm\n"
		      "  get it: sudo usermod -aG kvm $USER, then log in again\n"
		      "  or run in emulation: --accel tcg");
	return STATUS_NOT_RUN;
}

int run_main(char **argv)
{
	struct run_command c = {
		.cargo = {.loadable = true}, .run = {.machine = "microvm"}, .accel = "auto"};
	int status;

	run_parse(&c, argv);
	run_pass_backtrace(&c.run);
	if (c.runner)
		run_pass_cargo(&c.run);
	if (!c.run.cpus)
		c.run.cpus = run_host_cpus();
	status = run_find_image(&c);
	if (!status)
		status = run_check_image(&c.run);
	if (!status && !c.run.linuxu)
		status = run_check_memory(&c.run);
	if (!status && !c.run.linuxu)
		status = run_check_accel(&c);
	if (!status)
		status = c.run.linuxu ? linuxu_run(&c.run) : kvm_run(&c.run);
	free(c.run.loader);
	strv_free(&c.run.env);
	strv_free(&c.run.args);
	strv_free(&c.run.qemu_args);
	cargo_free(&c.cargo);
	return status;
}
