// SPDX-License-Identifier: MIT OR Apache-2.0
//! Operations of std in loops, counted or timed as in ops.c: `rust-ops count|time NAME`.
use std::arch::asm;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

/// See mark.h.
macro_rules! mark {
    ($id:literal) => {
        unsafe { asm!(".byte 0x0f, 0x1f, 0x84, 0x00", concat!(".long 0x4b420000 + ", $id)) }
    };
}

fn spawn(n: u64) {
    for _ in 0..n {
        thread::spawn(|| ()).join().unwrap();
    }
}

/// One round trip: this thread wakes the other and parks, the other wakes this one and parks.
fn park(n: u64) {
    static STOP: AtomicBool = AtomicBool::new(false);
    static TURN: AtomicBool = AtomicBool::new(false);
    STOP.store(false, Ordering::SeqCst);
    TURN.store(false, Ordering::SeqCst);
    let me = thread::current();
    let other = thread::spawn(move || loop {
        while !TURN.load(Ordering::Acquire) {
            thread::park();
        }
        if STOP.load(Ordering::Acquire) {
            return;
        }
        TURN.store(false, Ordering::Release);
        me.unpark();
    });
    for _ in 0..n {
        TURN.store(true, Ordering::Release);
        other.thread().unpark();
        while TURN.load(Ordering::Acquire) {
            thread::park();
        }
    }
    STOP.store(true, Ordering::Release);
    TURN.store(true, Ordering::Release);
    other.thread().unpark();
    other.join().unwrap();
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (run, count_n, time_n): (fn(u64), u64, u64) = match args.get(2).map(String::as_str) {
        Some("spawn") => (spawn, 100, 3000),
        Some("park") => (park, 500, 50_000),
        _ => panic!("usage: ops count|time spawn|park"),
    };
    if args[1] == "count" {
        run(count_n);
        for _ in 0..3 {
            mark!("1");
            run(count_n);
            mark!("2");
            run(2 * count_n);
            mark!("3");
        }
        println!("{count_n} operations");
        return;
    }
    let best = (0..5)
        .map(|_| {
            let start = Instant::now();
            run(time_n);
            start.elapsed().as_nanos() as f64 / time_n as f64
        })
        .fold(f64::INFINITY, f64::min);
    println!("{best:.2} ns");
}
