// SPDX-License-Identifier: MIT OR Apache-2.0
//! More memory than there is: an allocation that cannot be promised fails, one that was promised and is not there
//! ends the program with a word about it.
//@ suite: guest
//@ judge: match
//@ platforms: kvm
//@ memory: 32M
//@ case: promise
//@ args: promise
//@ status: 0
//@ stdout: ^refused$
//@ case: alloc
//@ args: alloc
//@ status: 134
//@ stderr: memory allocation of \d+ bytes failed
//@ case: touch
//@ args: touch
//@ status: 135
//@ stdout: ^touching$
//@ stderr: ended by SIGBUS
//@ stderr: give it more
//@ case: reuse
//@ args: reuse
//@ status: 0
//@ stdout: ^done$
use std::hint::black_box;

fn touch(v: &mut [u8]) {
    v.iter_mut().step_by(4096).for_each(|b| *b = black_box(1));
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("promise") => {
            let mut v: Vec<u8> = Vec::new();
            println!("{}", if v.try_reserve(1 << 50).is_err() { "refused" } else { "promised" });
        }
        Some("alloc") => drop(black_box(Vec::<u8>::with_capacity(1 << 50))),
        Some("touch") => {
            println!("touching");
            let mut all = Vec::new();
            for _ in 0..100 {
                let mut v = black_box(vec![0u8; 1 << 20]);
                touch(&mut v);
                all.push(v);
            }
            println!("{}", all.len());
        }
        _ => {
            for _ in 0..50 {
                let mut v = vec![0u8; 20 << 20];
                touch(&mut v);
            }
            println!("done");
        }
    }
}
