//! `snapshot`: one file per instance with all of its content, of one moment, while it serves.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::commands::context::Context;
use crate::commands::report::Report;
use crate::commands::session::{Extent, Session, Touch};
use crate::commands::words::Words;
use crate::commands::writers;
use crate::error::{Error, Kind, Result};
use crate::host::clone::Rules;
use crate::host::{archive, store};
use crate::model::cluster::Cluster;
use crate::model::container::{Role, names};
use crate::model::contract::Contract;
use crate::model::instance::Instance;
use crate::model::name::Name;
use crate::model::snapshot::{Hold, Manifest, Packing, SnapshotName};
use crate::services::app::App;
use crate::steps::{IndexOrder, Order, Plan, Step};

/// Files of an instance that belong to the place where it runs: a target has its own. (And a log
/// and a first password are no content.)
const OF_THE_PLACE: [&str; 6] = [
    "instance.sh",
    "config.sh",
    "database.yml",
    "mysql.cnf",
    "admin_password",
    "log",
];

/// How much packing gives way by itself: the site comes first, and a host with nothing to do loses
/// nothing by it.
const NICE: u8 = 10;

/// Threads that compress one snapshot; with several at once each has one, for memory stays small.
const WORKERS: u32 = 2;

/// Takes a snapshot of instances: database and files of the same moment, while they serve. Prints
/// the file's path.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The instances, where a cluster's link was called
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// How writers are kept out for the moment; `none` takes rows and files one after the other
    #[arg(long, value_enum, default_value_t = Held::Lock)]
    pub hold: Held,
    /// How it is packed: tar.gz is what the shell script can import
    #[arg(long, value_enum, default_value_t = Format::Zst)]
    pub format: Format,
    /// Leave the search index's documents out: an import makes the index anew then, which takes it
    /// longer
    #[arg(long)]
    pub no_index: bool,
    /// How many instances at once
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..))]
    pub jobs: u8,
    /// How much packing gives way to others of the host: 0 not at all, 19 most
    #[arg(long, value_name = "N", default_value_t = NICE, value_parser = clap::value_parser!(u8).range(0..20))]
    pub nice: u8,
}

/// How writers are kept out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Held {
    /// By a lock on the tables, for less than a second as a rule.
    Lock,
    /// By the rights of the instance's database user, for as long as it takes; writes fail.
    ReadOnly,
    /// They are not.
    None,
}

/// How a snapshot is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// This program's own.
    #[value(name = "tar.zst")]
    Zst,
    /// The shell script's.
    #[value(name = "tar.gz")]
    Gz,
}

impl Args {
    /// See [`Words`].
    pub fn words(&self) -> Words {
        Words::of("snapshot")
            .choice("--hold", &self.hold, &Held::Lock)
            .choice("--format", &self.format, &Format::Zst)
            .flag("--no-index", self.no_index)
    }
}

/// Runs the verb.
///
/// # Errors
/// Exit 1 where one of them cannot be taken; the others are.
pub fn run(args: &Args, context: &Context<'_>) -> Result<Report> {
    let cluster = context.cluster()?;
    let wanted = context.instances(&cluster, &args.names)?;
    let several = u8::try_from(wanted.len()).unwrap_or(u8::MAX).max(1);
    let args = &Args {
        jobs: args.jobs.min(several),
        ..args.clone()
    };
    let mut lines = Vec::new();
    let mut taken = Vec::new();
    let mut failed: Vec<(Name, Error)> = Vec::new();
    for (name, result) in each(args, context, &cluster, wanted) {
        match result {
            Ok(Taken::Planned(report)) => {
                lines.extend(report.lines);
                taken.extend(report.json);
            }
            Ok(Taken::Done(path, manifest)) => {
                lines.push(path.clone());
                taken.push(json!({"instance": name, "path": path, "manifest": manifest}));
            }
            Err(error) if error.interrupted => return Err(error),
            Err(error) => failed.push((name, error)),
        }
    }
    end(context, lines, taken, failed)
}

/// Takes each, so many at once; what became of them, in their order. After an interruption none is
/// begun any more.
fn each(
    args: &Args,
    context: &Context<'_>,
    cluster: &Cluster,
    wanted: Vec<Name>,
) -> Vec<(Name, Result<Taken>)> {
    let next = Mutex::new(wanted.into_iter().enumerate());
    let done = Mutex::new(BTreeMap::new());
    let stopped = AtomicBool::new(false);
    let work = || {
        while !stopped.load(Ordering::SeqCst) {
            let taken = next.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((place, name)) = taken else { return };
            let result = one(args, context, cluster, &name);
            if result.as_ref().is_err_and(|error| error.interrupted) {
                stopped.store(true, Ordering::SeqCst);
                // Whoever tidies up takes the signal for himself; it is meant for all.
                context.interrupt.ask();
            }
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            done.insert(place, (name, result));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..args.jobs {
            scope.spawn(work);
        }
        work();
    });
    let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.into_values().collect()
}

/// What became of one instance.
enum Taken {
    /// With `--dry-run`.
    Planned(Report),
    /// The file, and what it says of itself.
    Done(String, Option<Box<Manifest>>),
}

fn end(
    context: &Context<'_>,
    lines: Vec<String>,
    taken: Vec<Value>,
    mut failed: Vec<(Name, Error)>,
) -> Result<Report> {
    if failed.len() == 1 && taken.is_empty() {
        return Err(failed.remove(0).1);
    }
    for (name, error) in &failed {
        context
            .observer
            .warn(&format!("no snapshot of {name}: {error}"));
    }
    let failures: Vec<Value> = failed
        .iter()
        .map(|(name, error)| json!({"instance": name, "error": error.to_string()}))
        .collect();
    let object = json!({
        "command": "snapshot",
        "changed": !taken.is_empty() && !context.flags.dry_run,
        "snapshots": taken,
        "failed": failures,
    });
    Ok(Report {
        code: u8::from(!failed.is_empty()),
        ..Report::new(lines, object)
    })
}

fn one(args: &Args, context: &Context<'_>, cluster: &Cluster, name: &Name) -> Result<Taken> {
    let session = Session::begin(
        context,
        "snapshot",
        cluster.clone(),
        std::slice::from_ref(name),
        Extent::Instances,
        Touch::Content,
    )?;
    let instance = store::instance(&session.cluster, name)?;
    let contract = session.contracts.covering(&instance.version)?;
    let order = order(args, &session.cluster, &instance, contract)?;
    let file = order.file.clone();
    let mut plan: Plan = session.plan();
    plan.instances = vec![name.clone()];
    let app = App {
        cluster: &session.cluster,
        instance: &instance,
        contract,
    };
    push(&mut plan, &session, &app, order)?;
    match session.carry_out(&plan)? {
        Some(report) => Ok(Taken::Planned(report)),
        None => Ok(Taken::Done(
            file.display().to_string(),
            archive::manifest(&file)?.map(Box::new),
        )),
    }
}

/// Adds what takes a snapshot. When it is taken it stays, whatever becomes of giving back the rights.
fn push(plan: &mut Plan, session: &Session<'_>, app: &App<'_>, order: Order) -> Result<()> {
    let rights = match order.hold {
        Hold::ReadOnly => Some(writers::need_rights(session, app).map_err(without_read_only)?),
        Hold::Lock | Hold::None => None,
    };
    writers::keep_out(plan, app.cluster, rights.as_slice());
    plan.push(Step::TakeSnapshot {
        order: Box::new(order),
    });
    if rights.is_some() {
        plan.no_return_from_here();
    }
    writers::let_in(plan, app.cluster, rights.as_slice());
    Ok(())
}

/// Whoever cannot be kept out by his rights is by a lock.
fn without_read_only(error: Error) -> Error {
    match error.kind {
        Kind::Refused => error.next("take the snapshot without --hold read-only"),
        _ => error,
    }
}

/// A snapshot of an instance as it is taken before something happens to its content.
///
/// # Errors
/// Exit 2 where its name cannot be made.
pub fn order_of(app: &App<'_>) -> Result<Order> {
    order(&Args::plain(), app.cluster, app.instance, app.contract)
}

/// The step that takes such a snapshot.
///
/// # Errors
/// As [`order_of`].
pub fn step(app: &App<'_>) -> Result<Step> {
    Ok(Step::TakeSnapshot {
        order: Box::new(order_of(app)?),
    })
}

/// A snapshot of an instance that goes into another directory than that of the cluster's snapshots,
/// for this new instance: what is tidied up after it must not meet another snapshot of the same one.
///
/// # Errors
/// Exit 2 where its name cannot be made.
pub fn order_for(app: &App<'_>, new: &Name, directory: &Path) -> Result<Order> {
    let mut order = order_of(app)?;
    let layout = &app.cluster.layout;
    let name = order.file.file_name().unwrap_or_default();
    order.file = directory.join(name);
    order.work = layout.work().join(format!("{new}.clone"));
    order.pipe = layout.exchange().join(format!("{new}.clone.sql"));
    Ok(order)
}

impl Args {
    fn workers(&self) -> u32 {
        (WORKERS / u32::from(self.jobs)).max(1)
    }

    /// Without any flag.
    fn plain() -> Self {
        Args {
            names: Vec::new(),
            hold: Held::Lock,
            format: Format::Zst,
            no_index: false,
            jobs: 1,
            nice: NICE,
        }
    }
}

/// The shell script's form knows no index.
fn documents(args: &Args, cluster: &Cluster, instance: &Instance) -> Option<IndexOrder> {
    let index = instance.index.clone()?;
    (!args.no_index && args.format == Format::Zst).then(|| IndexOrder {
        server: names::service(&cluster.name, Role::Search),
        index,
    })
}

fn order(
    args: &Args,
    cluster: &Cluster,
    instance: &Instance,
    contract: &Contract,
) -> Result<Order> {
    let layout = &cluster.layout;
    let data = &contract.content.directory;
    let packing = match args.format {
        Format::Zst => Packing::Zstd,
        Format::Gz => Packing::Gzip,
    };
    let (of, version) = (instance.name.clone(), instance.version.clone());
    let name = SnapshotName::new(of, jiff::Timestamp::UNIX_EPOCH, version, packing);
    Order {
        cluster: cluster.name.to_string(),
        instance: instance.name.to_string(),
        version: instance.version.tag().to_owned(),
        contract: contract.name.clone(),
        database: names::service(&cluster.name, Role::Database),
        schema: instance.schema.clone(),
        tables_without_content: contract.content.tables_without_content.clone(),
        documents: documents(args, cluster, instance),
        hold: match args.hold {
            Held::Lock => Hold::Lock,
            Held::ReadOnly => Hold::ReadOnly,
            Held::None => Hold::None,
        },
        root: instance.layout.root().to_owned(),
        rules: Rules {
            write_once: contract
                .content
                .write_once
                .iter()
                .map(|path| Path::new(data).join(path))
                .collect(),
            left_out: OF_THE_PLACE.iter().map(Into::into).collect(),
            followed: data.into(),
        },
        work: layout.work().join(instance.name.as_str()),
        pipe: layout.exchange().join(format!("{}.sql", instance.name)),
        taken: 0,
        packing,
        file: layout.snapshots().join(name.to_string()),
        workers: args.workers(),
        nice: args.nice,
    }
    .from_now()
}
