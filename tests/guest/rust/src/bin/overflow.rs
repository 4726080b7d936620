// SPDX-License-Identifier: MIT OR Apache-2.0
//! A stack overflow ends the program with Rust's own message, the main thread's too.
//@ suite: diff
//@ compare: stdout status
//@ status: 134
//@ case: main
//@ args: main
//@ stderr: thread 'main'.* has overflowed its stack
//@ case: thread
//@ args: thread
//@ stderr: thread 'deep'.* has overflowed its stack
//@ case: small
//@ args: small
//@ stderr: thread 'small'.* has overflowed its stack
use std::hint::black_box;
use std::thread;

fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    if depth == u64::MAX {
        return 0;
    }
    recurse(black_box(depth + 1)) + frame[(depth % 64) as usize]
}

fn in_thread(name: &str, stack: usize) {
    let t = thread::Builder::new().name(name.into()).stack_size(stack);
    t.spawn(|| println!("{}", recurse(0))).unwrap().join().unwrap();
}

fn main() {
    println!("before");
    match std::env::args().nth(1).as_deref() {
        Some("main") => println!("{}", recurse(0)),
        Some("thread") => in_thread("deep", 2 << 20),
        _ => in_thread("small", 64 << 10),
    }
}
