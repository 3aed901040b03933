//! Copies of a directory that take next to no time and space: by reflinks where the file system
//! has them, else by hard links for what is written once and copies for the rest.

mod copy;
mod mark;
mod tree;

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::ioctl_ficlone;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::host::clone::mark::Moment;
use crate::host::clone::tree::{Known, Visit};
use crate::host::interrupt::Interrupt;
use crate::model::snapshot::CloneKind;

/// What of a directory is cloned, and how. All paths are below it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// Paths whose files are written once.
    pub write_once: Vec<PathBuf>,
    /// Paths that are left out.
    pub left_out: Vec<PathBuf>,
    /// A directory that is cloned also where it is a link to one.
    pub followed: PathBuf,
}

/// A clone that can be brought up to date again and again, each time faster than before.
pub struct Clone<'a> {
    from: &'a Path,
    to: &'a Path,
    rules: &'a Rules,
    method: CloneKind,
    known: Known,
}

impl<'a> Clone<'a> {
    /// A clone of `from` in `to`, in the same file system where it is to be fast. What is in `to` already
    /// is taken for a clone of earlier.
    ///
    /// # Errors
    /// Exit 1 or 6 with the path.
    pub fn begin(from: &'a Path, to: &'a Path, rules: &'a Rules) -> Result<Self> {
        fs::create_dir_all(to).map_err(|e| Error::io("make the directory", to, &e))?;
        let mut clone = Clone {
            from,
            to,
            rules,
            method: CloneKind::Copy,
            known: Known::default(),
        };
        clone.method = clone.find_method()?;
        Ok(clone)
    }

    /// How it is made.
    pub fn method(&self) -> CloneKind {
        self.method
    }

    /// Tried with a file of its own: a file system that has no reflinks says so.
    fn find_method(&self) -> Result<CloneKind> {
        let (one, two) = (self.to.join(".try"), self.to.join(".try.new"));
        let io = |e: std::io::Error| Error::io("write", &one, &e);
        fs::write(&one, b"x").map_err(io)?;
        let reflinked = File::open(&one)
            .and_then(|source| Ok(ioctl_ficlone(File::create(&two)?, source)?))
            .is_ok();
        let same_device = fs::metadata(self.from.join(&self.rules.followed))
            .and_then(|from| Ok(from.dev() == fs::metadata(self.to)?.dev()))
            .unwrap_or(false);
        for path in [&one, &two] {
            let _ = fs::remove_file(path);
        }
        Ok(match (same_device, reflinked) {
            (true, true) => CloneKind::Reflink,
            (true, false) => CloneKind::HardLinks,
            (false, _) => CloneKind::Copy,
        })
    }

    /// Takes over what was changed since the last time: all of it at first. One that was stopped is
    /// gone on with by the next.
    ///
    /// # Errors
    /// Exit 1 or 6 with the path; exit 1 at an interruption.
    pub fn update(&mut self, interrupt: &Interrupt) -> Result<()> {
        let visit = Visit {
            from: self.from,
            to: self.to,
            rules: self.rules,
            method: self.method,
            now: Moment::now(),
            interrupt,
        };
        visit.all(&mut self.known)
    }
}

#[cfg(test)]
mod tests;
