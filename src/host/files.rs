//! Files that are whole or not there: written beside, synced and renamed.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Only the owner may read: the mode of everything with a secret in it.
pub const PRIVATE: u32 = 0o600;

/// The whole text of a file.
///
/// # Errors
/// Exit 4 where it is missing, 6 where the right lacks, 1 where it is no UTF-8.
pub fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|e| Error::io("read", path, &e))
}

/// The text of a file, or nothing where there is none.
///
/// # Errors
/// As [`read`], but for a missing file.
pub fn read_if_there(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", path, &error)),
    }
}

/// Writes a file in one step: a reader sees the old or the new text, a crash leaves one of them.
/// An existing file keeps its owner.
///
/// # Errors
/// Exit 1 or 6 with the path and the system's reason; the old file is as it was.
pub fn write(path: &Path, text: &str, mode: u32) -> Result<()> {
    put_file(path, text, mode)?;
    sync_directory_of(path)
}

/// The same without making the entry in the directory last; that is left to the caller, who puts
/// several things into one.
///
/// # Errors
/// As [`write()`].
pub fn put_file(path: &Path, text: &str, mode: u32) -> Result<()> {
    let path = &led_to(path);
    let beside = beside(path);
    let done = (|| {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(&beside)?;
        // The mode of `open` is narrowed by the umask, and a file left by a crash has its own.
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        if let Ok(old) = fs::symlink_metadata(path)
            && old.uid() != file.metadata()?.uid()
        {
            chown(&beside, Some(old.uid()), Some(old.gid()))?;
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    })();
    done.map_err(|e| {
        let _ = fs::remove_file(&beside);
        Error::io("write", path, &e)
    })
}

/// The file itself, where an operator keeps it elsewhere behind a link.
fn led_to(path: &Path) -> PathBuf {
    match path.is_symlink() {
        true => fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()),
        false => path.to_owned(),
    }
}

/// Where a file is written before it is renamed; always the same name, so that a crash leaves
/// one at most and the next write takes it over.
pub fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.new"))
}

/// Makes a directory with this mode (and owner); one that is there already only gets
/// them.
///
/// # Errors
/// Exit 1, 4 or 6 with the path.
pub fn make_directory(path: &Path, mode: u32, owner: Option<(u32, u32)>) -> Result<()> {
    put_directory(path, mode, owner)?;
    sync_directory_of(path)
}

/// The same without making the entry in the directory above last; see [`put_file`].
///
/// # Errors
/// As [`make_directory`].
pub fn put_directory(path: &Path, mode: u32, owner: Option<(u32, u32)>) -> Result<()> {
    match fs::create_dir(path) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => {}
        Err(error) => return Err(Error::io("make the directory", path, &error)),
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .and_then(|()| match owner {
            Some((uid, gid)) => chown(path, Some(uid), Some(gid)),
            None => Ok(()),
        })
        .map_err(|e| Error::io("set the rights of", path, &e))
}

/// Sets the mode (and owner) of what is there.
///
/// # Errors
/// Exit 1, 4 or 6 with the path.
pub fn set_rights(path: &Path, mode: u32, owner: Option<(u32, u32)>) -> Result<()> {
    // A change of owner takes some bits of the mode away, so the mode comes last.
    owner
        .map_or(Ok(()), |(uid, gid)| chown(path, Some(uid), Some(gid)))
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(mode)))
        .map_err(|e| Error::io("set the rights of", path, &e))
}

/// The mode, owner and group of what is there; nothing where nothing is.
///
/// # Errors
/// Exit 1 or 6 with the path.
pub fn rights(path: &Path) -> Result<Option<(u32, (u32, u32))>> {
    match fs::metadata(path) {
        Ok(meta) => Ok(Some((meta.mode() & 0o7777, (meta.uid(), meta.gid())))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("look at", path, &error)),
    }
}

/// Points a symbolic link at `target` in one step.
///
/// # Errors
/// Exit 1 or 6 with the path.
pub fn link(path: &Path, target: &Path) -> Result<()> {
    put_link(path, target)?;
    sync_directory_of(path)
}

/// The same without making the entry in the directory last; see [`put_file`].
///
/// # Errors
/// As [`link`].
pub fn put_link(path: &Path, target: &Path) -> Result<()> {
    let beside = beside(path);
    let _ = fs::remove_file(&beside);
    symlink(target, &beside)
        .and_then(|()| fs::rename(&beside, path))
        .map_err(|e| Error::io("make the link", path, &e))
}

/// Removes what a crash left beside a file that it was about to write.
///
/// # Errors
/// Exit 1 or 6 with the path.
pub fn remove_beside(path: &Path) -> Result<()> {
    remove_file(&beside(&led_to(path)))
}

/// Removes a file or link, and what a crash left beside it; one that is not there is fine.
///
/// # Errors
/// Exit 1 or 6 with the path.
pub fn remove_file(path: &Path) -> Result<()> {
    for each in [&beside(path), path] {
        match fs::remove_file(each) {
            Ok(()) => sync_directory_of(each)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("remove", each, &error)),
        }
    }
    Ok(())
}

/// Removes a directory with all that is in it; one that is not there is fine.
///
/// # Errors
/// Exit 1 or 6 with the path.
pub fn remove_tree(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Ok(()) => sync_directory_of(path),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io("remove", path, &error)),
    }
}

/// Removes a directory if nothing is in it; whether it is gone.
///
/// # Errors
/// Exit 1 or 6 with the path.
pub fn remove_if_empty(path: &Path) -> Result<bool> {
    match fs::remove_dir(path) {
        Ok(()) => sync_directory_of(path).map(|()| true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => Ok(false),
        Err(error) => Err(Error::io("remove", path, &error)),
    }
}

/// Gives a file or directory another name in the same file system.
///
/// # Errors
/// Exit 1, 4 or 6 with the path.
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(|e| Error::io("move", from, &e))?;
    sync_directory_of(from)?;
    sync_directory_of(to)
}

/// Whether there is something at this path, be it a link that leads nowhere.
pub fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Whether a directory is missing or has nothing in it.
///
/// # Errors
/// Exit 1 or 6 where it cannot be read or is no directory.
pub fn is_missing_or_empty(path: &Path) -> Result<bool> {
    match fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(error) => Err(Error::io("read", path, &error)),
    }
}

/// The names in a directory, sorted; none where it is missing.
///
/// # Errors
/// Exit 1 or 6 where it cannot be read.
pub fn names_in(path: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("read", path, &error)),
    };
    let mut names = entries
        .map(|entry| entry.map(|e| e.file_name().to_string_lossy().into_owned()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| Error::io("read", path, &e))?;
    names.sort();
    Ok(names)
}

/// A file for its owner alone that has no name and is gone when it is closed; while it is made it
/// stands at `path`.
///
/// # Errors
/// Exit 1 or 6 with the path.
pub fn nameless(path: &Path) -> Result<File> {
    // What a crash left in between.
    let _ = fs::remove_file(path);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(PRIVATE)
        .open(path)
        .map_err(|e| Error::io("write", path, &e))?;
    fs::remove_file(path).map_err(|e| Error::io("remove", path, &e))?;
    Ok(file)
}

/// An error of the system's with the path that it is about, where only such a one can be passed on.
pub fn at(path: &Path, error: &std::io::Error) -> std::io::Error {
    std::io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// The last lines of a text file, read from its end.
///
/// # Errors
/// Exit 4 where it is missing.
pub fn last_lines(path: &Path, count: usize) -> Result<Vec<String>> {
    use std::io::{Read, Seek, SeekFrom};
    const FAR_ENOUGH: u64 = 1 << 20;
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(FAR_ENOUGH)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|e| Error::io("read", path, &e))?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    Ok(lines
        .iter()
        .skip(lines.len().saturating_sub(count))
        .map(|line| (*line).to_owned())
        .collect())
}

/// Makes the entry of a file in its directory last.
///
/// # Errors
/// Exit 1 with the path.
pub fn sync_directory_of(path: &Path) -> Result<()> {
    sync_directory(path.parent().unwrap_or(Path::new("/")))
}

/// Whether a directory can be moved within the one that it is in: it is no link, and no file system of
/// its own.
///
/// # Errors
/// Exit 1 or 4 with the path.
pub fn can_be_moved(path: &Path, above: &Path) -> Result<bool> {
    let io = |e: std::io::Error| Error::io("look at", path, &e);
    let there = fs::symlink_metadata(path).map_err(io)?;
    let above = fs::metadata(above).map_err(io)?;
    Ok(there.is_dir() && there.dev() == above.dev())
}

/// Has everything on the disk that was written to the file system that a path is on.
///
/// # Errors
/// Exit 1 with the path.
pub fn sync_file_system(path: &Path) -> Result<()> {
    fs::File::open(path)
        .and_then(|file| Ok(rustix::fs::syncfs(file)?))
        .map_err(|e| Error::io("sync the file system of", path, &e))
}

/// Makes the entries of a directory last.
///
/// # Errors
/// Exit 1 with the path.
pub fn sync_directory(directory: &Path) -> Result<()> {
    File::open(directory)
        .and_then(|d| d.sync_all())
        .map_err(|e| Error::io("sync", directory, &e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_with_its_mode() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("config.sh");
        write(&path, "one", 0o644).unwrap();
        write(&path, "two", PRIVATE).unwrap();
        assert_eq!(read(&path).unwrap(), "two");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, PRIVATE);
        assert_eq!(names_in(place.path()).unwrap(), ["config.sh"]);
    }

    #[test]
    fn a_link_stays_one_and_its_file_is_written() {
        let place = tempfile::tempdir().unwrap();
        let (file, path) = (place.path().join("kept"), place.path().join("config.sh"));
        write(&file, "one", PRIVATE).unwrap();
        symlink(&file, &path).unwrap();
        write(&path, "two", PRIVATE).unwrap();
        assert!(path.is_symlink());
        assert_eq!(read(&file).unwrap(), "two");
    }

    #[test]
    fn the_last_lines_are_the_last() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("log");
        write(&path, "a\nb\nc\n", 0o644).unwrap();
        assert_eq!(last_lines(&path, 2).unwrap(), ["b", "c"]);
    }
}
