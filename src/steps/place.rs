//! Directories, files and links.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::host::crash;
use crate::host::files;
use crate::model::secret::Secret;

/// One thing on disk, and what was there before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "entry")]
pub enum Entry {
    /// A directory that is not there yet; the undo removes it with all that is in it.
    Directory {
        /// Its path.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// Its owner and group, where not the one who runs the tool.
        owner: Option<(u32, u32)>,
    },
    /// A file's text.
    File {
        /// Its path.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// The text before; none if it is new.
        before: Option<Secret>,
        /// The text.
        content: Secret,
    },
    /// A symbolic link.
    Link {
        /// Its path.
        path: PathBuf,
        /// Where it leads.
        target: PathBuf,
        /// Where it led before; none if it is new.
        before: Option<PathBuf>,
    },
}

impl Entry {
    fn path(&self) -> &Path {
        match self {
            Entry::Directory { path, .. } | Entry::File { path, .. } | Entry::Link { path, .. } => {
                path
            }
        }
    }
}

/// Puts everything in its place.
pub fn place(entries: &[Entry]) -> Result<()> {
    for entry in entries {
        match entry {
            Entry::Directory { path, mode, owner } => files::put_directory(path, *mode, *owner)?,
            Entry::File {
                path,
                mode,
                content,
                ..
            } => files::put_file(path, content.reveal(), *mode)?,
            Entry::Link { path, target, .. } => files::put_link(path, target)?,
        }
        crash::point("between two things on disk");
    }
    // Each directory once, not once for each thing in it.
    let parents: BTreeSet<&Path> = entries.iter().filter_map(|e| e.path().parent()).collect();
    parents.into_iter().try_for_each(files::sync_directory)
}

/// Takes everything back, the last first.
pub fn unplace(entries: &[Entry]) -> Result<()> {
    for entry in entries.iter().rev() {
        match entry {
            Entry::Directory { path, .. } => files::remove_tree(path)?,
            Entry::File {
                path, mode, before, ..
            } => match before {
                Some(text) => files::write(path, text.reveal(), *mode)?,
                None => files::remove_file(path)?,
            },
            Entry::Link { path, before, .. } => match before {
                Some(target) => files::link(path, target)?,
                None => files::remove_file(path)?,
            },
        }
        crash::point("between two undos on disk");
    }
    Ok(())
}

/// Whether everything is in its place.
pub fn is_placed(entries: &[Entry]) -> Result<bool> {
    for entry in entries {
        let there = match entry {
            Entry::Directory { path, .. } => path.is_dir(),
            Entry::File { path, content, .. } => {
                files::read_if_there(path)?.as_deref() == Some(content.reveal())
            }
            Entry::Link { path, target, .. } => {
                fs::read_link(path).is_ok_and(|found| found == *target)
            }
        };
        if !there {
            return Ok(false);
        }
    }
    Ok(true)
}
