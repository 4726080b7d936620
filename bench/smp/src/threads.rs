// SPDX-License-Identifier: MIT OR Apache-2.0
//! Threads themselves: begin and end, hand over, give way.
use crate::crew;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const CROWD: u64 = 32;
const YIELDERS: usize = 4;

/// n round trips between two threads; each wakes the other and parks.
pub fn park(n: u64) -> Duration {
    let turn = AtomicU64::new(0);
    let wait_for = |wanted| {
        while turn.load(Ordering::Acquire) != wanted {
            thread::park();
        }
    };
    let me = thread::current();
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            for i in 0..n {
                wait_for(2 * i + 1);
                turn.store(2 * i + 2, Ordering::Release);
                me.unpark();
            }
        });
        let start = Instant::now();
        for i in 0..n {
            turn.store(2 * i + 1, Ordering::Release);
            other.thread().unpark();
            wait_for(2 * i + 2);
        }
        start.elapsed()
    })
}

/// n threads, one after the other.
pub fn spawn(n: u64) -> Duration {
    let start = Instant::now();
    for i in 0..n {
        assert_eq!(thread::spawn(move || i).join().expect("a thread panicked"), i);
    }
    start.elapsed()
}

/// n threads, 32 of them at a time.
pub fn crowd(n: u64) -> Duration {
    let start = Instant::now();
    for _ in 0..n / CROWD {
        let crowd: Vec<_> = (0..CROWD).map(|i| thread::spawn(move || i)).collect();
        let sum: u64 = crowd.into_iter().map(|t| t.join().expect("a thread panicked")).sum();
        assert_eq!(sum, CROWD * (CROWD - 1) / 2);
    }
    start.elapsed()
}

/// n times, in four threads, let others run.
pub fn yield_now(n: u64) -> Duration {
    crew::run(YIELDERS, |_| {
        for _ in 0..n / YIELDERS as u64 {
            thread::yield_now();
        }
    })
}
