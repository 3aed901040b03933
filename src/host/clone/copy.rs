//! One file, copied while nobody is at it, with all that it has beside its content.

use std::ffi::CStr;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::fs::{
    AtFlags, FlockOperation, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid, chownat, fchmod,
    fchown, flock, fstat, futimens, ioctl_ficlone, openat, unlinkat, utimensat,
};
use rustix::io::Errno;

use crate::host::archive::attributes::Attributes;
use crate::host::clone::mark::Mark;

/// The file beside which others of the application's are rewritten in place, under its lock.
const LOCK_SUFFIX: &[u8] = b".lock";

/// How often a lock of the application's is tried, which it has for a moment only, and how long
/// after each other: one who takes it again and again leaves only short gaps.
const LOCK_TRIES: u32 = 2000;
const LOCK_PAUSE: Duration = Duration::from_millis(1);

/// How often a file is copied that is written meanwhile.
const TRIES: u32 = 5;

/// Where a file is copied from and to, by directories that are open.
pub struct Copy<'a> {
    /// The directory that it is in.
    pub from: BorrowedFd<'a>,
    /// The directory that it goes to, where nothing has its name.
    pub to: BorrowedFd<'a>,
    /// Its name.
    pub name: &'a [u8],
    /// Whether blocks can be shared.
    pub reflink: bool,
}

impl Copy<'_> {
    /// Copies it; what it was then.
    ///
    /// # Errors
    /// The system's; that of a missing file where it is gone.
    pub fn run(&self) -> std::io::Result<Stat> {
        let mut lock = self.name.to_owned();
        lock.extend_from_slice(LOCK_SUFFIX);
        let read = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let lock = openat(self.from, &*lock, read, Mode::empty()).ok();
        if let Some(lock) = &lock {
            lock_shared(lock)?;
        }
        let mut tries = TRIES;
        loop {
            let mut source = File::from(openat(self.from, self.name, read, Mode::empty())?);
            let stat = fstat(&source)?;
            self.content(&mut source, &stat)?;
            tries -= 1;
            if Mark::young(&fstat(&source)?) == Mark::young(&stat) || tries == 0 {
                return Ok(stat);
            }
            // Written meanwhile, by one who takes no lock.
            unlinkat(self.to, self.name, AtFlags::empty())?;
        }
    }

    fn content(&self, source: &mut File, stat: &Stat) -> std::io::Result<()> {
        let write = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let private = Mode::RUSR | Mode::WUSR;
        let mut target = File::from(openat(self.to, self.name, write, private)?);
        if !self.reflink || ioctl_ficlone(&target, &*source).is_err() {
            std::io::copy(source, &mut target)?;
        }
        keep(source.as_fd(), stat, &target)
    }
}

/// Gives what was copied the owner, mode, extended attributes and time of what it was copied from.
///
/// # Errors
/// The system's.
pub fn keep(source: BorrowedFd<'_>, stat: &Stat, target: &File) -> std::io::Result<()> {
    let mut attributes = Attributes::default();
    attributes.read_extended(source)?;
    attributes.write_extended(target)?;
    // A change of owner takes some bits of the mode away, so the mode comes after it.
    let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
    fchown(target, Some(uid), Some(gid))?;
    fchmod(target, Mode::from_raw_mode(stat.st_mode))?;
    Ok(futimens(target, &times(stat))?)
}

fn lock_shared(lock: impl AsFd) -> std::io::Result<()> {
    for _ in 0..LOCK_TRIES {
        match flock(&lock, FlockOperation::NonBlockingLockShared) {
            Ok(()) => return Ok(()),
            Err(Errno::WOULDBLOCK) => std::thread::sleep(LOCK_PAUSE),
            Err(error) => return Err(error.into()),
        }
    }
    Err(std::io::Error::other(
        "the application has its lock and does not give it back",
    ))
}

/// The same for a symbolic link, as far as it has that.
///
/// # Errors
/// The system's.
pub fn keep_link(stat: &Stat, directory: BorrowedFd<'_>, name: &CStr) -> Result<(), Errno> {
    let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    chownat(directory, name, Some(uid), Some(gid), flags)?;
    utimensat(directory, name, &times(stat), flags)
}

fn times(stat: &Stat) -> Timestamps {
    let time = Timespec {
        tv_sec: stat.st_mtime,
        tv_nsec: stat.st_mtime_nsec.try_into().unwrap_or(0),
    };
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}
