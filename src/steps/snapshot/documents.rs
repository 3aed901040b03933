//! The search index's documents of a snapshot: seen in its moment, read behind it. They are derived
//! data: a snapshot without them is as good, and only slower to import.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::host::files;
use crate::services::scroll::{self, Scroll};
use crate::steps::World;

/// How much longer than without it somebody is held for the search server at most.
const PATIENCE: Duration = Duration::from_millis(200);

/// An index whose documents are taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexOrder {
    /// The search server's container.
    pub server: String,
    /// The index, or its alias.
    pub index: String,
}

/// A scroll that is being opened beside what else the moment needs.
pub struct Opening<'scope>(Option<ScopedJoinHandle<'scope, Result<Scroll<'scope>>>>);

/// Documents on their way to the disk.
pub struct Spooling<'scope>(Option<ScopedJoinHandle<'scope, Result<Spooled>>>);

/// Documents that are all there.
pub struct Spooled {
    /// Where they are; the file has no name any more.
    pub file: File,
    /// How many.
    pub count: u64,
}

/// Ahead of the moment, so that little is left to be made visible in it.
pub fn prepare(world: &World<'_>, order: Option<&IndexOrder>) {
    if let Some(order) = order {
        // What is wrong with it is said when it is opened.
        let _ = scroll::refresh(world.engine, &order.server, &order.index);
    }
}

/// Begins to open the scroll.
pub fn open<'scope, 'env>(
    world: &'env World<'_>,
    order: Option<&'env IndexOrder>,
    scope: &'scope Scope<'scope, 'env>,
) -> Opening<'scope> {
    Opening(
        order.map(|order| {
            scope.spawn(move || Scroll::open(world.engine, &order.server, &order.index))
        }),
    )
}

impl<'scope> Opening<'scope> {
    /// Waits a moment for what is not there yet: writers are held meanwhile.
    pub fn wait(&self) {
        let end = Instant::now() + PATIENCE;
        while self
            .0
            .as_ref()
            .is_some_and(|opening| !opening.is_finished())
            && Instant::now() < end
        {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Goes without it if it is not there by now: later it would see another moment.
    pub fn close(&mut self, world: &World<'_>) {
        if self
            .0
            .as_ref()
            .is_some_and(|opening| !opening.is_finished())
        {
            self.0 = None;
            without(world, &Error::failed("the search server is too slow"));
        }
    }

    /// Reads all documents into a file that is made at `path` and has no name, beside what else is
    /// done.
    pub fn spool<'env>(
        self,
        world: &'env World<'_>,
        path: PathBuf,
        scope: &'scope Scope<'scope, 'env>,
    ) -> Spooling<'scope> {
        Spooling(self.0.map(|opening| {
            scope.spawn(move || {
                let opened = opening
                    .join()
                    .map_err(|_| Error::failed("opening the search index broke off"))?;
                spool(world, opened?, &path)
            })
        }))
    }
}

impl Spooling<'_> {
    /// What was read; nothing where there is no index, or where it could not be read to its end.
    ///
    /// # Errors
    /// Exit 1 at an interruption.
    pub fn finish(self, world: &World<'_>) -> Result<Option<Spooled>> {
        let Some(spooling) = self.0 else {
            return Ok(None);
        };
        let broke_off = |_| Err(Error::failed("reading the search index broke off"));
        match spooling.join().unwrap_or_else(broke_off) {
            Ok(spooled) => Ok(Some(spooled)),
            Err(error) if error.interrupted => Err(error),
            Err(error) => {
                without(world, &error);
                Ok(None)
            }
        }
    }
}

fn without(world: &World<'_>, error: &Error) {
    world.observer.warn(&format!(
        "the search index is not in the snapshot, an import makes it anew: {error}"
    ));
}

fn spool(world: &World<'_>, scroll: Scroll<'_>, path: &Path) -> Result<Spooled> {
    let mut file = files::nameless(path)?;
    let failed = |e| Error::io("write", path, &e);
    let mut out = BufWriter::new(&mut file);
    let count = scroll.write_to(&mut out, world.interrupt)?;
    out.flush().map_err(failed)?;
    drop(out);
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    Ok(Spooled { file, count })
}
