//! Dumps on their way out of the database's container.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::sync::atomic::Ordering;
use std::thread::{Scope, ScopedJoinHandle};

use crate::error::{Error, Result};
use crate::host::fifo::Fifo;
use crate::host::files;
use crate::services::dump::{self, Part};
use crate::steps::World;
use crate::steps::snapshot::Order;

/// A dump at work, and the pipe that it comes through.
pub struct Dump<'scope> {
    /// What comes.
    pub pipe: Fifo,
    ended: ScopedJoinHandle<'scope, Result<()>>,
}

/// Starts the dump of a schema but for some tables.
///
/// # Errors
/// Exit 1 where there is no pipe for it.
pub fn start<'scope, 'env>(
    world: &'env World<'_>,
    order: &'env Order,
    scope: &'scope Scope<'scope, 'env>,
    but: Vec<String>,
) -> Result<Dump<'scope>> {
    let pipe = Fifo::make(&order.pipe)?;
    let over = pipe.over();
    let ended = scope.spawn(move || {
        let part = Part::But(&but);
        let (engine, database) = (world.engine, &order.database);
        let ended = dump::run(engine, database, &order.schema, part, &order.pipe, false);
        over.store(true, Ordering::SeqCst);
        ended
    });
    Ok(Dump { pipe, ended })
}

/// Dumps some tables alone, to the end, into a file without a name; nothing where there are none.
///
/// # Errors
/// Exit 1 with what the program says, or where the file cannot be written.
pub fn apart(world: &World<'_>, order: &Order, only: Vec<String>) -> Result<Option<File>> {
    if only.is_empty() {
        return Ok(None);
    }
    let path = order.beside(".apart.sql");
    let mut file = files::nameless(&path)?;
    let (only, through) = (&only, &order.pipe_apart());
    std::thread::scope(|scope| {
        let mut pipe = Fifo::make(through)?;
        let over = pipe.over();
        let ended = scope.spawn(move || {
            let (engine, database) = (world.engine, &order.database);
            let ended = dump::run(
                engine,
                database,
                &order.schema,
                Part::Only(only),
                through,
                false,
            );
            over.store(true, Ordering::SeqCst);
            ended
        });
        let copied = std::io::copy(&mut pipe, &mut file);
        drop(pipe);
        ended
            .join()
            .map_err(|_| Error::failed("the dump broke off"))??;
        copied
            .and_then(|_| file.seek(SeekFrom::Start(0)))
            .map_err(|e| Error::io("write", &path, &e))
    })?;
    Ok(Some(file))
}

impl Dump<'_> {
    /// Whether it is over by now.
    pub fn is_over(&self) -> bool {
        self.ended.is_finished()
    }

    /// Ends it: a program whose pipe is gone ends by itself.
    pub fn end(self) {
        drop(self.pipe);
        let _ = self.ended.join();
    }

    /// How it ended, when all was read.
    ///
    /// # Errors
    /// Exit 1 with what the program says.
    pub fn finish(self) -> Result<()> {
        drop(self.pipe);
        self.ended
            .join()
            .map_err(|_| Error::failed("the dump broke off"))?
    }
}
