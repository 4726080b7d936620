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
	bool quiet;
	bool selected;      /* targets were chosen by option */
	struct strv args;   /* options for `cargo build` */
	struct strv common; /* those that `cargo metadata` takes, too; not in args */
	struct strv packages;
	char *target_dir;   /* as given, or NULL */
	struct strv images; /* result: paths of the images built */
};

/* Cargo's options, for an option table of a command. */
extern const struct opt cargo_options[];

/* Take note of an option from cargo_options; false if it is not one of them. */
bool cargo_take_option(struct cargo *c, const struct opts *o, int id);

/* Build. 0, or the status kiln is to exit with, after a message (cargo's own or kiln's). */
MUST_CHECK int cargo_build(struct cargo *c);

void cargo_free(struct cargo *c);

#endif
