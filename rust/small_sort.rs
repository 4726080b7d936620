// SPDX-License-Identifier: MIT OR Apache-2.0
//! build-std puts this into addr2line, with which std finds names and lines for backtraces. There, each vector that is
//! sorted brings a copy of driftsort along, 3.5 KB each, in every program. This is a stable merge sort too, of which all
//! share all but the comparison. A trait's method for a vector goes before that of the slice it derefs to, so the code
//! that sorts stays as it is; it only has to see the trait.
use alloc::vec::Vec;
use core::cmp::Ordering;

/// Sorting as of slices, small instead of fast.
pub trait SmallSort<T> {
    /// As `slice::sort_by`.
    fn sort_by(&mut self, compare: impl FnMut(&T, &T) -> Ordering);

    /// As `slice::sort_by_key`.
    fn sort_by_key<K: Ord>(&mut self, mut key: impl FnMut(&T) -> K) {
        self.sort_by(|a, b| key(a).cmp(&key(b)));
    }

    /// As `slice::sort_unstable_by_key`.
    fn sort_unstable_by_key<K: Ord>(&mut self, key: impl FnMut(&T) -> K) {
        self.sort_by_key(key);
    }
}

impl<T> SmallSort<T> for Vec<T> {
    fn sort_by(&mut self, mut compare: impl FnMut(&T, &T) -> Ordering) {
        let mut order = sorted(self.len(), &mut |a, b| compare(&self[a], &self[b]) == Ordering::Less);
        for i in 0..order.len() {
            // What belongs here was swapped to another place if its own was filled meanwhile.
            let mut from = order[i];
            while from < i {
                from = order[from];
            }
            order[i] = from;
            self.swap(i, from);
        }
    }
}

/// The numbers below n in the order that `less` gives them.
#[inline(never)]
fn sorted(n: usize, less: &mut dyn FnMut(usize, usize) -> bool) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    let mut merged = order.clone();
    let mut run = 1;
    while run < n {
        for start in (0..n).step_by(2 * run) {
            let middle = n.min(start + run);
            let end = n.min(start + 2 * run);
            let (mut left, mut right) = (start, middle);
            for slot in &mut merged[start..end] {
                let next = if left == middle || right < end && less(order[right], order[left]) {
                    &mut right
                } else {
                    &mut left
                };
                *slot = order[*next];
                *next += 1;
            }
        }
        core::mem::swap(&mut order, &mut merged);
        run *= 2;
    }
    order
}
