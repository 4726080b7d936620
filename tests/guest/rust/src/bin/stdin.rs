// SPDX-License-Identifier: MIT OR Apache-2.0
//! Standard input comes through byte for byte, to its end.
//@ suite: diff
//@ case: empty
//@ case: lines
//@ stdin: one\ntwo\nthree without an end
//@ case: controls
//@ stdin: a\x04b\x10c\x03d\x1ae\r\nf\x00g\xff\x10\x10\x04\x04
//@ case: binary
//@ stdin-bytes: 20000
//@ case: by-lines
//@ args: lines
//@ stdin: first\n\nthird\r\nlast
//@ case: big
//@ stdin-bytes: 300000
//@ timeout: 120
use std::io::{self, BufRead, Read, Write};

fn main() {
    let mut out = io::stdout().lock();
    if std::env::args().nth(1).as_deref() == Some("lines") {
        for (i, line) in io::stdin().lock().lines().enumerate() {
            writeln!(out, "{i}: {:?}", line.unwrap()).unwrap();
        }
        return;
    }
    let mut all = Vec::new();
    io::stdin().lock().read_to_end(&mut all).unwrap();
    out.write_all(&all).unwrap();
    let again = io::stdin().lock().read(&mut [0; 16]).unwrap();
    write!(out, "\n{} bytes, then {again}\n", all.len()).unwrap();
}
