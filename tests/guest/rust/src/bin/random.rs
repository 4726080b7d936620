// SPDX-License-Identifier: MIT OR Apache-2.0
//! What must be another one in each run: random numbers, and where things are in memory.
//@ suite: guest
//@ judge: differ
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

extern "C" {
    fn getrandom(buf: *mut u8, n: usize, flags: u32) -> isize;
    fn mmap(addr: *mut u8, n: usize, prot: i32, flags: i32, fd: i32, off: i64) -> *mut u8;
}

fn main() {
    let mut bytes = [0u8; 16];
    let n = unsafe { getrandom(bytes.as_mut_ptr(), bytes.len(), 0) };
    assert_eq!(n, 16);
    println!("getrandom {:032x}", u128::from_le_bytes(bytes));
    println!("hash {:016x}", RandomState::new().hash_one(0));
    println!("image {:p}", main as fn());
    let local = 0u8;
    println!("stack {:p}", &local);
    println!("heap {:p}", Box::new(0u64));
    println!("mmap {:p}", unsafe { mmap(std::ptr::null_mut(), 4096, 3, 0x22, -1, 0) });
    println!("thread {}", std::thread::spawn(|| format!("{:p}", &0u8 as *const u8)).join().unwrap());
}
