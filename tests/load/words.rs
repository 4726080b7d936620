// SPDX-License-Identifier: MIT OR Apache-2.0
//@ suite: load
//@ with: rust-gnu rust-musl
//@ status: 32
//@ args: one "two words" ""
//@ env: COLOUR=green
//! One thread: collections, strings, formatting, arguments, environment, a panic that is caught, an exit status.
use std::collections::{BTreeMap, HashMap};

/// Pseudo-random words of a small alphabet, always the same.
fn text(n: usize) -> Vec<String> {
    let mut x: u64 = 88172645463325252;
    (0..n)
        .map(|_| {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            (0..1 + x % 3).map(|i| char::from(b'a' + (x >> (8 * i)) as u8 % 5)).collect()
        })
        .collect()
}

fn main() {
    let words = text(20_000);
    let mut count: HashMap<&str, usize> = HashMap::new();
    for w in &words {
        *count.entry(w).or_default() += 1;
    }
    let mut by_count: Vec<_> = count.iter().map(|(w, n)| (*n, *w)).collect();
    by_count.sort_by(|a, b| b.cmp(a));
    for (n, w) in by_count.iter().take(5) {
        println!("{w:>5} {n:05}");
    }
    let lengths: BTreeMap<usize, usize> = words.iter().fold(BTreeMap::new(), |mut m, w| {
        *m.entry(w.len()).or_default() += 1;
        m
    });
    println!("{lengths:?} {:.4} {:e}", std::f64::consts::PI.sin().abs(), 1.5e300 * 1e10);
    println!("{:?}", std::env::args().skip(1).collect::<Vec<_>>());
    println!("{:?}", std::env::var("COLOUR"));
    std::panic::set_hook(Box::new(|_| ()));
    let caught = std::panic::catch_unwind(|| text(3)[words.len()].len());
    println!("caught: {}", caught.is_err());
    println!("{}", std::thread::current().name().unwrap_or("none"));
    std::process::exit(words.len() as i32 % 256);
}
