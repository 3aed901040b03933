//! Whether a snapshot is whole, whosever it is.

use std::path::Path;

use crate::error::Result;
use crate::host::archive::{Checked, Limits, Rules, Strays, Watch, check};

/// Names at the top of a snapshot that are an instance's own; others are read all the same.
const ROOTS: [&str; 6] = [
    "data",
    ".env",
    "kor.yml",
    "kor.app.yml",
    "secret_key_base",
    "help.yml",
];

/// Reads all of a snapshot and compares every checksum.
///
/// # Errors
/// Exit 8 where it is damaged or none, 1 at an interruption.
pub fn verify(path: &Path, watch: Watch<'_>) -> Result<Checked> {
    let rules = Rules {
        roots: &ROOTS,
        strays: Strays::LeaveOut,
        limits: Limits::default(),
    };
    check(path, rules, watch)
}
