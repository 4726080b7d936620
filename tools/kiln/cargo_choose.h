/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What cargo's metadata decides: where the images go, and which program is meant.
 */
#ifndef KILN_CARGO_CHOOSE_H
#define KILN_CARGO_CHOOSE_H

#include "cargo.h"

/*
 * Ask `cargo metadata`. Sets c->target_dir if it was not given; if c->one is set and no target was
 * selected, selects the program as `cargo run` does (the only one, or default-run), by
 * adding --bin. 0, a status after a message, or -errno if cargo could not start.
 */
MUST_CHECK int cargo_choose(struct cargo *c, const char *cargo, const struct strv *env);

/* The Cargo.toml that cargo takes for dir: the nearest at or above it, or NULL. Caller frees. */
char *cargo_manifest(const char *dir);

/* Remove images and cargo's copies of them (hard links in deps/), so that cargo links them again.
 */
void cargo_forget(const struct strv *images);

#endif
