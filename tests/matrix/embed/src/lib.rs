// SPDX-License-Identifier: MIT OR Apache-2.0
//! The matrix's program as a static library that C's main() calls.

#[no_mangle]
pub extern "C" fn embed_run() -> i32 {
    common::run()
}
