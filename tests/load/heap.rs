// SPDX-License-Identifier: MIT OR Apache-2.0
//@ suite: load
//@ timeout: 120
//@ with: rust-gnu rust-musl
//! The allocator: small and large, kept and given back, by one thread and freed by another, grown again and again.
use std::collections::VecDeque;
use std::sync::mpsc;
use std::thread;

struct Rng(u64);
impl Rng {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545f4914f6cdd1d) >> 33) % n
    }
}

/// A size as programs have them: mostly small, sometimes a page, seldom megabytes.
fn size(r: &mut Rng) -> usize {
    match r.below(100) {
        0 => 1 << 21,
        1..=5 => 4096 + r.below(60_000) as usize,
        _ => 1 + r.below(300) as usize,
    }
}

fn churn(seed: u64) -> u64 {
    let mut r = Rng(seed);
    let mut live: VecDeque<Vec<u8>> = VecDeque::new();
    let mut sum = 0u64;
    for i in 0..5_000u64 {
        let n = size(&mut r);
        let mut v = vec![i as u8; n];
        v[n / 2] ^= 1;
        sum += n as u64;
        if r.below(4) == 0 {
            v.extend_from_slice(&[7; 100]);
        }
        live.push_back(v);
        if live.len() > 200 {
            let old = live.swap_remove_back(r.below(200) as usize).unwrap();
            sum = sum.wrapping_mul(31).wrapping_add(old.iter().map(|b| *b as u64).sum::<u64>());
        }
    }
    sum
}

fn main() {
    println!("one thread: {:x}", churn(1));
    let threads: Vec<_> = (2..6).map(|s| thread::spawn(move || churn(s))).collect();
    for t in threads {
        println!("of four: {:x}", t.join().unwrap());
    }
    let (tx, rx) = mpsc::channel::<Vec<Box<[u8]>>>();
    let freer = thread::spawn(move || rx.iter().flatten().map(|b| b.len()).sum::<usize>());
    let mut r = Rng(9);
    for _ in 0..200 {
        tx.send((0..50).map(|_| vec![1; size(&mut r)].into_boxed_slice()).collect()).unwrap();
    }
    drop(tx);
    println!("freed elsewhere: {}", freer.join().unwrap());
    let mut big: Vec<u64> = Vec::new();
    (0..4_000_000).for_each(|i| big.push(i));
    println!("grown: {} {}", big.len(), big.iter().sum::<u64>());
}
