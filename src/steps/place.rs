//! Directories, files and links.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::host::crash;
use crate::host::files;
use crate::journal::Observer;
use crate::model::layout::OWN;
use crate::model::secret::Secret;

/// One thing on disk, and what was there before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "entry")]
pub enum Entry {
    /// A directory that is not there yet.
    Directory {
        /// Its path.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// Its owner and group, where not the one who runs the tool.
        owner: Option<(u32, u32)>,
        /// Whether the undo removes it with all that containers wrote to it since; else it only
        /// goes if it is empty.
        with_content: bool,
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
    /// The rights of something that is there.
    Rights {
        /// Its path.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// Its owner and group, where they change.
        owner: Option<(u32, u32)>,
        /// Mode, owner and group before.
        before: (u32, (u32, u32)),
    },
}

impl Entry {
    fn path(&self) -> &Path {
        match self {
            Entry::Directory { path, .. }
            | Entry::File { path, .. }
            | Entry::Link { path, .. }
            | Entry::Rights { path, .. } => path,
        }
    }
}

/// Puts everything in its place.
pub fn place(entries: &[Entry]) -> Result<()> {
    for entry in entries {
        match entry {
            Entry::Directory {
                path, mode, owner, ..
            } => files::put_directory(path, *mode, *owner)?,
            Entry::File {
                path,
                mode,
                content,
                ..
            } => files::put_file(path, content.reveal(), *mode)?,
            Entry::Link { path, target, .. } => files::put_link(path, target)?,
            Entry::Rights {
                path, mode, owner, ..
            } => files::set_rights(path, *mode, *owner)?,
        }
        crash::point("between two things on disk");
    }
    // Each directory once, not once for each thing in it.
    let parents: BTreeSet<&Path> = entries.iter().filter_map(|e| e.path().parent()).collect();
    parents.into_iter().try_for_each(files::sync_directory)
}

/// Whether it is one of the tool's own that other steps and other operations have something in too.
fn is_shared(directory: &Path) -> bool {
    let above = directory.parent().and_then(Path::file_name);
    above.is_some_and(|name| name == OWN)
}

/// Takes everything back, the last first. What somebody else changed or put there since stays,
/// and is said, unless it goes with the directory that it is in.
pub fn unplace(entries: &[Entry], observer: &dyn Observer) -> Result<()> {
    let goes = |path: &Path| {
        entries.iter().any(|entry| match entry {
            Entry::Directory {
                path: whole,
                with_content: true,
                ..
            } => path.starts_with(whole),
            _ => false,
        })
    };
    for entry in entries.iter().rev() {
        let untouched = match entry {
            Entry::Directory {
                path,
                with_content: true,
                ..
            } => files::remove_tree(path).map(|()| true)?,
            Entry::Directory { path, .. } => files::remove_if_empty(path)? || is_shared(path),
            Entry::File {
                path,
                mode,
                before,
                content,
            } => unwrite(path, *mode, before.as_ref(), content)?,
            Entry::Link {
                path,
                before: Some(target),
                ..
            } => files::link(path, target).map(|()| true)?,
            Entry::Link { path, .. } => files::remove_file(path).map(|()| true)?,
            Entry::Rights {
                path, mode, before, ..
            } => give_rights_back(path, *mode, *before)?,
        };
        if !untouched && !goes(entry.path()) {
            observer.warn(&format!(
                "{} was changed by somebody else meanwhile, and is left as it is",
                entry.path().display()
            ));
        }
        crash::point("between two undos on disk");
    }
    Ok(())
}

/// Gives a file its text of before, unless it has become another one since.
fn unwrite(path: &Path, mode: u32, before: Option<&Secret>, content: &Secret) -> Result<bool> {
    let there = files::read_if_there(path)?;
    let ours = match &there {
        None => true,
        Some(text) => text == content.reveal() || before.is_some_and(|b| text == b.reveal()),
    };
    match before {
        _ if !ours => return Ok(false),
        // It was never written, perhaps because the disk is full: nor could it be now.
        Some(text) if there.as_deref() == Some(text.reveal()) => files::remove_beside(path)?,
        Some(text) => files::write(path, text.reveal(), mode)?,
        None => files::remove_file(path)?,
    }
    Ok(true)
}

/// Gives something its rights of before, unless it has other ones since.
fn give_rights_back(path: &Path, mode: u32, before: (u32, (u32, u32))) -> Result<bool> {
    match files::rights(path)? {
        // Never changed, perhaps because the file system cannot be written.
        Some(there) if there == before => Ok(true),
        Some((found, _)) if found == mode || found == before.0 => {
            files::set_rights(path, before.0, Some(before.1)).map(|()| true)
        }
        _ => Ok(false),
    }
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
            Entry::Rights {
                path, mode, owner, ..
            } => files::rights(path)?
                .is_some_and(|(found, of)| found == *mode && owner.is_none_or(|owner| owner == of)),
        };
        if !there {
            return Ok(false);
        }
    }
    Ok(true)
}
