//! The moment that a snapshot is of: nobody writes, the dump has opened its view of the tables, and
//! the files are cloned.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Scope;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::host::clone::Clone as TreeClone;
use crate::host::crash;
use crate::host::interrupt::Interrupt;
use crate::model::snapshot::Hold;
use crate::services::database::Server;
use crate::services::hold;
use crate::steps::World;
use crate::steps::snapshot::Order;
use crate::steps::snapshot::documents::{self, Opening};
use crate::steps::snapshot::dumping::{self, Dump};
use crate::steps::snapshot::tables::Tables;

/// How often a moment is looked for that nobody's statement about a table falls into.
const TRIES: u32 = 5;

/// How long a dump may take until it sees the moment.
const DUMP_OPENS: Duration = Duration::from_secs(5);

/// What was taken of one moment.
pub struct Moment<'scope> {
    /// The dump at work.
    pub dump: Dump<'scope>,
    /// The dump of tables that it would see later, where there are any.
    pub apart: Option<File>,
    /// Counts rows as they were.
    pub counting: hold::Snapshot,
    /// The tables whose rows count, and those that are counted already.
    pub tables: (Vec<String>, BTreeMap<String, u64>),
    /// The search index as it was.
    pub documents: Opening<'scope>,
    /// How long writers were held.
    pub lasted: Option<Duration>,
}

/// Finds it.
///
/// # Errors
/// Exit 6 where the tables cannot be dumped in a hold; exit 1 where others change tables without a
/// pause, or at an interruption.
pub fn find<'scope, 'env>(
    world: &'env World<'_>,
    order: &'env Order,
    scope: &'scope Scope<'scope, 'env>,
    clone: &mut TreeClone<'_>,
) -> Result<Moment<'scope>> {
    let server = Server::in_container(world.engine, order.database.clone());
    if order.hold != Hold::Lock {
        let tables = Tables::of(&server, order)?;
        return unlocked(world, order, scope, tables, clone);
    }
    for _ in 0..TRIES {
        let tables = Tables::of(&server, order)?;
        tables.check(&order.schema)?;
        if let Some(moment) = locked(world, order, scope, tables, clone)? {
            return Ok(moment);
        }
        world
            .observer
            .note("a table is being changed; another moment is taken");
        world.interrupt.sleep(Duration::from_millis(500));
    }
    Err(Error::failed("no moment was found for a snapshot")
        .why("somebody changes tables without a pause")
        .next("try again later, or say --hold read-only"))
}

/// Without a lock: nobody can write, or it is not asked for.
fn unlocked<'scope, 'env>(
    world: &'env World<'_>,
    order: &'env Order,
    scope: &'scope Scope<'scope, 'env>,
    tables: Tables,
    clone: &mut TreeClone<'_>,
) -> Result<Moment<'scope>> {
    let counting = hold::Snapshot::begin(world.engine, &order.database, &order.schema)?;
    let dump = dumping::start(world, order, scope, Vec::new())?;
    let documents = documents::open(world, order.documents.as_ref(), scope);
    clone.update(world.interrupt)?;
    Ok(Moment {
        dump,
        apart: None,
        counting,
        tables: (tables.all(), BTreeMap::new()),
        documents,
        lasted: None,
    })
}

/// With the tables locked; nothing where somebody's statement about a table fell into it.
fn locked<'scope, 'env>(
    world: &'env World<'_>,
    order: &'env Order,
    scope: &'scope Scope<'scope, 'env>,
    tables: Tables,
    clone: &mut TreeClone<'_>,
) -> Result<Option<Moment<'scope>>> {
    let (engine, database, schema) = (world.engine, &order.database, &order.schema);
    let mut held = hold::hold(engine, database, schema, &tables.all(), world.interrupt)?;
    let mut counting = hold::Snapshot::begin(engine, database, schema)?;
    let mut documents = documents::open(world, order.documents.as_ref(), scope);
    let newest = held.newest_connection()?;
    let dump = dumping::start(world, order, scope, tables.names_apart())?;
    crash::point("in the hold");
    if update_unless_in_the_way(world, order, &mut held, clone)?
        || held.is_missing_some(schema, &tables.known)?
        || has_to_make_way(order, &mut held, &dump, newest)?
    {
        drop(held);
        dump.end();
        return Ok(None);
    }
    let mut counted = BTreeMap::new();
    for (table, _) in &tables.apart {
        counted.insert(table.clone(), counting.rows(table)?);
    }
    let apart = dumping::apart(world, order, tables.names_apart())?;
    documents.wait();
    documents.close(world);
    let lasted = Some(held.release()?);
    Ok(Some(Moment {
        dump,
        apart,
        counting,
        tables: (tables.held, counted),
        documents,
        lasted,
    }))
}

/// Waits until the dump sees the moment, unless somebody waits with a statement behind which readers
/// wait too.
fn has_to_make_way(
    order: &Order,
    held: &mut hold::Hold,
    dump: &Dump<'_>,
    newest: u64,
) -> Result<bool> {
    let opens_until = Instant::now() + DUMP_OPENS;
    // A small one is over before anybody looks; whether it went well is seen when it is packed.
    while !dump.is_over() && !held.dump_is_open(newest, &order.schema)? {
        let next = Instant::now() + hold::LOOK;
        while Instant::now() < next && !dump.is_over() {
            if held.is_in_the_way(&order.schema)? {
                return Ok(true);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        if Instant::now() > opens_until {
            return Err(Error::failed("the dump did not begin in time"));
        }
    }
    held.is_in_the_way(&order.schema)
}

/// Brings the clone up to date, and looks all the while whether somebody waits with a statement
/// behind which readers wait too: then it is given up at once.
fn update_unless_in_the_way(
    world: &World<'_>,
    order: &Order,
    held: &mut hold::Hold,
    clone: &mut TreeClone<'_>,
) -> Result<bool> {
    let (stop, over) = (Interrupt::default(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| -> Result<bool> {
            loop {
                // Asked before: what comes while it ends is seen, too.
                let last = over.load(Ordering::SeqCst);
                if held.is_in_the_way(&order.schema)? {
                    stop.ask();
                    return Ok(true);
                }
                if last {
                    return Ok(false);
                }
                if world.interrupt.is_pending() {
                    stop.ask();
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        let updated = clone.update(&stop);
        over.store(true, Ordering::SeqCst);
        let looked = looking
            .join()
            .map_err(|_| Error::failed("looking at the database broke off"))?;
        match looked? {
            true => Ok(true),
            false => updated.map(|()| false),
        }
    })
}
