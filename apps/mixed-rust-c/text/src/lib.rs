// SPDX-License-Identifier: MIT OR Apache-2.0
//! Works on text. Strings that it returns are its own: C gives them back with `text_free()`.

use std::ffi::{c_char, c_void, CStr, CString};
use std::ptr;

extern "C" {
    fn c_count_word(counter: *mut c_void, word: *const c_char);
}

/// A string for C; text with a zero byte in it becomes NULL.
fn give(text: String) -> *mut c_char {
    CString::new(text).map_or(ptr::null_mut(), CString::into_raw)
}

/// # Safety
/// `s` is a C string.
#[no_mangle]
pub unsafe extern "C" fn text_upper(s: *const c_char) -> *mut c_char {
    match unsafe { CStr::from_ptr(s) }.to_str() {
        Ok(text) => give(text.to_uppercase()),
        Err(_) => ptr::null_mut(),
    }
}

/// # Safety
/// `s` comes from this library.
#[no_mangle]
pub unsafe extern "C" fn text_free(s: *mut c_char) {
    drop(unsafe { CString::from_raw(s) });
}

/// # Safety
/// `s` is a C string, `counter` what `c_count_word()` wants.
#[no_mangle]
pub unsafe extern "C" fn text_count_words(s: *const c_char, counter: *mut c_void) -> usize {
    let text = unsafe { CStr::from_ptr(s) }.to_string_lossy().into_owned();
    let words = text.split_whitespace().filter_map(|word| CString::new(word).ok());
    words.inspect(|word| unsafe { c_count_word(counter, word.as_ptr()) }).count()
}

#[no_mangle]
pub extern "C" fn text_describe_process() -> *mut c_char {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let thread = std::thread::current();
    give(format!(
        "program {}, arguments {arguments:?}, thread {}",
        if std::env::args().next().is_some() { "named" } else { "without a name" },
        thread.name().unwrap_or("without a name"),
    ))
}
