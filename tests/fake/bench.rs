//! A place that is put back as often as it takes, and `recover` in it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::place::{Ended, Place, binary, ended};

/// A place, and a copy of what was there when it was saved.
pub struct Bench {
    pub place: Place,
    saved: tempfile::TempDir,
}

impl Bench {
    /// Saves what is there.
    pub fn of(place: Place) -> Self {
        let beside = place.path().parent().unwrap();
        let saved = tempfile::tempdir_in(beside).unwrap();
        copy(&place.path().join("."), saved.path().into());
        Bench { place, saved }
    }

    /// Puts it back.
    pub fn restore(&self) {
        for entry in std::fs::read_dir(self.place.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                std::fs::remove_dir_all(path).unwrap();
            } else {
                std::fs::remove_file(path).unwrap();
            }
        }
        copy(&self.saved.path().join("."), self.place.path().into());
    }

    pub fn recover_command(&self) -> Command {
        let mut command = self.place.tool(binary());
        command.args(["recover", "--json", "-C", "c"]);
        command
    }

    /// `recover`. Where nothing was made yet, there is nothing to recover.
    pub fn recover(&self) -> Ended {
        let nothing = || Ended {
            code: Some(0),
            out: r#"{"changed":false}"#.to_owned(),
            err: String::new(),
        };
        if !self.place.join("c").exists() {
            return nothing();
        }
        let ended = ended(self.recover_command().output().unwrap());
        // An empty directory is no cluster.
        let mut there = std::fs::read_dir(self.place.join("c")).unwrap();
        if ended.code == Some(4) && there.next().is_none() {
            return nothing();
        }
        ended
    }
}

fn copy(from: &Path, to: PathBuf) {
    let status = Command::new("cp")
        .arg("-a")
        .arg(from)
        .arg(to)
        .status()
        .unwrap();
    assert!(status.success());
}
