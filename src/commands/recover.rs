//! `recover`: finishes or undoes interrupted operations.

use std::time::Duration;

use serde_json::json;

use crate::commands::context::{Context, typed};
use crate::commands::report::Report;
use crate::commands::{adopt, create, kept, services_for_recovery, stop};
use crate::error::{Error, Kind, Result};
use crate::host::{identity, store};
use crate::journal::lock::{Permit, Request};
use crate::journal::{self, Open, Outcome, history};
use crate::model::layout::ClusterLayout;
use crate::model::name::Name;
use crate::model::scope::Scope;
use crate::steps::{self, Step, World};

/// Finishes or undoes what was interrupted. With nothing to do it says so and is content.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The instances whose operations are meant [default: all]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Where an interrupted upgrade or import is undone, and what was written to its new content can be neither
    /// read nor kept: give that up
    #[arg(long)]
    pub discard_new: bool,
}

/// Runs the verb.
///
/// # Errors
/// Exit 3 where an operation still runs, 7 where one can be neither finished nor undone.
pub fn run(args: &Args, context: &Context<'_>) -> Result<Report> {
    let layout = context.layout()?;
    let open = mine(args, context, &layout)?;
    if context.flags.dry_run {
        let lines = open
            .iter()
            .map(|o| {
                format!(
                    "would finish or undo `{}` ({})",
                    o.header.words, o.header.id
                )
            })
            .collect();
        let ids: Vec<&str> = open.iter().map(|o| o.header.id.as_str()).collect();
        return Ok(Report::new(
            lines,
            json!({"command": "recover", "dry_run": true, "operations": ids}),
        ));
    }
    identity::need_root("recover")?;
    let mut recovered = Vec::new();
    let mut failed = None;
    for operation in &open {
        match recover(args, context, &layout, operation) {
            Ok(Some(outcome)) => recovered.push((operation, outcome)),
            Ok(None) => {}
            Err(error) if error.interrupted => return Err(error),
            Err(error) if failed.is_none() => failed = Some(error),
            Err(error) => context.observer.warn(&error.to_string()),
        }
    }
    sweep(context, &layout)?;
    if recovered.iter().any(|(o, _)| o.header.verb == "create") {
        create::tidy_up(&layout, false)?;
    }
    if recovered.iter().any(|(o, _)| o.header.verb == "adopt") {
        adopt::tidy_up(&layout)?;
    }
    if let Some(error) = failed {
        return Err(error);
    }
    let mut lines: Vec<String> = recovered
        .iter()
        .map(|(o, outcome)| {
            let became = match outcome {
                Outcome::Done => "finished",
                Outcome::Undone => "undone",
                Outcome::Left | Outcome::Superseded => "over",
            };
            format!("`{}` of {} is {became}", o.header.words, o.header.who)
        })
        .collect();
    let finished = recovered.iter().filter(|(_, o)| *o == Outcome::Done);
    let ways: Vec<(&Name, String)> = finished
        .flat_map(|(operation, _)| ways_back(&layout, operation))
        .collect();
    lines
        .extend(ways.iter().map(|(name, undo)| {
            format!("the former content of {name} is kept for 7 days: {undo}")
        }));
    if lines.is_empty() {
        lines.push("nothing was interrupted".to_owned());
    }
    let outcomes: Vec<&str> = recovered.iter().map(|(_, o)| o.as_str()).collect();
    let ids: Vec<&str> = recovered
        .iter()
        .map(|(o, _)| o.header.id.as_str())
        .collect();
    Ok(Report::new(
        lines,
        json!({
            "command": "recover",
            "changed": !ids.is_empty(),
            "operations": ids,
            "outcomes": outcomes,
            "undo": ways.iter().map(|(_, undo)| undo).collect::<Vec<_>>(),
        }),
    ))
}

/// What brings the content back that a finished one took the place of, as its own end would have said.
fn ways_back<'a>(layout: &ClusterLayout, operation: &'a Open) -> Vec<(&'a Name, String)> {
    let names = operation.header.instances.iter();
    let kept = names.filter_map(|name| Some((name, kept::latest(layout, name).ok()??)));
    kept.filter(|(_, found)| found.directory.ends_with(&operation.header.id))
        .map(|(name, found)| {
            let undo = format!("{} --undo", found.kept.verb);
            (name, typed(&layout.instance(name).link(), &undo))
        })
        .collect()
}

/// Finishes or undoes one, if it still is to be; which of both.
fn recover(
    args: &Args,
    context: &Context<'_>,
    layout: &ClusterLayout,
    operation: &Open,
) -> Result<Option<Outcome>> {
    let permit = permit(context, layout, operation)?;
    // Somebody else may have recovered it, or it may have ended, while this waited.
    if !operation.path.exists() {
        return Ok(None);
    }
    services_for_recovery::await_them(context, layout, &permit, operation)?;
    let stopped = stopped_since(layout, operation)?;
    let world = World {
        discard_new: args.discard_new,
        ..context.world(layout)
    };
    let ended = steps::recover_one(&world, &permit, operation);
    drop(permit);
    // Also where going on failed, and it was undone.
    if !operation.path.exists() {
        stop_again(context, layout, stopped)?;
    }
    ended.map(Some)
}

/// The instances of an operation that somebody stopped since it began, and did not start again.
fn stopped_since(layout: &ClusterLayout, operation: &Open) -> Result<Vec<Name>> {
    let mut since = history::read(&layout.history())?;
    // In the same second it was before: nobody is that fast behind a crash.
    since
        .retain(|entry| entry.outcome == Outcome::Done && entry.started > operation.header.started);
    let is_down = |name: &&Name| {
        let its = since.iter().filter(|entry| entry.instances.contains(*name));
        let mut verbs = its.map(|entry| entry.verb.as_str());
        let last = verbs.rfind(|verb| ["stop", "start", "restart"].contains(verb));
        last == Some("stop")
    };
    let names = operation.header.instances.iter();
    Ok(names.filter(is_down).cloned().collect())
}

/// They stay down: an undo makes their containers again, and finishing starts them.
fn stop_again(context: &Context<'_>, layout: &ClusterLayout, mut names: Vec<Name>) -> Result<()> {
    // A new one that was undone is not there any more.
    names.retain(|name| layout.instance(name).config().exists());
    if names.is_empty() {
        return Ok(());
    }
    context
        .observer
        .note("what was stopped meanwhile stays down");
    stop::these(context, context.cluster()?, names).map(drop)
}

/// Whoever is at work may just be beginning: then it is left to the next one who has the cluster.
fn sweep(context: &Context<'_>, layout: &ClusterLayout) -> Result<()> {
    let directory = layout.journal();
    if journal::without_beginning::<Step>(&directory)?.is_empty() {
        return Ok(());
    }
    let at_once = Request {
        wait: Duration::ZERO,
        ..context.lock_request("recover")
    };
    match Permit::cluster(&layout.locks(), &at_once) {
        Ok(permit) => journal::sweep::<Step>(&directory, &permit),
        Err(error) if error.kind == Kind::Busy => Ok(()),
        Err(error) => Err(error),
    }
}

/// The operations that are not over, of the place that the command was called for.
fn mine(args: &Args, context: &Context<'_>, layout: &ClusterLayout) -> Result<Vec<Open>> {
    let open = journal::open_operations::<Step>(&layout.journal())?;
    let said = args.names.iter().chain(&context.flags.instances);
    let mut names: Vec<String> = said.cloned().collect();
    if let Scope::Instance { name, .. } = &context.scope {
        names.push(name.to_string());
    }
    if names.is_empty() {
        return Ok(open);
    }
    context.check_words(&args.names)?;
    let in_one = |text: &String| {
        open.iter()
            .any(|o| o.header.instances.iter().any(|name| name.as_str() == text))
    };
    for text in names.iter().filter(|text| !in_one(text)) {
        store::instance(&store::cluster(layout.root())?, &Name::on_disk(text)?)?;
    }
    Ok(open
        .into_iter()
        .filter(|o| {
            o.header
                .instances
                .iter()
                .any(|name| names.iter().any(|text| text == name.as_str()))
        })
        .collect())
}

fn permit(context: &Context<'_>, layout: &ClusterLayout, open: &Open) -> Result<Permit> {
    let locks = layout.locks();
    let request = context.lock_request("recover");
    let names = &open.header.instances;
    let whole = open.header.sets_aside
        || open.header.holds_cluster
        || names.is_empty()
        || matches!(open.header.verb.as_str(), "boot" | "shutdown");
    let permit = if whole {
        Permit::cluster(&locks, &request)
    } else {
        Permit::instances(&locks, names, &request)
    };
    permit.map_err(|error| match error.kind {
        Kind::Busy => Error {
            what: format!("`{}` may still be at work", open.header.words),
            ..error
        },
        _ => error,
    })
}
