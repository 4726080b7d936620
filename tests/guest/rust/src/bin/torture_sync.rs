// SPDX-License-Identifier: MIT OR Apache-2.0
//! std's locks and channels under load, with seeded disturbance. A lost wake-up shows as a test that
//! does not end.
//@ suite: guest
//@ repeat: 5
//@ timeout: 180
use guest::{done, is, ok, Rng};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{mpsc, Arc, Barrier, Condvar, Mutex, Once, OnceLock, RwLock};
use std::thread;
use std::time::{Duration, Instant};

/// Now and then: yield, sleep a little, or spin.
fn disturb(rng: &Rng) {
    match rng.below(16) {
        0 => thread::yield_now(),
        1 => thread::sleep(Duration::from_micros(rng.below(200))),
        2 => (0..rng.below(500)).for_each(|_| std::hint::spin_loop()),
        _ => (),
    }
}

fn run(threads: u64, body: impl Fn(u64, &Rng) + Sync) {
    thread::scope(|s| {
        for i in 0..threads {
            let body = &body;
            s.spawn(move || body(i, &Rng::new(i + 1)));
        }
    });
}

fn mutexes() {
    let locks: Vec<_> = (0..4).map(|_| Mutex::new((0u64, 0u64))).collect();
    run(16, |_, rng| {
        for _ in 0..200 {
            let mut pair = locks[rng.below(4) as usize].lock().unwrap();
            pair.0 += 1;
            disturb(rng);
            pair.1 += 1;
        }
    });
    let total: u64 = locks.iter().map(|l| l.lock().unwrap().0).sum();
    ok(locks.iter().all(|l| { let p = l.lock().unwrap(); p.0 == p.1 }), "mutexes exclude");
    is(total, 16 * 200, "mutexes lose nothing");
}

fn condvars() {
    struct Queue {
        items: Mutex<VecDeque<u64>>,
        not_empty: Condvar,
        not_full: Condvar,
    }
    let q = Queue { items: Mutex::new(VecDeque::new()), not_empty: Condvar::new(), not_full: Condvar::new() };
    let sum = AtomicU64::new(0);
    run(12, |i, rng| {
        for k in 0..250 {
            if i % 2 == 0 {
                let mut items = q.not_full.wait_while(q.items.lock().unwrap(), |v| v.len() >= 3).unwrap();
                items.push_back(i * 1000 + k);
                drop(items);
                q.not_empty.notify_one();
            } else {
                let mut items = q.not_empty.wait_while(q.items.lock().unwrap(), |v| v.is_empty()).unwrap();
                sum.fetch_add(items.pop_front().unwrap(), Ordering::Relaxed);
                drop(items);
                q.not_full.notify_one();
            }
            disturb(rng);
        }
    });
    let expected: u64 = (0..12).step_by(2).map(|i| i * 1000 * 250 + 249 * 250 / 2).sum();
    is(sum.into_inner(), expected, "condition variables hand everything over");
}

fn timeouts() {
    let pair = (Mutex::new(()), Condvar::new());
    let early = AtomicU32::new(0);
    let late = AtomicU64::new(0);
    run(8, |_, rng| {
        for _ in 0..10 {
            let wait = Duration::from_micros(rng.below(5000));
            let start = Instant::now();
            let (_g, r) = pair.1.wait_timeout(pair.0.lock().unwrap(), wait).unwrap();
            let took = start.elapsed();
            if r.timed_out() && took < wait {
                early.fetch_add(1, Ordering::Relaxed);
            }
            late.fetch_max(took.as_millis() as u64, Ordering::Relaxed);
        }
    });
    is(early.into_inner(), 0, "no timeout is early");
    println!("# latest {} ms", late.into_inner());
}

fn rwlocks() {
    let lock = RwLock::new((0u64, 0u64));
    let torn = AtomicU32::new(0);
    run(12, |i, rng| {
        for _ in 0..150 {
            if i % 3 == 0 {
                let mut w = lock.write().unwrap();
                w.0 += 1;
                disturb(rng);
                w.1 += 1;
            } else {
                let r = lock.read().unwrap();
                disturb(rng);
                torn.fetch_add((r.0 != r.1) as u32, Ordering::Relaxed);
            }
        }
    });
    is(torn.into_inner(), 0, "readers see no half of a write");
    is(lock.into_inner().unwrap().0, 4 * 150, "writers lose nothing");
}

fn barriers() {
    let barrier = Barrier::new(10);
    let phase: Vec<_> = (0..30).map(|_| AtomicU32::new(0)).collect();
    let leaders = AtomicU32::new(0);
    let wrong = AtomicU32::new(0);
    run(10, |_, rng| {
        for p in &phase {
            disturb(rng);
            p.fetch_add(1, Ordering::SeqCst);
            leaders.fetch_add(barrier.wait().is_leader() as u32, Ordering::SeqCst);
            wrong.fetch_add((p.load(Ordering::SeqCst) != 10) as u32, Ordering::SeqCst);
        }
    });
    is((leaders.into_inner(), wrong.into_inner()), (30, 0), "barriers hold everybody back");
}

fn once() {
    let mut runs = 0;
    for _ in 0..20 {
        let (o, cell, count) = (Once::new(), OnceLock::new(), AtomicU32::new(0));
        run(8, |i, rng| {
            disturb(rng);
            o.call_once(|| {
                disturb(rng);
                count.fetch_add(1, Ordering::SeqCst);
            });
            assert_eq!(count.load(Ordering::SeqCst), 1);
            cell.get_or_init(|| i);
        });
        runs += count.into_inner();
    }
    is(runs, 20, "Once runs once");
}

fn parking() {
    let turn = Arc::new(AtomicU32::new(0));
    let other = turn.clone();
    let main = thread::current();
    const ROUNDS: u32 = 2000;
    let t = thread::spawn(move || {
        for i in 0..ROUNDS {
            while other.load(Ordering::Acquire) != 2 * i + 1 {
                thread::park();
            }
            other.store(2 * i + 2, Ordering::Release);
            main.unpark();
        }
    });
    for i in 0..ROUNDS {
        turn.store(2 * i + 1, Ordering::Release);
        t.thread().unpark();
        while turn.load(Ordering::Acquire) != 2 * i + 2 {
            thread::park();
        }
    }
    t.join().unwrap();
    ok(true, "park and unpark take turns");

    thread::current().unpark();
    let start = Instant::now();
    thread::park_timeout(Duration::from_secs(20));
    ok(start.elapsed() < Duration::from_secs(10), "an unpark before the park counts");
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(10) {
        thread::park_timeout(Duration::from_millis(10) - start.elapsed());
    }
    ok(true, "park_timeout comes back");
}

fn channels() {
    let (tx, rx) = mpsc::channel::<u64>();
    let (btx, brx) = mpsc::sync_channel::<u64>(0);
    let total = thread::scope(|s| {
        for i in 0..8 {
            let (tx, btx) = (tx.clone(), btx.clone());
            s.spawn(move || {
                let rng = Rng::new(i + 1);
                for k in 0..200 {
                    tx.send(k).unwrap();
                    if k % 10 == 0 {
                        btx.send(k).unwrap();
                    }
                    disturb(&rng);
                }
            });
        }
        drop((tx, btx));
        let b = s.spawn(move || brx.iter().sum::<u64>());
        rx.iter().sum::<u64>() + b.join().unwrap()
    });
    is(total, 8 * (199 * 200 / 2 + (0..200).step_by(10).sum::<u64>()), "channels lose nothing");
    let (tx, rx) = mpsc::channel::<()>();
    let r = rx.recv_timeout(Duration::from_millis(5));
    is(r, Err(mpsc::RecvTimeoutError::Timeout), "recv_timeout times out");
    drop(tx);
    is(rx.recv(), Err(mpsc::RecvError), "a closed channel says so");
}

fn spinlocks() {
    let locked = AtomicBool::new(false);
    let mut count = 0u64;
    let p = &raw mut count as usize;
    run(6, |_, rng| {
        for _ in 0..100 {
            while locked.swap(true, Ordering::Acquire) {
                std::hint::spin_loop();
            }
            unsafe { *(p as *mut u64) += 1 };
            disturb(rng);
            locked.store(false, Ordering::Release);
        }
    });
    is(count, 600, "a spin lock of the program's own works");
}

fn main() {
    println!("# seed {}", guest::seed());
    mutexes();
    condvars();
    timeouts();
    rwlocks();
    barriers();
    once();
    parking();
    channels();
    spinlocks();
    done();
}
