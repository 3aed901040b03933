//! Who looks on while a snapshot is packed or unpacked.

use std::fmt;

use crate::error::Result;
use crate::host::interrupt::Interrupt;

/// Says how far it is, and asks whether to go on.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    interrupt: &'a Interrupt,
    progress: &'a dyn Fn(u64),
}

impl<'a> Watch<'a> {
    /// `progress` is told the bytes of each piece that is done: those that were packed, or where a
    /// snapshot is read, those of its file.
    pub fn new(interrupt: &'a Interrupt, progress: &'a dyn Fn(u64)) -> Self {
        Watch {
            interrupt,
            progress,
        }
    }

    /// These bytes more are done.
    ///
    /// # Errors
    /// Exit 1, marked as interrupted, where a signal came.
    pub(crate) fn went_on(&self, bytes: u64, doing: &str) -> Result<()> {
        (self.progress)(bytes);
        self.interrupt.check(doing)
    }
}

impl fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}
