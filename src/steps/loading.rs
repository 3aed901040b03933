//! A snapshot's dump on its way into the database.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::host::fifo_in::FifoIn;
use crate::host::spool;
use crate::services::definers::WithoutDefiners;
use crate::services::load::{self, Load};
use crate::steps::relay;
use crate::steps::{Intake, World};

/// What it is, for whoever waits.
const WHAT: &str = "loading the dump";

/// How often is looked how far it is; nobody waits longer for its end.
const LOOK: Duration = Duration::from_millis(20);

/// How loading a dump ended.
pub enum Loaded {
    /// Before it had all of the dump.
    Refused(Error),
    /// With the dump.
    Ended(Result<()>),
}

/// Loads a dump as it comes, and counts what was passed on of it.
pub fn load(
    world: &World<'_>,
    intake: &Intake,
    mut text: spool::Reader,
    loaded: &AtomicU64,
) -> Loaded {
    let pipe = match FifoIn::make(&intake.pipe) {
        Ok(pipe) => pipe,
        Err(error) => return Loaded::Refused(error),
    };
    let over = pipe.over();
    std::thread::scope(|scope| {
        let client = scope.spawn(move || {
            let load = Load {
                container: &intake.database,
                schema: &intake.schema,
                user: &intake.user,
                pipe: &intake.pipe,
                login: &intake.login,
                data: &world.layout.database_data(),
            };
            let loaded = load::run(world.engine, load);
            over.store(true, Ordering::SeqCst);
            loaded
        });
        let mut dump = WithoutDefiners::new(pipe);
        let copied = relay::relay(world, WHAT, &mut text, &mut dump, |piece| {
            loaded.fetch_add(piece.len() as u64, Ordering::Relaxed);
        });
        let finished = dump.finish();
        let broken = match &finished {
            Ok(pipe) => pipe.is_broken(),
            Err(error) => error.kind() == io::ErrorKind::BrokenPipe,
        };
        drop(finished);
        let loaded = client
            .join()
            .unwrap_or_else(|_| Err(Error::failed("loading the dump broke off")));
        match (loaded, copied) {
            (Err(error), _) if broken => Loaded::Refused(error),
            (Ok(()), Err(error)) => Loaded::Ended(Err(error)),
            (loaded, _) => Loaded::Ended(loaded),
        }
    })
}

/// Tells how far it is, of how many bytes, until it is over. Before that it was behind what is told of
/// the unpacking.
pub fn tell(
    world: &World<'_>,
    loading: &ScopedJoinHandle<'_, Loaded>,
    (loaded, whole): (&AtomicU64, u64),
) {
    while !loading.is_finished() {
        let done = loaded.load(Ordering::Relaxed);
        world.observer.bytes(WHAT, done, whole);
        std::thread::sleep(LOOK);
    }
    world.observer.bytes_are_over(WHAT);
}
