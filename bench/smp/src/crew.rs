// SPDX-License-Identifier: MIT OR Apache-2.0
//! Threads that begin together.
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// Run work(0) to work(threads - 1) in threads of their own; from the first one's begin to the last one's end.
pub fn run(threads: usize, work: impl Fn(usize) + Sync) -> Duration {
    let barrier = Barrier::new(threads);
    let times: Vec<(Instant, Instant)> = thread::scope(|scope| {
        let crew: Vec<_> = (0..threads)
            .map(|i| {
                let (barrier, work) = (&barrier, &work);
                scope.spawn(move || {
                    barrier.wait();
                    let start = Instant::now();
                    work(i);
                    (start, Instant::now())
                })
            })
            .collect();
        crew.into_iter().map(|t| t.join().expect("a thread panicked")).collect()
    });
    let start = times.iter().map(|t| t.0).min().expect("no threads");
    times.iter().map(|t| t.1).max().expect("no threads") - start
}

/// A cheap stream of numbers: xorshift (Marsaglia, 2003). The seed must not be 0.
pub struct Numbers(pub u64);

impl Numbers {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
