//! Which files a directory has, written down to tell later what was done to them. It is read as it is
//! walked through: there may be hundreds of thousands.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use crate::error::{Error, Result};
use crate::host::files;

/// What an application puts beside a file while it rewrites it; without anything in it.
const LOCK: &[u8] = b".lock";

/// Something in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Item {
    /// Below the directory.
    path: PathBuf,
    /// What it is known by.
    mark: Mark,
}

/// What tells a file that was changed. Its number and its owner say nothing of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// Its own time says nothing that its entries do not say.
    Directory,
    /// Its length in bytes, and when it was written, in nanoseconds since 1970.
    File(u64, i128),
}

/// What was done to the files of a directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Files that came, and one of them.
    pub new: (u64, Option<PathBuf>),
    /// Files that were changed, and one of them.
    pub changed: (u64, Option<PathBuf>),
    /// Files that went, and one of them.
    pub gone: (u64, Option<PathBuf>),
    /// Of the changed ones those that were written to where they are and have a second name in another
    /// directory, which has them changed too.
    pub shared: (u64, Option<PathBuf>),
}

impl Changes {
    /// One line for each kind of change there is.
    pub fn lines(&self) -> Vec<String> {
        let kinds = [
            (&self.new, "new"),
            (&self.changed, "changed"),
            (&self.gone, "gone"),
        ];
        let line = |((count, one), kind): (&(u64, Option<PathBuf>), &str)| {
            let path = one.as_ref()?.display();
            Some(match count {
                1 => format!("1 file {kind}: {path}"),
                _ => format!("{count} files {kind}, one of them {path}"),
            })
        };
        kinds.into_iter().filter_map(line).collect()
    }
}

/// Writes down which files a directory has; one that is not there has none.
///
/// # Errors
/// Exit 1 or 6 with the path.
pub fn note(directory: &Path, to: &Path) -> Result<()> {
    let failed = |e: std::io::Error| Error::io("write", to, &e);
    files::write(to, "", files::PRIVATE)?;
    let mut out = BufWriter::new(File::create(to).map_err(failed)?);
    for item in walk(directory) {
        let item = item?;
        if let Mark::File(size, time) = item.mark {
            write!(out, "{size} {time} ").map_err(failed)?;
            out.write_all(item.path.as_os_str().as_bytes())
                .and_then(|()| out.write_all(&[0]))
                .map_err(failed)?;
        }
    }
    let file = out.into_inner().map_err(|e| failed(e.into_error()))?;
    file.sync_all().map_err(failed)
}

/// What was done to the files of a directory since they were noted. `twin` may have them too.
///
/// # Errors
/// Exit 1 or 6 with the path.
pub fn changes(directory: &Path, noted: &Path, twin: &Path) -> Result<Changes> {
    let is_shared = |path: &Path| is_one_file(&directory.join(path), &twin.join(path));
    compare(walk(directory), read(noted)?, is_shared)
}

/// What became of files, by what they are and were, both in their order.
fn compare(
    now: impl Iterator<Item = Result<Item>>,
    then: impl Iterator<Item = Result<Item>>,
    is_shared: impl Fn(&Path) -> bool,
) -> Result<Changes> {
    let is_file = |item: &Result<Item>| !matches!(item, Ok(item) if item.mark == Mark::Directory);
    let mut then = then.filter(is_file).peekable();
    let mut changes = Changes::default();
    for item in now.filter(is_file) {
        let item = item?;
        while let Some(gone) = then.next_if(|then| match then {
            Ok(then) => then.path < item.path,
            Err(_) => true,
        }) {
            count(&mut changes.gone, gone?.path);
        }
        match then.next_if(|then| then.as_ref().is_ok_and(|then| then.path == item.path)) {
            None => count(&mut changes.new, item.path),
            Some(then) => {
                if then?.mark == item.mark {
                    continue;
                }
                if is_shared(&item.path) {
                    count(&mut changes.shared, item.path.clone());
                }
                count(&mut changes.changed, item.path);
            }
        }
    }
    for gone in then {
        count(&mut changes.gone, gone?.path);
    }
    Ok(changes)
}

/// What was done to the files of a directory since a `copy` of it was made, but for what is in some
/// directories of it.
///
/// # Errors
/// Exit 1 or 6 with the path.
pub fn differences(copy: &Path, directory: &Path, but: &[PathBuf]) -> Result<Changes> {
    compare(walk_but(directory, but), walk_but(copy, but), |_| false)
}

/// Whether two directories have the same in them, by names, lengths and times.
///
/// # Errors
/// Exit 1 or 6 with the path.
pub fn are_same(one: &Path, other: &Path) -> Result<bool> {
    let (mut one, mut other) = (walk(one), walk(other));
    loop {
        match (one.next().transpose()?, other.next().transpose()?) {
            (None, None) => return Ok(true),
            (here, there) if here == there => {}
            _ => return Ok(false),
        }
    }
}

fn count((count, one): &mut (u64, Option<PathBuf>), path: PathBuf) {
    *count += 1;
    one.get_or_insert(path);
}

fn is_one_file(one: &Path, other: &Path) -> bool {
    let number = |path: &Path| path.symlink_metadata().ok().map(|m| (m.dev(), m.ino()));
    number(one).is_some_and(|of_one| number(other) == Some(of_one))
}

/// All that is in a directory, in the order of its names, a directory before what is in it; what goes
/// meanwhile is passed over.
fn walk(directory: &Path) -> impl Iterator<Item = Result<Item>> {
    walk_but(directory, &[])
}

/// The same without some directories of it.
fn walk_but(directory: &Path, but: &[PathBuf]) -> impl Iterator<Item = Result<Item>> {
    let root = directory.to_owned();
    let but: Vec<PathBuf> = but.iter().map(|path| directory.join(path)).collect();
    let entries = WalkDir::new(directory)
        .min_depth(1)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(move |entry| !but.iter().any(|path| path == entry.path()));
    entries.filter_map(move |entry| {
        let item = entry.and_then(|entry| {
            let mark = mark(&entry)?;
            Ok(mark.map(|mark| (entry.into_path(), mark)))
        });
        match item {
            Ok(Some((path, mark))) => {
                let path = path.strip_prefix(&root).unwrap_or(&path).to_owned();
                Some(Ok(Item { path, mark }))
            }
            Ok(None) => None,
            Err(error) => failure(&root, &error).map(Err),
        }
    })
}

/// Nothing where what was to be read is not there any more.
fn failure(root: &Path, error: &walkdir::Error) -> Option<Error> {
    let path = error.path().unwrap_or(root);
    match error.io_error() {
        Some(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Some(error) => Some(Error::io("read", path, error)),
        None => Some(Error::failed(format!("{} cannot be read", path.display())).why(error)),
    }
}

/// Nothing of what is no content.
fn mark(entry: &DirEntry) -> std::result::Result<Option<Mark>, walkdir::Error> {
    if entry.file_type().is_dir() {
        return Ok(Some(Mark::Directory));
    }
    let metadata = entry.metadata()?;
    if metadata.len() == 0 && entry.file_name().as_bytes().ends_with(LOCK) {
        return Ok(None);
    }
    let time = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
    Ok(Some(Mark::File(metadata.len(), time)))
}

/// What was noted, in the order in which it was.
fn read(noted: &Path) -> Result<impl Iterator<Item = Result<Item>>> {
    let file = File::open(noted).map_err(|e| Error::io("read", noted, &e))?;
    let path = noted.to_owned();
    Ok(BufReader::new(file).split(0).map(move |line| {
        let line = line.map_err(|e| Error::io("read", &path, &e))?;
        parse(&line).ok_or_else(|| {
            Error::failed(format!("{} cannot be read", path.display()))
                .why("it does not say which files there were")
        })
    }))
}

fn parse(line: &[u8]) -> Option<Item> {
    let mut words = line.splitn(3, |byte| *byte == b' ');
    let mut number = || std::str::from_utf8(words.next()?).ok();
    let (size, time) = (number()?.parse().ok()?, number()?.parse().ok()?);
    let path = std::ffi::OsString::from_vec(words.next()?.to_owned());
    Some(Item {
        path: path.into(),
        mark: Mark::File(size, time),
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::fs;

    use super::*;

    #[test]
    fn what_was_done_to_files_is_told() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        fs::create_dir_all(at("data/media/a")).unwrap();
        fs::create_dir_all(at("twin/media/a")).unwrap();
        // In the order of a walk: `a/z` before `a.txt`.
        for name in ["media/a.txt", "media/a/z", "media/b", "media/c", "x y"] {
            fs::write(at("data").join(name), name).unwrap();
        }
        let odd = at("data").join(OsStr::from_bytes(b"\xff\n"));
        fs::write(&odd, "odd").unwrap();
        std::os::unix::fs::symlink("nowhere", at("data/link")).unwrap();
        note(&at("data"), &at("noted")).unwrap();
        let changes = || changes(&at("data"), &at("noted"), &at("twin")).unwrap();
        assert_eq!(changes(), Changes::default());

        fs::write(at("data/settings.json.lock"), "").unwrap();
        fs::create_dir(at("data/empty")).unwrap();
        assert_eq!(changes(), Changes::default(), "nothing that is content");

        fs::remove_file(at("data/media/a/z")).unwrap();
        fs::remove_file(&odd).unwrap();
        fs::write(at("data/media/0"), "new").unwrap();
        fs::hard_link(at("data/media/b"), at("twin/media/b")).unwrap();
        fs::write(at("data/media/b"), "longer than before").unwrap();
        fs::rename(at("data/media/c"), at("data/media/d")).unwrap();
        let lines = [
            "2 files new, one of them media/0",
            "1 file changed: media/b",
            "3 files gone, one of them media/a/z",
        ];
        assert_eq!(changes().lines(), lines);
        assert_eq!(changes().shared, (1, Some("media/b".into())));
    }

    #[test]
    fn a_directory_that_is_gone_has_no_files() {
        let place = tempfile::tempdir().unwrap();
        let (data, noted) = (place.path().join("data"), place.path().join("noted"));
        note(&data, &noted).unwrap();
        fs::create_dir(&data).unwrap();
        fs::write(data.join("a"), "a").unwrap();
        assert_eq!(changes(&data, &noted, &data).unwrap().new.0, 1);
        note(&data, &noted).unwrap();
        files::remove_tree(&data).unwrap();
        assert_eq!(changes(&data, &noted, &data).unwrap().gone.0, 1);
        fs::write(&noted, "nonsense").unwrap();
        assert!(changes(&data, &noted, &data).is_err());
    }

    #[test]
    fn directories_are_the_same_by_what_is_in_them() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        fs::create_dir_all(at("one/sub")).unwrap();
        fs::write(at("one/sub/a"), "a").unwrap();
        fs::create_dir_all(at("other/sub")).unwrap();
        fs::hard_link(at("one/sub/a"), at("other/sub/a")).unwrap();
        assert!(are_same(&at("one"), &at("other")).unwrap());
        fs::create_dir(at("other/empty")).unwrap();
        assert!(!are_same(&at("one"), &at("other")).unwrap());
    }

    #[test]
    fn what_differs_from_a_copy_counts_but_for_some_directories() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        for root in ["data", "copy"] {
            std::fs::create_dir_all(at(root).join("media/1")).unwrap();
            std::fs::write(at(root).join("settings.json"), "{}").unwrap();
            let file = File::options()
                .write(true)
                .open(at(root).join("settings.json"));
            file.unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
        }
        let lines = || {
            let but = [PathBuf::from("media")];
            differences(&at("copy"), &at("data"), &but).unwrap().lines()
        };
        std::fs::write(at("data/media/1/new"), "").unwrap();
        assert!(lines().is_empty());
        std::fs::write(at("data/settings.json"), "{\"a\": 1}").unwrap();
        std::fs::write(at("data/more"), "").unwrap();
        assert_eq!(
            lines(),
            ["1 file new: more", "1 file changed: settings.json"]
        );
    }
}
