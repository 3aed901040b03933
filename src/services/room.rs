//! The room on the database's disk. A server that cannot write its binary log answers to nobody who
//! writes, whichever instance that is, until there is room; and one that has to take something back
//! and has no room for that dies of it. So a load has to end before the disk is full, and to have some
//! room for its end where somebody else fills it up.

use std::fs::File;
use std::path::Path;

use rustix::fs::{FallocateFlags, fallocate};

use crate::error::{Error, Result};
use crate::host::{files, space};
use crate::model::memory::human;

/// Less than this is short, in bytes: the server takes 64 MiB at once where its own tablespace grows.
const SHORT: u64 = 64 << 20;

/// So much is held for the end of a load.
const HELD: u64 = 96 << 20;

/// Only a disk with less than this can be full between two looks.
const NEAR: u64 = 1 << 30;

/// What a server takes at least to take back what it was doing.
const TAKES_BACK: u64 = 16 << 20;

/// So much is left to others by whoever writes much.
pub const LEFT_TO_OTHERS: u64 = SHORT + HELD;

/// Fails where there is less than others need.
///
/// # Errors
/// Exit 1 with the directory of the database's data and the figures.
pub fn check(data: &Path) -> Result<()> {
    let (_, free) = space::free(data)?;
    match free < LEFT_TO_OTHERS {
        true => Err(too_little(data, free)),
        false => Ok(()),
    }
}

/// The error of a database that has no room.
pub fn none(data: &Path) -> Error {
    Error::no_room(format!("the database has no room in {}", data.display()))
}

fn too_little(data: &Path, free: u64) -> Error {
    none(data).why(format!(
        "{} are free, and {} are to be left for what others write",
        human(free),
        human(LEFT_TO_OTHERS)
    ))
}

/// Keeps an eye on the room while something is loaded.
#[derive(Debug)]
pub struct Guard<'a> {
    data: &'a Path,
    /// The name that its file has for a moment.
    name: String,
    /// A file without a name, for its room; a file system that cannot do that has none to give.
    held: Option<File>,
    short: Option<Error>,
}

impl<'a> Guard<'a> {
    /// One for the load into this schema.
    pub fn of(data: &'a Path, schema: &str) -> Self {
        Guard {
            data,
            name: format!(".kor-cluster.{schema}"),
            held: None,
            short: check(data).err(),
        }
    }

    /// Looks whether the load has to end because room is short, and can: what was held for that is let
    /// go first.
    ///
    /// # Errors
    /// Exit 1 where it cannot be seen.
    pub fn ends_it(&mut self) -> Result<bool> {
        let (_, free) = space::free(self.data)?;
        if self.short.is_none() {
            if self.held.is_none() && free < NEAR {
                self.held = self.hold();
            }
            let reserve = if self.held.is_some() { 0 } else { HELD };
            if free < SHORT + reserve {
                self.short = Some(too_little(self.data, free));
            }
        }
        if self.short.is_none() {
            return Ok(false);
        }
        self.held = None;
        let (_, free) = space::free(self.data)?;
        Ok(free > TAKES_BACK)
    }

    fn hold(&self) -> Option<File> {
        let file = files::nameless(&self.data.join(&self.name)).ok()?;
        fallocate(&file, FallocateFlags::empty(), 0, HELD).ok()?;
        Some(file)
    }

    /// How it ended.
    ///
    /// # Errors
    /// Exit 1 where room was short.
    pub fn end(self) -> Result<()> {
        self.short.map_or(Ok(()), Err)
    }
}
