//! Which paths were met already, in 9 bytes for each.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use crate::host::archive::path::{self, Wrong};

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A regular file, which may get further names.
    File = 0,
    /// What nothing stands below, and nothing links to: a symbolic link, a file of the snapshot's
    /// own.
    Other = 1,
    /// A directory.
    Directory = 2,
    /// A directory that something was met in, but not itself.
    Implied = 3,
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
        let hash = self.keyed.hash_one(path);
        [Role::File, Role::Other, Role::Directory, Role::Implied]
            .into_iter()
            .find(|role| self.paths.contains(&key(hash, *role)))
    }

    /// Notes a path and the directories above it.
    ///
    /// # Errors
    /// What is wrong with it: it was met before, or one of the directories above it is none.
    pub fn note(&mut self, path: &[u8], role: Role) -> Result<(), Wrong> {
        match (self.role(path), role) {
            (None, _) => {}
            // What was met in it came first.
            (Some(Role::Implied), Role::Directory) => {}
            (Some(_), _) => return Err("something of this name is in the snapshot already"),
        }
        let mut above = path::split(path).0;
        while !above.is_empty() {
            match self.role(above) {
                None => self.put(above, Role::Implied),
                Some(Role::Directory | Role::Implied) => break,
                Some(Role::File | Role::Other) => {
                    return Err("it stands below something that is no directory");
                }
            }
            above = path::split(above).0;
        }
        self.put(path, role);
        Ok(())
    }

    fn put(&mut self, path: &[u8], role: Role) {
        self.paths.insert(key(self.keyed.hash_one(path), role));
    }
}

fn key(hash: u64, role: Role) -> u64 {
    hash << 2 | role as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_met_once() {
        let mut seen = Seen::default();
        seen.note(b"a", Role::Directory).unwrap();
        seen.note(b"a/b", Role::Other).unwrap();
        seen.note(b"a/b", Role::File).unwrap_err();
        assert_eq!(seen.role(b"a/b"), Some(Role::Other));
        assert_eq!(seen.role(b"b"), None);
        seen.note(b"a/b/c", Role::File).unwrap_err();
        seen.note(b"a/b/c/d", Role::File).unwrap_err();
        seen.note(b"x/y/z", Role::File).unwrap();
        seen.note(b"x/y", Role::File).unwrap_err();
        seen.note(b"x/y", Role::Directory).unwrap();
        seen.note(b"x/y", Role::Directory).unwrap_err();
    }
}
