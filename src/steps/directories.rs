//! Directories that give way to new ones.

use std::path::Path;

use crate::error::{Error, Result};
use crate::host::files;

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
        // The place was taken before the move, so there was none.
        (true, true) => Err(in_the_way(from)),
    }
}

fn in_the_way(path: &Path) -> Error {
    Error::refused(format!("{} is in the way", path.display()))
        .why("a directory is to be moved there")
        .next(format!("look at it, and move {} elsewhere", path.display()))
}
