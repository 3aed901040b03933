//! Content that is kept as the way back, and what was written to the one that took its place.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::host::inventory::{self, Changes};
use crate::host::{crash, files};
use crate::model::name::Name;
use crate::model::undo::{CONTENT, FILES, Kept, Place, RECORD, TABLES};
use crate::services::database::{Server, at_once};
use crate::services::search;
use crate::steps::database::server;
use crate::steps::sums::{self, Sums};
use crate::steps::{Order, World, exchange, snapshot};

/// New content that is compared with what was noted of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    /// The directory of the note: that of the content that gave way.
    pub directory: PathBuf,
    /// The database's container.
    pub database: String,
    /// Tables that do not count.
    pub but: Vec<String>,
    /// The directory of its files, where they serve.
    pub files: PathBuf,
}

/// What is kept of it, should it have to go again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// The content.
    pub noted: Noted,
    /// The snapshot that is taken of it then.
    pub order: Order,
}

impl Noted {
    /// Its former files, where they are kept.
    fn twin(&self) -> PathBuf {
        let name = self.files.file_name().unwrap_or_default();
        self.directory.join(CONTENT).join(name)
    }

    fn kept(&self) -> Result<Kept> {
        let path = self.directory.join(RECORD);
        serde_json::from_str(&files::read(&path)?)
            .map_err(|e| Error::failed(format!("{} cannot be read", path.display())).why(e))
    }

    /// What was written to its tables, one line for each.
    fn rows(&self, engine: &dyn Engine) -> Result<Vec<String>> {
        let server = Server::in_container(engine, self.database.clone());
        let kept = self.kept()?;
        let sums = Sums::noted(&self.directory.join(TABLES))?.lasting();
        let (now, _) = sums::read(&server, &kept.new.schema, &self.but, &sums)?;
        Ok(kept.written_since(&now))
    }

    fn changes(&self) -> Result<Changes> {
        inventory::changes(&self.files, &self.directory.join(FILES), &self.twin())
    }
}

/// What was written to new content since it was noted, one line for each table, and for each kind of
/// change to files.
///
/// # Errors
/// Exit 1 where the database or the note cannot be read.
pub fn written_since(engine: &dyn Engine, noted: &Noted) -> Result<Vec<String>> {
    let (rows, changes) = at_once(|| noted.rows(engine), || noted.changes());
    let (mut lines, changes) = (rows?, changes?);
    lines.extend(changes.lines());
    if let (count, Some(one)) = &changes.shared {
        lines.push(format!(
            "the former content has {count} of the changed files only as they are now: {}",
            one.display()
        ));
    }
    Ok(lines)
}

/// Says that content is not given up that was written to.
pub fn refusal(instance: &Name, verb: &str, lines: &[String], next: &str) -> Error {
    Error::refused(format!("{instance} was written to since the {verb}"))
        .why(lines.join("; "))
        .next(format!("to give that up, after a snapshot of it: {next}"))
}

/// Writes down what the new content is before anybody writes to it; some of its tables may have been read
/// before. Its files may be `beside` yet.
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
    let files = if beside.is_dir() {
        beside
    } else {
        &noted.files
    };
    let (tables, files) = at_once(
        || sums::read(&server, &kept.new.schema, &noted.but, &sums),
        || inventory::note(files, &directory.join(FILES)),
    );
    let (tables, sums) = tables?;
    files?;
    sums.note(&directory.join(TABLES))?;
    let kept = Kept {
        tables,
        ..kept.clone()
    };
    let text = serde_json::to_string(&kept)
        .map_err(|e| Error::failed("what is kept cannot be written down").why(e))?;
    files::write(&directory.join(RECORD), &text, files::PRIVATE)
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

/// Whether anybody wrote to new content that serves.
pub fn is_written_to(world: &World<'_>, written: &Written) -> Result<bool> {
    if world.discard_new {
        return Ok(false);
    }
    let lines = written_since(world.engine, &written.noted)?;
    if !lines.is_empty() {
        let what = &written.order.instance;
        world.observer.note(&format!(
            "{what} was written to while it served the new content, so that stays: {}",
            lines.join("; ")
        ));
    }
    Ok(!lines.is_empty())
}

/// Before new content goes again that served: what was written to it goes into a snapshot.
pub fn keep(world: &World<'_>, written: &Written) -> Result<()> {
    let Written { noted, order } = written;
    let lines = match written_since(world.engine, noted) {
        Err(error) if world.discard_new => {
            world.observer.warn(&error.to_string());
            Vec::new()
        }
        lines => lines?,
    };
    if lines.is_empty() {
        return Ok(());
    }
    let lines = lines.join("; ");
    if world.discard_new {
        world.observer.warn(&format!("given up: {lines}"));
        return Ok(());
    }
    let order = order.clone().from_now()?;
    snapshot::take(world, &order)?;
    world.observer.warn(&format!(
        "{} was written to while it served the new content ({lines}); that is in {}",
        order.instance,
        order.file.display()
    ));
    Ok(())
}

/// Removes content: its schema, its user, its index.
pub fn drop_content(world: &World<'_>, database: &str, search: &str, place: &Place) -> Result<()> {
    let server = server(world, database);
    server.drop_schema(&place.schema)?;
    crash::point("after a schema was dropped");
    server.drop_account(&place.user)?;
    match &place.index {
        Some(index) => search::Server::in_container(world.engine, search)?.delete_index(index),
        None => Ok(()),
    }
}
