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
//@ case: q35-2-mib
//@ platforms: kvm
//@ machine: q35
//@ memory: 2M
//@ case: q35-5-gib
//@ platforms: kvm
//@ machine: q35
//@ memory: 5G
//@ case: cpu-qemu64
//@ platforms: kvm
//@ cpu: qemu64
//@ case: cpu-nehalem
//@ platforms: kvm
//@ cpu: Nehalem
//@ case: cpu-haswell
//@ platforms: kvm
//@ cpu: Haswell-noTSX
//@ case: cpu-epyc
//@ platforms: kvm
//@ cpu: EPYC
//@ case: cpu-no-rdrand-no-fsgsbase
//@ platforms: kvm
//@ cpu: max,-rdrand,-rdseed,-fsgsbase,-xsave
fn main() {
    println!("Hello, world!");
}
