//! What happens meanwhile, on standard error: a moving line on a terminal, a plain line elsewhere.

use std::io::Write;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::journal::Observer;

/// Tells the operator about steps, notes and warnings.
pub struct Progress {
    quiet: bool,
    moving: bool,
    bar: Mutex<Option<ProgressBar>>,
    told: Mutex<Option<Instant>>,
}

/// How often progress is told where nothing moves.
const PAUSE: Duration = Duration::from_secs(10);

const OF_STEPS: &str = "{spinner} [{pos}/{len}] {msg} {elapsed}";
const OF_ONE_THING: &str = "{spinner} {wide_msg}";

impl Progress {
    /// Quiet tells nothing; moving is for a terminal.
    pub fn new(quiet: bool, moving: bool) -> Self {
        Progress {
            quiet,
            moving,
            bar: Mutex::new(None),
            told: Mutex::new(None),
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

    /// The moving line with this text, made where there is none yet.
    fn show(&self, template: &str, text: &str, set: impl FnOnce(&ProgressBar)) {
        let Ok(mut slot) = self.bar.lock() else {
            return;
        };
        let bar = slot.get_or_insert_with(|| {
            let bar = ProgressBar::new_spinner();
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        set(bar);
        bar.set_message(text.to_owned());
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
        self.show(OF_STEPS, what, |bar| {
            bar.set_length(of as u64);
            bar.set_position(number as u64);
        });
    }

    fn progress(&self, text: &str) {
        if self.quiet {
            return;
        }
        if self.moving {
            return self.show(OF_ONE_THING, text, |_| {});
        }
        let Ok(mut told) = self.told.lock() else {
            return;
        };
        if told.is_none_or(|at| at.elapsed() >= PAUSE) {
            *told = Some(Instant::now());
            self.line(text);
        }
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
