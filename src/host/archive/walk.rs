//! Everything below a directory, in a fixed order, without following a link.
//!
//! The application may write to the directory meanwhile, and the tool is root: each step goes
//! through the open directory above it, so that nothing put in the way leads elsewhere.

use std::ffi::CString;
use std::fmt;
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use rustix::fs::{CWD, Dir, Mode, OFlags, openat, readlinkat};

use crate::error::{Error, Result};
use crate::host::archive::{DEEPEST, path};

/// What of a directory is packed.
#[derive(Clone, Copy)]
pub struct Tree<'a> {
    /// Whether this path (as in the snapshot, without `./`) goes in; a directory that does not is
    /// left out with all below it.
    pub keep: &'a dyn Fn(&Path) -> bool,
    /// How many names each file has elsewhere: 1 in a clone made of hard links. Only files with
    /// more are looked for under a second name, which costs memory.
    pub names_elsewhere: u64,
}

impl Default for Tree<'_> {
    fn default() -> Self {
        Tree {
            keep: &|_| true,
            names_elsewhere: 0,
        }
    }
}

impl fmt::Debug for Tree<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tree")
            .field("names_elsewhere", &self.names_elsewhere)
            .finish_non_exhaustive()
    }
}

/// Something that is not in the snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Where it stands, fit to be printed.
    pub path: String,
    /// Why it is not in it.
    pub why: &'static str,
}

/// What the walk came to.
#[derive(Debug)]
pub enum Found {
    /// A directory, open for its attributes.
    Directory(File, Metadata),
    /// A regular file, open to be read.
    File(File, Metadata),
    /// A symbolic link and its target.
    Link(Vec<u8>, Metadata),
    /// What cannot be packed, and why.
    Other(&'static str),
}

/// Takes each path (in its plain form) with what stands there.
pub type Visit<'v> = dyn FnMut(&[u8], Found) -> Result<()> + 'v;

/// Walks over what is at `root`, which is called `prefix` in the snapshot (empty: its content
/// stands at the top). The root itself may be reached through links, nothing below it.
///
/// # Errors
/// Exit 1, 4 or 6 with the path; what `visit` says.
pub fn walk(root: &Path, prefix: &[u8], tree: &Tree<'_>, visit: &mut Visit<'_>) -> Result<()> {
    let failed = |e: io::Error| Error::io("read", root, &e);
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = openat(CWD, root, flags, Mode::empty()).map_err(|e| failed(e.into()))?;
    let file = File::from(opened);
    let meta = file.metadata().map_err(failed)?;
    if !meta.is_dir() {
        return visit(prefix, of_file(file, meta));
    }
    let inside = file.try_clone().map_err(failed)?;
    if !prefix.is_empty() {
        visit(prefix, Found::Directory(file, meta))?;
    }
    Walk { root, prefix, tree }.directory(inside, prefix, visit)
}

fn of_file(file: File, meta: Metadata) -> Found {
    match left_out(&meta) {
        Some(why) => Found::Other(why),
        None => Found::File(file, meta),
    }
}

/// Why a file of this type cannot be packed.
fn left_out(meta: &Metadata) -> Option<&'static str> {
    let kind = meta.file_type();
    if kind.is_socket() {
        Some("it is a socket")
    } else if kind.is_fifo() {
        Some("it is a pipe")
    } else if kind.is_block_device() || kind.is_char_device() {
        Some("it is a device")
    } else {
        None
    }
}

struct Walk<'w> {
    root: &'w Path,
    prefix: &'w [u8],
    tree: &'w Tree<'w>,
}

impl Walk<'_> {
    fn directory(&self, directory: File, path: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        // A name has 255 bytes at most.
        let longest = path::LONGEST - 256;
        if path.iter().filter(|b| **b == b'/').count() >= DEEPEST - 1 || path.len() > longest {
            let what = format!("cannot pack {}", path::shown(path));
            return Err(Error::failed(what).why("its directories are nested too deep"));
        }
        let names = names(&directory).map_err(|e| self.failed(path, &e))?;
        for name in names {
            let path = match path {
                b"" => name.as_bytes().to_vec(),
                _ => [path, b"/", name.as_bytes()].concat(),
            };
            let relative = Path::new(std::ffi::OsStr::from_bytes(&path));
            if !(self.tree.keep)(relative) {
                continue;
            }
            let found = look(&directory, &name).map_err(|e| self.failed(&path, &e))?;
            match found {
                Found::Directory(file, meta) => {
                    let inside = file.try_clone().map_err(|e| self.failed(&path, &e))?;
                    visit(&path, Found::Directory(file, meta))?;
                    self.directory(inside, &path, visit)?;
                }
                other => visit(&path, other)?,
            }
        }
        Ok(())
    }

    /// The error names the file on the disk, not in the snapshot.
    fn failed(&self, path: &[u8], error: &io::Error) -> Error {
        let below = path.strip_prefix(self.prefix).unwrap_or(path);
        let below = below.strip_prefix(b"/").unwrap_or(below);
        let on_disk = self.root.join(path::shown(below).trim_start_matches("./"));
        Error::io("read", &on_disk, error)
    }
}

/// The names in a directory, sorted by their bytes.
fn names(directory: &File) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if !matches!(name.to_bytes(), b"." | b"..") {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// What stands under this name, opened. Its type is looked at first: to open a device has effects.
fn look(directory: &File, name: &CString) -> io::Result<Found> {
    let open = |flags: OFlags| -> io::Result<OwnedFd> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(openat(directory, name.as_c_str(), flags, Mode::empty())?)
    };
    let place = File::from(open(OFlags::PATH)?);
    let meta = place.metadata()?;
    if meta.is_symlink() {
        let target = readlinkat(&place, "", Vec::new())?;
        return Ok(Found::Link(target.into_bytes(), meta));
    }
    if let Some(why) = left_out(&meta) {
        return Ok(Found::Other(why));
    }
    let file = File::from(open(OFlags::RDONLY | OFlags::NONBLOCK)?);
    let opened = file.metadata()?;
    if (opened.dev(), opened.ino()) != (meta.dev(), meta.ino()) {
        return Err(io::Error::other("it was exchanged while it was read"));
    }
    Ok(if opened.is_dir() {
        Found::Directory(file, opened)
    } else {
        Found::File(file, opened)
    })
}
