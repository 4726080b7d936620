// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a program can end, and its status.
//@ suite: diff
//@ cpus: 1 2 4
//@ compare: stdout status
//@ case: zero
//@ args: code 0
//@ status: 0
//@ case: seven
//@ args: code 7
//@ status: 7
//@ case: 255
//@ args: code 255
//@ status: 255
//@ case: wraps
//@ args: code 258
//@ status: 2
//@ case: panic
//@ args: panic
//@ status: 101
//@ stderr: panicked at .*exit\.rs:\d+:\d+:\nthe end of main
//@ case: abort
//@ args: abort
//@ status: 134
//@ case: thread
//@ args: thread
//@ status: 9
//@ case: return
//@ args: return
//@ status: 0
//@ case: nested
//@ args: nested
//@ status: 3
//@ case: error
//@ args: error
//@ status: 1
//@ stderr: Error: "it went wrong"
//@ case: exit-code
//@ args: exit-code
//@ status: 42
//@ case: panic-in-thread
//@ args: panic-in-thread
//@ status: 0
//@ stderr: thread 'worker'.* panicked at
//@ case: double-panic
//@ args: double-panic
//@ status: 134
//@ case: panic-in-destructor-of-tls
//@ args: tls-panic
//@ status: 134
//@ case: buffered
//@ args: buffered
//@ status: 5
//@ stdout: no newline at the end$
use std::cell::RefCell;
use std::process::{self, ExitCode, Termination};
use std::thread;
use std::time::Duration;

struct PanicOnDrop;

impl Drop for PanicOnDrop {
    fn drop(&mut self) {
        panic!("a panic while dropping");
    }
}

struct ExitOnDrop;

impl Drop for ExitOnDrop {
    fn drop(&mut self) {
        process::exit(3);
    }
}

thread_local! {
    static BAD: RefCell<Option<PanicOnDrop>> = const { RefCell::new(None) };
}

fn sleep_forever() -> ! {
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    println!("{}", args[1]);
    match args[1].as_str() {
        "code" => process::exit(args[2].parse().unwrap()),
        "panic" => panic!("the end of main"),
        "abort" => process::abort(),
        "thread" => {
            thread::spawn(|| process::exit(9));
            sleep_forever();
        }
        "return" => {
            for _ in 0..3 {
                thread::spawn(|| loop {
                    std::hint::spin_loop();
                });
                thread::spawn(|| sleep_forever());
            }
            thread::sleep(Duration::from_millis(20));
            ExitCode::SUCCESS
        }
        "nested" => thread::scope(|s| {
            s.spawn(|| {
                let _exit = ExitOnDrop;
                thread::spawn(|| ()).join().unwrap();
            });
            sleep_forever();
        }),
        "error" => Err::<(), &str>("it went wrong").report(),
        "exit-code" => ExitCode::from(42),
        "panic-in-thread" => {
            let t = thread::Builder::new().name("worker".into()).spawn(|| panic!("only a thread"));
            println!("{}", t.unwrap().join().is_err());
            ExitCode::SUCCESS
        }
        "double-panic" => {
            let _p = PanicOnDrop;
            panic!("the first");
        }
        "tls-panic" => {
            let t = thread::spawn(|| BAD.with(|b| *b.borrow_mut() = Some(PanicOnDrop)));
            println!("{}", t.join().is_err());
            ExitCode::SUCCESS
        }
        "buffered" => {
            print!("no newline at the end");
            process::exit(5)
        }
        other => panic!("no case {other}"),
    }
}
