//! A snapshot: files and rows of the same moment, packed afterwards.

mod documents;
mod dumping;
mod moment;
mod pack;
mod tables;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::Scope;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::host::archive::{self, Watch};
use crate::host::clone::{Clone as TreeClone, Rules};
use crate::host::{clock, crash, files, sizes};
use crate::model::snapshot::{About, CloneKind, Hold, Packing, SnapshotName};
use crate::services::database::Server;
use crate::services::{dump, hold};
use crate::steps::snapshot::pack::Parts;
use crate::steps::{World, gauge};

pub use documents::IndexOrder;

/// How often it is begun anew where a table is changed while it is dumped.
const TRIES: u32 = 3;

/// How long may be looked how much there is to pack, which only a bar shows.
const LOOKING: Duration = Duration::from_secs(5);

/// What a snapshot is made of, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The cluster's name.
    pub cluster: String,
    /// The instance's name.
    pub instance: String,
    /// The instance's version, as its tag.
    pub version: String,
    /// The name of the contract that covers it.
    pub contract: String,
    /// The database's container.
    pub database: String,
    /// The instance's schema.
    pub schema: String,
    /// Its tables that are no content: nobody is kept from writing to them.
    pub tables_without_content: Vec<String>,
    /// The search index whose documents travel along.
    #[serde(default)]
    pub documents: Option<IndexOrder>,
    /// How writers are kept out for the moment. Read-only is other steps' work.
    pub hold: Hold,
    /// The instance's directory.
    pub root: PathBuf,
    /// What of it is taken.
    pub rules: Rules,
    /// A directory for the time being, in the same file system.
    pub work: PathBuf,
    /// The pipe that the dump comes through.
    pub pipe: PathBuf,
    /// When, in seconds since 1970.
    pub taken: i64,
    /// How it is packed.
    pub packing: Packing,
    /// The snapshot's file.
    pub file: PathBuf,
    /// Threads that compress.
    #[serde(default)]
    pub workers: u32,
    /// How much packing gives way to others of the host, from 0 to 19.
    #[serde(default)]
    pub nice: u8,
}

impl Order {
    /// The same, of this moment, in a file that is not there yet. Names have whole seconds: one that was
    /// taken in the same second keeps its name, for whatever undoes this one would remove it.
    ///
    /// # Errors
    /// Exit 2 where its file is not called as a snapshot is.
    pub fn from_now(mut self) -> Result<Self> {
        let name = self.file.file_name().unwrap_or_default();
        let mut name = SnapshotName::parse(&name.to_string_lossy())?;
        self.taken = clock::now();
        loop {
            let time = Timestamp::from_second(self.taken).unwrap_or_default();
            let SnapshotName {
                instance,
                version,
                packing,
                ..
            } = name;
            name = SnapshotName::new(instance, time, version, packing);
            self.file.set_file_name(name.to_string());
            if !files::exists(&self.file) {
                return Ok(self);
            }
            self.taken += 1;
        }
    }

    /// A path beside the clone.
    fn beside(&self, suffix: &str) -> PathBuf {
        let mut path = self.work.clone().into_os_string();
        path.push(suffix);
        path.into()
    }

    /// The pipe that the dump of tables comes through that have no transactions.
    fn pipe_apart(&self) -> PathBuf {
        self.pipe.with_extension("apart.sql")
    }
}

/// Takes the snapshot.
pub fn take(world: &World<'_>, order: &Order) -> Result<()> {
    let mut tries = TRIES;
    loop {
        sweep(order)?;
        let taken = std::thread::scope(|scope| take_within(world, order, scope));
        let swept = sweep(order);
        tries -= 1;
        match taken {
            Err(error) if dump::was_overtaken(&error) && tries > 0 => {
                swept?;
                world
                    .observer
                    .note("a table was changed while it was dumped; the snapshot begins anew");
            }
            taken => return taken.and(swept),
        }
    }
}

/// Removes what there is of it.
pub fn undo(order: &Order) -> Result<()> {
    files::remove_file(&order.file)?;
    sweep(order)
}

/// Fails where a snapshot is not whole.
pub fn check(world: &World<'_>, file: &Path) -> Result<()> {
    let what = "reading the snapshot";
    let verify = |watch: Watch<'_>| archive::verify(file, watch);
    gauge::while_read(world.observer, world.interrupt, what, file, verify).map(drop)
}

/// Removes what an earlier one left, or this one does not need any more.
fn sweep(order: &Order) -> Result<()> {
    files::remove_tree(&order.work)?;
    files::remove_file(&order.pipe_apart())?;
    files::remove_file(&order.pipe)
}

fn take_within<'scope, 'env>(
    world: &'env World<'_>,
    order: &'env Order,
    scope: &'scope Scope<'scope, 'env>,
) -> Result<()> {
    let server = Server::in_container(world.engine, order.database.clone());
    // What is refused is refused before anything is done.
    let tables = tables::Tables::of(&server, order)?;
    if order.hold == Hold::Lock {
        tables.check(&order.schema)?;
    }
    let version = server.version()?;
    let mut clone = TreeClone::begin(&order.root, &order.work, &order.rules)?;
    // Ahead, so that only what was changed since is left for the moment itself.
    clone.update(world.interrupt)?;
    documents::prepare(world, order.documents.as_ref());
    crash::point("before the hold");
    let moment = moment::find(world, order, scope, &mut clone)?;
    crash::point("after the hold");
    if let Some(lasted) = moment.lasted {
        world.observer.note(&format!(
            "writers were held for {} ms, readers were not",
            lasted.as_millis()
        ));
    }
    let method = clone.method();
    // It knows every directory.
    drop(clone);
    let (tables, counted) = moment.tables;
    let counting = moment.counting;
    let rows = scope.spawn(move || count(counting, tables, counted));
    let parts = Parts {
        apart: moment.apart,
        dump: moment.dump,
        documents: moment
            .documents
            .spool(world, order.beside(".ndjson"), scope),
        rows,
        about: about(order, method, version),
        expected: expected(world, order, scope),
    };
    let packing = scope.spawn(move || pack::pack(world, order, parts));
    packing
        .join()
        .map_err(|_| Error::failed("packing the snapshot broke off"))?
}

/// The rows of each table, as they were in the moment.
fn count(
    mut counting: hold::Snapshot,
    tables: Vec<String>,
    mut counted: BTreeMap<String, u64>,
) -> Result<BTreeMap<String, u64>> {
    for table in tables {
        let rows = counting.rows(&table)?;
        counted.insert(table, rows);
    }
    Ok(counted)
}

/// A guess at how many bytes there are to pack, which comes when it is known.
fn expected<'scope, 'env>(
    world: &'env World<'_>,
    order: &'env Order,
    scope: &'scope Scope<'scope, 'env>,
) -> Arc<AtomicU64> {
    let expected = Arc::new(AtomicU64::new(0));
    let found = Arc::clone(&expected);
    scope.spawn(move || {
        let server = Server::in_container(world.engine, order.database.clone());
        let rows = server.schema_bytes(&order.schema).unwrap_or(0);
        let files = sizes::of_directory(&order.work, LOOKING);
        if files.whole {
            found.store(rows + files.archived, Ordering::Relaxed);
        }
    });
    expected
}

/// What is known before it is packed.
fn about(order: &Order, clone: CloneKind, database: String) -> About {
    About {
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        cluster: order.cluster.clone(),
        instance: order.instance.clone(),
        version: order.version.clone(),
        contract: order.contract.clone(),
        taken: Timestamp::from_second(order.taken).unwrap_or_default(),
        hold: order.hold,
        clone,
        database,
        rows: BTreeMap::new(),
        documents: None,
        consistent: order.hold != Hold::None,
    }
}
