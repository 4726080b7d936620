// SPDX-License-Identifier: MIT OR Apache-2.0
//! Jobs that rayon spreads over all CPUs.
use crate::crew::Numbers;
use rayon::prelude::*;
use std::hint::black_box;
use std::time::{Duration, Instant};

const SUM_ROUNDS: u64 = 16; // of mixing for each number, so that it is work for the CPU and not for the memory

fn mix(mut x: u64) -> u64 {
    for _ in 0..SUM_ROUNDS {
        x = (x ^ (x >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    x
}

/// The sum of n mixed numbers.
pub fn sum(n: u64) -> Duration {
    rayon::current_num_threads(); // the pool is started by the first use
    let start = Instant::now();
    black_box((0..black_box(n)).into_par_iter().map(mix).reduce(|| 0, u64::wrapping_add));
    start.elapsed()
}

/// Sort n numbers.
pub fn sort(n: u64) -> Duration {
    let mut random = Numbers(n | 1);
    let mut numbers: Vec<u64> = (0..n).map(|_| random.next()).collect();
    rayon::current_num_threads();
    let start = Instant::now();
    numbers.par_sort_unstable();
    let elapsed = start.elapsed();
    assert!(numbers.windows(2).all(|w| w[0] <= w[1]), "the sort does not sort");
    elapsed
}
