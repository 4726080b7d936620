/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Which rustc and cargo build an image, and what they must be told.
 */
#ifndef KILN_TOOLCHAIN_H
#define KILN_TOOLCHAIN_H

#include "util.h"

#define RUST_TARGET "x86_64-unknown-linux-musl"
/* What every rustc for Linux has: no images, but static programs, which Kiln loads. */
#define RUST_GNU_TARGET "x86_64-unknown-linux-gnu"

struct toolchain {
	bool kiln_sysroot; /* std comes from Kiln, through kiln-rustc; else the user's rustc has it
			    */
	char *sysroot;     /* Kiln's, or NULL */
	char *cargo;
	char *rustc;   /* the real one */
	char *version; /* what rustc --version says */
	bool gnu;      /* it makes programs of RUST_GNU_TARGET, to be loaded */
	char *instead; /* what chose another toolchain, which lacks the target or is not there: a
			* rust-toolchain file or RUSTUP_TOOLCHAIN; or NULL */
};

/*
 * The toolchain for crates in dir: the one that rustc and cargo in PATH are there (rustup's choice
 * by folder included) if it has the target; else Debian's with the standard library that Kiln
 * built. 0, or -1 with what is missing and the commands to type in *why (caller frees). Installs
 * nothing.
 */
MUST_CHECK int toolchain_find(const char *dir, struct toolchain *tc, char **why);
/* The user's rustc, for static programs of RUST_GNU_TARGET. The same results. */
MUST_CHECK int toolchain_find_gnu(const char *dir, struct toolchain *tc, char **why);
const char *toolchain_target(const struct toolchain *tc);
void toolchain_free(struct toolchain *tc);

/* Add what makes cargo build images: linker, C compiler for C code in crates, rustc. Or of a gnu
 * toolchain, static programs. */
void toolchain_environment(const struct toolchain *tc, struct strv *env);

/* Add rustc's arguments for Kiln's own sysroot. */
void toolchain_add_sysroot(struct strv *argv);

/* The file of this installation that is missing, as a path, or NULL if all are there. Caller frees.
 */
char *prefix_missing(void);

/* When the newest part of an image (kernel, C library, linker script) was made, in ns since the
 * epoch. */
int64_t prefix_mtime_ns(void);

/* kiln under the name kiln-rustc: rustc with Kiln's sysroot if it compiles for the target. */
MUST_CHECK int rustc_main(char **argv);
/* The same with rustdoc, as kiln-rustdoc. */
MUST_CHECK int rustdoc_main(char **argv);

#endif
