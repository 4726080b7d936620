// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ten thousand threads of std at once, a hundred thousand one after the other; names, thread-locals and stacks among
//! them, and nothing of them is left.
//@ suite: guest
//@ cpus: 1 2 4
//@ memory: 1G
//@ timeout: 240
//@ max-rss: 1000
use guest::{done, is, ok};
use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

const CROWD: usize = 10_000;
const IN_TURN: usize = 100_000;
const PATIENCE_MS: usize = 5000; // until the last of what ended is cleared away

static DROPPED: AtomicUsize = AtomicUsize::new(0);

struct Local(Vec<usize>);

impl Drop for Local {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

thread_local! {
    static LOCAL: RefCell<Local> = const { RefCell::new(Local(Vec::new())) };
}

/// The number in a line of a file like /proc/self/status.
fn number(path: &str, name: &str) -> usize {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|l| l.strip_prefix(name)).unwrap_or("0");
    line.split_whitespace().next().and_then(|w| w.parse().ok()).unwrap_or(0)
}

/// KiB in use: of the machine if it is ours, else of the process, address space counted too.
fn used_kib() -> usize {
    let version = std::fs::read_to_string("/proc/version").unwrap_or_default();
    if version.contains("Kiln on kvm") {
        number("/proc/meminfo", "MemTotal:") - number("/proc/meminfo", "MemFree:")
    } else {
        number("/proc/self/status", "VmRSS:") + number("/proc/self/status", "VmSize:")
    }
}

/// In the end no more than slack above before is in use.
fn check_used(before: usize, slack_kib: usize, name: &str) {
    let mut used = 0;
    for _ in 0..PATIENCE_MS / 10 {
        used = used_kib();
        if used <= before + slack_kib {
            break;
        }
        thread::sleep(Duration::from_millis(10));
    }
    println!("# {before} KiB before, {used} KiB after");
    ok(used <= before + slack_kib, name);
}

/// The sum of what n threads return, who are all there at once; KiB in use meanwhile.
fn crowd(n: usize) -> (usize, usize) {
    let hall = Arc::new((Mutex::new((0, false)), Condvar::new(), Condvar::new()));
    let threads: Vec<_> = (0..n)
        .map_while(|i| {
            let hall = hall.clone();
            let thread = thread::Builder::new().name(format!("crowd {i}")).spawn(move || {
                LOCAL.with_borrow_mut(|l| l.0.push(i));
                let (state, came, leave) = &*hall;
                let mut here = state.lock().unwrap();
                here.0 += 1;
                came.notify_one();
                let _here = leave.wait_while(here, |here| !here.1).unwrap();
                let named = thread::current().name() == Some(&format!("crowd {i}"));
                LOCAL.with_borrow(|l| if named { l.0[0] } else { 0 })
            });
            thread.map_err(|e| println!("# thread {i}: {e}")).ok()
        })
        .collect();
    let (state, came, leave) = &*hall;
    let mut here = came.wait_while(state.lock().unwrap(), |here| here.0 < threads.len()).unwrap();
    let used = used_kib();
    here.1 = true;
    leave.notify_all();
    drop(here);
    (threads.into_iter().map(|t| t.join().unwrap()).sum(), used)
}

fn in_turn(n: usize) -> usize {
    (0..n).map(|i| thread::spawn(move || LOCAL.with_borrow_mut(|l| { l.0.push(i); l.0[0] })).join().unwrap()).sum()
}

fn main() {
    crowd(64);
    let before = used_kib();
    let (sum, most) = crowd(CROWD);
    is(sum, CROWD * (CROWD - 1) / 2, "10,000 threads at once");
    println!("# {:.1} KiB for each", (most - before) as f64 / CROWD as f64);
    is(DROPPED.swap(0, Ordering::Relaxed), 64 + CROWD, "their thread-locals were dropped");
    // Some is kept for the next threads: on kvm page tables and a page of each kernel stack, by glibc 40 MiB of stacks.
    let linux = !std::fs::read_to_string("/proc/version").unwrap_or_default().contains("Kiln");
    check_used(before, if linux { 64 << 10 } else { 10 * CROWD }, "most memory comes back");
    let before = used_kib();
    is(crowd(CROWD).0, CROWD * (CROWD - 1) / 2, "10,000 once more");
    // But for what the allocator did not keep the first time, at most 8 MiB, which counts twice in a process. 10,000 of the
    // smallest mappings would be 40.
    check_used(before, 20 << 10, "the second time all of it");

    in_turn(200);
    DROPPED.store(0, Ordering::Relaxed);
    let before = used_kib();
    is(in_turn(IN_TURN), IN_TURN * (IN_TURN - 1) / 2, "100,000 threads one after the other");
    is(DROPPED.load(Ordering::Relaxed), IN_TURN, "their thread-locals were dropped");
    check_used(before, 256, "nothing is left of them");
    done();
}
