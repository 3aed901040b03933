//! Content that takes the place of another one in an instance's directory.

use std::path::Path;

use crate::error::Result;
use crate::host::{crash, files};

/// Puts each entry that `next` has into its place in `live`; what was there goes into `before`. The
/// last entry is what makes the change count.
pub fn exchange(entries: &[String], live: &Path, next: &Path, before: &Path) -> Result<()> {
    if let Some(directory) = before.parent() {
        make_directories(directory)?;
    }
    files::make_directory(before, 0o700, None)?;
    for entry in entries {
        let (live, next, before) = (live.join(entry), next.join(entry), before.join(entry));
        if files::exists(&next) {
            if files::exists(&live) && !files::exists(&before) {
                files::rename(&live, &before)?;
                crash::point("in the middle of an exchange");
            }
            files::rename(&next, &live)?;
        }
        crash::point("between two exchanges");
    }
    Ok(())
}

/// Whether nothing waits any more for its place.
pub fn is_done(entries: &[String], next: &Path) -> bool {
    !entries.iter().any(|entry| files::exists(&next.join(entry)))
}

/// Takes it back, the last first.
pub fn change_back(entries: &[String], live: &Path, next: &Path, before: &Path) -> Result<()> {
    for entry in entries.iter().rev() {
        let (live, next, before) = (live.join(entry), next.join(entry), before.join(entry));
        // Where nothing waits, what is live came from there.
        if !files::exists(&next) && files::exists(&live) {
            files::rename(&live, &next)?;
            crash::point("in the middle of an exchange back");
        }
        if files::exists(&before) {
            files::rename(&before, &live)?;
        }
        crash::point("between two exchanges back");
    }
    files::remove_if_empty(before).map(drop)
}

/// Makes a directory of the tool's own and those above it that are not there yet.
pub fn make_directories(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent() {
        make_directories(above)?;
    }
    files::make_directory(path, 0o700, None)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn text(path: std::path::PathBuf) -> Option<String> {
        fs::read_to_string(path).ok()
    }

    #[test]
    fn an_exchange_can_be_done_again_and_taken_back_from_anywhere() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        let (live, next, before) = (at("live"), at("next"), at("undo/before"));
        let entries: Vec<String> = ["a", "new", "config"].map(str::to_owned).into();
        fs::create_dir(&live).unwrap();
        fs::create_dir(&next).unwrap();
        for (directory, names) in [
            (&live, &["a", "config"][..]),
            (&next, &["a", "new", "config"]),
        ] {
            for name in names {
                let of = directory.file_name().unwrap().to_str().unwrap();
                fs::write(directory.join(name), format!("{name} of {of}")).unwrap();
            }
        }
        // As if it had been cut between the two renames of the first.
        fs::create_dir_all(&before).unwrap();
        fs::rename(live.join("a"), before.join("a")).unwrap();
        change_back(&entries, &live, &next, &before).unwrap();
        assert_eq!(text(live.join("a")).unwrap(), "a of live");

        for _ in 0..2 {
            exchange(&entries, &live, &next, &before).unwrap();
            assert_eq!(text(live.join("a")).unwrap(), "a of next");
            assert_eq!(text(live.join("new")).unwrap(), "new of next");
            assert_eq!(text(before.join("config")).unwrap(), "config of live");
        }
        for _ in 0..2 {
            change_back(&entries, &live, &next, &before).unwrap();
            assert_eq!(text(live.join("config")).unwrap(), "config of live");
            assert_eq!(text(live.join("new")), None);
            assert_eq!(text(next.join("new")).unwrap(), "new of next");
            assert!(!before.exists());
        }
    }
}
