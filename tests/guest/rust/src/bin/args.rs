// SPDX-License-Identifier: MIT OR Apache-2.0
//! Arguments and environment, byte for byte.
//@ suite: diff
//@ case: none
//@ case: plain
//@ args: a bc "d e f" "" "--" "-x" "--help"
//@ env: A=1 "B=two words" "C=" "D=a=b=c"
//@ case: odd
//@ args: "\x01\x02\x7f" "\xff\xfe" "%41%" "%%" "tab\tnewline\n" "quote'\x22" "back\\slash" "ümlaut" "$HOME" "*" ";|&"
//@ env: "ODD=\x01\xff%20 end" "PERCENT=%41" "NL=a\nb"
//@ case: many
//@ args: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39
//@ case: long
//@ args: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
use std::env;
use std::os::unix::ffi::OsStrExt;

fn main() {
    let args: Vec<_> = env::args_os().skip(1).collect();
    println!("{} arguments", args.len());
    for a in &args {
        println!("arg {}", a.as_bytes().escape_ascii());
    }
    for name in ["A", "B", "C", "D", "ODD", "PERCENT", "NL", "KILN_OPTS"] {
        match env::var_os(name) {
            Some(v) => println!("{name}={}", v.as_bytes().escape_ascii()),
            None => println!("{name} is not there"),
        }
    }
    env::set_var("SET", "by the program");
    println!("{:?}", env::var("SET"));
    env::remove_var("SET");
    println!("{:?}", env::var("SET"));
    println!("{}", env::args_os().next().is_some_and(|a| !a.is_empty()));
}
