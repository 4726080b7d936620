// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rust's thread-locals: sizes from 1 byte to 1 MiB, alignments from 1 to 4096, with destructors, in
//! main and in 1,000 threads, before and after a panic.
//@ suite: guest
//@ repeat: 3
//@ timeout: 240
//@ memory: 512M
use guest::{done, ok, Rng};
use std::cell::{Cell, RefCell, UnsafeCell};
use std::panic;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

static DROPS: AtomicU64 = AtomicU64::new(0);

macro_rules! blocks {
    ($($name:ident $align:literal $size:literal)*) => {
        $(mod $name {
            use super::*;
            #[repr(C, align($align))]
            struct Block([u8; $size]);
            thread_local! {
                static ZERO: UnsafeCell<Block> = const { UnsafeCell::new(Block([0; $size])) };
                static DATA: UnsafeCell<Block> = const { UnsafeCell::new(Block([0xa5; $size])) };
            }
            /// Fresh blocks hold their initial bytes, are aligned, and are the thread's own.
            pub fn fresh() -> bool {
                let good = |p: *mut Block, byte: u8| unsafe {
                    p as usize % $align == 0 && (&(*p).0)[..].iter().step_by(1 + $size / 64).all(|&b| b == byte)
                };
                ZERO.with(|b| good(b.get(), 0)) && DATA.with(|b| good(b.get(), 0xa5))
            }
            pub fn fill(byte: u8) {
                let fill = |p: *mut Block| unsafe { (&mut (*p).0)[..].iter_mut().step_by(1 + $size / 64).for_each(|b| *b = byte) };
                ZERO.with(|b| fill(b.get()));
                DATA.with(|b| fill(b.get()));
            }
            pub fn check(byte: u8) -> bool {
                let good = |p: *mut Block| unsafe { (&(*p).0)[..].iter().step_by(1 + $size / 64).all(|&b| b == byte) };
                ZERO.with(|b| good(b.get())) && DATA.with(|b| good(b.get()))
            }
        })*
        fn all_fresh() -> bool { $($name::fresh())&&* }
        fn all_fill(byte: u8) { $($name::fill(byte);)* }
        fn all_check(byte: u8) -> bool { $($name::check(byte))&&* }
    };
}

blocks! {
    b1 1 1  b2 2 2  b3 1 3  b4 4 4  b7 1 7  b8 8 8  b15 1 15  b16 1 16  b16a 16 16  b17 1 17
    b24 8 24  b31 1 31  b32 32 32  b33 1 33  b48 16 48  b64 64 64  b65 1 65  b100 4 100  b128 128 128
    b256 256 256  b500 4 500  b512 512 512  b1000 8 1000  b1024 1024 1024  b2048 2048 2048
    b4095 1 4095  b4096 4096 4096  b5000 1 5000
}

mod huge {
    use super::*;
    thread_local!(static BLOCK: UnsafeCell<[u8; 1 << 20]> = const { UnsafeCell::new([0; 1 << 20]) });

    /// Write pages all over the block, read them back, leave zeros.
    pub fn exercise(byte: u8) -> bool {
        BLOCK.with(|b| unsafe {
            let block = &mut *b.get();
            let fresh = block.iter().step_by(65_536).all(|&x| x == 0);
            block.iter_mut().step_by(65_536).for_each(|x| *x = byte);
            thread::yield_now();
            let same = block.iter().step_by(65_536).all(|&x| x == byte);
            block.iter_mut().step_by(65_536).for_each(|x| *x = 0);
            fresh && same
        })
    }
}

struct Counted(Vec<u64>);

impl Drop for Counted {
    fn drop(&mut self) {
        // A destructor may use another thread-local.
        LAST.with(|l| l.set(l.get() + self.0.len() as u64));
        DROPS.fetch_add(1, Ordering::Relaxed);
    }
}

thread_local! {
    static LAST: Cell<u64> = const { Cell::new(0) };
    static LAZY: Counted = Counted(vec![1, 2, 3]);
    static LATE: RefCell<Option<Counted>> = const { RefCell::new(None) };
}

fn body(id: u64, rng: &Rng) -> bool {
    let byte = (id as u8) | 1;
    let mut good = all_fresh();
    all_fill(byte);
    let sum: u64 = LAZY.with(|c| c.0.iter().sum());
    LATE.with(|l| *l.borrow_mut() = Some(Counted(vec![id; 4])));
    for _ in 0..rng.below(4) {
        thread::yield_now();
        good &= all_check(byte);
    }
    let e = panic::catch_unwind(|| {
        all_fill(byte ^ 0x80);
        panic::resume_unwind(Box::new(id));
    });
    good &= e.unwrap_err().downcast_ref() == Some(&id);
    good && all_check(byte ^ 0x80) && sum == 6 && (id % 50 != 0 || huge::exercise(byte))
}

fn main() {
    println!("# seed {}", guest::seed());
    let rng = Rng::new(0);
    ok(body(1, &rng), "main thread");
    ok(huge::exercise(7), "1 MiB in main");

    const THREADS: u64 = 1000;
    let mut bad = 0;
    let mut started = 0;
    while started < THREADS {
        let batch = (1 + rng.below(100)).min(THREADS - started);
        let handles: Vec<_> = (started..started + batch)
            .map(|id| thread::Builder::new().stack_size(64 << 10).spawn(move || body(id, &Rng::new(id))).unwrap())
            .collect();
        started += batch;
        bad += handles.into_iter().map(|h| h.join()).filter(|r| !matches!(r, Ok(true))).count();
    }
    ok(bad == 0, "1,000 threads each have their own blocks");
    ok(DROPS.load(Ordering::Relaxed) == 2 * THREADS, "every destructor ran");
    ok(all_check(1 ^ 0x80), "main's blocks are untouched");

    panic::set_hook(Box::new(|_| ()));
    let r = thread::spawn(|| {
        LAZY.with(|_| ());
        all_fill(9);
        panic!("out of the thread");
    })
    .join();
    ok(r.is_err() && DROPS.load(Ordering::Relaxed) == 2 * THREADS + 1, "destructors run after a panic");
    let r = thread::spawn(|| all_fresh() && body(3, &Rng::new(3))).join();
    ok(r.unwrap(), "a thread after a panic");
    done();
}
