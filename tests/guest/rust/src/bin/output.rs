// SPDX-License-Identifier: MIT OR Apache-2.0
//! A megabyte of output comes through whole, standard error apart from it.
//@ suite: diff
//@ compare: stdout stderr status
//@ timeout: 120
//@ case: lines
//@ case: binary
//@ args: binary
use std::io::{self, Write};

fn main() {
    if std::env::args().nth(1).is_some() {
        let bytes: Vec<u8> = (0..1_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        io::stdout().lock().write_all(&bytes).unwrap();
        return;
    }
    for i in 0..20_000 {
        println!("{i:06} the quick brown fox jumps over the lazy dog");
        if i % 1000 == 0 {
            eprintln!("progress {i}");
        }
    }
}
