//! What happens meanwhile, on standard error: a moving line on a terminal, a plain line elsewhere.

use std::io::Write;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::journal::Observer;

/// Tells the operator about steps, notes and warnings.
pub struct Progress {
    quiet: bool,
    moving: bool,
    bar: Mutex<Option<ProgressBar>>,
}

impl Progress {
    /// Quiet tells nothing; moving is for a terminal.
    pub fn new(quiet: bool, moving: bool) -> Self {
        Progress {
            quiet,
            moving,
            bar: Mutex::new(None),
        }
    }

    /// Takes the moving line away.
    pub fn finish(&self) {
        if let Ok(mut bar) = self.bar.lock()
            && let Some(bar) = bar.take()
        {
            bar.finish_and_clear();
        }
    }

    fn line(&self, text: &str) {
        let print = || {
            let _ = writeln!(anstream::stderr(), "{text}");
        };
        match self.bar.lock().ok().and_then(|bar| bar.clone()) {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
}

impl Observer for Progress {
    fn step(&self, number: usize, of: usize, what: &str) {
        if self.quiet {
            return;
        }
        if !self.moving {
            self.line(&format!("[{number}/{of}] {what}"));
            return;
        }
        let Ok(mut slot) = self.bar.lock() else {
            return;
        };
        let bar = slot.get_or_insert_with(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) =
                ProgressStyle::with_template("{spinner} [{pos}/{len}] {msg} {elapsed}")
            {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        bar.set_length(of as u64);
        bar.set_position(number as u64);
        bar.set_message(what.to_owned());
    }

    fn note(&self, text: &str) {
        if !self.quiet {
            self.line(text);
        }
    }

    fn warn(&self, text: &str) {
        if !self.quiet {
            self.line(&format!("\x1b[33;1mwarning\x1b[0m: {text}"));
        }
    }
}
