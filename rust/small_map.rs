// SPDX-License-Identifier: MIT OR Apache-2.0
//! build-std puts this into std beside `thread_info`, which knows each thread by an address. That module uses little of
//! what a BTreeMap has, and that little is 9 KB in every program; here it is some 300 bytes, and threads start faster.

struct Node<V> {
    key: usize,
    value: V,
    next: List<V>,
}

type List<V> = Option<Box<Node<V>>>;

const LISTS_LOG: u32 = 7;

/// A map whose keys are spread over lists. It allocates only when something is inserted.
pub struct SmallMap<V> {
    lists: [List<V>; 1 << LISTS_LOG],
}

impl<V> SmallMap<V> {
    pub const fn new() -> Self {
        SmallMap { lists: [const { None }; 1 << LISTS_LOG] }
    }

    fn list(key: usize) -> usize {
        (key as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) as usize >> (usize::BITS - LISTS_LOG)
    }

    pub fn get(&self, key: &usize) -> Option<&V> {
        let mut list = &self.lists[Self::list(*key)];
        while let Some(node) = list {
            if node.key == *key {
                return Some(&node.value);
            }
            list = &node.next;
        }
        None
    }

    pub fn insert(&mut self, key: usize, value: V) {
        self.remove(&key);
        let list = &mut self.lists[Self::list(key)];
        let next = list.take();
        *list = Some(Box::new(Node { key, value, next }));
    }

    pub fn remove(&mut self, key: &usize) {
        let mut list = &mut self.lists[Self::list(*key)];
        loop {
            match list {
                None => return,
                Some(node) if node.key == *key => {
                    *list = node.next.take();
                    return;
                }
                Some(node) => list = &mut node.next,
            }
        }
    }
}
