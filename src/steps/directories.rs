//! Directories that give way to new ones.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::host::{crash, files};

/// Moves a directory; one that was moved already stays where it is.
pub fn move_it(from: &Path, to: &Path) -> Result<()> {
    match (files::exists(from), files::exists(to)) {
        (true, false) => files::rename(from, to),
        (false, true) => Ok(()),
        (true, true) => Err(in_the_way(to)),
        (false, false) => Err(Error::not_found(format!(
            "there is no directory {}",
            from.display()
        ))),
    }
}

/// Moves it back, if it was moved.
pub fn move_back(from: &Path, to: &Path) -> Result<()> {
    match (files::exists(from), files::exists(to)) {
        (_, false) => Ok(()),
        (false, true) => files::rename(to, from),
        // The place was taken before the move, so there was none and nothing is to be taken back.
        (true, true) => Ok(()),
    }
}

/// Removes files; one that is gone already is fine.
pub fn discard_files(paths: &[PathBuf]) -> Result<()> {
    for path in paths {
        if files::exists(path) {
            files::remove_file(path)?;
            crash::point("between two files that go");
        }
    }
    Ok(())
}

fn in_the_way(path: &Path) -> Error {
    Error::refused(format!("{} is in the way", path.display()))
        .why("a directory is to be moved there")
        .next(format!("look at it, and move {} elsewhere", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_in_the_way_before_is_not_moved_back() {
        let place = tempfile::tempdir().unwrap();
        let (from, to) = (place.path().join("data"), place.path().join("data.before"));
        for path in [&from, &to] {
            std::fs::create_dir(path).unwrap();
        }
        assert_eq!(move_it(&from, &to).unwrap_err().exit_code(), 6);
        move_back(&from, &to).unwrap();
        assert!(from.exists() && to.exists());
    }
}
