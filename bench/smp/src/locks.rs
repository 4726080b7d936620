// SPDX-License-Identifier: MIT OR Apache-2.0
//! Locks that four threads want all the time, with a little work of their own in between.
use crate::crew;
use std::hint::{black_box, spin_loop};
use std::sync::{Mutex, RwLock};
use std::time::Duration;

const THREADS: usize = 4;
const OUTSIDE: u32 = 20; // steps of work between two times of taking the lock
const WRITE_EVERY: u64 = 16;

fn work() {
    for _ in 0..OUTSIDE {
        black_box(());
    }
}

/// Lock n times, add one.
pub fn mutex(n: u64) -> Duration {
    let each = n / THREADS as u64;
    let count = Mutex::new(0);
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
    let pair = RwLock::new((0u64, 0u64));
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
