// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages from thread to thread.
use crate::crew;
use std::sync::{mpsc, Mutex};
use std::time::Duration;

const PAIRS: usize = 2;
const CAPACITY: usize = 64;

/// n messages from one thread to another, as many under way as there are.
pub fn mpsc(n: u64) -> Duration {
    let (sender, receiver) = mpsc::channel();
    // A receiver is not for several threads, so the crew gets both ends by a lock that is taken once.
    let ends = Mutex::new((Some(sender), Some(receiver)));
    crew::run(2, |i| {
        if i == 0 {
            let sender = ends.lock().expect("poisoned").0.take().expect("no sender");
            (0..n).for_each(|i| sender.send(i).expect("nobody receives"));
        } else {
            let receiver = ends.lock().expect("poisoned").1.take().expect("no receiver");
            assert_eq!(receiver.iter().count() as u64, n);
        }
    })
}

/// n messages from two threads to two others, at most 64 under way.
pub fn crossbeam(n: u64) -> Duration {
    let each = n / PAIRS as u64;
    let (sender, receiver) = crossbeam_channel::bounded(CAPACITY);
    crew::run(2 * PAIRS, |i| {
        for k in 0..each {
            if i < PAIRS {
                sender.send(k).expect("nobody receives");
            } else {
                receiver.recv().expect("nobody sends");
            }
        }
    })
}
