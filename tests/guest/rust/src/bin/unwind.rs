// SPDX-License-Identifier: MIT OR Apache-2.0
//! Panics: caught, resumed, across threads and C frames, and what is dropped in which order.
//@ suite: diff
//@ compare: stdout status
use guest::cframes::{c_call_deep, c_sort};
use std::any::Any;
use std::cell::RefCell;
use std::ffi::c_void;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, RwLock};
use std::thread;

struct Loud(u32);

impl Drop for Loud {
    fn drop(&mut self) {
        println!("  drop {}{}", self.0, if thread::panicking() { " while panicking" } else { "" });
    }
}

fn text(e: &(dyn Any + Send)) -> String {
    if let Some(s) = e.downcast_ref::<&str>() {
        s.to_string()
    } else if let Some(s) = e.downcast_ref::<String>() {
        s.clone()
    } else if let Some(n) = e.downcast_ref::<u64>() {
        format!("number {n}")
    } else {
        "something".into()
    }
}

fn nest(depth: u32) {
    let _loud = Loud(depth);
    if depth == 5 {
        panic!("from depth {depth}");
    }
    nest(depth + 1);
}

extern "C-unwind" fn panicking(arg: *mut c_void) {
    let _loud = Loud(100);
    let value = unsafe { *(arg as *const u32) };
    panic!("through C with {value}");
}

extern "C-unwind" fn compare(a: i32, b: i32) -> i32 {
    if a == 13 || b == 13 {
        panic!("thirteen");
    }
    a - b
}

fn basics() {
    println!("no panic: {:?}", panic::catch_unwind(|| 1 + 1).unwrap());
    println!("nested frames: {}", text(&*panic::catch_unwind(|| nest(0)).unwrap_err()));
    let e = panic::catch_unwind(|| panic::panic_any(77u64)).unwrap_err();
    println!("payload: {}", text(&*e));
    let e = panic::catch_unwind(AssertUnwindSafe(|| panic::resume_unwind(e))).unwrap_err();
    println!("resumed: {}", text(&*e));
    let v = vec![1, 2, 3];
    let index = std::hint::black_box(7);
    println!("index: {}", text(&*panic::catch_unwind(|| v[index]).unwrap_err()));
    let zero = std::hint::black_box(0);
    println!("division: {}", text(&*panic::catch_unwind(|| 1 / zero).unwrap_err()));
    let none: Option<u8> = std::hint::black_box(None);
    println!("unwrap: {}", text(&*panic::catch_unwind(|| none.unwrap()).unwrap_err()));
}

fn inside_drop() {
    struct Catcher;
    impl Drop for Catcher {
        fn drop(&mut self) {
            let e = panic::catch_unwind(|| panic!("inside of drop")).unwrap_err();
            println!("  caught in drop: {}", text(&*e));
        }
    }
    let e = panic::catch_unwind(|| {
        let _c = Catcher;
        panic!("outside");
    });
    println!("outer: {}", text(&*e.unwrap_err()));
}

fn threads() {
    let shared = Arc::new((Mutex::new(1), RwLock::new(2)));
    let s = shared.clone();
    let t = thread::Builder::new().name("poisoner".into()).spawn(move || {
        let _m = s.0.lock().unwrap();
        let _r = s.1.write().unwrap();
        panic!("with locks held");
    });
    println!("joined: {}", text(&*t.unwrap().join().unwrap_err()));
    println!("poisoned: {} {}", shared.0.is_poisoned(), shared.1.is_poisoned());
    for i in 0..50u64 {
        let t = thread::spawn(move || panic::resume_unwind(Box::new(i)));
        let e = t.join().unwrap_err();
        assert_eq!(text(&*e), format!("number {i}"));
    }
    let r = panic::catch_unwind(|| {
        thread::scope(|s| {
            s.spawn(|| panic::resume_unwind(Box::new("quiet")));
        })
    });
    println!("scope: {}", text(&*r.unwrap_err()));
}

fn through_c() {
    for depth in [0, 1, 20] {
        let mut value = depth as u32 + 1;
        let arg = (&raw mut value).cast::<c_void>();
        let e = panic::catch_unwind(AssertUnwindSafe(|| unsafe { c_call_deep(panicking, arg, depth) }));
        println!("C frames {depth}: {}", text(&*e.unwrap_err()));
    }
    let mut v = [5, 3, 9, 1];
    unsafe { c_sort(v.as_mut_ptr(), v.len(), compare) };
    println!("sorted by C: {v:?}");
    let mut v = [5, 13, 9, 1];
    let r = panic::catch_unwind(AssertUnwindSafe(|| unsafe { c_sort(v.as_mut_ptr(), v.len(), compare) }));
    println!("sort: {}", text(&*r.unwrap_err()));
}

fn hooks() {
    thread_local!(static SEEN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) });
    let old = panic::take_hook();
    panic::set_hook(Box::new(|info| {
        let at = info.location().unwrap();
        SEEN.with(|s| s.borrow_mut().push(format!("{}", at.file().ends_with("unwind.rs"))));
    }));
    for _ in 0..3 {
        let _ = panic::catch_unwind(|| panic!("hooked"));
    }
    panic::set_hook(old);
    println!("hook: {:?}", SEEN.with(|s| s.borrow().clone()));
}

fn main() {
    basics();
    inside_drop();
    threads();
    through_c();
    hooks();
    let mut n = 0u64;
    for i in 0..1000u64 {
        let r = panic::catch_unwind(move || {
            if i % 2 == 1 {
                panic::resume_unwind(Box::new(i));
            }
        });
        n += r.err().and_then(|e| e.downcast_ref::<u64>().copied()).unwrap_or(0);
    }
    println!("many: {n}");
}
