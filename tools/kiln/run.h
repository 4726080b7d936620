/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * One run of an image: what was asked for, shared by the two platforms.
 */
#ifndef KILN_RUN_H
#define KILN_RUN_H

#include "image.h"
#include "util.h"

/* As many as a kernel may be built for (CONFIG_NR_CPUS). */
enum { CPUS_MAX = 64 };

struct run {
	bool linuxu;           /* platform; else kvm */
	const char *machine;   /* kvm: microvm or q35 */
	const char *accel;     /* kvm: "kvm" or "tcg" */
	uint64_t memory_bytes; /* kvm */
	unsigned int cpus;     /* 1 to CPUS_MAX */
	bool deterministic;    /* linuxu, by seed */
	uint64_t seed;
	bool dry_run;
	bool gdb;
	bool verbose;
	bool stats;
	struct trace *trace;      /* what calls of the program are shown; NULL: it is not traced */
	bool watchdog;            /* end the program when all its threads are blocked for good */
	struct strv env;          /* the program's whole environment, K=V */
	bool backtrace_inherited; /* RUST_BACKTRACE came from kiln's own environment */
	bool without_debug; /* kvm: there is no room for the debug information, and nobody insists
			     */
	struct strv qemu_args;
	const char *path;    /* what is run, image or Linux program; also its argv[0] */
	char *loader;        /* the image that loads it if it is no image itself, else NULL */
	struct image image;  /* path's, or the loader's */
	uint64_t load_bytes; /* the memory that a loaded program takes at its start */
	struct strv args;    /* argv[1..] */
};

/* Run, wait; the status kiln is to exit with. A message was printed if the program could not run.
 */
MUST_CHECK int kvm_run(const struct run *run);
MUST_CHECK int linuxu_run(const struct run *run);

/* The image that is started: path itself or the loader. */
const char *run_image_path(const struct run *run);

/* Whether the machine gets path's file as a module: to load it, or for full backtraces. */
bool run_wants_module(const struct run *run);

#endif
