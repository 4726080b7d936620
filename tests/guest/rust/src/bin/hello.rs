// SPDX-License-Identifier: MIT OR Apache-2.0
//! The smallest program.
//@ suite: diff
//@ compare: stdout stderr status
//@ case: default
//@ stdout: ^Hello, world!$
//@ case: q35
//@ platforms: kvm
//@ machine: q35
//@ case: microvm
//@ platforms: kvm
//@ machine: microvm
//@ case: 2-mib
//@ platforms: kvm
//@ memory: 2M
//@ case: 1-gib
//@ platforms: kvm
//@ memory: 1G
//@ case: 5-gib
//@ platforms: kvm
//@ memory: 5G
fn main() {
    println!("Hello, world!");
}
