//! Which paths were met already, in 9 bytes for each.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A regular file.
    File = 0,
    /// A symbolic link.
    Link = 1,
    /// A directory.
    Directory = 2,
}

/// A set of paths. It keeps 62 bits of a keyed hash of each: with two million paths, two of them
/// would be taken for one in one of some million snapshots, and nobody can arrange it.
#[derive(Debug, Default)]
pub struct Seen {
    keyed: RandomState,
    paths: HashSet<u64, Bare>,
}

/// The paths are hashed already.
type Bare = std::hash::BuildHasherDefault<AsItIs>;

/// Takes a number for its own hash.
#[derive(Debug, Default)]
pub struct AsItIs(u64);

impl std::hash::Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes
            .iter()
            .fold(self.0, |sum, b| sum.rotate_left(8) ^ u64::from(*b));
    }

    fn write_u64(&mut self, number: u64) {
        // The two lowest bits say the role, and few bits must not decide the place.
        self.0 = number.rotate_right(2);
    }
}

impl Seen {
    /// What stands at this path, if it was met.
    pub fn role(&self, path: &[u8]) -> Option<Role> {
        [Role::File, Role::Link, Role::Directory]
            .into_iter()
            .find(|role| self.paths.contains(&self.key(path, *role)))
    }

    /// Notes a path; false where it was met before.
    pub fn note(&mut self, path: &[u8], role: Role) -> bool {
        self.role(path).is_none() && self.paths.insert(self.key(path, role))
    }

    /// Whether one of the directories on the way to this path was met as something else.
    pub fn is_below_no_directory(&self, path: &[u8]) -> bool {
        path.iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'/')
            .any(|(at, _)| matches!(self.role(&path[..at]), Some(Role::File | Role::Link)))
    }

    fn key(&self, path: &[u8], role: Role) -> u64 {
        self.keyed.hash_one(path) << 2 | role as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_met_once() {
        let mut seen = Seen::default();
        assert!(seen.note(b"a", Role::Directory));
        assert!(seen.note(b"a/b", Role::Link));
        assert!(!seen.note(b"a/b", Role::File));
        assert_eq!(seen.role(b"a/b"), Some(Role::Link));
        assert_eq!(seen.role(b"b"), None);
        assert!(seen.is_below_no_directory(b"a/b/c"));
        assert!(!seen.is_below_no_directory(b"a/c/b"));
    }
}
