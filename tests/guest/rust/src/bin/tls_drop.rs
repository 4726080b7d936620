// SPDX-License-Identifier: MIT OR Apache-2.0
//! Destructors of thread-locals run at the end of each thread, main's included, however it ends; the smallest
//! stack that can be asked for is enough for a thread.
//@ suite: diff
//@ cpus: 1 2 4
//@ case: return
//@ args: return
//@ load: no
//@ status: 0
//@ stdout: main ends\ndrop main\ndrop early\n$
//@ case: exit
//@ args: exit
//@ load: no
//@ status: 3
//@ stdout: drop early\n$
//@ case: thread-exits
//@ args: thread-exits
//@ status: 4
//@ case: abort
//@ args: abort
//@ status: 134
//@ case: small-stacks
//@ args: small-stacks
//@ status: 0
use std::cell::RefCell;
use std::process;
use std::thread;

struct Loud(&'static str);

impl Drop for Loud {
    fn drop(&mut self) {
        println!("drop {}", self.0);
        // Registered while the others run.
        if self.0 == "late" {
            EARLY.with(|e| e.borrow_mut().push(Loud("registered by a destructor")));
        }
    }
}

thread_local! {
    static EARLY: RefCell<Vec<Loud>> = const { RefCell::new(Vec::new()) };
    static LOUD: RefCell<Option<Loud>> = const { RefCell::new(None) };
    static LATE: Loud = const { Loud("late") };
}

fn fill(name: &'static str) {
    EARLY.with(|e| e.borrow_mut().push(Loud("early")));
    LOUD.with(|l| *l.borrow_mut() = Some(Loud(name)));
}

fn main() {
    fill("main");
    thread::spawn(|| fill("thread")).join().unwrap();
    thread::spawn(|| LATE.with(|_| println!("late"))).join().unwrap();
    match std::env::args().nth(1).as_deref() {
        Some("exit") => process::exit(3),
        Some("thread-exits") => {
            let t = thread::spawn(|| {
                fill("thread that exits");
                process::exit(4)
            });
            let _ = t.join();
        }
        Some("abort") => process::abort(),
        Some("small-stacks") => {
            for size in [0, 1, 4096, 5000, 16384] {
                let t = thread::Builder::new().stack_size(size).spawn(move || size + 1);
                println!("{}", t.unwrap().join().unwrap());
            }
        }
        _ => {}
    }
    println!("main ends");
}
