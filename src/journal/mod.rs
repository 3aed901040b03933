//! Runs, resumes and unwinds a list of steps, recorded before and after each. It knows nothing of
//! containers: what a step is and does is passed in.
//!
//! An operation is one file, `journal/ID.jsonl`; it is there as long as the operation is not over.
//! Its end goes into the history and the file away.

pub mod at_work;
pub mod history;
pub mod lock;
mod reached;
mod record;
mod run;

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::host::files;
use crate::journal::at_work::Worker;
use crate::journal::lock::Permit;
use crate::model::name::Name;

pub use reached::{Reached, reached, undone};
pub use record::Journal;
pub use run::{Deeds, Ended, Observer, recover, run};

/// What happens when a step fails before the point of no return.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Everything done so far is undone.
    Undo,
    /// What is there stays for the operator to look at (an unhealthy container).
    Leave,
}

/// What an operation is, known before its first step runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Unique, and in the order of time.
    pub id: String,
    /// The verb as it was typed.
    pub verb: String,
    /// The verb with what tells it from others of its kind, as one could type it. No secrets.
    #[serde(default)]
    pub words: String,
    /// The instances that it changes.
    pub instances: Vec<Name>,
    /// Whether it changes instances' content: until it is over, nothing else may.
    pub content: bool,
    /// Whether what it leaves half done must not be started: `recover` comes first.
    pub holds_start: bool,
    /// The step after which nothing is undone any more; none if all of it can be undone.
    pub point_of_no_return: Option<usize>,
    /// See [`OnFailure`].
    pub on_failure: OnFailure,
    /// Whether it sets things aside that only its own undo puts back, so that no later operation
    /// can take its place.
    #[serde(default)]
    pub sets_aside: bool,
    /// Whether it changes what the whole cluster stands on: who has the cluster for itself finishes
    /// or undoes it first, and everybody else waits.
    #[serde(default)]
    pub holds_cluster: bool,
    /// Who typed it.
    pub who: String,
    /// When, in seconds since 1970.
    pub started: i64,
    /// The version of the tool.
    pub tool: String,
    /// The process that began it.
    #[serde(default)]
    pub process: Option<u32>,
}

#[cfg(test)]
impl Header {
    /// One of a `new` that somebody began long ago.
    fn for_tests() -> Self {
        Header {
            id: "1".into(),
            verb: "new".into(),
            words: "new".into(),
            instances: Vec::new(),
            content: true,
            holds_start: false,
            point_of_no_return: None,
            on_failure: OnFailure::Undo,
            sets_aside: false,
            holds_cluster: false,
            who: "me".into(),
            started: 0,
            tool: "0".into(),
            process: None,
        }
    }
}

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "record")]
pub enum Record<S> {
    /// The operation and all of its steps.
    Begin {
        /// What it is.
        header: Header,
        /// Its steps, in order.
        steps: Vec<S>,
    },
    /// A step is about to be done.
    Doing {
        /// Its place in the list.
        step: usize,
    },
    /// A step was done.
    Did {
        /// Its place in the list.
        step: usize,
    },
    /// A step is about to be undone: from here the operation only goes back.
    Undoing {
        /// Its place in the list.
        step: usize,
    },
    /// A step was undone.
    Undid {
        /// Its place in the list.
        step: usize,
    },
    /// The operation is over.
    End {
        /// How.
        outcome: Outcome,
    },
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All steps were done.
    Done,
    /// A step failed, and everything was undone.
    Undone,
    /// A step failed, and what was there was left.
    Left,
    /// A later operation took its place.
    Superseded,
}

impl Outcome {
    /// The word in the history.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Undone => "undone",
            Outcome::Left => "left",
            Outcome::Superseded => "superseded",
        }
    }
}

/// An operation that is not over: it runs, or it was interrupted.
#[derive(Debug, Clone)]
pub struct Open {
    /// What it is.
    pub header: Header,
    /// Its file.
    pub path: PathBuf,
}

/// The operations that are not over, the oldest first. Whether one of them still runs, its locks
/// tell.
///
/// # Errors
/// Exit 1 where a journal cannot be read.
pub fn open_operations<S: Serialize + DeserializeOwned>(directory: &Path) -> Result<Vec<Open>> {
    let mut open = Vec::new();
    for name in files::names_in(directory)? {
        if !name.ends_with(".jsonl") {
            continue;
        }
        let path = directory.join(&name);
        match record::read::<S>(&path) {
            Ok(records) => {
                if let Some(Record::Begin { header, .. }) = records.first() {
                    open.push(Open {
                        header: header.clone(),
                        path,
                    });
                }
            }
            // The one that wrote it is done with it meanwhile.
            Err(_) if !files::exists(&path) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(open)
}

/// Removes what a crash left of operations that were not written down yet: nothing of them was
/// begun. The permission has to be that of the whole cluster, else one may just be beginning.
///
/// # Errors
/// Exit 1 or 6 where a file cannot be read or removed.
pub fn sweep<S: Serialize + DeserializeOwned>(directory: &Path, _whole: &Permit) -> Result<()> {
    for path in without_beginning::<S>(directory)? {
        files::remove_file(&path)?;
    }
    Ok(())
}

/// The journals that [`sweep`] removes.
///
/// # Errors
/// Exit 1 or 6 where one cannot be read.
pub fn without_beginning<S: Serialize + DeserializeOwned>(
    directory: &Path,
) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for name in files::names_in(directory)? {
        let path = directory.join(&name);
        if name.ends_with(".jsonl") && record::read::<S>(&path).is_ok_and(|r| r.is_empty()) {
            found.push(path);
        }
    }
    Ok(found)
}

/// The error of a verb that must wait until an interrupted one is recovered, or one that is at work is
/// over; `locks` has the locks of its cluster.
pub fn interrupted(open: &Open, locks: &Path, recover: &str) -> Error {
    let header = &open.header;
    if let Some(process) = Worker::on(locks, header).process() {
        return Error::new(
            crate::error::Kind::Busy,
            format!("`{}` is under way", header.words),
        )
        .why(format!(
            "process {process} is at work on it since {}",
            crate::host::clock::iso(header.started)
        ))
        .next("the same again, when it is over");
    }
    let names: Vec<&str> = header.instances.iter().map(Name::as_str).collect();
    Error::new(
        crate::error::Kind::HalfDone,
        format!("an interrupted `{}` is in the way", header.words),
    )
    .why(format!(
        "it was begun by {} at {} and changes {}",
        header.who,
        crate::host::clock::iso(header.started),
        if names.is_empty() {
            "the cluster".to_owned()
        } else {
            names.join(", ")
        }
    ))
    .next(recover)
}
