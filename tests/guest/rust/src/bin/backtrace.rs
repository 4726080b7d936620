// SPDX-License-Identifier: MIT OR Apache-2.0
//! Backtraces name functions, files and lines.
//@ suite: diff
//@ status: 101
//@ case: short
//@ env: RUST_BACKTRACE=1
//@ stderr: stack backtrace:.*outer_function\n\s+at \S*backtrace\.rs:\d+:\d+.*main\n\s+at \S*backtrace\.rs:\d+
//@ stderr: inner_function
//@ case: full
//@ env: RUST_BACKTRACE=full
//@ stderr: 0x[0-9a-f]+ - .*inner_function.*\n\s+at \S*backtrace\.rs:\d+:\d+
//@ stderr: lang_start
//@ case: thread
//@ args: thread
//@ env: RUST_BACKTRACE=1
//@ stderr: stack backtrace:.*inner_function\n\s+at \S*backtrace\.rs:\d+:\d+.*outer_function
//@ case: none
//@ stderr: note: run with `RUST_BACKTRACE=1`
//@ stderr-not: stack backtrace
//@ case: off
//@ env: RUST_BACKTRACE=0
//@ stderr-not: stack backtrace
use std::hint::black_box;
use std::thread;

#[inline(never)]
fn inner_function(n: u32) -> u32 {
    if n == 3 {
        panic!("at the bottom");
    }
    black_box(n)
}

#[inline(never)]
fn outer_function(n: u32) -> u32 {
    black_box(inner_function(black_box(n)) + 1)
}

fn main() {
    let caught = std::panic::catch_unwind(|| std::backtrace::Backtrace::force_capture().status());
    println!("{:?}", caught.unwrap());
    if std::env::args().nth(1).is_some() {
        let t = thread::Builder::new().name("traced".into()).spawn(|| outer_function(3)).unwrap();
        assert!(t.join().is_ok());
    }
    println!("{}", outer_function(black_box(3)));
}
