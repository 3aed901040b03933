//! A search index that is made of documents that are there already. They are derived data: they make
//! it fast, and where anything of them is in doubt the application makes the index by itself.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::host::{crash, files};
use crate::model::container::ContainerSpec;
use crate::model::secret::Secret;
use crate::services::documents::{self, Filler, Rows, Shape, Trust};
use crate::services::scroll::Scroll;
use crate::services::search::Server;
use crate::steps::database::server;
use crate::steps::{World, app};

/// What an index is made of, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filling {
    /// The container that makes an index without documents.
    pub create: ContainerSpec,
    /// The container that writes single documents anew.
    pub write: ContainerSpec,
    /// The container that makes the whole index, however long that takes.
    pub all: ContainerSpec,
    /// The search server's container.
    pub search: String,
    /// The index.
    pub index: String,
    /// The database's container.
    pub database: String,
    /// The instance's schema.
    pub schema: String,
    /// The query of the rows that have documents.
    pub rows: String,
    /// What documents are known by.
    pub shape: Shape,
    /// The file with a snapshot's documents, if it had some; it goes with this step.
    pub carried: Option<PathBuf>,
    /// Another index whose documents are good as well.
    pub other: Option<String>,
    /// How the index was filled before, when others still wrote; if it was.
    #[serde(default)]
    pub ahead: Option<Ahead>,
}

/// How an index was filled while others wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ahead {
    /// With the documents of the other index.
    Documents,
    /// By the application, which read rows from this time on, in seconds since 1970.
    Rows(i64),
}

/// Where documents come from.
#[derive(Debug, Clone, Copy)]
enum Source<'a> {
    File(&'a Path),
    Itself(Ahead),
    Index(&'a str),
}

/// The application writes the documents of a whole index so many times as fast as single ones.
const SINGLE: usize = 5;

/// Fills the index.
pub fn fill(world: &World<'_>, filling: &Filling) -> Result<()> {
    let carried = filling.carried.as_deref().filter(|path| path.exists());
    let other = filling.other.as_deref();
    let sources = carried
        .map(Source::File)
        .into_iter()
        .chain(filling.ahead.map(Source::Itself))
        .chain(other.map(Source::Index));
    for source in sources {
        let why = match from(world, filling, source) {
            Ok(None) => return sweep(filling),
            Ok(Some(why)) => why,
            Err(error) if error.interrupted => return Err(error),
            Err(error) => error.to_string(),
        };
        said_no_use(world, source, &why);
    }
    app::run_phase(world, &filling.all, "filling the search index", None)?;
    sweep(filling)
}

/// Fills the index with what another one has, while others write to the rows: what differs then, the
/// filling mends that comes when they no longer do. It is no failure where that cannot be.
pub fn fill_ahead(world: &World<'_>, filling: &Filling) -> Result<()> {
    let Some(other) = filling.other.as_deref() else {
        return Ok(());
    };
    let source = Source::Index(other);
    let why = match taken(world, filling, source) {
        Ok(Taken::Enough(_)) => return Ok(()),
        Ok(Taken::TooFew(why)) => why,
        Err(error) if error.interrupted => return Err(error),
        Err(error) => error.to_string(),
    };
    said_no_use(world, source, &why);
    Ok(())
}

fn said_no_use(world: &World<'_>, source: Source<'_>, why: &str) {
    world
        .observer
        .note(&format!("the documents of {source} do not do: {why}"));
}

/// Leaves nothing of the index.
pub fn undo(world: &World<'_>, filling: &Filling) -> Result<()> {
    sweep(filling)?;
    app::delete_index(world, &filling.search, &filling.index)
}

fn sweep(filling: &Filling) -> Result<()> {
    match &filling.carried {
        Some(path) => files::remove_file(path),
        None => Ok(()),
    }
}

/// Fills it from one source; why that is no use, if so.
fn from(world: &World<'_>, filling: &Filling, source: Source<'_>) -> Result<Option<String>> {
    let rows = match taken(world, filling, source)? {
        Taken::Enough(rows) => rows,
        Taken::TooFew(why) => return Ok(Some(why)),
    };
    let (wanted, missing) = (rows.count(), rows.missing());
    if !missing.is_empty() {
        let ids = Secret::new(missing.join("\n"));
        app::run_phase(world, &filling.write, "writing documents anew", Some(&ids))?;
    }
    let search = Server::in_container(world.engine, &filling.search)?;
    let count = documents::refreshed_count(&search, &filling.index)?;
    if usize::try_from(count) != Ok(wanted) {
        return Err(Error::failed(format!("{count} came of {wanted}")));
    }
    world.observer.note(&format!(
        "{} documents are those of {source}, {} were written anew",
        wanted - missing.len(),
        missing.len()
    ));
    Ok(None)
}

fn scroll<'a>(world: &World<'a>, filling: &Filling, index: &str) -> Result<Scroll<'a>> {
    let field = &filling.shape.changed;
    Scroll::of_field(world.engine, &filling.search, index, field)
}

/// What of the index may have stayed as it was filled.
fn trusted(world: &World<'_>, filling: &Filling, ahead: Ahead) -> Result<Trust> {
    match (ahead, filling.other.as_deref()) {
        (Ahead::Documents, Some(other)) => {
            Trust::in_versions_of(scroll(world, filling, other)?, world.interrupt)
        }
        (Ahead::Documents, None) => Err(Error::failed("the other index is not known")),
        // A row can change twice in a second, before and after it was read.
        (Ahead::Rows(since), _) => Ok(Trust::ChangedBefore(since - 1)),
    }
}

/// What came of a source.
enum Taken {
    /// Documents of most rows.
    Enough(Rows),
    /// So few that the application is as fast; why.
    TooFew(String),
}

/// Takes what is good of a source.
fn taken(world: &World<'_>, filling: &Filling, source: Source<'_>) -> Result<Taken> {
    let index = filling.index.as_str();
    let search = Server::in_container(world.engine, &filling.search)?;
    let database = server(world, &filling.database);
    let mut rows = Rows::read(&database, &filling.schema, &filling.rows)?;
    let wanted = rows.count();
    let differs = |missing: usize| {
        let too_many = missing > wanted / SINGLE;
        too_many.then(|| format!("{missing} of {wanted} are missing or old"))
    };
    if let Source::Index(other) = source {
        let there = search.count(other)?.and_then(|count| count.try_into().ok());
        if let Some(why) = differs(wanted.saturating_sub(there.unwrap_or(0))) {
            return Ok(Taken::TooFew(why));
        }
    }
    let filler = || Filler::new(&search, index, &filling.shape);
    if let Source::Itself(ahead) = source {
        let trust = trusted(world, filling, ahead)?;
        filler().keep(
            scroll(world, filling, index)?,
            &trust,
            &mut rows,
            world.interrupt,
        )?;
        crash::point("after documents were deleted");
    } else {
        search.delete_index(index)?;
        app::run_phase(world, &filling.create, "making the search index", None)?;
        crash::point("after an index was made");
    }
    match source {
        Source::File(path) => filler().take_file(path, &mut rows, world.interrupt)?,
        Source::Index(other) => {
            filler()
                .with_versions()
                .take_index(other, &mut rows, world.interrupt)?
        }
        // What was written since.
        Source::Itself(_) => {
            if let Some(other) = filling.other.as_deref() {
                filler().take_index(other, &mut rows, world.interrupt)?;
            }
        }
    }
    crash::point("after documents were loaded");
    Ok(match differs(rows.missing().len()) {
        Some(why) => Taken::TooFew(why),
        None => Taken::Enough(rows),
    })
}

impl std::fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Source::File(_) => f.write_str("the snapshot"),
            Source::Itself(_) => f.write_str("the index that was filled before"),
            Source::Index(other) => write!(f, "the index {other}"),
        }
    }
}
