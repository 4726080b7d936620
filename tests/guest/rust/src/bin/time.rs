// SPDX-License-Identifier: MIT OR Apache-2.0
//! Clocks go on and sleeping takes as long as asked. Nothing else runs while this one measures.
//@ suite: guest
//@ repeat: 2
//@ alone: yes
//@ timeout: 60
use guest::{done, is, ok};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

fn monotonic() {
    let backwards = AtomicU32::new(0);
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                let mut last = Instant::now();
                for i in 0..20_000 {
                    let now = Instant::now();
                    backwards.fetch_add((now < last) as u32, Ordering::Relaxed);
                    last = now;
                    if i % 1000 == 0 {
                        thread::yield_now();
                    }
                }
            });
        }
    });
    is(backwards.into_inner(), 0, "the monotonic clock never goes back");
    let start = Instant::now();
    let mut steps = 0;
    let mut last = start;
    while start.elapsed() < Duration::from_millis(50) {
        let now = Instant::now();
        steps += (now != last) as u32;
        last = now;
    }
    ok(steps > 50, "it has a fine grain");
}

fn sleeping() {
    let mut early = 0;
    let mut excess = Vec::new();
    for us in [0u64, 1, 10, 100, 500, 1000, 2000, 5000, 10_000, 50_000, 100_000] {
        for _ in 0..3 {
            let want = Duration::from_micros(us);
            let start = Instant::now();
            thread::sleep(want);
            let took = start.elapsed();
            early += (took < want) as u32;
            excess.push(took.saturating_sub(want));
        }
    }
    excess.sort();
    println!("# excess: median {:?}, worst {:?}", excess[excess.len() / 2], excess.last().unwrap());
    is(early, 0, "no sleep is too short");
    ok(excess[excess.len() / 2] < Duration::from_millis(5), "most are not much longer than asked");
    ok(*excess.last().unwrap() < Duration::from_millis(1000), "none is much longer");
}

fn many_sleepers() {
    let order = std::sync::Mutex::new(Vec::new());
    thread::scope(|s| {
        for i in (0..20u64).rev() {
            let order = &order;
            s.spawn(move || {
                thread::sleep(Duration::from_millis(50 + i * 20));
                order.lock().unwrap().push(i);
            });
        }
    });
    let order = order.into_inner().unwrap();
    println!("# {order:?}");
    // On a busy host a thread may lose the processor between waking and taking the lock: a few places are allowed.
    let near = order.iter().enumerate().all(|(at, &i)| i.abs_diff(at as u64) <= 3);
    ok(order.len() == 20 && near, "sleepers wake in the order of their deadlines");
}

fn clocks_agree() {
    let (m, r) = (Instant::now(), SystemTime::now());
    thread::sleep(Duration::from_millis(300));
    let (dm, dr) = (m.elapsed(), r.elapsed().unwrap());
    let apart = dm.abs_diff(dr);
    println!("# monotonic {dm:?}, real {dr:?}");
    ok(apart < Duration::from_millis(20), "both clocks run at the same speed");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    ok(now > 1_700_000_000 && now < 4_000_000_000, "the real clock shows a date of our time");
}

fn main() {
    monotonic();
    sleeping();
    many_sleepers();
    clocks_agree();
    done();
}
