//! Where a snapshot is unpacked: below one directory, whatever the archive says.
//!
//! Each directory on the way is opened by itself, below the one above it, and has to be one: no
//! link is ever written through. The directories of the current path stay open; when one is left
//! it gets its attributes, so that what is put into it does not change its time.

use std::fs::{File, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, PermissionsExt, fchown};
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, Timespec, Timestamps, chownat, futimens, linkat, mkdirat, openat,
    symlinkat, syncfs, utimensat,
};
use rustix::io::Errno;
use rustix::process::{Gid, Uid};

use crate::host::archive::attributes::Attributes;
use crate::host::archive::path;
use crate::host::identity;

/// The directory that is unpacked into.
#[derive(Debug)]
pub struct Disk {
    root: File,
    /// The directories of the current path, from the top.
    open: Vec<Level>,
    /// The file that is being written.
    file: Option<Writing>,
    /// Who is not root cannot give files away: they stay its own.
    gives_away: bool,
}

#[derive(Debug)]
struct Level {
    name: Vec<u8>,
    directory: File,
    attributes: Option<Attributes>,
}

#[derive(Debug)]
struct Writing {
    file: File,
    attributes: Attributes,
    length: u64,
}

impl Disk {
    /// Unpacks below this directory, which is there.
    ///
    /// # Errors
    /// The system's.
    pub fn new(root: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Disk {
            root: File::from(openat(CWD, root, flags, Mode::empty())?),
            open: Vec::new(),
            file: None,
            gives_away: identity::is_root(),
        })
    }

    /// A directory; one that is there only gets the attributes.
    ///
    /// # Errors
    /// The system's.
    pub fn directory(&mut self, path: &[u8], attributes: Attributes) -> io::Result<()> {
        self.enter(path)?;
        if let Some(level) = self.open.last_mut() {
            level.attributes = Some(attributes);
        }
        Ok(())
    }

    /// Begins a file, whose content follows.
    ///
    /// # Errors
    /// The system's.
    pub fn file(&mut self, path: &[u8], attributes: Attributes) -> io::Result<()> {
        let (above, name) = path::split(path);
        self.enter(above)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = openat(self.here(), name, flags | OFlags::CLOEXEC, mode)?;
        self.file = Some(Writing {
            file: File::from(file),
            attributes,
            length: 0,
        });
        Ok(())
    }

    /// The file's content goes on. Zeros become a hole.
    ///
    /// # Errors
    /// The system's.
    pub fn content(&mut self, bytes: &[u8], zeros: bool) -> io::Result<()> {
        if let Some(writing) = &mut self.file {
            if !zeros {
                writing.file.write_all_at(bytes, writing.length)?;
            }
            writing.length += bytes.len() as u64;
        }
        Ok(())
    }

    /// The file is whole.
    ///
    /// # Errors
    /// The system's.
    pub fn end_of_file(&mut self) -> io::Result<()> {
        match self.file.take() {
            Some(writing) => {
                writing.file.set_len(writing.length)?;
                give(&writing.file, &writing.attributes, 0o777, self.gives_away)
            }
            None => Ok(()),
        }
    }

    /// A symbolic link.
    ///
    /// # Errors
    /// The system's.
    pub fn link(&mut self, path: &[u8], target: &[u8], attributes: &Attributes) -> io::Result<()> {
        let (above, name) = path::split(path);
        self.enter(above)?;
        symlinkat(target, self.here(), name)?;
        if self.gives_away {
            let (uid, gid) = owner(attributes);
            chownat(
                self.here(),
                name,
                Some(uid),
                Some(gid),
                AtFlags::SYMLINK_NOFOLLOW,
            )?;
        }
        let times = times(attributes);
        Ok(utimensat(
            self.here(),
            name,
            &times,
            AtFlags::SYMLINK_NOFOLLOW,
        )?)
    }

    /// A further name of a file that was unpacked before.
    ///
    /// # Errors
    /// The system's.
    pub fn hard_link(&mut self, path: &[u8], target: &[u8]) -> io::Result<()> {
        let (above, name) = path::split(path);
        self.enter(above)?;
        let (above, target) = path::split(target);
        let mut from = self.root.try_clone()?;
        for part in parts(above) {
            from = directory_in(&from, part)?.into();
        }
        Ok(linkat(&from, target, self.here(), name, AtFlags::empty())?)
    }

    /// Everything was unpacked: waits until it is on the disk.
    ///
    /// # Errors
    /// The system's.
    pub fn end(mut self) -> io::Result<()> {
        self.leave(0)?;
        Ok(syncfs(&self.root)?)
    }

    fn here(&self) -> &File {
        self.open
            .last()
            .map_or(&self.root, |level| &level.directory)
    }

    /// Makes this directory the current one, and makes those on the way that are missing.
    fn enter(&mut self, path: &[u8]) -> io::Result<()> {
        let same = parts(path)
            .zip(&self.open)
            .take_while(|(part, level)| *part == level.name)
            .count();
        self.leave(same)?;
        for part in parts(path).skip(same) {
            // What the archive does not speak of is as directories are.
            match mkdirat(self.here(), part, Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            self.open.push(Level {
                name: part.to_vec(),
                directory: directory_in(self.here(), part)?.into(),
                attributes: None,
            });
        }
        Ok(())
    }

    /// Leaves the directories below this depth.
    fn leave(&mut self, depth: usize) -> io::Result<()> {
        while self.open.len() > depth {
            if let Some(Level {
                directory,
                attributes: Some(attributes),
                ..
            }) = self.open.pop()
            {
                give(&directory, &attributes, 0o3777, self.gives_away)?;
            }
        }
        Ok(())
    }
}

fn parts(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|b| *b == b'/').filter(|part| !part.is_empty())
}

/// A directory directly below another; a link is none.
fn directory_in(above: &File, name: &[u8]) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(above, name, flags, Mode::empty())?)
}

/// Gives a file its attributes. Of the mode only the bits in `mask`: nobody shall become another
/// user by a program in a snapshot. The owner comes first, for a change of it clears bits.
fn give(file: &File, attributes: &Attributes, mask: u32, gives_away: bool) -> io::Result<()> {
    attributes.write_extended(file)?;
    if gives_away {
        fchown(file, Some(attributes.uid), Some(attributes.gid))?;
    }
    file.set_permissions(Permissions::from_mode(attributes.mode & mask))?;
    Ok(futimens(file, &times(attributes))?)
}

fn owner(attributes: &Attributes) -> (Uid, Gid) {
    (Uid::from_raw(attributes.uid), Gid::from_raw(attributes.gid))
}

fn times(attributes: &Attributes) -> Timestamps {
    let time = Timespec {
        tv_sec: attributes.seconds,
        tv_nsec: attributes.nanoseconds.into(),
    };
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}
