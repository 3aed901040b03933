//! What happens meanwhile, on standard error: a moving line on a terminal, a plain line elsewhere.

use std::io::Write;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::amounts::Amounts;
use crate::journal::Observer;

/// Tells the operator about steps, notes and warnings.
pub struct Progress {
    quiet: bool,
    moving: bool,
    bar: Mutex<Option<(Shown, ProgressBar)>>,
    told: Mutex<Option<Instant>>,
    amounts: Mutex<Amounts>,
}

/// What the moving line is about; each kind has one of its own, for a rate is about one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Steps,
    OneThing,
    Bytes,
    BytesOfNobodyKnows,
}

impl Shown {
    fn template(self) -> &'static str {
        match self {
            Shown::Steps => "{spinner} [{pos}/{len}] {msg} {elapsed}",
            Shown::OneThing => "{spinner} {wide_msg}",
            Shown::Bytes => {
                "{spinner} {msg} [{bar:24}] {binary_bytes} of {binary_total_bytes}, \
                 {binary_bytes_per_sec}, {eta} left"
            }
            Shown::BytesOfNobodyKnows => "{spinner} {msg} {binary_bytes}, {binary_bytes_per_sec}",
        }
    }
}

/// How often progress is told where nothing moves.
const PAUSE: Duration = Duration::from_secs(10);

/// How often bytes are told where nothing moves, and where something does.
const BYTES_PAUSE: Duration = Duration::from_secs(5);
const BYTES_MOVE: Duration = Duration::from_millis(100);

impl Progress {
    /// Quiet tells nothing; moving is for a terminal.
    pub fn new(quiet: bool, moving: bool) -> Self {
        Progress {
            quiet,
            moving,
            bar: Mutex::new(None),
            told: Mutex::new(None),
            amounts: Mutex::default(),
        }
    }

    /// Takes the moving line away.
    pub fn finish(&self) {
        if let Ok(mut bar) = self.bar.lock()
            && let Some((_, bar)) = bar.take()
        {
            bar.finish_and_clear();
        }
    }

    /// The moving line with this text, made where there is none of its kind yet.
    fn show(&self, shown: Shown, text: &str, set: impl FnOnce(&ProgressBar)) {
        let Ok(mut slot) = self.bar.lock() else {
            return;
        };
        if let Some((_, other)) = slot.take_if(|(kind, _)| *kind != shown) {
            other.finish_and_clear();
        }
        let (_, bar) = slot.get_or_insert_with(|| {
            let bar = ProgressBar::new_spinner();
            bar.enable_steady_tick(BYTES_MOVE);
            if let Ok(style) = ProgressStyle::with_template(shown.template()) {
                bar.set_style(style);
            }
            (shown, bar)
        });
        set(bar);
        bar.set_message(text.to_owned());
    }

    fn line(&self, text: &str) {
        let print = || {
            let _ = writeln!(anstream::stderr(), "{text}");
        };
        match self.bar.lock().ok().and_then(|bar| bar.clone()) {
            Some((_, bar)) => bar.suspend(print),
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
        self.show(Shown::Steps, what, |bar| {
            bar.set_length(of as u64);
            bar.set_position(number as u64);
        });
    }

    fn progress(&self, text: &str) {
        if self.quiet {
            return;
        }
        if self.moving {
            return self.show(Shown::OneThing, text, |_| {});
        }
        let Ok(mut told) = self.told.lock() else {
            return;
        };
        if told.is_none_or(|at| at.elapsed() >= PAUSE) {
            *told = Some(Instant::now());
            self.line(text);
        }
    }

    fn bytes(&self, what: &str, done: u64, expected: u64) {
        if self.quiet {
            return;
        }
        let pause = if self.moving { BYTES_MOVE } else { BYTES_PAUSE };
        let Ok(mut amounts) = self.amounts.lock() else {
            return;
        };
        let Some(amount) = amounts.set(what, done, expected, pause) else {
            return;
        };
        if !self.moving {
            return self.line(&amount.text());
        }
        let shown = match amount.expected {
            0 => Shown::BytesOfNobodyKnows,
            _ => Shown::Bytes,
        };
        self.show(shown, &amount.what, |bar| {
            bar.set_length(amount.expected);
            bar.set_position(amount.done);
        });
    }

    fn bytes_are_over(&self, what: &str) {
        if let Ok(mut amounts) = self.amounts.lock() {
            amounts.remove(what);
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
