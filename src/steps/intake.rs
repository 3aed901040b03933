//! A snapshot's content, unpacked beside an instance's and loaded into a schema of its own.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::host::archive::{self, Checked, Limits, Rules, Sinks, Strays, Watch};
use crate::host::fifo_in::FifoIn;
use crate::host::{crash, files, spool};
use crate::model::secret::Secret;
use crate::services::definers::WithoutDefiners;
use crate::services::load::{self, Load};
use crate::services::tables;
use crate::steps::database::server;
use crate::steps::gauge::Gauge;
use crate::steps::relay;
use crate::steps::{World, exchange, unpacked};

/// What is taken in, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intake {
    /// The snapshot's file.
    pub file: PathBuf,
    /// The directory that its files are unpacked into: nothing of worth is there before.
    pub next: PathBuf,
    /// Names at its top that are taken.
    pub roots: Vec<String>,
    /// Directories that are there afterwards, be they in the snapshot or not.
    pub directories: Vec<String>,
    /// Files that are there afterwards.
    pub texts: Vec<Text>,
    /// The environment file, as a name in the directory, where the era has one.
    pub env_file: Option<String>,
    /// Its settings that belong to the place where it runs; nothing takes one out.
    pub env: BTreeMap<String, Option<Secret>>,
    /// The file that the documents of the search index go into, where they are wanted; made only
    /// where there are some.
    #[serde(default)]
    pub documents: Option<PathBuf>,
    /// How much room there is, in bytes.
    pub room: u64,
    /// The database's container.
    pub database: String,
    /// The schema that the dump is loaded into.
    pub schema: String,
    /// The user who loads it, and to whom it belongs afterwards.
    pub user: String,
    /// That user's password.
    pub password: Secret,
    /// The pipe that the dump goes through.
    pub pipe: PathBuf,
    /// The file with the user's login, beside the pipe.
    pub login: PathBuf,
}

/// A file that is written beside what was unpacked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// Its name in the directory.
    pub name: String,
    /// Its mode.
    pub mode: u32,
    /// What is in it.
    pub text: Secret,
    /// Whether it is written only where the snapshot has none.
    pub if_missing: bool,
}

/// Takes the snapshot in.
pub fn take_in(world: &World<'_>, intake: &Intake) -> Result<()> {
    undo(intake)?;
    if let Some(above) = intake.next.parent() {
        exchange::make_directories(above)?;
    }
    let server = server(world, &intake.database);
    // Again after a crash: nothing of what was begun stays.
    server.drop_schema(&intake.schema)?;
    server.make_schema(&intake.schema)?;
    let login = load::login(&intake.user, &intake.password);
    files::write(&intake.login, login.reveal(), files::PRIVATE)?;
    crash::point("before the dump is loaded");
    let checked = unpack(world, intake);
    sweep(intake)?;
    let checked = checked?;
    unpacked::check_kinds(intake)?;
    crash::point("after the dump was loaded");
    // A dump can have changed its own user's password.
    server.make_account(&intake.user, &intake.password, &intake.schema)?;
    compare(world, intake, &checked)?;
    for left in &checked.left_out {
        let (path, why) = (&left.path, left.why);
        world.observer.warn(&format!("{path} is not taken: {why}"));
    }
    complete(intake)
}

/// Removes what there is of it but for the schema.
pub fn undo(intake: &Intake) -> Result<()> {
    sweep(intake)?;
    if let Some(path) = &intake.documents {
        files::remove_file(path)?;
    }
    files::remove_tree(&intake.next)
}

fn sweep(intake: &Intake) -> Result<()> {
    files::remove_file(&intake.pipe)?;
    files::remove_file(&intake.login)
}

fn unpack(world: &World<'_>, intake: &Intake) -> Result<Checked> {
    let roots: Vec<&str> = intake.roots.iter().map(String::as_str).collect();
    let rules = Rules {
        roots: &roots,
        strays: Strays::LeaveOut,
        limits: Limits {
            bytes: intake.room,
            ..Limits::default()
        },
    };
    let nobody_knows = AtomicU64::new(0);
    let gauge = Gauge::new(world.observer, "unpacking the snapshot", &nobody_knows);
    let progress = |bytes| gauge.add(bytes);
    let watch = Watch::new(world.interrupt, &progress);
    let (mut dump, text) = spool::make(&intake.pipe.with_extension("spool"))?;
    std::thread::scope(|scope| {
        // The database takes its time: the files need not wait for it.
        let loading = scope.spawn(move || load_dump(world, intake, text));
        let mut index = Documents {
            path: intake.documents.as_deref(),
            file: None,
        };
        let sinks = Sinks {
            dump: &mut dump,
            index: &mut index,
        };
        let unpacked = archive::unpack(&intake.file, &intake.next, rules, sinks, watch);
        let unpacked = unpacked.and_then(|checked| index.finish().map(|()| checked));
        if unpacked.is_err() {
            dump.give_up();
        }
        drop(dump);
        let loaded = loading
            .join()
            .map_err(|_| Error::failed("loading the dump broke off"))?;
        match (unpacked, loaded) {
            // Who reads went away: why is said there.
            (_, Loaded::Refused(error)) => Err(error),
            (Err(error), _) => Err(error),
            (Ok(checked), Loaded::Ended(loaded)) => loaded.map(|()| checked),
        }
    })
}

/// How loading a dump ended.
enum Loaded {
    /// Before it had all of the dump.
    Refused(Error),
    /// With the dump.
    Ended(Result<()>),
}

/// Loads a dump as it comes.
fn load_dump(world: &World<'_>, intake: &Intake, mut text: spool::Reader) -> Loaded {
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
        let copied = relay::relay(world, "loading the dump", &mut text, &mut dump, |_| {});
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

/// The documents of a snapshot's search index on their way to the disk.
struct Documents<'a> {
    path: Option<&'a Path>,
    file: Option<BufWriter<File>>,
}

impl Documents<'_> {
    fn finish(mut self) -> Result<()> {
        match (self.flush(), self.path) {
            (Err(error), Some(path)) => Err(Error::io("write", path, &error)),
            _ => Ok(()),
        }
    }
}

impl Write for Documents<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (Some(path), None) = (self.path, &self.file) else {
            return match &mut self.file {
                Some(file) => file.write(bytes),
                None => Ok(bytes.len()),
            };
        };
        let file = File::options()
            .write(true)
            .create_new(true)
            .mode(files::PRIVATE)
            .open(path)?;
        self.file.insert(BufWriter::new(file)).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }
}

/// Fails where the schema has not what the snapshot says of it.
fn compare(world: &World<'_>, intake: &Intake, checked: &Checked) -> Result<()> {
    let server = server(world, &intake.database);
    let there = server.tables(&intake.schema)?;
    let damaged = |why: String| {
        Err(Error::damaged(format!(
            "{} does not bring what it says",
            intake.file.display()
        ))
        .why(why))
    };
    if there.is_empty() {
        return damaged("its dump leaves no table behind".to_owned());
    }
    let Some(about) = checked.manifest.as_ref().map(|manifest| &manifest.about) else {
        return Ok(());
    };
    let wanted: Vec<String> = about.rows.keys().cloned().collect();
    if let Some(missing) = wanted.iter().find(|table| !there.contains(table)) {
        return damaged(format!("the table {missing} is missing"));
    }
    if !about.consistent {
        return Ok(());
    }
    for (table, rows) in tables::rows(&server, &intake.schema, &wanted)? {
        let said = about.rows.get(&table).copied().unwrap_or_default();
        if rows != said {
            return damaged(format!("{table} has {rows} rows, and should have {said}"));
        }
    }
    Ok(())
}

/// Makes a whole of what was unpacked: what belongs to the place where it runs comes in.
fn complete(intake: &Intake) -> Result<()> {
    for name in &intake.directories {
        let path = intake.next.join(name);
        if !path.is_dir() {
            files::make_directory(&path, 0o755, None)?;
        }
    }
    for text in &intake.texts {
        let path = intake.next.join(&text.name);
        if !text.if_missing || !files::exists(&path) {
            files::write(&path, text.text.reveal(), text.mode)?;
        }
    }
    match &intake.env_file {
        Some(name) => unpacked::overlay(intake, name),
        None => Ok(()),
    }
}
