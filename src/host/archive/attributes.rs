//! What a file has beside its content: mode, owner, time, extended attributes.

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr};
use rustix::io::Errno;

/// All of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Permission bits, with set-user-id, set-group-id and sticky.
    pub mode: u32,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// Last change: whole seconds since 1970, rounded down.
    pub seconds: i64,
    /// And nanoseconds.
    pub nanoseconds: u32,
    /// Extended attributes `user.…`: name and value.
    pub extended: Vec<(Vec<u8>, Vec<u8>)>,
}

/// The only kind that is taken: the others are the system's own.
const USER: &[u8] = b"user.";

/// All extended attributes of one file together may not be longer, in bytes: they are held in
/// memory.
pub const EXTENDED: usize = 512 << 10;

impl Attributes {
    /// Of something on disk, without the extended ones.
    pub fn of(meta: &Metadata) -> Self {
        Attributes {
            mode: meta.mode() & 0o7777,
            uid: meta.uid(),
            gid: meta.gid(),
            seconds: meta.mtime(),
            nanoseconds: u32::try_from(meta.mtime_nsec()).unwrap_or(0),
            extended: Vec::new(),
        }
    }

    /// Of a file that the tool makes up: its owner's alone.
    pub fn own(seconds: i64) -> Self {
        Attributes {
            mode: 0o600,
            seconds,
            ..Attributes::default()
        }
    }

    /// Adds the extended ones of an open file; a file system that knows none has none.
    ///
    /// # Errors
    /// The system's.
    pub fn read_extended(&mut self, file: impl AsFd) -> io::Result<()> {
        let mut total = 0;
        for name in names(&file)? {
            let mut value = vec![0; 64 << 10];
            let length = match fgetxattr(&file, &*name, &mut value[..]) {
                Ok(length) => length,
                // Taken away in between.
                Err(Errno::NODATA) => continue,
                Err(error) => return Err(error.into()),
            };
            value.truncate(length);
            total += name.len() + length + 64;
            if total > EXTENDED {
                return Err(io::Error::other("its extended attributes are too many"));
            }
            self.extended.push((name, value));
        }
        Ok(())
    }

    /// Gives the extended ones to an open file; a file system that knows none gets none.
    ///
    /// # Errors
    /// The system's.
    pub fn write_extended(&self, file: &File) -> io::Result<()> {
        for (name, value) in &self.extended {
            match fsetxattr(file, name.as_slice(), value, XattrFlags::empty()) {
                Ok(()) => {}
                Err(Errno::NOTSUP) => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Whether an extended attribute of this name is carried.
    pub fn is_carried(name: &[u8]) -> bool {
        name.len() > USER.len() && name.len() <= 255 && name.starts_with(USER) && !name.contains(&0)
    }
}

/// The names of those that are carried, sorted.
fn names(file: &impl AsFd) -> io::Result<Vec<Vec<u8>>> {
    let mut list = vec![0_u8; 256];
    let length = loop {
        match flistxattr(file, &mut list[..]) {
            Ok(length) => break length,
            Err(Errno::NOTSUP | Errno::NOSYS) => return Ok(Vec::new()),
            // The kernel's own limit is 64 KiB.
            Err(Errno::RANGE) if list.len() < 128 << 10 => list.resize(list.len() * 4, 0),
            Err(error) => return Err(error.into()),
        }
    };
    let mut names: Vec<Vec<u8>> = list[..length]
        .split(|b| *b == 0)
        .filter(|name| Attributes::is_carried(name))
        .map(<[u8]>::to_vec)
        .collect();
    names.sort();
    Ok(names)
}
