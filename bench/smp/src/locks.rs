// SPDX-License-Identifier: MIT OR Apache-2.0
//! Locks that four threads want all the time, with a little work of their own in between.
use crate::crew;
use std::array;
use std::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::Duration;

const THREADS: usize = 4;
const OUTSIDE: u32 = 20; // steps of work between two times of taking the lock
const WRITE_EVERY: u64 = 16;

/// Locks with cache lines of their own. To pass a line from CPU to CPU takes up to a third longer with one line than with
/// another, so each run takes the next lock, and a median of many runs does not hang on where a process has its memory.
struct Lines<T>([Line<T>; 64]);

#[repr(align(128))] // lines are fetched in pairs
struct Line<T>(T);

impl<T> Lines<T> {
    fn new(make: impl Fn() -> T) -> Self {
        Lines(array::from_fn(|_| Line(make())))
    }

    fn next(&self) -> &T {
        static RUNS: AtomicUsize = AtomicUsize::new(0);
        &self.0[RUNS.fetch_add(1, Ordering::Relaxed) % self.0.len()].0
    }
}

fn work() {
    for _ in 0..OUTSIDE {
        black_box(());
    }
}

/// Lock n times, add one.
pub fn mutex(n: u64) -> Duration {
    let each = n / THREADS as u64;
    let counts = Lines::new(|| Mutex::new(0));
    let count = counts.next();
    let elapsed = crew::run(THREADS, |_| {
        for _ in 0..each {
            *count.lock().expect("poisoned") += 1;
            work();
        }
    });
    assert_eq!(*count.lock().expect("poisoned"), each * THREADS as u64);
    elapsed
}

/// Lock n times, one of 16 for writing.
pub fn rwlock(n: u64) -> Duration {
    let each = n / THREADS as u64;
    let pairs = Lines::new(|| RwLock::new((0u64, 0u64)));
    let pair = pairs.next();
    crew::run(THREADS, |_| {
        for i in 0..each {
            if i % WRITE_EVERY == 0 {
                let mut pair = pair.write().expect("poisoned");
                pair.0 += 1;
                spin_loop();
                pair.1 += 1;
            } else {
                let pair = pair.read().expect("poisoned");
                assert_eq!(pair.0, pair.1, "a writer was seen at work");
            }
            work();
        }
    })
}
