// SPDX-License-Identifier: MIT OR Apache-2.0
//! Threads that never give the processor away are preempted, and all get their share.
//@ suite: guest
//@ repeat: 3
//@ timeout: 120
//@ alone: yes
use guest::{done, ok, Rng};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

fn spin_for_other() {
    for round in 0..50u64 {
        let flag = AtomicU64::new(0);
        thread::scope(|s| {
            s.spawn(|| {
                while flag.load(Ordering::Acquire) != round + 1 {
                    std::hint::spin_loop();
                }
                flag.store(round + 2, Ordering::Release);
            });
            flag.store(round + 1, Ordering::Release);
            while flag.load(Ordering::Acquire) != round + 2 {}
        });
    }
    ok(true, "two threads spin for each other");
}

fn fairness() {
    const N: usize = 8;
    let stop = AtomicBool::new(false);
    let counts: Vec<_> = (0..N).map(|_| AtomicU64::new(0)).collect();
    thread::scope(|s| {
        for c in &counts {
            let stop = &stop;
            s.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    c.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        thread::sleep(Duration::from_millis(2000));
        stop.store(true, Ordering::Relaxed);
    });
    let counts: Vec<u64> = counts.into_iter().map(|c| c.into_inner()).collect();
    let (min, max) = (*counts.iter().min().unwrap(), *counts.iter().max().unwrap());
    println!("# {counts:?}");
    ok(min > 0, "every spinning thread runs");
    ok(min * 10 > max, "and none ten times as long as another");
}

fn sleeper_among_spinners() {
    let stop = AtomicBool::new(false);
    let worst = thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| while !stop.load(Ordering::Relaxed) {});
        }
        let mut worst = Duration::ZERO;
        for _ in 0..20 {
            let start = Instant::now();
            thread::sleep(Duration::from_millis(5));
            worst = worst.max(start.elapsed());
        }
        stop.store(true, Ordering::Relaxed);
        worst
    });
    println!("# worst {worst:?}");
    ok(worst < Duration::from_secs(2), "a sleeper wakes among spinners");
}

/// Floating-point work in several threads at once gives what it gives alone.
fn arithmetic() {
    fn work(seed: u64) -> (f64, u64) {
        let rng = Rng::new(seed);
        let (mut f, mut h) = (1.0f64, seed);
        for i in 0..200_000u64 {
            let x = (rng.next() >> 40) as f64 + 0.5;
            f = (f * x).sqrt() + x / (i as f64 + 1.0);
            h = h.rotate_left(5) ^ f.to_bits().wrapping_mul(0x100_0000_01b3);
        }
        (f, h)
    }
    let alone: Vec<_> = (0..6).map(work).collect();
    let together: Vec<_> = thread::scope(|s| {
        let handles: Vec<_> = (0..6).map(|i| s.spawn(move || work(i))).collect();
        handles.into_iter().map(|h| h.join().unwrap()).collect()
    });
    ok(alone == together, "floating point survives preemption");
}

fn main() {
    println!("# seed {}", guest::seed());
    spin_for_other();
    fairness();
    sleeper_among_spinners();
    arithmetic();
    done();
}
