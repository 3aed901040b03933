//! Content that is kept as the way back.

use std::path::Path;

use crate::error::{Error, Result};
use crate::host::{crash, files};
use crate::model::undo::{Kept, Place, RECORD};
use crate::services::search;
use crate::steps::database::server;
use crate::steps::sums::{self, Sums};
use crate::steps::{World, exchange};

/// Writes down what the new content is before anybody writes to it, but for these tables; some may
/// have been read before.
pub fn note(
    world: &World<'_>,
    directory: &Path,
    database: &str,
    kept: &Kept,
    but: &[String],
    read: Option<&Path>,
) -> Result<()> {
    exchange::make_directories(directory)?;
    let server = server(world, database);
    let sums = read.map(Sums::noted).transpose()?.unwrap_or_default();
    let kept = Kept {
        tables: sums::states(&server, &kept.new.schema, but, &sums)?,
        ..kept.clone()
    };
    let text = serde_json::to_string(&kept)
        .map_err(|e| Error::failed("what is kept cannot be written down").why(e))?;
    files::write(&directory.join(RECORD), &text, files::PRIVATE)
}

/// Takes the note back; what lies beside it stays.
pub fn forget_note(directory: &Path) -> Result<()> {
    if directory.is_dir() {
        files::remove_file(&directory.join(RECORD))?;
        files::remove_if_empty(directory)?;
    }
    match directory.parent() {
        Some(above) if above.is_dir() => files::remove_if_empty(above).map(drop),
        _ => Ok(()),
    }
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
