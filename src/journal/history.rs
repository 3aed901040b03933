//! Who did what when, and how it ended: the ends of all operations, kept bounded.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::host::files;
use crate::journal::{Header, Outcome};
use crate::model::name::Name;

/// The most operations that are kept.
const KEPT: usize = 1000;

/// One operation that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// See [`Header::id`].
    pub id: String,
    /// The verb as it was typed.
    pub verb: String,
    /// The instances that it changed.
    pub instances: Vec<Name>,
    /// Who typed it.
    pub who: String,
    /// When, in seconds since 1970.
    pub started: i64,
    /// How long it took, in seconds.
    pub seconds: i64,
    /// How it ended.
    pub outcome: Outcome,
    /// What failed, if something did.
    pub error: Option<String>,
}

impl Entry {
    /// The end of an operation.
    pub fn of(header: &Header, outcome: Outcome, error: Option<String>, now: i64) -> Self {
        Entry {
            id: header.id.clone(),
            verb: header.verb.clone(),
            instances: header.instances.clone(),
            who: header.who.clone(),
            started: header.started,
            seconds: (now - header.started).max(0),
            outcome,
            error,
        }
    }
}

/// All entries, the oldest first. Lines that cannot be read are passed over.
///
/// # Errors
/// Exit 1 or 6 where the file cannot be read.
pub fn read(path: &Path) -> Result<Vec<Entry>> {
    let text = files::read_if_there(path)?.unwrap_or_default();
    Ok(text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect())
}

/// Adds an entry, once, and lets the oldest go.
///
/// # Errors
/// Exit 1 or 6 where the file cannot be written.
pub fn add(path: &Path, entry: Entry) -> Result<()> {
    let mut entries = read(path)?;
    if entries.iter().any(|e| e.id == entry.id) {
        return Ok(());
    }
    entries.push(entry);
    let from = entries.len().saturating_sub(KEPT);
    let text: String = entries[from..]
        .iter()
        .filter_map(|entry| serde_json::to_string(entry).ok())
        .map(|line| line + "\n")
        .collect();
    files::write(path, &text, files::PRIVATE)
}
