// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the guest programs share: a seeded random number generator and TAP output.
use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};

/// Functions of cframes.c.
pub mod cframes {
    use std::ffi::c_void;

    extern "C-unwind" {
        /// Calls `f(arg)` below `depth` C frames.
        pub fn c_call_deep(f: extern "C-unwind" fn(*mut c_void), arg: *mut c_void, depth: i32) -> i32;
        /// Sorts by a Rust comparison.
        pub fn c_sort(values: *mut i32, n: usize, compare: extern "C-unwind" fn(i32, i32) -> i32);
    }
}

/// The seed of this run, from the tests' driver.
pub fn seed() -> u64 {
    std::env::var("TEST_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1)
}

/// xorshift64*: small, seeded, the same everywhere.
pub struct Rng(Cell<u64>);

impl Rng {
    /// A generator for this run's seed; `stream` keeps several apart.
    pub fn new(stream: u64) -> Rng {
        let mut x = seed().wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ stream.wrapping_mul(0xd134_2543_de82_ef95);
        x ^= x >> 31;
        Rng(Cell::new(x | 1))
    }

    pub fn next(&self) -> u64 {
        let mut x = self.0.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.0.set(x);
        x.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// In `0..n`.
    pub fn below(&self, n: u64) -> u64 {
        (self.next() >> 33) % n
    }
}

static COUNT: AtomicU32 = AtomicU32::new(0);
static FAILED: AtomicU32 = AtomicU32::new(0);

/// One TAP result.
pub fn ok(cond: bool, name: &str) {
    let n = COUNT.fetch_add(1, Ordering::SeqCst) + 1;
    if !cond {
        FAILED.fetch_add(1, Ordering::SeqCst);
    }
    println!("{}ok {n} - {name}", if cond { "" } else { "not " });
}

/// One TAP result: are the two equal?
pub fn is<T: PartialEq + std::fmt::Debug>(got: T, want: T, name: &str) {
    let same = got == want;
    if !same {
        println!("# got {got:?}, expected {want:?}");
    }
    ok(same, name);
}

/// One TAP result that could not be had.
pub fn skip(name: &str, why: &str) {
    let n = COUNT.fetch_add(1, Ordering::SeqCst) + 1;
    println!("ok {n} - {name} # skip {why}");
}

/// The plan, and the end of the program.
pub fn done() -> ! {
    println!("1..{}", COUNT.load(Ordering::SeqCst));
    std::process::exit((FAILED.load(Ordering::SeqCst) != 0) as i32)
}
