//! Who did what when, and how it ended: the ends of all operations, kept bounded.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
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
    /// See [`Header::words`].
    #[serde(default)]
    pub words: String,
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
            words: header.words.clone(),
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
        .map(completed)
        .collect())
}

/// An older tool wrote down the verb alone.
fn completed(mut entry: Entry) -> Entry {
    if entry.words.is_empty() {
        entry.words.clone_from(&entry.verb);
    }
    entry
}

/// Adds an entry, once, and lets the oldest go. Lines that cannot be read stay: a newer tool may
/// have written them.
///
/// # Errors
/// Exit 1 or 6 where the file cannot be written.
pub fn add(path: &Path, entry: Entry) -> Result<()> {
    let text = files::read_if_there(path)?.unwrap_or_default();
    let mut lines: Vec<&str> = text.lines().collect();
    let is_there = |line: &&str| {
        serde_json::from_str::<Entry>(line).is_ok_and(|earlier| earlier.id == entry.id)
    };
    if lines.iter().any(is_there) {
        return Ok(());
    }
    let added = serde_json::to_string(&entry)
        .map_err(|e| Error::failed("the history cannot be written").why(e))?;
    lines.push(&added);
    let from = lines.len().saturating_sub(KEPT);
    files::write(path, &(lines[from..].join("\n") + "\n"), files::PRIVATE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_newer_tool_stay_and_an_entry_is_added_once() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("history.jsonl");
        files::write(&path, "{\"of\":\"tomorrow\"}\n", files::PRIVATE).unwrap();
        let entry = Entry {
            id: "1".into(),
            verb: "boot".into(),
            words: "boot".into(),
            instances: Vec::new(),
            who: "me".into(),
            started: 0,
            seconds: 0,
            outcome: Outcome::Done,
            error: None,
        };
        add(&path, entry.clone()).unwrap();
        add(&path, entry.clone()).unwrap();
        assert_eq!(read(&path).unwrap(), [entry]);
        let text = files::read(&path).unwrap();
        assert_eq!(text.lines().count(), 2);
        assert!(text.starts_with("{\"of\""));
    }

    #[test]
    fn of_what_an_older_tool_wrote_the_verb_is_known() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("history.jsonl");
        let older = r#"{"id":"1","verb":"upgrade","instances":["a"],"who":"me","started":0,"seconds":1,"outcome":"done","error":null}"#;
        files::write(&path, &format!("{older}\n"), files::PRIVATE).unwrap();
        assert_eq!(read(&path).unwrap()[0].words, "upgrade");
    }
}
