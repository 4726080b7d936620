// SPDX-License-Identifier: MIT OR Apache-2.0
//! A program that sleeps, or waits for a thread that sleeps, takes no processor time.
//@ suite: guest
//@ cpus: 1 2 4
//@ judge: match
//@ max-cpu: 1.5
//@ case: sleep
//@ args: sleep
//@ stdout: ^slept$
//@ case: wait
//@ args: wait
//@ stdout: ^slept$
use std::thread;
use std::time::Duration;

fn main() {
    let sleep = || thread::sleep(Duration::from_secs(4));
    if std::env::args().nth(1).as_deref() == Some("wait") {
        let threads: Vec<_> = (0..50).map(|_| thread::spawn(sleep)).collect();
        threads.into_iter().for_each(|t| t.join().unwrap());
    } else {
        sleep();
    }
    println!("slept");
}
