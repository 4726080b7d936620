// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory: the allocator in several threads, and pages that are touched for the first time.
use crate::crew::{self, Numbers};
use std::hint::black_box;
use std::ptr::{null_mut, write_volatile};
use std::time::Duration;

const LIVE: usize = 512; // blocks that a thread keeps
const BATCH: usize = 64;
const PAGE: usize = 4096;
const AREA_PAGES: u64 = 1024;

/// 16 to 1024 bytes, small ones more often.
fn block(random: &mut Numbers) -> Vec<u8> {
    let r = random.next();
    let mut block = Vec::with_capacity(16 + (r as usize & 0xff) * (1 + (r >> 8) as usize % 4));
    block.push(r as u8);
    block
}

/// n blocks in all: each takes the place of one that the thread got before.
pub fn alloc(n: u64, threads: usize) -> Duration {
    crew::run(threads, |i| {
        let mut random = Numbers(i as u64 + 1);
        let mut live: Vec<Vec<u8>> = (0..LIVE).map(|_| Vec::new()).collect();
        for _ in 0..n / threads as u64 {
            let place = (random.next() >> 32) as usize % LIVE;
            live[place] = black_box(block(&mut random));
        }
    })
}

/// n blocks that one thread allocates and another frees, in batches.
pub fn alloc_pass(n: u64) -> Duration {
    let (sender, receiver) = crossbeam_channel::bounded::<Vec<Vec<u8>>>(4);
    let batches = n / BATCH as u64;
    crew::run(2, |i| {
        let mut random = Numbers(i as u64 + 1);
        for _ in 0..batches {
            if i == 0 {
                let batch = (0..BATCH).map(|_| block(&mut random)).collect();
                sender.send(batch).expect("nobody frees");
            } else {
                drop(black_box(receiver.recv().expect("nobody allocates")));
            }
        }
    })
}

/// n pages in all, in areas of 4 MiB that are mapped, touched and unmapped.
pub fn fault(n: u64, threads: usize) -> Duration {
    crew::run(threads, |_| {
        for _ in 0..n / threads as u64 / AREA_PAGES {
            let bytes = AREA_PAGES as usize * PAGE;
            // SAFETY: a new mapping of its own, written inside its bounds, and gone before anybody else hears of it.
            unsafe {
                let area = libc::mmap(
                    null_mut(),
                    bytes,
                    libc::PROT_READ | libc::PROT_WRITE,
                    libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                    -1,
                    0,
                );
                assert!(area != libc::MAP_FAILED, "no memory");
                for page in 0..AREA_PAGES as usize {
                    write_volatile(area.cast::<u8>().add(page * PAGE), 1);
                }
                assert_eq!(libc::munmap(area, bytes), 0);
            }
        }
    })
}
