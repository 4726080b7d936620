// SPDX-License-Identifier: MIT OR Apache-2.0
//! The matrix's program as an ordinary binary crate.
fn main() {
    std::process::exit(common::run());
}
