//! Running and timing programs.

use std::ffi::{OsStr, OsString};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Medians of that many runs; the tool and its floor take turns.
const RUNS: usize = 21;

/// With what went wrong as text.
pub type Result<T> = std::result::Result<T, String>;

/// The medians of both, after one run of each that does not count.
pub fn in_turns(
    mut subject: impl FnMut(usize) -> Result<f64>,
    mut floor: impl FnMut(usize) -> Result<f64>,
) -> Result<(f64, f64)> {
    let mut times = (Vec::new(), Vec::new());
    for run in 0..=RUNS {
        let both = (subject(run)?, floor(run)?);
        if run > 0 {
            times.0.push(both.0);
            times.1.push(both.1);
        }
    }
    Ok((median(times.0), median(times.1)))
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

/// How many milliseconds a program takes, which must succeed.
pub fn time(command: &mut Command) -> Result<f64> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let started = Instant::now();
    let status = command
        .status()
        .map_err(|e| format!("{}: {e}", words(command)))?;
    let took = milliseconds(started);
    if status.success() {
        Ok(took)
    } else {
        Err(format!("{} failed: {status}", words(command)))
    }
}

/// What a program prints, which must succeed.
pub fn output(mut command: Command) -> Result<String> {
    let what = words(&command);
    let output = command.output().map_err(|e| format!("{what}: {e}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(format!("{what} failed: {why}"))
    }
}

fn words(command: &Command) -> String {
    let all: Vec<OsString> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(Into::into)
        .collect();
    all.join(OsStr::new(" ")).to_string_lossy().into_owned()
}

/// Milliseconds since then.
pub fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
