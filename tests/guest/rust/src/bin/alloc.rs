// SPDX-License-Identifier: MIT OR Apache-2.0
//! The allocator under seeded random load in several threads; nothing overlaps, freed memory comes back.
//@ suite: guest
//@ cpus: 1 2 4
//@ repeat: 2
//@ timeout: 120
//@ memory: 128M
use guest::{done, ok, Rng};
use std::sync::mpsc;
use std::thread;

struct Block {
    bytes: Vec<u8>,
    tag: u8,
}

impl Block {
    fn new(rng: &Rng) -> Block {
        let size = match rng.below(10) {
            0 => rng.below(200_000),
            1..=3 => rng.below(8000),
            _ => rng.below(200),
        };
        let tag = rng.next() as u8;
        Block { bytes: vec![tag; size as usize], tag }
    }

    fn good(&self) -> bool {
        self.bytes.iter().all(|&b| b == self.tag)
    }

    fn resize(&mut self, rng: &Rng) {
        self.bytes.resize(rng.below(20_000) as usize, self.tag);
        if rng.below(2) == 0 {
            self.bytes.shrink_to_fit();
        }
    }
}

fn churn(id: u64, give: mpsc::Sender<Block>, take: mpsc::Receiver<Block>) -> bool {
    let rng = Rng::new(id + 1);
    let mut held = Vec::new();
    let mut good = true;
    for _ in 0..3000 {
        match rng.below(6) {
            0 | 1 => held.push(Block::new(&rng)),
            2 if !held.is_empty() => {
                let i = rng.below(held.len() as u64) as usize;
                good &= held.swap_remove(i).good();
            }
            3 if !held.is_empty() => {
                let i = rng.below(held.len() as u64) as usize;
                held[i].resize(&rng);
                good &= held[i].good();
            }
            4 if !held.is_empty() => drop(give.send(held.swap_remove(0))),
            _ => held.extend(take.try_iter().take(1)),
        }
        if held.len() > 60 {
            held.truncate(30);
        }
    }
    good && held.iter().all(Block::good)
}

fn main() {
    println!("# seed {}", guest::seed());
    let (mut txs, rxs): (Vec<_>, Vec<_>) = (0..6).map(|_| mpsc::channel()).unzip();
    txs.rotate_left(1);
    let handles: Vec<_> = txs
        .into_iter()
        .zip(rxs)
        .enumerate()
        .map(|(i, (tx, rx))| thread::spawn(move || churn(i as u64, tx, rx)))
        .collect();
    let good = handles.into_iter().filter(|_| true).map(|h| h.join()).all(|r| matches!(r, Ok(true)));
    ok(good, "no block changes while it is held");

    // 50 MB at a time, 2 GB in all: more than the machine has.
    let mut sum = 0u64;
    for i in 0..40u64 {
        let mut v = vec![0u8; 50_000_000];
        v.iter_mut().step_by(4096).for_each(|b| *b = i as u8);
        sum += u64::from(v[4096 * 77]);
    }
    ok(sum == (0..40).sum::<u64>(), "freed memory is used again");

    let zeroed = (0..200).all(|_| {
        let mut v = vec![0u8; 300_000];
        let clean = v.iter().all(|&b| b == 0);
        v.fill(0xff);
        clean
    });
    ok(zeroed, "vec![0; n] is zero each time");
    let mut v: Vec<u64> = Vec::new();
    (0..2_000_000u64).for_each(|i| v.push(i));
    ok(v.iter().enumerate().all(|(i, &x)| i as u64 == x), "a vector grows to 16 MB and keeps its contents");
    done();
}
