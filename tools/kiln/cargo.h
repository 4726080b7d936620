/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Build a Cargo crate into images by running cargo.
 */
#ifndef KILN_CARGO_H
#define KILN_CARGO_H

#include "opts.h"
#include "util.h"

struct cargo {
	const char *dir; /* where cargo runs */
	bool one;        /* a single image is wanted: choose as `cargo run` does */
	bool loadable;   /* a program that is loaded will do where no image can be made */
	bool gnu;        /* --target says that it shall be one */
	bool quiet;
	bool selected;      /* targets were chosen by option */
	struct strv args;   /* options for `cargo build` */
	struct strv common; /* those that `cargo metadata` takes, too; not in args */
	struct strv packages;
	char *target_dir;   /* as given, or NULL */
	struct strv images; /* result: paths of the images (or loadable programs) built */
};

/* Cargo's options, for an option table of a command. */
extern const struct opt cargo_options[];

/* Take note of an option from cargo_options; false if it is not one of them. */
bool cargo_take_option(struct cargo *c, const struct opts *o, int id);

/* Build. 0, or the status kiln is to exit with, after a message (cargo's own or kiln's). */
MUST_CHECK int cargo_build(struct cargo *c);

/* The toolchain for c. 0, or a status after a message. */
struct toolchain;
MUST_CHECK int cargo_toolchain(const struct cargo *c, struct toolchain *tc);
/* The message that tc's cargo could not be started because of err, an errno; a status. */
MUST_CHECK int cargo_unstarted(const struct toolchain *tc, int err);
/* Before a cargo that is not cargo_build()'s runs: have it forget what was built with another Kiln.
 */
void cargo_refresh(const struct cargo *c, const struct toolchain *tc, const struct strv *env);

void cargo_free(struct cargo *c);

#endif
