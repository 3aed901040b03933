//! Ctrl-C and SIGTERM: the first is a failure that is tidied up, a second one ends at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::error::{Error, Kind, Result};

/// Whether the operator wants this to end.
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    pending: Arc<AtomicBool>,
    /// How many things are being undone: several operations may share it.
    tidying: Arc<AtomicUsize>,
}

/// Whether this process was started with a signal ignored.
fn is_ignored(signal: i32) -> bool {
    let status = procfs::process::Process::myself().and_then(|me| me.status());
    status.is_ok_and(|status| status.sigign & (1 << (signal - 1)) != 0)
}

/// How often waiting code looks.
pub const LOOK: Duration = Duration::from_millis(50);

impl Interrupt {
    /// Listens to the signals from now on.
    ///
    /// # Errors
    /// Exit 1 where the operating system refuses it.
    pub fn listen() -> Result<Self> {
        let interrupt = Interrupt::default();
        let armed = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            // Who started it with a signal ignored (nohup) wants it to go on.
            if is_ignored(signal) {
                continue;
            }
            // In this order: the second signal finds `armed` set by the first.
            let code = i32::from(Kind::HalfDone.exit_code());
            signal_hook::flag::register_conditional_shutdown(signal, code, Arc::clone(&armed))
                .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&armed)))
                .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&interrupt.pending)))
                .map_err(|error| Error::failed("cannot listen to signals").why(error))?;
        }
        Ok(interrupt)
    }

    /// Whether a signal came and nobody acted on it yet. While something is undone there is none.
    pub fn is_pending(&self) -> bool {
        self.pending.load(Ordering::SeqCst) && self.tidying.load(Ordering::SeqCst) == 0
    }

    /// Asks for the end as Ctrl-C does: nobody reads what is printed any more.
    pub fn ask(&self) {
        self.pending.store(true, Ordering::SeqCst);
    }

    /// The signal that came is acted on.
    pub fn acknowledge(&self) {
        self.pending.store(false, Ordering::SeqCst);
    }

    /// Undoes something, which no first signal cuts off, came it before or meanwhile (a second one ends the
    /// process). One that came meanwhile is pending afterwards.
    pub fn tidy<T>(&self, undo: impl FnOnce() -> T) -> T {
        self.tidying.fetch_add(1, Ordering::SeqCst);
        let undone = undo();
        self.tidying.fetch_sub(1, Ordering::SeqCst);
        undone
    }

    /// An error if a signal came.
    ///
    /// # Errors
    /// Exit 1, marked as interrupted.
    pub fn check(&self, doing: &str) -> Result<()> {
        if self.is_pending() {
            Err(Error::interrupted(doing))
        } else {
            Ok(())
        }
    }

    /// Sleeps, and wakes early at a signal.
    pub fn sleep(&self, time: Duration) {
        let end = Instant::now() + time;
        while !self.is_pending() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            std::thread::sleep(left.min(LOOK));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_waits_for_the_end_of_an_undo() {
        let interrupt = Interrupt::default();
        interrupt.tidy(|| {
            interrupt.ask();
            // Another one's end is not this one's.
            interrupt.tidy(|| {});
            assert!(!interrupt.is_pending() && interrupt.check("").is_ok());
        });
        assert!(interrupt.is_pending());
        interrupt.acknowledge();
        assert!(!interrupt.is_pending());
    }
}
