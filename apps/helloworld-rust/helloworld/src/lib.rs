// SPDX-License-Identifier: MIT OR Apache-2.0
//! A Rust library that exports its entry point as a function which C can call.

/// Says hello. Returns the program's exit status.
#[no_mangle]
pub extern "C" fn hello_world() -> i32 {
    println!("Hello, world!");
    for name in std::env::args().skip(1) {
        println!("Hello, {name}!");
    }
    0
}
