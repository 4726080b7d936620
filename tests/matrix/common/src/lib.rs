// SPDX-License-Identifier: MIT OR Apache-2.0
//! What every compiler version and every setting must give the same result for. One line of output for each
//! part, so that a difference names it.
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::panic;
use std::sync::{mpsc, Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

thread_local! {
    static SIXTEEN: Cell<[u8; 16]> = const { Cell::new([7; 16]) };
    static LAZY: RefCell<Vec<u32>> = RefCell::new(vec![1, 2, 3]);
}

struct Loud<'a>(&'a Mutex<Vec<u32>>, u32);

impl Drop for Loud<'_> {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(|e| e.into_inner()).push(self.1);
    }
}

fn thread_locals() -> u32 {
    let handles: Vec<_> = (0..20u8)
        .map(|i| {
            thread::spawn(move || {
                assert_eq!(SIXTEEN.get(), [7; 16]);
                SIXTEEN.set([i; 16]);
                LAZY.with(|v| v.borrow_mut().push(u32::from(i)));
                thread::yield_now();
                SIXTEEN.get().iter().map(|&b| u32::from(b)).sum::<u32>() + LAZY.with(|v| v.borrow().iter().sum::<u32>())
            })
        })
        .collect();
    handles.into_iter().map(|h| h.join().unwrap()).sum()
}

fn channels() -> u64 {
    let (tx, rx) = mpsc::channel();
    for i in 0..8u64 {
        let tx = tx.clone();
        thread::spawn(move || (0..100).for_each(|k| tx.send(i * k).unwrap()));
    }
    drop(tx);
    rx.iter().sum()
}

fn maps() -> usize {
    let mut map = HashMap::new();
    for i in 0..10_000u64 {
        *map.entry(i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54).or_insert(0usize) += 1;
    }
    map.values().map(|n| n * n).sum::<usize>() + map.len()
}

fn floats() -> f64 {
    (1..1000).map(|i| (f64::from(i)).sqrt().sin() / f64::from(i)).sum()
}

fn unwinding() -> String {
    let dropped = Mutex::new(Vec::new());
    let r = panic::catch_unwind(panic::AssertUnwindSafe(|| {
        let _a = Loud(&dropped, 1);
        let _b = Loud(&dropped, 2);
        panic::resume_unwind(Box::new(5u32));
    }));
    let joined = thread::spawn(|| panic::resume_unwind(Box::new("joined"))).join().is_err();
    format!("{:?} {:?} {joined}", r.unwrap_err().downcast_ref::<u32>(), dropped.into_inner().unwrap())
}

/// Runs everything; the exit status.
pub fn run() -> i32 {
    println!("thread-locals {}", thread_locals());
    println!("channels {}", channels());
    println!("maps {}", maps());
    println!("floats {:.9}", floats());
    let start = Instant::now();
    thread::sleep(Duration::from_millis(5));
    println!("slept {}", start.elapsed() >= Duration::from_millis(5));
    let shared = Arc::new(Mutex::new(String::new()));
    thread::scope(|s| {
        s.spawn(|| shared.lock().unwrap().push_str("scoped"));
    });
    println!("shared {}", shared.lock().unwrap());
    println!("main thread {:?}", thread::current().name());
    println!("argument {:?}", std::env::args().nth(1));
    if cfg!(panic = "unwind") {
        println!("unwinding {}", unwinding());
    }
    7
}
