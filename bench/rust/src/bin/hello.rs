// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is measured from the start of the machine to its first output.
fn main() {
    println!("Hello, world!");
}
