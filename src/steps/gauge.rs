//! How far something is that is measured in bytes.

use std::cell::Cell;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::host::archive::Watch;
use crate::host::interrupt::Interrupt;
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

/// Does something that reads a snapshot, and tells how much of its file was read.
pub fn while_read<T>(
    observer: &dyn Observer,
    interrupt: &Interrupt,
    what: &str,
    file: &Path,
    work: impl FnOnce(Watch<'_>) -> T,
) -> T {
    // One that is not there is refused by who reads it.
    let size = AtomicU64::new(file.metadata().map_or(0, |meta| meta.len()));
    let gauge = Gauge::new(observer, what, &size);
    let progress = |bytes| gauge.add(bytes);
    work(Watch::new(interrupt, &progress))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Noted(Mutex<Vec<(String, u64, u64)>>);

    impl Observer for Noted {
        fn step(&self, _: usize, _: usize, _: &str) {}
        fn progress(&self, _: &str) {}
        fn bytes(&self, what: &str, done: u64, of: u64) {
            self.0.lock().unwrap().push((what.to_owned(), done, of));
        }
        fn bytes_are_over(&self, what: &str) {
            self.0.lock().unwrap().push((what.to_owned(), 0, 0));
        }
        fn note(&self, _: &str) {}
        fn warn(&self, _: &str) {}
    }

    #[test]
    fn what_is_read_has_the_size_of_its_file_as_the_end() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(1000).unwrap();
        let noted = Noted::default();
        let what = "reading a";
        let interrupt = Interrupt::default();
        while_read(&noted, &interrupt, what, file.path(), |watch| {
            watch.went_on(400, what).unwrap();
            watch.went_on(600, what).unwrap();
        });
        let right = [(0, 1000), (400, 1000), (1000, 1000), (0, 0)];
        let right = right.map(|(done, of)| (what.to_owned(), done, of));
        assert_eq!(*noted.0.lock().unwrap(), right);
    }
}
