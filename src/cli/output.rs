//! The only printer: results on standard output, everything else on standard error.

use std::io::{IsTerminal, Write};

use serde_json::json;

use crate::cli::progress::Progress;
use crate::commands::report::Report;
use crate::engine::{Channel, OwnedSink};
use crate::error::Error;
use crate::host::interrupt::Interrupt;

/// How this run prints.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
    quiet: bool,
    no_progress: bool,
}

impl Output {
    /// As the flags say.
    pub fn new(json: bool, quiet: bool, no_progress: bool) -> Self {
        Output {
            json,
            quiet,
            no_progress,
        }
    }

    /// Who tells the operator what happens meanwhile.
    pub fn observer(&self) -> Progress {
        let moving = std::io::stderr().is_terminal() && !self.no_progress;
        Progress::new(self.quiet, moving)
    }

    /// Prints a result.
    pub fn report(&self, report: &Report) {
        let mut out = std::io::stdout().lock();
        let written = match (&report.json, self.json) {
            (Some(object), true) => serde_json::to_string_pretty(object)
                .map_err(std::io::Error::from)
                .and_then(|text| writeln!(out, "{text}")),
            _ => report
                .lines
                .iter()
                .try_for_each(|line| writeln!(out, "{line}")),
        };
        // A reader that went away (`| head`) wants nothing more.
        let _ = written.and_then(|()| out.flush());
    }

    /// Prints an error as the object that `--json` promises.
    pub fn error_object(&self, error: &Error) {
        let object = json!({"error": {
            "kind": error.kind.name(),
            "exit_code": error.exit_code(),
            "what": error.what,
            "why": error.why,
            "next": error.next,
            "output": error.tail,
        }});
        let _ = writeln!(std::io::stdout(), "{object:#}");
    }

    /// Prints an error: three lines at most, below them the last lines of what failed.
    pub fn error(&self, error: &Error) {
        if self.json {
            self.error_object(error);
        }
        let mut err = anstream::stderr().lock();
        let (red, plain) = ("\x1b[31;1m", "\x1b[0m");
        let _ = writeln!(err, "{red}error{plain}: {}", one_line(&error.what));
        if let Some(why) = &error.why {
            let _ = writeln!(err, "  why:  {}", one_line(why));
        }
        if let Some(next) = &error.next {
            let _ = writeln!(err, "  next: {}", one_line(next));
        }
        for line in &error.tail {
            let _ = writeln!(err, "    | {line}");
        }
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Passes the output of a command on as it comes. When nobody reads it any more (`| head`), the
/// command is ended.
pub fn stream(interrupt: &Interrupt) -> OwnedSink {
    let interrupt = interrupt.clone();
    Box::new(move |channel, piece| {
        let written = match channel {
            Channel::Out => {
                let mut out = std::io::stdout().lock();
                out.write_all(piece).and_then(|()| out.flush())
            }
            Channel::Err => std::io::stderr().lock().write_all(piece),
        };
        if written.is_err_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe) {
            interrupt.ask();
        }
    })
}
