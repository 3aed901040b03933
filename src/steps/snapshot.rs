//! A snapshot: files and rows of the same moment, packed afterwards.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::host::archive::{Options, Stream, Tree, Watch, Writer};
use crate::host::clone::{Clone as TreeClone, Rules};
use crate::host::fifo::Fifo;
use crate::host::{crash, files};
use crate::model::snapshot::{About, CloneKind, Hold, Packing};
use crate::services::database::Server;
use crate::services::{dump, hold};
use crate::steps::World;

/// How often a moment is looked for that nobody's statement about a table falls into.
const TRIES: u32 = 5;

/// Threads that compress.
const WORKERS: u32 = 2;

/// How long a dump may take until it sees the moment.
const DUMP_OPENS: Duration = Duration::from_secs(5);

/// The server shows open transactions as they were when it was last asked, where that is less than
/// 100 ms ago: who asks more often sees no new one.
const BETWEEN_LOOKS: Duration = Duration::from_millis(110);

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
    /// Whether writers are kept out for the moment.
    pub held: bool,
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
}

/// What was taken of one moment.
struct Moment<'scope> {
    dump: Dump<'scope>,
    counting: hold::Snapshot,
    lasted: Option<Duration>,
}

/// A dump at work, and the pipe that it comes through.
struct Dump<'scope> {
    pipe: Fifo,
    ended: ScopedJoinHandle<'scope, Result<()>>,
}

/// Takes the snapshot.
pub fn take(world: &World<'_>, order: &Order) -> Result<()> {
    sweep(order)?;
    let taken = std::thread::scope(|scope| take_within(world, order, scope));
    let swept = sweep(order);
    taken.and(swept)
}

/// Removes what there is of it.
pub fn undo(order: &Order) -> Result<()> {
    files::remove_file(&order.file)?;
    sweep(order)
}

/// Removes what an earlier one left, or this one does not need any more.
fn sweep(order: &Order) -> Result<()> {
    files::remove_tree(&order.work)?;
    files::remove_file(&order.pipe)
}

fn take_within<'scope, 'env>(
    world: &'env World<'_>,
    order: &'env Order,
    scope: &'scope Scope<'scope, 'env>,
) -> Result<()> {
    let server = Server::in_container(world.engine, order.database.clone());
    let mut tables = server.tables(&order.schema)?;
    tables.retain(|table| !order.tables_without_content.contains(table));
    if tables.is_empty() {
        return Err(
            Error::refused(format!("the schema {} is empty", order.schema))
                .why("there is nothing to take a snapshot of"),
        );
    }
    let version = server.version()?;
    let mut clone = TreeClone::begin(&order.root, &order.work, &order.rules)?;
    // Ahead, so that only what was changed since is left for the moment itself.
    clone.update(world.interrupt)?;
    crash::point("before the hold");
    let moment = find_moment(world, order, scope, &tables, &mut clone)?;
    crash::point("after the hold");
    if let Some(lasted) = moment.lasted {
        world.observer.note(&format!(
            "writers were held for {} ms, readers were not",
            lasted.as_millis()
        ));
    }
    let mut counting = moment.counting;
    let rows = scope.spawn(move || -> Result<BTreeMap<String, u64>> {
        tables
            .into_iter()
            .map(|table| Ok((table.clone(), counting.rows(&table)?)))
            .collect()
    });
    pack(
        world,
        order,
        moment.dump,
        &|rows| About {
            tool: env!("CARGO_PKG_VERSION").to_owned(),
            cluster: order.cluster.clone(),
            instance: order.instance.clone(),
            version: order.version.clone(),
            contract: order.contract.clone(),
            taken: Timestamp::from_second(order.taken).unwrap_or_default(),
            hold: if order.held { Hold::Lock } else { Hold::None },
            clone: clone.method(),
            database: version.clone(),
            rows,
            documents: None,
            consistent: order.held,
        },
        rows,
    )
}

/// Finds a moment that nobody else's statement about a table falls into, and takes the files of it.
fn find_moment<'scope, 'env>(
    world: &'env World<'_>,
    order: &'env Order,
    scope: &'scope Scope<'scope, 'env>,
    tables: &[String],
    clone: &mut TreeClone<'_>,
) -> Result<Moment<'scope>> {
    if !order.held {
        let counting = hold::Snapshot::begin(world.engine, &order.database, &order.schema)?;
        let dump = start_dump(world, order, scope)?;
        clone.update(world.interrupt)?;
        return Ok(Moment {
            dump,
            counting,
            lasted: None,
        });
    }
    for _ in 0..TRIES {
        let mut held = hold::hold(
            world.engine,
            &order.database,
            &order.schema,
            tables,
            world.interrupt,
        )?;
        let counting = hold::Snapshot::begin(world.engine, &order.database, &order.schema)?;
        let newest = held.newest_connection()?;
        let dump = start_dump(world, order, scope)?;
        let opens_until = Instant::now() + DUMP_OPENS;
        // A small one is over before anybody looks; whether it went well is seen when it is packed.
        while !dump.ended.is_finished() && !held.dump_is_open(newest, &order.schema)? {
            if Instant::now() > opens_until {
                return Err(dump.failure());
            }
            std::thread::sleep(BETWEEN_LOOKS);
        }
        crash::point("in the hold");
        clone.update(world.interrupt)?;
        if !held.is_in_the_way(&order.schema)? {
            let lasted = Some(held.release()?);
            return Ok(Moment {
                dump,
                counting,
                lasted,
            });
        }
        drop(held);
        world
            .observer
            .note("a table is being changed; another moment is taken");
        dump.end();
        world.interrupt.sleep(Duration::from_millis(500));
    }
    Err(Error::failed("no moment was found for a snapshot")
        .why("somebody changes tables without a pause")
        .next("try again later, or say --hold none"))
}

fn start_dump<'scope, 'env>(
    world: &'env World<'_>,
    order: &'env Order,
    scope: &'scope Scope<'scope, 'env>,
) -> Result<Dump<'scope>> {
    let pipe = Fifo::make(&order.pipe)?;
    let over = pipe.over();
    let ended = scope.spawn(move || {
        let ended = dump::run(world.engine, &order.database, &order.schema, &order.pipe);
        over.store(true, Ordering::SeqCst);
        ended
    });
    Ok(Dump { pipe, ended })
}

impl Dump<'_> {
    /// Ends it: a program whose pipe is gone ends by itself.
    fn end(self) {
        drop(self.pipe);
        let _ = self.ended.join();
    }

    /// Why it does not do what it should.
    fn failure(self) -> Error {
        drop(self.pipe);
        match self.ended.join() {
            Ok(Err(error)) => error,
            _ => Error::failed("the dump did not begin in time"),
        }
    }
}

fn pack(
    world: &World<'_>,
    order: &Order,
    mut dump: Dump<'_>,
    about: &dyn Fn(BTreeMap<String, u64>) -> About,
    rows: ScopedJoinHandle<'_, Result<BTreeMap<String, u64>>>,
) -> Result<()> {
    let progress = |_: u64| {};
    let watch = Watch::new(world.interrupt, &progress);
    let mut writer = Writer::begin(&order.file, Options::new(order.packing, WORKERS), watch)?;
    let passed = writer.add_stream(Stream::Dump, &mut dump.pipe);
    // Its own error says more than that its output broke off.
    drop(dump.pipe);
    dump.ended
        .join()
        .map_err(|_| Error::failed("the dump broke off"))??;
    passed?;
    let rows = rows
        .join()
        .map_err(|_| Error::failed("counting the rows broke off"))??;
    let about = about(rows);
    let tree = Tree {
        // What is written once has its other name in the instance's directory.
        names_elsewhere: u64::from(about.clone == CloneKind::HardLinks),
        ..Tree::default()
    };
    writer.add_tree(&order.work, "", &tree)?;
    let finished = writer.finish(about)?;
    for left in &finished.left_out {
        let (path, why) = (&left.path, left.why);
        world
            .observer
            .warn(&format!("{path} is not in the snapshot: {why}"));
    }
    Ok(())
}
