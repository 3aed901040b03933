//! Permission to change: kernel locks on files, one per cluster and one per instance. They end
//! with their holder, so a dead one never blocks anybody. Always taken in the same order: the
//! cluster's, then the instances' by name.
//!
//! Two operations of one cluster that append to its history at once are kept apart by a lock of
//! its own, held for that moment only.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::host::clock;
use crate::host::files;
use crate::host::interrupt::{Interrupt, LOOK};
use crate::model::name::Name;

/// Who asks for a lock, and how long that may wait.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The verb, for the message of those who wait.
    pub verb: &'a str,
    /// How long to wait for another holder.
    pub wait: Duration,
    /// Ends the waiting.
    pub interrupt: &'a Interrupt,
}

/// The permission to change something; it ends when this is dropped.
#[derive(Debug)]
pub struct Permit {
    /// Each lock with its file.
    held: Vec<(PathBuf, File)>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Holder {
    pub(super) pid: u32,
    pub(super) verb: String,
    since: i64,
}

impl Holder {
    fn lives(&self) -> bool {
        Path::new("/proc").join(self.pid.to_string()).exists()
    }
}

/// Who has just got a lock has not written down yet who it is: until then its file names the one
/// before, who may be gone.
const INTRODUCTION: Duration = Duration::from_millis(500);

impl Permit {
    /// The whole cluster, alone.
    ///
    /// # Errors
    /// Exit 3 with the holder, 6 where the lock files cannot be written.
    pub fn cluster(locks: &Path, request: &Request<'_>) -> Result<Self> {
        let path = cluster_file(locks);
        let file = exclusive(&path, request, || sharer(locks))?;
        Ok(Permit {
            held: vec![(path, file)],
        })
    }

    /// Some instances, each alone, beside other instances' operations.
    ///
    /// # Errors
    /// Exit 3 with the holder, 6 where the lock files cannot be written.
    pub fn instances(locks: &Path, names: &[Name], request: &Request<'_>) -> Result<Self> {
        let path = cluster_file(locks);
        let file = open(&path)?;
        wait_for(&path, request, || None, || file.try_lock_shared())?;
        let mut held = vec![(path, file)];
        let mut sorted: Vec<&Name> = names.iter().collect();
        sorted.sort();
        sorted.dedup();
        for name in sorted {
            let path = instance_file(locks, name);
            let file = exclusive(&path, request, || None)?;
            held.push((path, file));
        }
        Ok(Permit { held })
    }

    /// A lock of another name in this directory, alone.
    ///
    /// # Errors
    /// As [`Permit::cluster`].
    pub fn named(locks: &Path, name: &str, request: &Request<'_>) -> Result<Self> {
        let path = locks.join(name);
        let file = exclusive(&path, request, || None)?;
        Ok(Permit {
            held: vec![(path, file)],
        })
    }

    /// Takes the part of it that is an instance's, so that this one can end before the rest.
    pub fn part(&mut self, locks: &Path, name: &Name) -> Permit {
        let wanted = instance_file(locks, name);
        let (part, rest) = std::mem::take(&mut self.held)
            .into_iter()
            .partition(|(path, _)| *path == wanted);
        self.held = rest;
        Permit { held: part }
    }

    /// Both permissions as one.
    pub fn and(mut self, other: Permit) -> Self {
        self.held.extend(other.held);
        self
    }
}

pub(super) fn cluster_file(locks: &Path) -> PathBuf {
    locks.join("cluster")
}

pub(super) fn instance_file(locks: &Path, name: &Name) -> PathBuf {
    locks.join(format!("instance-{name}"))
}

fn exclusive(
    path: &Path,
    request: &Request<'_>,
    other: impl Fn() -> Option<Holder>,
) -> Result<File> {
    let mut file = open(path)?;
    wait_for(path, request, other, || file.try_lock())?;
    let holder = Holder {
        pid: std::process::id(),
        verb: request.verb.to_owned(),
        since: clock::now(),
    };
    // For the message of others alone, so a disk that is full does not matter.
    if let Ok(text) = serde_json::to_string(&holder) {
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(text.as_bytes()));
    }
    Ok(file)
}

fn open(path: &Path) -> Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(files::PRIVATE)
        .open(path)
        .map_err(|e| Error::io("open the lock", path, &e))
}

fn wait_for(
    path: &Path,
    request: &Request<'_>,
    other: impl Fn() -> Option<Holder>,
    try_once: impl Fn() -> Result<(), TryLockError>,
) -> Result<()> {
    let end = Instant::now() + request.wait;
    let last = end + INTRODUCTION;
    loop {
        match try_once() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(Error::io("lock", path, &error)),
        }
        request
            .interrupt
            .check(&format!("{} waited for a lock", request.verb))?;
        let now = Instant::now();
        if now >= end {
            let holder = other().or_else(|| read_holder(path));
            let holder = holder.filter(Holder::lives);
            if now >= last || holder.is_some() {
                return Err(busy(holder));
            }
        }
        let next = if now < end { end } else { last };
        std::thread::sleep(LOOK.min(next.saturating_duration_since(now)));
    }
}

/// Who holds the cluster's lock shared: the holder of an instance's lock that is still alive. Only
/// for the message, so no lock is tried for it.
fn sharer(locks: &Path) -> Option<Holder> {
    let names = files::names_in(locks).ok()?;
    names
        .iter()
        .filter(|name| name.starts_with("instance-"))
        .filter_map(|name| read_holder(&locks.join(name)))
        .filter(Holder::lives)
        .max_by_key(|holder| holder.since)
}

pub(super) fn read_holder(path: &Path) -> Option<Holder> {
    let mut text = String::new();
    File::open(path).ok()?.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn busy(holder: Option<Holder>) -> Error {
    let error = Error::new(Kind::Busy, "another operation is under way");
    match holder {
        Some(h) => error.why(format!(
            "`{}` (process {}) holds the lock since {}",
            h.verb,
            h.pid,
            clock::iso(h.since)
        )),
        None => error.why("a process holds the lock that has not said yet who it is"),
    }
    .next("wait for it with --wait SECONDS")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request<'a>(verb: &'a str, interrupt: &'a Interrupt) -> Request<'a> {
        Request {
            verb,
            wait: Duration::ZERO,
            interrupt,
        }
    }

    #[test]
    fn instances_go_side_by_side_and_the_cluster_alone() {
        let place = tempfile::tempdir().unwrap();
        let interrupt = Interrupt::default();
        let a = Name::for_new("a").unwrap();
        let b = Name::for_new("b").unwrap();
        let first = Permit::instances(
            place.path(),
            std::slice::from_ref(&a),
            &request("start", &interrupt),
        )
        .unwrap();
        let second = Permit::instances(place.path(), &[b], &request("stop", &interrupt)).unwrap();
        let error = Permit::instances(place.path(), &[a], &request("x", &interrupt)).unwrap_err();
        assert_eq!(error.exit_code(), 3);
        assert!(error.to_string().contains("`start`"), "{error}");
        let error = Permit::cluster(place.path(), &request("boot", &interrupt)).unwrap_err();
        assert_eq!(error.exit_code(), 3);
        assert!(error.to_string().contains("(process"), "{error}");
        drop((first, second));
        Permit::cluster(place.path(), &request("boot", &interrupt)).unwrap();
    }

    #[test]
    fn a_holder_that_is_gone_is_not_named_for_the_one_that_came_after_it() {
        let place = tempfile::tempdir().unwrap();
        let interrupt = Interrupt::default();
        let path = place.path().join("cluster");
        let file = open(&path).unwrap();
        // No process has such a number.
        let gone = r#"{"pid":4194305,"verb":"boot","since":0}"#;
        std::fs::write(&path, gone).unwrap();
        file.lock().unwrap();
        let error = Permit::cluster(place.path(), &request("shutdown", &interrupt)).unwrap_err();
        assert_eq!(error.exit_code(), 3);
        let said = error.to_string();
        assert!(said.contains("has not said yet who it is"), "{said}");
        assert!(
            !said.contains("4194305") && !said.contains("boot"),
            "{said}"
        );
    }
}
