//! `snapshots prune`: the ones that are not needed any more go.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::commands::context::Context;
use crate::commands::report::Report;
use crate::commands::session::{Extent, Session, Touch};
use crate::commands::snapshots::{list, verify};
use crate::commands::words::Words;
use crate::error::{Error, Result};
use crate::host::{archive, store};
use crate::journal::history;
use crate::model::cluster::Cluster;
use crate::model::memory::human;
use crate::model::name::Name;
use crate::model::retention::{self, Reason, Rules};
use crate::model::snapshot::SnapshotName;
use crate::steps::Step;

/// What stays.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Keep the N newest ones
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub keep_last: usize,
    /// Keep the newest one of each of the N newest days that have one
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub keep_daily: usize,
    /// The same of weeks
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub keep_weekly: usize,
    /// The same of months
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub keep_monthly: usize,
}

impl Args {
    /// See [`Words`].
    pub fn words(&self) -> Words {
        let keeps = [
            ("--keep-last", self.keep_last),
            ("--keep-daily", self.keep_daily),
            ("--keep-weekly", self.keep_weekly),
            ("--keep-monthly", self.keep_monthly),
        ];
        keeps
            .into_iter()
            .fold(Words::of("snapshots prune"), |words, (flag, count)| {
                words.value(flag, (count > 0).then_some(count))
            })
    }
}

/// A snapshot, and why it stays.
struct Judged {
    name: SnapshotName,
    path: PathBuf,
    bytes: u64,
    reasons: Vec<Reason>,
}

/// Whether snapshots are whole, as far as that was asked: it takes long, and is asked once.
type Known = BTreeMap<PathBuf, bool>;

/// Runs it.
///
/// # Errors
/// Exit 2 where no rule is given; 1 where one cannot be removed: all are there then.
pub fn run(args: &Args, context: &Context<'_>) -> Result<Report> {
    let rules = Rules {
        last: args.keep_last,
        daily: args.keep_daily,
        weekly: args.keep_weekly,
        monthly: args.keep_monthly,
    };
    if rules == Rules::default() {
        return Err(Error::usage("which snapshots stay?")
            .why("without a rule all but one would go")
            .next("say --keep-last N, --keep-daily N, --keep-weekly N or --keep-monthly N"));
    }
    let cluster = context.cluster()?;
    let mut known = Known::new();
    // Reading takes its time, and is done before anybody is kept waiting.
    let judged = judge(context, &cluster, rules, &mut known)?;
    let names: BTreeSet<Name> = judged.iter().map(|j| j.name.instance.clone()).collect();
    let names: Vec<Name> = names.into_iter().collect();
    let session = Session::begin(
        context,
        "snapshots",
        cluster,
        &names,
        Extent::Instances,
        Touch::Service,
    )?;
    let mut judged = judge(context, &session.cluster, rules, &mut known)?;
    judged.retain(|one| names.contains(&one.name.instance));
    let mut plan = session.plan();
    let (mut hidden, mut concerned) = (Vec::new(), BTreeSet::new());
    for one in judged.iter().filter(|one| one.reasons.is_empty()) {
        let from = one.path.clone();
        let file = from.file_name().unwrap_or_default().to_string_lossy();
        let to = from.with_file_name(format!(".{file}.pruned"));
        hidden.push(to.clone());
        concerned.insert(one.name.instance.clone());
        plan.push(Step::MoveDirectory { from, to });
    }
    plan.instances = concerned.into_iter().collect();
    if !hidden.is_empty() {
        plan.no_return_from_here();
        plan.push(Step::DiscardFiles { paths: hidden });
    }
    let planned = session.carry_out(&plan)?;
    let (lines, objects) = told(&judged, &known, planned.is_some());
    let more = json!({"snapshots": objects});
    Ok(match planned {
        None => session.report(&plan, lines, more),
        Some(report) => Report {
            lines,
            json: report.json.map(|mut object| {
                object["snapshots"] = more["snapshots"].clone();
                object
            }),
            code: report.code,
        },
    })
}

fn told(judged: &[Judged], known: &Known, planned: bool) -> (Vec<String>, Vec<Value>) {
    let mut lines = Vec::new();
    let mut objects = Vec::new();
    for one in judged {
        let whole = known.get(&one.path).copied();
        let size = human(one.bytes);
        let reasons: Vec<&str> = one.reasons.iter().map(|r| r.as_str()).collect();
        let mut line = match (reasons.is_empty(), planned) {
            (true, true) => format!("would delete {}  {size}", one.name),
            (true, false) => format!("deleted {}  {size}", one.name),
            (false, _) => format!("kept {}  {size}: {}", one.name, reasons.join(", ")),
        };
        if whole == Some(false) {
            line.push_str(" (it is NOT whole)");
        }
        lines.push(line);
        objects.push(json!({
            "instance": one.name.instance,
            "path": one.path,
            "bytes": one.bytes,
            "kept": !one.reasons.is_empty(),
            "why": one.reasons,
            "whole": whole,
        }));
    }
    if lines.is_empty() {
        lines.push("no snapshots".to_owned());
    }
    (lines, objects)
}

/// All that are meant, by instance, the newest first, each with the reasons why it stays.
fn judge(
    context: &Context<'_>,
    cluster: &Cluster,
    rules: Rules,
    known: &mut Known,
) -> Result<Vec<Judged>> {
    let mut by_instance: BTreeMap<Name, Vec<Judged>> = BTreeMap::new();
    let ours = Ours::of(cluster)?;
    for (name, file) in list::found(context, cluster)?.into_iter().rev() {
        let path = cluster.layout.snapshots().join(file);
        if ours.has(&name, &path) {
            by_instance
                .entry(name.instance.clone())
                .or_default()
                .push(Judged {
                    bytes: path.metadata().map_or(0, |m| m.len()),
                    name,
                    path,
                    reasons: Vec::new(),
                });
        }
    }
    let mut all = Vec::new();
    for mut of_one in by_instance.into_values() {
        let taken: Vec<_> = of_one.iter().map(|judged| judged.name.taken).collect();
        let reasons = retention::select(&taken, rules, |index| {
            is_whole(context, &of_one[index].path, known)
        })?;
        for (judged, reasons) in of_one.iter_mut().zip(reasons) {
            judged.reasons = reasons;
        }
        all.extend(of_one);
    }
    Ok(all)
}

fn is_whole(context: &Context<'_>, path: &PathBuf, known: &mut Known) -> Result<bool> {
    if let Some(whole) = known.get(path) {
        return Ok(*whole);
    }
    context
        .observer
        .note(&format!("reading {}", path.display()));
    let whole = match verify::read(context, path) {
        Ok(_) => true,
        Err(error) if error.interrupted => return Err(error),
        Err(_) => false,
    };
    known.insert(path.clone(), whole);
    Ok(whole)
}

/// Whose snapshots these are: a file that came from another cluster is nobody's to delete.
struct Ours<'a> {
    cluster: &'a Cluster,
    /// Instances that are there, or were.
    instances: BTreeSet<Name>,
}

impl<'a> Ours<'a> {
    fn of(cluster: &'a Cluster) -> Result<Self> {
        let mut instances: BTreeSet<Name> = store::instance_names(cluster)?.into_iter().collect();
        for entry in history::read(&cluster.layout.history())? {
            instances.extend(entry.instances);
        }
        Ok(Ours { cluster, instances })
    }

    /// What it says of itself counts; where it says nothing, whether there is or was such an
    /// instance.
    fn has(&self, name: &SnapshotName, path: &Path) -> bool {
        match archive::manifest(path) {
            Ok(Some(manifest)) => {
                manifest.about.cluster == self.cluster.name.as_str()
                    && manifest.about.instance == name.instance.as_str()
            }
            _ => self.instances.contains(&name.instance),
        }
    }
}
