//! How far something is that is measured in bytes.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::journal::Observer;

/// Adds up the bytes of one thing and tells them on.
pub struct Gauge<'a> {
    observer: &'a dyn Observer,
    what: &'a str,
    done: Cell<u64>,
    expected: &'a AtomicU64,
}

impl<'a> Gauge<'a> {
    /// One at nothing; how many bytes are expected is a guess that may come later, and 0 as long as
    /// there is none.
    pub fn new(observer: &'a dyn Observer, what: &'a str, expected: &'a AtomicU64) -> Self {
        observer.bytes(what, 0, expected.load(Ordering::Relaxed));
        Gauge {
            observer,
            what,
            done: Cell::new(0),
            expected,
        }
    }

    /// These bytes more are done.
    pub fn add(&self, bytes: u64) {
        self.done.set(self.done.get() + bytes);
        let expected = self.expected.load(Ordering::Relaxed);
        self.observer.bytes(self.what, self.done.get(), expected);
    }
}

impl Drop for Gauge<'_> {
    fn drop(&mut self) {
        self.observer.bytes_are_over(self.what);
    }
}
