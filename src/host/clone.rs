//! Copies of a directory that take next to no time and space: by reflinks where the file system
//! has them, else by hard links for what is written once and copies for the rest.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock, ioctl_ficlone};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::host::interrupt::Interrupt;
use crate::model::snapshot::CloneKind;

/// The file beside which others of the application's are rewritten in place, under its lock.
const LOCK_SUFFIX: &str = ".lock";

/// What makes a file another one: inode, size, time of change (seconds and nanoseconds).
type Mark = (u64, u64, i64, i64);

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
    done: BTreeMap<PathBuf, Mark>,
}

impl<'a> Clone<'a> {
    /// A clone of `from` in `to`, a directory that is not there yet, in the same file system where
    /// it is to be fast.
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
            done: BTreeMap::new(),
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

    /// Takes over what was changed since the last time: all of it at first.
    ///
    /// # Errors
    /// Exit 1 or 6 with the path; exit 1 at an interruption.
    pub fn update(&mut self, interrupt: &Interrupt) -> Result<()> {
        let mut seen = BTreeMap::new();
        let mut directories = vec![PathBuf::new()];
        while let Some(directory) = directories.pop() {
            interrupt.check("the copy was stopped")?;
            self.directory(&directory, &mut directories, &mut seen)?;
        }
        let gone: Vec<PathBuf> = self
            .done
            .keys()
            .filter(|path| !seen.contains_key(*path))
            .cloned()
            .collect();
        for path in gone {
            let target = self.to.join(&path);
            let removed = match target.is_dir() && !target.is_symlink() {
                true => fs::remove_dir_all(&target),
                false => fs::remove_file(&target),
            };
            match removed {
                Err(e) if e.kind() != ErrorKind::NotFound => {
                    return Err(Error::io("remove", &target, &e));
                }
                _ => {}
            }
        }
        self.done = seen;
        Ok(())
    }

    fn directory(
        &mut self,
        directory: &Path,
        further: &mut Vec<PathBuf>,
        seen: &mut BTreeMap<PathBuf, Mark>,
    ) -> Result<()> {
        let source = self.from.join(directory);
        let entries = match fs::read_dir(&source) {
            Ok(entries) => entries,
            // Removed since its parent was read: its files went with it.
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(Error::io("read", &source, &e)),
        };
        for entry in entries {
            let entry = entry.map_err(|e| Error::io("read", &source, &e))?;
            let path = directory.join(entry.file_name());
            if self.rules.left_out.contains(&path) {
                continue;
            }
            let looked_at = match path == self.rules.followed {
                true => entry.path().metadata(),
                false => entry.path().symlink_metadata(),
            };
            let metadata = match looked_at {
                Ok(metadata) => metadata,
                Err(e) if e.kind() == ErrorKind::NotFound => continue,
                Err(e) => return Err(Error::io("look at", &entry.path(), &e)),
            };
            let mark = (
                metadata.ino(),
                metadata.size(),
                metadata.mtime(),
                metadata.mtime_nsec(),
            );
            if metadata.is_dir() {
                let target = self.to.join(&path);
                if !target.is_dir() {
                    fs::create_dir(&target)
                        .map_err(|e| Error::io("make the directory", &target, &e))?;
                }
                keep_rights(&metadata, &target)?;
                further.push(path.clone());
                seen.insert(path, (metadata.ino(), 0, 0, 0));
            } else if self.done.get(&path) == Some(&mark) || self.take(&path, &metadata)? {
                seen.insert(path, mark);
            }
        }
        Ok(())
    }

    /// Takes one file over; whether it was still there.
    fn take(&self, path: &Path, metadata: &fs::Metadata) -> Result<bool> {
        let (source, target) = (self.from.join(path), self.to.join(path));
        match fs::remove_file(&target) {
            Err(e) if e.kind() != ErrorKind::NotFound => {
                return Err(Error::io("remove", &target, &e));
            }
            _ => {}
        }
        let kind = metadata.file_type();
        let mut write_once = self.rules.write_once.iter();
        let once = write_once.any(|once| path.starts_with(once));
        let taken = if kind.is_symlink() {
            fs::read_link(&source).and_then(|to| std::os::unix::fs::symlink(to, &target))
        } else if !kind.is_file() {
            // Sockets and the like are no content.
            return Ok(false);
        } else if self.method == CloneKind::HardLinks && once {
            fs::hard_link(&source, &target)
        } else {
            self.copy(&source, &target)
                .and_then(|()| keep_rights_io(metadata, &target))
        };
        match taken {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == ErrorKind::NotFound && !source.exists() => Ok(false),
            Err(e) => Err(Error::io("copy", &source, &e)),
        }
    }

    /// A file that is rewritten in place is copied while nobody is at it, where it has a lock.
    fn copy(&self, source: &Path, target: &Path) -> std::io::Result<()> {
        let mut lock = source.as_os_str().to_owned();
        lock.push(LOCK_SUFFIX);
        let locked = File::open(&lock).ok();
        if let Some(lock) = &locked {
            lock_shared(lock)?;
        }
        if self.method == CloneKind::Reflink
            && ioctl_ficlone(File::create(target)?, File::open(source)?).is_ok()
        {
            return Ok(());
        }
        fs::copy(source, target).map(drop)
    }
}

/// Waits for a lock of the application's, which it has for a moment only.
fn lock_shared(lock: &File) -> std::io::Result<()> {
    for _ in 0..40 {
        match flock(lock, FlockOperation::NonBlockingLockShared) {
            Ok(()) => return Ok(()),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(std::io::Error::other(
        "the application has its lock and does not give it back",
    ))
}

fn keep_rights(metadata: &fs::Metadata, target: &Path) -> Result<()> {
    keep_rights_io(metadata, target).map_err(|e| Error::io("set the rights of", target, &e))
}

/// Owner, mode and time of change.
fn keep_rights_io(metadata: &fs::Metadata, target: &Path) -> std::io::Result<()> {
    std::os::unix::fs::chown(target, Some(metadata.uid()), Some(metadata.gid()))?;
    fs::set_permissions(target, metadata.permissions())?;
    let file = File::open(target)?;
    file.set_modified(metadata.modified()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(path: PathBuf) -> String {
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn an_update_takes_over_what_is_new_changed_and_gone() {
        let place = tempfile::tempdir().unwrap();
        let (from, to) = (place.path().join("data"), place.path().join("clone"));
        fs::create_dir_all(from.join("media/a")).unwrap();
        fs::write(from.join("media/a/1"), "one").unwrap();
        fs::write(from.join("media/a/2"), "two").unwrap();
        fs::write(from.join("settings.json"), "old").unwrap();
        let patient = Interrupt::default();
        fs::write(from.join("left"), "out").unwrap();
        let rules = Rules {
            write_once: vec!["media".into()],
            left_out: vec!["left".into()],
            ..Rules::default()
        };
        let mut clone = Clone::begin(&from, &to, &rules).unwrap();
        clone.update(&patient).unwrap();
        assert_eq!(text(to.join("media/a/1")), "one");
        assert!(!to.join("left").exists());

        fs::remove_file(from.join("media/a/1")).unwrap();
        fs::remove_file(from.join("media/a/2")).unwrap();
        fs::write(from.join("media/a/2"), "new inode").unwrap();
        fs::create_dir(from.join("media/b")).unwrap();
        fs::write(from.join("media/b/3"), "three").unwrap();
        fs::write(from.join("settings.json"), "new!").unwrap();
        clone.update(&patient).unwrap();
        assert!(!to.join("media/a/1").exists());
        assert_eq!(text(to.join("media/a/2")), "new inode");
        assert_eq!(text(to.join("media/b/3")), "three");
        assert_eq!(text(to.join("settings.json")), "new!");

        // What is rewritten in place afterwards does not reach the clone.
        fs::write(from.join("settings.json"), "later").unwrap();
        assert_eq!(text(to.join("settings.json")), "new!");
    }
}
