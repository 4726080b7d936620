// SPDX-License-Identifier: MIT OR Apache-2.0
//@ suite: load
//@ with: rust-gnu rust-musl
//! Many threads: channels, scoped threads, locks, a barrier, thread-locals with destructors, sleeping, parking.
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{mpsc, Arc, Barrier, Condvar, Mutex, RwLock};
use std::thread;
use std::time::{Duration, Instant};

static DROPPED: AtomicUsize = AtomicUsize::new(0);

struct Counted(Cell<u64>);
impl Drop for Counted {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Ordering::SeqCst);
    }
}
thread_local!(static LOCAL: Counted = const { Counted(Cell::new(0)) });

fn channels() {
    let (tx, rx) = mpsc::sync_channel(3);
    let senders: Vec<_> = (0..20u64)
        .map(|i| {
            let tx = tx.clone();
            thread::spawn(move || (0..100).for_each(|k| tx.send(i * k).unwrap()))
        })
        .collect();
    drop(tx);
    println!("channel: {}", rx.iter().sum::<u64>());
    senders.into_iter().for_each(|s| s.join().unwrap());
}

fn locals() {
    let threads: Vec<_> = (0..200u64)
        .map(|i| {
            thread::spawn(move || {
                LOCAL.with(|l| {
                    for _ in 0..=i {
                        l.0.set(l.0.get() + 1);
                    }
                    l.0.get()
                })
            })
        })
        .collect();
    let sum: u64 = threads.into_iter().map(|t| t.join().unwrap()).sum();
    println!("thread-locals: {sum}, {} dropped", DROPPED.load(Ordering::SeqCst));
}

fn locks() {
    let shared = Arc::new((Mutex::new(0u32), Condvar::new(), RwLock::new(vec![0u32; 4])));
    let barrier = Barrier::new(8);
    thread::scope(|s| {
        for i in 0..8u32 {
            let (shared, barrier) = (&shared, &barrier);
            s.spawn(move || {
                barrier.wait();
                for k in 0..200 {
                    let mut turn = shared.0.lock().unwrap();
                    while *turn % 8 != i {
                        turn = shared.1.wait(turn).unwrap();
                    }
                    *turn += 1;
                    shared.1.notify_all();
                    drop(turn);
                    shared.2.write().unwrap()[k % 4] += i;
                }
            });
        }
    });
    println!("turns: {}, {:?}", shared.0.lock().unwrap(), shared.2.read().unwrap());
}

fn waiting() {
    let done = Arc::new(AtomicBool::new(false));
    let flag = done.clone();
    let start = Instant::now();
    let t = thread::Builder::new()
        .name("parked".into())
        .spawn(move || {
            while !flag.load(Ordering::Acquire) {
                thread::park();
            }
            thread::current().name().map(str::to_owned)
        })
        .unwrap();
    thread::sleep(Duration::from_millis(20));
    done.store(true, Ordering::Release);
    t.thread().unpark();
    println!("{:?} {}", t.join().unwrap(), start.elapsed() >= Duration::from_millis(20));
    let spin = Arc::new(AtomicBool::new(false));
    let other = spin.clone();
    let t = thread::spawn(move || while !other.load(Ordering::Relaxed) {});
    spin.store(true, Ordering::Relaxed);
    t.join().unwrap();
    let failed = thread::spawn(|| std::panic::resume_unwind(Box::new(17))).join();
    println!("failed: {:?}", failed.unwrap_err().downcast::<i32>());
}

fn main() {
    channels();
    locals();
    locks();
    waiting();
}
