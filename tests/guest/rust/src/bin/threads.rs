// SPDX-License-Identifier: MIT OR Apache-2.0
//! Threads in numbers: created, named, joined, detached, with stacks of all sizes.
//@ suite: guest
//@ cpus: 1 2 4
//@ timeout: 180
//@ memory: 512M
use guest::{done, is, ok, Rng};
use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

extern "C" {
    fn gettid() -> i32;
    fn getpid() -> i32;
}

fn main() {
    println!("# seed {}", guest::seed());
    let rng = Rng::new(0);

    let sum: u64 = (0..2000u64).map(|i| thread::spawn(move || i).join().unwrap()).sum();
    is(sum, 1999 * 2000 / 2, "2,000 threads one after the other");

    let barrier = Arc::new(Barrier::new(1001));
    let handles: Vec<_> = (0..1000)
        .map(|_| {
            let b = barrier.clone();
            let t = thread::Builder::new().stack_size(32 << 10);
            t.spawn(move || {
                b.wait();
                unsafe { gettid() }
            })
            .unwrap()
        })
        .collect();
    barrier.wait();
    let tids: HashSet<i32> = handles.into_iter().map(|h| h.join().unwrap()).collect();
    is(tids.len(), 1000, "1,000 threads at once, each with its own number");
    is(unsafe { gettid() }, unsafe { getpid() }, "main's number is the process's");
    ok(!tids.contains(&unsafe { gettid() }), "and no other's");

    let mut good = true;
    for _ in 0..100 {
        let size = 16384 + rng.below(4 << 20) as usize;
        let t = thread::Builder::new().name(format!("s{size}")).stack_size(size);
        let h = t.spawn(move || {
            // Use half of the stack, a page at a time.
            fn dig(left: usize) -> usize {
                let page = std::hint::black_box([1u8; 4096]);
                if left < 8192 { page.len() } else { dig(left - 8192) + page[left % 4096] as usize }
            }
            dig(size / 2) > 0 && thread::current().name() == Some(&format!("s{size}"))
        });
        good &= h.unwrap().join().unwrap();
    }
    ok(good, "stacks of many sizes are usable");

    let ran = Arc::new(AtomicU32::new(0));
    for _ in 0..200 {
        let r = ran.clone();
        drop(thread::spawn(move || r.fetch_add(1, Ordering::SeqCst)));
    }
    for _ in 0..1000 {
        if ran.load(Ordering::SeqCst) == 200 {
            break;
        }
        thread::sleep(Duration::from_millis(5));
    }
    is(ran.load(Ordering::SeqCst), 200, "detached threads run to their end");

    fn tree(depth: u32) -> u32 {
        if depth == 0 {
            return 1;
        }
        let (a, b) = (thread::spawn(move || tree(depth - 1)), thread::spawn(move || tree(depth - 1)));
        a.join().unwrap() + b.join().unwrap()
    }
    is(tree(7), 128, "threads that start threads");
    ok(thread::available_parallelism().is_ok_and(|n| n.get() >= 1), "the number of processors is known");
    done();
}
