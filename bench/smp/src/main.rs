// SPDX-License-Identifier: MIT OR Apache-2.0
//! Work for several CPUs, measured on request, so that the driver (bench/measure/smp.py) can let systems take turns:
//! a line `NAME N` on standard input has job NAME done with N operations, the answer is a line `= NAME NANOSECONDS`.
//! `cpus` is answered by their number, `tsc` by the cycle counter's ticks in a millisecond; what is no request by
//! `! WHY`.
mod channels;
mod crew;
mod locks;
mod memory;
mod parallel;
mod threads;

use std::arch::global_asm;
use std::io::{self, BufRead, Write};
use std::thread;
use std::time::{Duration, Instant};

/// By how many bytes the code is moved, that of this crate and what is linked behind it; set when it is built.
const SHIFT: usize = match option_env!("SMP_SHIFT") {
    None => 0,
    Some(text) => match usize::from_str_radix(text, 10) {
        Ok(n) => n,
        Err(_) => panic!("SMP_SHIFT is not a number"),
    },
};

global_asm!(
    ".pushsection .text.shift, \"ax\", @progbits",
    "smp_shift: .skip {n}, 0xcc",
    "ud2",
    ".popsection",
    n = const SHIFT,
);

extern "C" {
    fn smp_shift();
}

#[used] // or the linker would drop it
static KEEP_SHIFT: unsafe extern "C" fn() = smp_shift;

/// Does n operations in all and says how long that took.
type Job = fn(n: u64) -> Duration;

const JOBS: &[(&str, Job)] = &[
    ("rayon-sum", parallel::sum),
    ("rayon-sort", parallel::sort),
    ("mutex", locks::mutex),
    ("rwlock", locks::rwlock),
    ("park", threads::park),
    ("mpsc", channels::mpsc),
    ("crossbeam", channels::crossbeam),
    ("spawn", threads::spawn),
    ("crowd", threads::crowd),
    ("yield", threads::yield_now),
    ("alloc-1", |n| memory::alloc(n, 1)),
    ("alloc-2", |n| memory::alloc(n, 2)),
    ("alloc-4", |n| memory::alloc(n, 4)),
    ("alloc-pass", memory::alloc_pass),
    ("fault-1", |n| memory::fault(n, 1)),
    ("fault-2", |n| memory::fault(n, 2)),
];

/// The cycle counter's ticks in a millisecond.
fn tsc_khz() -> u64 {
    // SAFETY: every x86-64 processor has the instruction, and nothing takes it away from programs here.
    let now = || (Instant::now(), unsafe { std::arch::x86_64::_rdtsc() });
    let (start, first) = now();
    thread::sleep(Duration::from_millis(100));
    let (end, last) = now();
    ((last - first) as u128 * 1_000_000 / (end - start).as_nanos()) as u64
}

fn answer(line: &str) -> Result<String, String> {
    let mut words = line.split_whitespace();
    let name = words.next().unwrap_or("");
    if name == "cpus" {
        let n = thread::available_parallelism().map_err(|e| e.to_string())?;
        return Ok(format!("cpus {n}"));
    }
    if name == "tsc" {
        return Ok(format!("tsc {}", tsc_khz()));
    }
    let (_, job) = JOBS.iter().find(|(n, _)| *n == name).ok_or(format!("no job {name:?}"))?;
    let n: u64 = words.next().and_then(|w| w.parse().ok()).ok_or("no number of operations")?;
    Ok(format!("{name} {}", job(n).as_nanos()))
}

fn main() -> io::Result<()> {
    println!("= ready");
    for line in io::stdin().lock().lines() {
        let text = match answer(&line?) {
            Ok(text) => format!("= {text}\n"),
            Err(why) => format!("! {why}\n"),
        };
        io::stdout().write_all(text.as_bytes())?;
        io::stdout().flush()?;
    }
    Ok(())
}
