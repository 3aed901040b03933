//! Checks and unpacks snapshots: our own, the shell script's, and those of ConedaKOR's container.
//! What a file is, is told by its content.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;

use crate::error::{Error, Result};
use crate::host::archive::budget::{Budget, Limits};
use crate::host::archive::disk::Disk;
use crate::host::archive::pass::{Fault, Pass};
use crate::host::archive::source::Source;
use crate::host::archive::walk::LeftOut;
use crate::host::archive::watch::Watch;
use crate::host::archive::{path, show};
use crate::host::files;
use crate::model::snapshot::{Content, Manifest, Packing};

/// What a snapshot may have in it.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The names at the top that an instance has: `data`, `.env`, `kor.yml`, …
    pub roots: &'a [&'a str],
    /// What happens to others.
    pub strays: Strays,
    /// How large it may be.
    pub limits: Limits,
}

/// What happens to names at the top that no instance has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strays {
    /// The snapshot is refused.
    Refuse,
    /// They are not unpacked, and named in [`Checked`]: the shell script packs all that lies in
    /// an instance's directory.
    LeaveOut,
}

/// Who makes such snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// This program.
    Own,
    /// The shell script, or this program in its form.
    Script,
    /// ConedaKOR's own container (`bin/docker snapshot`).
    Container,
}

/// Where what streams out of a snapshot goes.
pub struct Sinks<'a> {
    /// The dump, unpacked, as SQL.
    pub dump: &'a mut dyn Write,
    /// The documents of the search index, one JSON object a line.
    pub index: &'a mut dyn Write,
}

impl fmt::Debug for Sinks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sinks").finish_non_exhaustive()
    }
}

/// A snapshot that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Who made it.
    pub origin: Origin,
    /// What it says of itself; only our own does.
    pub manifest: Option<Manifest>,
    /// What was met in it.
    pub content: Content,
    /// Lines in the documents of the index.
    pub index_lines: u64,
    /// The first hundred of what is not unpacked.
    pub left_out: Vec<LeftOut>,
}

/// Reads all of a snapshot, writes nothing, and says what is in it.
///
/// # Errors
/// Exit 8 where it is damaged or no snapshot, 6 where a newer program made it, 4 or 6 where it
/// cannot be read, 1 where a signal came.
pub fn check(path: &Path, rules: Rules<'_>, watch: Watch<'_>) -> Result<Checked> {
    let sinks = Sinks {
        dump: &mut io::sink(),
        index: &mut io::sink(),
    };
    read(path, None, rules, sinks, watch)
}

/// Unpacks a snapshot's files into a directory that is empty or not there yet, and passes on what
/// streams; all of it is checked on the way. Whether it is whole is known at the end only: where
/// it fails, what was unpacked is for the caller to remove.
///
/// # Errors
/// As [`check`]; 6 where the directory is not empty, 1 where nothing can be written.
pub fn unpack(
    path: &Path,
    into: &Path,
    rules: Rules<'_>,
    sinks: Sinks<'_>,
    watch: Watch<'_>,
) -> Result<Checked> {
    if !files::is_missing_or_empty(into)? {
        return Err(Error::refused(format!("{} is not empty", into.display())));
    }
    files::make_directory(into, 0o700, None)?;
    read(path, Some(into), rules, sinks, watch)
}

fn read<'p>(
    path: &Path,
    into: Option<&Path>,
    rules: Rules<'p>,
    sinks: Sinks<'_>,
    watch: Watch<'p>,
) -> Result<Checked> {
    let announced = show::manifest(path)?;
    let (file, packing) = show::open(path)?;
    let packed = Rc::new(Cell::new(0));
    let budget = Budget::new(rules.limits, announced.is_some(), Rc::clone(&packed));
    let source = match packing {
        Packing::Zstd => Source::zstd(file, packed).map_err(|e| Error::io("read", path, &e))?,
        Packing::Gzip => Source::gzip(file, packed),
    };
    let disk = match into {
        Some(into) => Some(Disk::new(into).map_err(|e| Error::io("write", into, &e))?),
        None => None,
    };
    let mut pass = Pass::new(rules, sinks, watch, budget, announced, disk);
    let done = pass.run(source);
    done.map_err(|fault| match fault {
        Fault::Here(error) => error,
        Fault::Disk(error) => {
            let on_disk = into.unwrap_or(path).join(pass.at_on_disk());
            Error::io("write", &on_disk, &error)
        }
        // What the system says is no damage of the snapshot.
        Fault::Archive(error) if error.raw_os_error().is_some() => Error::io("read", path, &error),
        Fault::Archive(error) => damaged(path, pass.at.as_deref(), &error),
    })
}

fn damaged(file: &Path, at: Option<&[u8]>, error: &io::Error) -> Error {
    let error = match error.kind() {
        io::ErrorKind::UnexpectedEof => "it is cut off".to_owned(),
        _ => error.to_string(),
    };
    let why = match at {
        Some(at) => format!("at {}: {error}", path::shown(at)),
        None => error,
    };
    Error::damaged(format!("{} is damaged, or no snapshot", file.display()))
        .why(why)
        .next("take another snapshot")
}
