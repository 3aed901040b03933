//! A copy of a schema that is kept up to date by the database's binary log while the original is
//! written to. `docs/architecture.md` has how, and what guards it.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::host::fifo::Fifo;
use crate::host::fifo_in::FifoIn;
use crate::host::{chance, crash, files};
use crate::model::binary_log::{Held, Position};
use crate::model::secret::Secret;
use crate::services::database::{Server, at_once};
use crate::services::definers::WithoutDefiners;
use crate::services::dump::Part;
use crate::services::load::{self, Load};
use crate::services::{dump, replay, room};
use crate::steps::database::server;
use crate::steps::same_rows::{self, Seen};
use crate::steps::sums::Sums;
use crate::steps::{World, relay};

/// So often a copy is begun anew where the log has what cannot be done again on it.
const TRIES: u32 = 3;

/// So many rounds are made while the original is written to.
const ROUNDS: u32 = 10;

/// A round that is over as soon leaves little for the last one.
const SHORT: Duration = Duration::from_secs(1);

/// Where a dump says which place of the log it is of.
const HEAD: usize = 64 << 10;

/// What is copied, and where to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaCopy {
    /// The database's container.
    pub database: String,
    /// The schema that is copied.
    pub from: String,
    /// Another server that the copy is made in, where it is not the original's. Nobody has an account
    /// there before, and all of it is thrown away.
    #[serde(default)]
    pub into: Option<Elsewhere>,
    /// The copy.
    pub to: String,
    /// The user whom the copy belongs to.
    pub user: String,
    /// That user's password.
    pub password: Secret,
    /// Tables that are no content: they may be written to at any time.
    pub but: Vec<String>,
    /// How statements begin that are known to do no harm to a copy.
    pub safe: Vec<String>,
    /// The file that says up to where the copy has what the original has.
    pub noted: PathBuf,
    /// The pipe out of the database's container; others stand beside it.
    pub pipe: PathBuf,
    /// Whether it is kept up to date; else it is, and stays, as the original is in one moment.
    #[serde(default = "follows")]
    pub follows: bool,
}

/// A database server that is not the cluster's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elsewhere {
    /// Its container.
    pub database: String,
    /// The directory of its data.
    pub data: PathBuf,
}

/// All did before this was written down.
fn follows() -> bool {
    true
}

impl SchemaCopy {
    /// The file that says what the copy's tables were known by when it was complete.
    pub fn sums(&self) -> PathBuf {
        self.beside("sums")
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        self.pipe.with_extension(suffix)
    }

    /// The container of the server that the copy is made in.
    fn target(&self) -> &str {
        let elsewhere = self.into.as_ref().map(|into| &into.database);
        elsewhere.unwrap_or(&self.database)
    }

    fn replayer(&self) -> String {
        format!("{}__r", self.to)
    }
}

/// How far a copy has come.
#[derive(Debug, Serialize, Deserialize)]
struct Standing {
    /// It has what the original had there.
    at: Position,
    /// What was seen to be the same, and has not been written to since.
    same: Seen,
}

impl Standing {
    fn at(at: Position) -> Self {
        Standing {
            at,
            same: Seen::default(),
        }
    }

    fn note(&self, copy: &SchemaCopy) -> Result<()> {
        let text = serde_json::to_string(self)
            .map_err(|e| Error::failed("where the copy stands cannot be written").why(e))?;
        files::write(&copy.noted, &text, files::PRIVATE)
    }

    fn noted(copy: &SchemaCopy) -> Result<Self> {
        let text = files::read_if_there(&copy.noted)?
            .ok_or_else(|| Error::failed("it could not follow"))?;
        serde_json::from_str(&text)
            .map_err(|e| Error::failed("where the copy stands cannot be read").why(e))
    }
}

/// Copies the schema, and follows the original for a while where it is to be followed.
pub fn copy(world: &World<'_>, copy: &SchemaCopy) -> Result<()> {
    let server = server(world, &copy.database);
    for attempt in 1..=TRIES {
        let done = copy_once(world, copy, &server).and_then(|begun| {
            crash::point("after a schema was copied");
            if !copy.follows {
                return Ok(());
            }
            let at =
                begun.ok_or_else(|| Error::failed("the database has no binary log of rows"))?;
            rounds(world, copy, &server, &mut Standing::at(at))
        });
        match done {
            Ok(()) => return Ok(()),
            Err(error) if error.interrupted || error.no_room => return Err(error),
            Err(error) if attempt < TRIES => {
                world
                    .observer
                    .note(&format!("the copy is begun anew: {error}"));
            }
            Err(error) if !copy.follows => return Err(error),
            Err(error) => world.observer.note(&format!(
                "the copy will be made anew while nobody writes: {error}"
            )),
        }
        files::remove_file(&copy.noted)?;
    }
    Ok(())
}

/// Follows the original again, and compares the copy with it: what is the same then need not be
/// compared while nobody may write.
pub fn follow(world: &World<'_>, copy: &SchemaCopy) -> Result<()> {
    if !files::exists(&copy.noted) {
        return Ok(());
    }
    let server = server(world, &copy.database);
    let done = Standing::noted(copy).and_then(|mut standing| {
        rounds(world, copy, &server, &mut standing)?;
        standing.same = match same_rows::seen(copy, &server) {
            Err(error) if !error.interrupted && !error.no_room => {
                let what = "the copy will be compared as a whole while nobody writes";
                world.observer.note(&format!("{what}: {error}"));
                Seen::default()
            }
            seen => seen?,
        };
        crash::point("after a copy was compared");
        // That took its time.
        rounds(world, copy, &server, &mut standing)
    });
    match done {
        Err(error) if !error.interrupted && !error.no_room => {
            world
                .observer
                .note(&format!("the copy is begun anew: {error}"));
            files::remove_file(&copy.noted)?;
            self::copy(world, copy)
        }
        done => done,
    }
}

/// Makes the copy the same as the original, which nobody writes to any more. What it leaves is taken
/// away when writers do not wait for that.
pub fn complete(world: &World<'_>, copy: &SchemaCopy) -> Result<()> {
    let server = server(world, &copy.database);
    let done = match copy.follows {
        true => caught_up(world, copy, &server),
        false => copied_still(world, copy, &server),
    };
    let sums = match done {
        Err(error) if copy.follows && !error.interrupted && !error.no_room => {
            world.observer.note(&format!(
                "the copy is made anew while nobody writes: {error}"
            ));
            copied_still(world, copy, &server)?
        }
        done => done?,
    };
    sums.note(&copy.sums())
}

/// Does the rest again, and compares both.
fn caught_up(world: &World<'_>, copy: &SchemaCopy, server: &Server<'_>) -> Result<Sums> {
    let mut standing = Standing::noted(copy)?;
    round(world, copy, server, &mut standing)?;
    same_rows::compare(copy, server, &standing.same)
}

/// Copies all of it, and compares both.
fn copied_still(world: &World<'_>, copy: &SchemaCopy, server: &Server<'_>) -> Result<Sums> {
    copy_still(world, copy, server)?;
    crash::point("after a schema was copied anew");
    same_rows::compare(copy, server, &Seen::default())
}

/// Copies it while nobody writes. An administrator who changes a table ends a dump: then again.
fn copy_still(world: &World<'_>, copy: &SchemaCopy, server: &Server<'_>) -> Result<()> {
    let mut tries = TRIES;
    loop {
        tries -= 1;
        match copy_once(world, copy, server) {
            Err(error) if tries > 0 && !error.interrupted && !error.no_room => world
                .observer
                .note(&format!("the copy is begun anew: {error}")),
            ended => return ended.map(drop),
        }
    }
}

/// Removes what there is of it but for the schema itself.
pub fn undo(world: &World<'_>, copy: &SchemaCopy) -> Result<()> {
    for path in [
        copy.noted.clone(),
        copy.pipe.clone(),
        copy.beside("load"),
        copy.beside("scan"),
        copy.beside("cnf"),
        copy.sums(),
    ] {
        files::remove_file(&path)?;
    }
    if !copy.follows {
        return Ok(());
    }
    server(world, &copy.database).drop_account(&copy.replayer())
}

/// Copies it as it is in one moment, and says which place of the log that is.
fn copy_once(
    world: &World<'_>,
    copy: &SchemaCopy,
    server: &Server<'_>,
) -> Result<Option<Position>> {
    let target = self::server(world, copy.target());
    target.drop_schema(&copy.to)?;
    target.make_schema(&copy.to)?;
    if copy.into.is_some() {
        target.make_account(&copy.user, &copy.password, &copy.to)?;
    }
    let login = copy.beside("cnf");
    let text = load::login(&copy.user, &copy.password);
    files::write(&login, text.reveal(), files::PRIVATE)?;
    let data = match &copy.into {
        Some(into) => into.data.clone(),
        None => world.layout.database_data(),
    };
    let follows = copy.follows && replay::can_be_followed(server)?;
    let mut out = Fifo::make(&copy.pipe)?;
    let into = FifoIn::make(&copy.beside("load"))?;
    let (dumped, taken) = (out.over(), into.over());
    let engine = world.engine;
    let position = std::thread::scope(|scope| {
        let dumping = scope.spawn(move || {
            let all = Part::But(&[]);
            let (database, from) = (&copy.database, &copy.from);
            let ended = dump::run(engine, database, from, all, &copy.pipe, follows);
            dumped.store(true, Ordering::SeqCst);
            ended
        });
        let loading = scope.spawn(move || {
            let load = Load {
                container: copy.target(),
                schema: &copy.to,
                user: &copy.user,
                pipe: &copy.beside("load"),
                login: &copy.beside("cnf"),
                data: &data,
            };
            let ended = load::run(engine, load);
            taken.store(true, Ordering::SeqCst);
            ended
        });
        let passed = pass_on(world, &mut out, into);
        drop(out);
        let broke_off = || Error::failed("copying the schema broke off");
        let dumped = dumping.join().map_err(|_| broke_off())?;
        let loaded = loading.join().map_err(|_| broke_off())?;
        loaded.map_err(not_of_a_snapshot).and(dumped)?;
        passed
    })?;
    files::remove_file(&login)?;
    match position {
        None if follows => Err(Error::failed("the dump does not say which moment it is of")),
        position => Ok(position),
    }
}

/// What a load says of a snapshot's dump is said of the copy.
fn not_of_a_snapshot(error: Error) -> Error {
    match error.kind {
        Kind::Damaged => Error {
            kind: Kind::Failed,
            what: "the copy of the schema cannot be loaded".to_owned(),
            ..error
        },
        _ => error,
    }
}

/// Passes a dump on without its definers, and says which place of the log it is of.
fn pass_on(world: &World<'_>, out: &mut Fifo, into: FifoIn) -> Result<Option<Position>> {
    let what = "copying the schema";
    let mut into = WithoutDefiners::new(into);
    let mut head = Vec::new();
    relay::relay(world, what, out, &mut into, |some| {
        head.extend_from_slice(&some[..some.len().min(HEAD - head.len().min(HEAD))]);
    })?;
    into.finish().map_err(|e| relay::broke_off(what, e))?;
    let head = String::from_utf8_lossy(&head);
    Ok(head.lines().find_map(Position::of_dump_line))
}

/// Follows the original, round by round, until one is short.
fn rounds(
    world: &World<'_>,
    copy: &SchemaCopy,
    server: &Server<'_>,
    standing: &mut Standing,
) -> Result<()> {
    for _ in 0..ROUNDS {
        let since = Instant::now();
        round(world, copy, server, standing)?;
        standing.note(copy)?;
        crash::point("between two rounds");
        if since.elapsed() < SHORT {
            break;
        }
    }
    Ok(())
}

/// Does again what the log has from there on.
fn round(
    world: &World<'_>,
    copy: &SchemaCopy,
    server: &Server<'_>,
    standing: &mut Standing,
) -> Result<()> {
    world
        .interrupt
        .check("following the original was stopped")?;
    room::check(&world.layout.database_data())?;
    let range = replay::range(server, &standing.at)?;
    if range.is_empty() {
        return Ok(());
    }
    let held = replayed(world, copy, server, &range)?;
    standing.same.keep(&held);
    standing.at = range.end().clone();
    Ok(())
}

/// Does a range again, and says what it holds.
fn replayed(
    world: &World<'_>,
    copy: &SchemaCopy,
    server: &Server<'_>,
    range: &replay::Range,
) -> Result<Held> {
    let (engine, database) = (world.engine, copy.database.as_str());
    let what = (copy.from.as_str(), copy.safe.as_slice());
    // It reaches nothing but the copy, whatever the log says.
    let password = chance::password();
    // At once: in the last round nobody may write.
    let (account, held) = at_once(
        || server.make_replay_account(&copy.replayer(), &password, &copy.to),
        || replay::held(engine, database, range, what, &copy.beside("scan")),
    );
    let held = held?;
    if let Some(why) = held.objection {
        return Err(Error::failed("the binary log cannot be replayed").why(why));
    }
    account?;
    let login = copy.beside("cnf");
    let text = load::login(&copy.replayer(), &password);
    files::write(&login, text.reveal(), files::PRIVATE)?;
    let schemas = (copy.from.as_str(), copy.to.as_str());
    let done = replay::replay(engine, database, range, schemas, &login);
    files::remove_file(&login)?;
    done.map(|()| held)
}
