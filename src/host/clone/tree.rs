//! A directory brought up to date with another one. What is known of it is little, for there may be
//! hundreds of thousands: the marks of directories that are written once, and those of single files
//! elsewhere. Everything goes through open directories, which is fast, and leads nowhere else.

use std::collections::HashMap;
use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fstat, linkat, mkdirat, openat, readlinkat,
    statat, symlinkat, unlinkat,
};
use rustix::io::Errno;

use crate::error::{Error, Result};
use crate::host::clone::Rules;
use crate::host::clone::copy::{Copy, keep, keep_link};
use crate::host::clone::mark::{Mark, Moment, is_at_rest, is_settled};
use crate::host::interrupt::Interrupt;
use crate::model::snapshot::CloneKind;

/// Files that were just written are copied up to this size, in bytes: a link would go on growing.
const YOUNG: i64 = 64 << 20;

/// What is known of a directory since the last time.
#[derive(Debug, Default)]
pub struct Known {
    /// Its mark, where that can be trusted.
    mark: Option<Mark>,
    /// Its directories, by name.
    children: Vec<(Box<CStr>, Known)>,
    /// Its files that are rewritten in place, by name.
    files: Vec<(Box<CStr>, Mark)>,
}

/// One time of bringing it up to date.
pub struct Visit<'a> {
    /// What is cloned.
    pub from: &'a Path,
    /// The clone.
    pub to: &'a Path,
    /// What of it, and how.
    pub rules: &'a Rules,
    /// How files are taken.
    pub method: CloneKind,
    /// When this began.
    pub now: Moment,
    /// Ends it.
    pub interrupt: &'a Interrupt,
}

/// A directory with its clone, both open.
struct Pair {
    from: OwnedFd,
    to: OwnedFd,
    /// Below the one that is cloned.
    path: PathBuf,
    /// Whether its files are written once.
    once: bool,
}

/// What stands in a clone's directory: inode and kind.
type There = HashMap<CString, (u64, FileType)>;

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

impl Visit<'_> {
    /// Everything.
    ///
    /// # Errors
    /// Exit 1 or 6 with the path; exit 1 at an interruption.
    pub fn all(&self, known: &mut Known) -> Result<()> {
        let open = |path: &Path| {
            openat(CWD, path, DIRECTORY, Mode::empty())
                .map_err(|e| Error::io("read", path, &e.into()))
        };
        let pair = Pair {
            from: open(self.from)?,
            to: open(self.to)?,
            path: PathBuf::new(),
            once: self.is_once(Path::new("")),
        };
        let stat = fstat(&pair.from).map_err(|e| self.failed("read", &pair.path, e))?;
        self.directory(&pair, &stat, known, false)
    }

    /// A directory, whose clone may be fresh: then there is nothing in it.
    fn directory(&self, pair: &Pair, stat: &Stat, known: &mut Known, fresh: bool) -> Result<()> {
        self.interrupt.check("the copy was stopped")?;
        if pair.once && known.mark == Some(Mark::young(stat)) {
            // Nothing came or went: only its directories may have changed.
            for (name, child) in &mut known.children {
                self.child(pair, name, child, false)?;
            }
            return Ok(());
        }
        // One that is not read to its end has none.
        known.mark = None;
        self.read(pair, known, fresh)?;
        // What it was before it was read: what changed meanwhile is seen the next time.
        known.mark = Mark::of(stat, self.now);
        if pair.path.as_os_str().is_empty() {
            return Ok(());
        }
        let target = pair.to.try_clone().map(File::from);
        target
            .and_then(|target| keep(pair.from.as_fd(), stat, &target))
            .map_err(|e| Error::io("set the rights of", &self.to.join(&pair.path), &e))
    }

    /// A directory in another one; whether it is still there.
    fn child(&self, above: &Pair, name: &CStr, known: &mut Known, fresh: bool) -> Result<bool> {
        if above.once && known.mark.is_some() && known.children.is_empty() {
            // The usual one of hundreds of thousands: it need not even be opened.
            match statat(&above.from, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) if known.mark == Some(Mark::young(&stat)) => return Ok(true),
                _ => {}
            }
        }
        let path = above.below(name);
        let open = match path == self.rules.followed {
            true => DIRECTORY,
            false => DIRECTORY | OFlags::NOFOLLOW,
        };
        let from = match openat(&above.from, name, open, Mode::empty()) {
            Ok(from) => from,
            // Removed since its parent was read: its files went with it.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(false),
            Err(e) => return Err(self.failed("read", &path, e)),
        };
        let to = openat(&above.to, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())
            .map_err(|e| Error::io("read", &self.to.join(&path), &e.into()))?;
        let stat = fstat(&from).map_err(|e| self.failed("look at", &path, e))?;
        let once = above.once || self.is_once(&path);
        let pair = Pair {
            from,
            to,
            path,
            once,
        };
        self.directory(&pair, &stat, known, fresh)?;
        Ok(true)
    }

    /// Goes through what is in a directory, and removes from its clone what is not.
    fn read(&self, pair: &Pair, known: &mut Known, fresh: bool) -> Result<()> {
        let mut there = match fresh {
            true => There::new(),
            false => self.there(pair)?,
        };
        let failed = |e| self.failed("read", &pair.path, e);
        let mut children: HashMap<_, _> = known.children.drain(..).collect();
        let mut files: HashMap<_, _> = known.files.drain(..).collect();
        let (links, left_out) = (self.links(pair)?, self.left_out(pair));
        for entry in Dir::read_from(&pair.from).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") || left_out.contains(&name.to_bytes()) {
                continue;
            }
            let Some(kind) = self.kind(pair, name, entry.file_type())? else {
                continue;
            };
            let target = there.remove(name);
            match kind {
                FileType::Directory => {
                    let fresh = self.make_directory(pair, name, target)?;
                    let mut child = match fresh {
                        true => Known::default(),
                        false => children.remove(name).unwrap_or_default(),
                    };
                    if self.child(pair, name, &mut child, fresh)? {
                        known.children.push((name.into(), child));
                    } else {
                        there.insert(name.into(), (0, FileType::Directory));
                    }
                }
                FileType::RegularFile if links => {
                    if target.map(|(inode, _)| inode) != Some(entry.ino()) {
                        self.link(pair, name, target)?;
                    }
                }
                FileType::RegularFile => {
                    let mark = files.remove(name);
                    if let Some(mark) = self.file(pair, name, target, mark)? {
                        known.files.push((name.into(), mark));
                    }
                }
                FileType::Symlink => self.symbolic_link(pair, name, target)?,
                // Sockets and the like are no content.
                _ => drop(target.map(|target| there.insert(name.into(), target))),
            }
        }
        for (name, (_, kind)) in there {
            self.remove(pair, &name, kind)?;
        }
        Ok(())
    }

    /// One file that is copied; its mark, where it is rewritten in place and that can be trusted.
    fn file(
        &self,
        pair: &Pair,
        name: &CStr,
        target: Option<(u64, FileType)>,
        known: Option<Mark>,
    ) -> Result<Option<Mark>> {
        let stat = match statat(&pair.from, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return self.gone(pair, name, target),
            Err(e) => return Err(self.failed_at("look at", pair, name, e)),
        };
        let same = match pair.once {
            true => target.is_some() && self.is_as_before(pair, name, &stat),
            false => known == Some(Mark::young(&stat)),
        };
        if same {
            return Ok(known);
        }
        self.gone(pair, name, target)?;
        let stat = self.copy(pair, name)?;
        Ok(stat.and_then(|stat| match pair.once {
            true => None,
            false => Mark::of(&stat, self.now),
        }))
    }

    /// Whether a file that is written once is what it was when it was copied.
    fn is_as_before(&self, pair: &Pair, name: &CStr, stat: &Stat) -> bool {
        let copied = statat(&pair.to, name, AtFlags::SYMLINK_NOFOLLOW);
        copied.is_ok_and(|copied| {
            is_settled(stat, Moment::changed(&copied))
                && copied.st_size == stat.st_size
                && Moment::modified(&copied) == Moment::modified(stat)
        })
    }

    /// Takes away what a clone still has; there is no mark of it.
    fn gone(
        &self,
        pair: &Pair,
        name: &CStr,
        target: Option<(u64, FileType)>,
    ) -> Result<Option<Mark>> {
        if let Some((_, kind)) = target {
            self.remove(pair, name, kind)?;
        }
        Ok(None)
    }

    /// What was copied; nothing where it is gone by now.
    fn copy(&self, pair: &Pair, name: &CStr) -> Result<Option<Stat>> {
        let copy = Copy {
            from: pair.from.as_fd(),
            to: pair.to.as_fd(),
            name: name.to_bytes(),
            reflink: self.method == CloneKind::Reflink,
        };
        match copy.run() {
            Ok(stat) => Ok(Some(stat)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => {
                let path = self.from.join(pair.below(name));
                Err(Error::io("copy", &path, &e))
            }
        }
    }

    fn link(&self, pair: &Pair, name: &CStr, target: Option<(u64, FileType)>) -> Result<()> {
        self.gone(pair, name, target)?;
        let stat = statat(&pair.from, name, AtFlags::SYMLINK_NOFOLLOW);
        if stat.is_ok_and(|stat| !is_at_rest(&stat, self.now) && stat.st_size <= YOUNG) {
            // Perhaps it is still being written, for a row that nobody sees yet.
            return self.copy(pair, name).map(drop);
        }
        match linkat(&pair.from, name, &pair.to, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            // It has as many names as it can have, or may have no other.
            Err(Errno::XDEV | Errno::MLINK | Errno::PERM | Errno::OPNOTSUPP) => {
                self.copy(pair, name).map(drop)
            }
            Err(e) => Err(self.failed_at("link", pair, name, e)),
        }
    }

    fn symbolic_link(
        &self,
        pair: &Pair,
        name: &CStr,
        target: Option<(u64, FileType)>,
    ) -> Result<()> {
        let read = |directory: BorrowedFd<'_>| readlinkat(directory, name, Vec::new());
        let leads_to = match read(pair.from.as_fd()) {
            Ok(leads_to) => leads_to,
            Err(Errno::NOENT | Errno::INVAL) => return self.gone(pair, name, target).map(drop),
            Err(e) => return Err(self.failed_at("look at", pair, name, e)),
        };
        if target.is_some() && read(pair.to.as_fd()).as_ref() == Ok(&leads_to) {
            return Ok(());
        }
        self.gone(pair, name, target)?;
        let failed = |e| self.failed_at("copy", pair, name, e);
        symlinkat(leads_to, &pair.to, name).map_err(failed)?;
        if let Ok(stat) = statat(&pair.from, name, AtFlags::SYMLINK_NOFOLLOW) {
            keep_link(&stat, pair.to.as_fd(), name).map_err(failed)?;
        }
        Ok(())
    }

    /// Whether it was made.
    fn make_directory(
        &self,
        pair: &Pair,
        name: &CStr,
        target: Option<(u64, FileType)>,
    ) -> Result<bool> {
        if matches!(target, Some((_, FileType::Directory))) {
            return Ok(false);
        }
        self.gone(pair, name, target)?;
        match mkdirat(&pair.to, name, Mode::RWXU) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            Err(e) => Err(self.failed_at("copy the directory", pair, name, e)),
        }
    }

    fn remove(&self, pair: &Pair, name: &CStr, kind: FileType) -> Result<()> {
        let path = self.to.join(pair.below(name));
        let removed = match kind {
            FileType::Directory => std::fs::remove_dir_all(&path),
            _ => unlinkat(&pair.to, name, AtFlags::empty()).map_err(Into::into),
        };
        match removed {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io("remove", &path, &e))
            }
            _ => Ok(()),
        }
    }

    /// What a clone's directory has.
    fn there(&self, pair: &Pair) -> Result<There> {
        let failed = |e: Errno| Error::io("read", &self.to.join(&pair.path), &e.into());
        let mut there = There::new();
        for entry in Dir::read_from(&pair.to).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            if !matches!(name.to_bytes(), b"." | b"..") {
                let kind = match entry.file_type() {
                    FileType::Unknown => statat(&pair.to, name, AtFlags::SYMLINK_NOFOLLOW)
                        .map(|stat| FileType::from_raw_mode(stat.st_mode))
                        .map_err(failed)?,
                    known => known,
                };
                there.insert(name.into(), (entry.ino(), kind));
            }
        }
        Ok(there)
    }

    /// What an entry is; nothing where it is gone by now.
    fn kind(&self, pair: &Pair, name: &CStr, said: FileType) -> Result<Option<FileType>> {
        let followed = !pair.once && pair.below(name) == self.rules.followed;
        let flags = match (followed, said) {
            (true, _) => AtFlags::empty(),
            (false, FileType::Unknown) => AtFlags::SYMLINK_NOFOLLOW,
            (false, known) => return Ok(Some(known)),
        };
        match statat(&pair.from, name, flags) {
            Ok(stat) => Ok(Some(FileType::from_raw_mode(stat.st_mode))),
            Err(Errno::NOENT) => Ok(None),
            Err(e) => Err(self.failed_at("look at", pair, name, e)),
        }
    }

    /// Whether files of this directory are linked, and their numbers can be compared.
    fn links(&self, pair: &Pair) -> Result<bool> {
        let device = |directory: &OwnedFd| {
            fstat(directory)
                .map(|stat| stat.st_dev)
                .map_err(|e| self.failed("look at", &pair.path, e))
        };
        Ok(self.method == CloneKind::HardLinks
            && pair.once
            && device(&pair.from)? == device(&pair.to)?)
    }

    fn is_once(&self, path: &Path) -> bool {
        let mut write_once = self.rules.write_once.iter();
        write_once.any(|once| path.starts_with(once))
    }

    /// The names of this directory that are left out.
    fn left_out(&self, pair: &Pair) -> Vec<&[u8]> {
        let left_out = self.rules.left_out.iter();
        let here = left_out.filter(|path| path.parent() == Some(&pair.path));
        here.filter_map(|path| path.file_name().map(OsStr::as_bytes))
            .collect()
    }

    fn failed_at(&self, what: &str, pair: &Pair, name: &CStr, error: Errno) -> Error {
        self.failed(what, &pair.below(name), error)
    }

    fn failed(&self, what: &str, path: &Path, error: Errno) -> Error {
        Error::io(what, &self.from.join(path), &error.into())
    }
}

impl Pair {
    fn below(&self, name: &CStr) -> PathBuf {
        self.path.join(OsStr::from_bytes(name.to_bytes()))
    }
}
