// SPDX-License-Identifier: MIT OR Apache-2.0
//! A walk through std: what an ordinary program uses. Prints the same everywhere.
//@ suite: diff
//@ compare: stdout stderr status
//@ args: one "two words" "three=3"
//@ env: TOUR=grand "EMPTY="
//@ memory: 256M
//@ timeout: 120
//@ alone: yes
//@ stderr: a panic on purpose
use std::collections::{BTreeMap, HashMap};
use std::env;
use std::panic;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{mpsc, Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

fn maps() {
    let text = "the quick brown fox jumps over the lazy dog the end";
    let mut counts = HashMap::new();
    for word in text.split(' ') {
        *counts.entry(word).or_insert(0) += 1;
    }
    let sorted: BTreeMap<_, _> = counts.iter().collect();
    println!("words {sorted:?}");
}

fn threads() {
    let total = Arc::new(AtomicU64::new(0));
    let shared = Arc::new(Mutex::new(Vec::new()));
    let (tx, rx) = mpsc::channel();
    let handles: Vec<_> = (0..64u64)
        .map(|i| {
            let (total, shared, tx) = (total.clone(), shared.clone(), tx.clone());
            thread::Builder::new()
                .name(format!("worker-{i}"))
                .spawn(move || {
                    for k in 0..1000 {
                        total.fetch_add(k, Ordering::Relaxed);
                    }
                    shared.lock().unwrap().push(i);
                    tx.send((i, thread::current().name().unwrap().to_string())).unwrap();
                    i * i
                })
                .unwrap()
        })
        .collect();
    drop(tx);
    let mut names: Vec<_> = rx.iter().collect();
    names.sort();
    let squares: u64 = handles.into_iter().map(|h| h.join().unwrap()).sum();
    let mut order = shared.lock().unwrap().clone();
    order.sort();
    println!("threads {} {} {:?}", total.load(Ordering::Relaxed), squares, names.last());
    println!("all there {}", order == (0..64).collect::<Vec<_>>());

    let (tx, rx) = mpsc::sync_channel::<u32>(4);
    let producer = thread::spawn(move || (0..1000).for_each(|i| tx.send(i).unwrap()));
    println!("bounded channel {}", rx.iter().map(u64::from).sum::<u64>());
    producer.join().unwrap();
}

fn waiting() {
    let pair = Arc::new((Mutex::new(0), Condvar::new()));
    let start = Instant::now();
    let guard = pair.0.lock().unwrap();
    let (guard, timeout) = pair.1.wait_timeout(guard, Duration::from_millis(30)).unwrap();
    let waited = start.elapsed();
    println!("wait timed out {} after enough {}", timeout.timed_out(), waited >= Duration::from_millis(30));
    drop(guard);

    let other = pair.clone();
    let t = thread::spawn(move || {
        for _ in 0..10 {
            *other.0.lock().unwrap() += 1;
            other.1.notify_all();
            thread::yield_now();
        }
    });
    let guard = pair.0.lock().unwrap();
    let (guard, timeout) =
        pair.1.wait_timeout_while(guard, Duration::from_secs(20), |n| *n < 10).unwrap();
    println!("counted to {} timed out {}", *guard, timeout.timed_out());
    drop(guard);
    t.join().unwrap();
}

fn sleeping() {
    for ms in [0, 1, 20, 100] {
        let start = Instant::now();
        thread::sleep(Duration::from_millis(ms));
        let took = start.elapsed();
        let good = took >= Duration::from_millis(ms) && took < Duration::from_millis(ms + 1500);
        println!("sleep {ms} ms good {good}");
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    println!("after 2023 {}", now.as_secs() > 1_672_531_200);
    let a = Instant::now();
    println!("instants in order {}", Instant::now() >= a);
}

fn scoped() {
    let mut values = vec![1u64; 1000];
    thread::scope(|s| {
        for (i, part) in values.chunks_mut(250).enumerate() {
            s.spawn(move || part.iter_mut().for_each(|v| *v += i as u64));
        }
    });
    println!("scoped {}", values.iter().sum::<u64>());
}

fn panics() {
    struct Loud(&'static str);
    impl Drop for Loud {
        fn drop(&mut self) {
            println!("drop {}", self.0);
        }
    }
    let r = panic::catch_unwind(|| {
        let _a = Loud("first");
        let _b = Loud("second");
        panic!("a panic on purpose {}", 1 + 1);
    });
    println!("caught {:?}", r.unwrap_err().downcast_ref::<String>());
    let r = thread::Builder::new().name("doomed".into()).spawn(|| -> u32 { panic!("in a thread") });
    println!("joined {:?}", r.unwrap().join().unwrap_err().downcast_ref::<&str>());
}

fn big() {
    let mut v = vec![0u8; 100_000_000];
    for i in (0..v.len()).step_by(4096) {
        v[i] = (i / 4096) as u8;
    }
    let sum: u64 = v.iter().step_by(4096).map(|&b| u64::from(b)).sum();
    println!("big vec {} {}", v.len(), sum);
}

fn spinning() {
    let flag = Arc::new(AtomicBool::new(false));
    let other = flag.clone();
    let t = thread::spawn(move || other.store(true, Ordering::Release));
    while !flag.load(Ordering::Acquire) {
        std::hint::spin_loop();
    }
    t.join().unwrap();
    println!("spun until another thread ran");
}

fn main() {
    println!("args {:?}", env::args().skip(1).collect::<Vec<_>>());
    println!("env {:?} {:?} {:?}", env::var("TOUR"), env::var("EMPTY"), env::var("NOT_THERE"));
    println!("main thread {:?}", thread::current().name());
    maps();
    threads();
    waiting();
    sleeping();
    scoped();
    panics();
    big();
    spinning();
    println!("done");
}
