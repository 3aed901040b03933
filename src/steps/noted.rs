//! What new content was before anybody wrote to it, written down and compared with what it is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::host::{files, inventory};
use crate::model::name::Name;
use crate::model::undo::{CONTENT, FILES, Kept, RECORD, TABLES};
use crate::services::database::{Server, at_once};
use crate::steps::database::server;
use crate::steps::marks::Marks;
use crate::steps::sums::{self, Sums};
use crate::steps::{World, exchange};

/// New content that is compared with what was noted of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    /// The directory of the note: that of the content that gave way.
    pub directory: PathBuf,
    /// The database's container.
    pub database: String,
    /// Tables that do not count.
    pub but: Vec<String>,
    /// The instance's directory.
    #[serde(default)]
    pub root: PathBuf,
    /// The directory of its files in that.
    #[serde(default)]
    pub files: String,
    /// Files beside it that count too.
    #[serde(default)]
    pub texts: Vec<String>,
}

impl Noted {
    /// What was written to its tables, one line for each.
    fn rows(&self, engine: &dyn Engine, kept: &Kept) -> Result<Vec<String>> {
        if kept.by_marks {
            let now = Marks::of(engine, &self.database, &kept.new.schema)?;
            return Ok(now.changed_since(&Marks::noted(&self.directory.join(TABLES))?, &self.but));
        }
        let server = Server::in_container(engine, self.database.clone());
        let sums = Sums::noted(&self.directory.join(TABLES))?.lasting();
        let (now, _) = sums::read(&server, &kept.new.schema, &self.but, &sums)?;
        Ok(kept.written_since(&now))
    }

    /// What was done to its files, one line for each kind of change.
    fn changes(&self) -> Result<Vec<String>> {
        let noted = self.directory.join(FILES);
        if !files::exists(&noted) {
            return Ok(vec![
                "which files it had was not written down: they cannot be compared".to_owned(),
            ]);
        }
        let twin = self.directory.join(CONTENT).join(&self.files);
        let changes = inventory::changes(&self.root.join(&self.files), &noted, &twin)?;
        let mut lines = changes.lines();
        if let (count, Some(one)) = &changes.shared {
            lines.push(format!(
                "the former content has {count} of the changed files only as they are now: {}",
                one.display()
            ));
        }
        Ok(lines)
    }
}

/// What files beside an instance's content say, in short, by their names; nothing of one that is
/// missing.
pub type Texts = BTreeMap<String, Option<String>>;

/// The files of a directory that are not as noted, one line for each.
fn changed_texts(directory: &Path, then: &Texts) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for (name, then) in then {
        if text(&directory.join(name))? != *then {
            lines.push(format!("{name} was changed"));
        }
    }
    Ok(lines)
}

/// What was written down in the directory of a note; nothing where nothing is.
///
/// # Errors
/// Exit 1 or 6 where it cannot be read.
pub fn record(directory: &Path) -> Result<Option<Kept>> {
    let Some(text) = files::read_if_there(&directory.join(RECORD))? else {
        return Ok(None);
    };
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|e| Error::failed(format!("{} cannot be read", directory.display())).why(e))
}

/// What is in a file, in short; but not whether an instance should run, which stays as it is whatever is
/// exchanged.
fn text(path: &Path) -> Result<Option<String>> {
    let Some(text) = files::read_if_there(path)? else {
        return Ok(None);
    };
    let counts = |line: &&str| !line.starts_with("SHOULD_RUN=");
    let text: String = text.split_inclusive('\n').filter(counts).collect();
    Ok(Some(format!(
        "{:08x} {}",
        crc32fast::hash(text.as_bytes()),
        text.len()
    )))
}

/// What is in files of a directory, in short, by their names there; one may be missing.
///
/// # Errors
/// Exit 1 or 6 where one cannot be read.
pub fn texts_of(directory: &Path, names: BTreeSet<String>) -> Result<Texts> {
    let of = |name: String| text(&directory.join(&name)).map(|text| (name, text));
    names.into_iter().map(of).collect()
}

/// What was written to new content since it was noted, one line for each table, and for each kind of
/// change to files.
///
/// # Errors
/// Exit 1 where the database or the note cannot be read.
pub fn written_since(engine: &dyn Engine, noted: &Noted) -> Result<Vec<String>> {
    let kept = record(&noted.directory)?
        .ok_or_else(|| Error::not_found(format!("{} has no record", noted.directory.display())))?;
    let (rows, changes) = at_once(|| noted.rows(engine, &kept), || noted.changes());
    let mut lines = rows?;
    lines.extend(changes?);
    lines.extend(changed_texts(&noted.root, &kept.texts)?);
    Ok(lines)
}

/// Says that content is not given up that was written to.
pub fn refusal(instance: &Name, verb: &str, lines: &[String], next: &str) -> Error {
    Error::refused(format!("{instance} was written to since the {verb}"))
        .why(lines.join("; "))
        .next(format!("to give that up, after a snapshot of it: {next}"))
}

/// Writes down what the new content is before anybody writes to it; some of its tables may have been read
/// before. Files may be `beside` yet.
pub fn note(
    world: &World<'_>,
    noted: &Noted,
    beside: &Path,
    kept: &Kept,
    read: Option<&Path>,
) -> Result<()> {
    let directory = &noted.directory;
    exchange::make_directories(directory)?;
    let server = server(world, &noted.database);
    let sums = read.map(Sums::noted).transpose()?.unwrap_or_default();
    let place = |name: &String| match beside.join(name) {
        waits if files::exists(&waits) => waits,
        _ => noted.root.join(name),
    };
    let schema = &kept.new.schema;
    let read = || {
        if kept.by_marks {
            let marks = Marks::of(world.engine, &noted.database, schema)?;
            return marks
                .note(&directory.join(TABLES))
                .map(|()| BTreeMap::new());
        }
        let (tables, sums) = sums::read(&server, schema, &noted.but, &sums)?;
        sums.note(&directory.join(TABLES)).map(|()| tables)
    };
    let (tables, files) = at_once(read, || {
        inventory::note(&place(&noted.files), &directory.join(FILES))
    });
    let tables = tables?;
    files?;
    let mut texts = BTreeMap::new();
    for name in &noted.texts {
        texts.insert(name.clone(), text(&place(name))?);
    }
    let kept = Kept {
        tables,
        texts,
        ..kept.clone()
    };
    let record = serde_json::to_string(&kept)
        .map_err(|e| Error::failed("what is kept cannot be written down").why(e))?;
    files::write(&directory.join(RECORD), &record, files::PRIVATE)
}

/// Takes the note back; what lies beside it stays.
pub fn forget_note(directory: &Path) -> Result<()> {
    if directory.is_dir() {
        for name in [RECORD, TABLES, FILES] {
            files::remove_file(&directory.join(name))?;
        }
        files::remove_if_empty(directory)?;
    }
    match directory.parent() {
        Some(above) if above.is_dir() => files::remove_if_empty(above).map(drop),
        _ => Ok(()),
    }
}

/// Fails where new content was written to; for whose, of which verb, and what is typed next.
pub fn check_unwritten(
    world: &World<'_>,
    (instance, verb, next): (&Name, &str, &str),
    noted: &Noted,
) -> Result<()> {
    match written_since(world.engine, noted)?.as_slice() {
        [] => Ok(()),
        lines => Err(refusal(instance, verb, lines, next)),
    }
}

/// Fails where files were changed since that was noted.
pub fn check_files(instance: &Name, directory: &Path, noted: &Path) -> Result<()> {
    let changes = inventory::changes(directory, noted, Path::new(""))?;
    need_none(instance, &changes.lines())
}

/// Fails where files say something else than what the operation was planned by.
pub fn check_texts(instance: &Name, directory: &Path, planned: &Texts) -> Result<()> {
    need_none(instance, &changed_texts(directory, planned)?)
}

/// Fails where there are such changes.
pub fn need_none(instance: &Name, changes: &[String]) -> Result<()> {
    match changes {
        [] => Ok(()),
        lines => Err(
            Error::failed(format!("files of {instance} were changed meanwhile"))
                .why(lines.join("; "))
                .next("the same again, when nobody is at work on it"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_planned_by_must_not_have_changed_or_come() {
        let place = tempfile::tempdir().unwrap();
        let of = |name: &str| place.path().join(name);
        std::fs::write(of("config.sh"), "A=1\nSHOULD_RUN=true\n").unwrap();
        let names = ["config.sh", "kor.app.yml"].map(str::to_owned);
        let planned = texts_of(place.path(), names.into()).unwrap();
        let name = Name::for_new("a").unwrap();
        let check = || check_texts(&name, place.path(), &planned);
        // A `stop` writes that, and it stays.
        std::fs::write(of("config.sh"), "A=1\nSHOULD_RUN=false\n").unwrap();
        check().unwrap();
        std::fs::write(of("kor.app.yml"), "").unwrap();
        assert!(check().unwrap_err().to_string().contains("kor.app.yml"));
        std::fs::remove_file(of("kor.app.yml")).unwrap();
        std::fs::write(of("config.sh"), "A=2\nSHOULD_RUN=false\n").unwrap();
        assert!(check().unwrap_err().to_string().contains("config.sh"));
    }
}
