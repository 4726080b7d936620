// SPDX-License-Identifier: MIT OR Apache-2.0
//! Counts words. The counter belongs to Rust; C holds it by an opaque pointer.

use std::collections::BTreeMap;
use std::ffi::{c_char, c_int, c_void, CStr, CString};
use std::panic;

#[derive(Default)]
pub struct Counter {
    words: BTreeMap<CString, usize>,
}

#[no_mangle]
pub extern "C" fn counter_new() -> *mut Counter {
    Box::into_raw(Box::default())
}

/// # Safety
/// `counter` comes from `counter_new()` and is not used any more afterwards.
#[no_mangle]
pub unsafe extern "C" fn counter_free(counter: *mut Counter) {
    drop(unsafe { Box::from_raw(counter) });
}

/// # Safety
/// `counter` comes from `counter_new()`; `word` is a C string.
#[no_mangle]
pub unsafe extern "C" fn counter_add(counter: *mut Counter, word: *const c_char) {
    let word = unsafe { CStr::from_ptr(word) }.to_owned();
    *unsafe { &mut *counter }.words.entry(word).or_default() += 1;
}

/// # Safety
/// `counter` comes from `counter_new()`, and `visit` does not change it.
#[no_mangle]
pub unsafe extern "C" fn counter_each(
    counter: *const Counter,
    visit: extern "C" fn(*mut c_void, *const c_char, usize) -> c_int,
    ctx: *mut c_void,
) -> c_int {
    let words = &unsafe { &*counter }.words;
    for (word, count) in words {
        if visit(ctx, word.as_ptr(), *count) != 0 {
            return -1;
        }
    }
    words.len() as c_int
}

/// # Safety
/// `result` may be written to.
#[no_mangle]
pub unsafe extern "C" fn counter_divide(a: c_int, b: c_int, result: *mut c_int) -> c_int {
    match panic::catch_unwind(|| a / b) {
        Ok(quotient) => {
            unsafe { *result = quotient };
            0
        }
        Err(_) => -1,
    }
}

/// # Safety
/// `numbers` points to `n` numbers that nobody else uses meanwhile.
#[no_mangle]
pub unsafe extern "C" fn counter_sort(
    numbers: *mut c_int,
    n: usize,
    compare: extern "C" fn(c_int, c_int) -> c_int,
) {
    let numbers = unsafe { std::slice::from_raw_parts_mut(numbers, n) };
    std::thread::scope(|scope| {
        scope.spawn(|| numbers.sort_by(|a, b| compare(*a, *b).cmp(&0)));
    });
}
