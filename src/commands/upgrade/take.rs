//! Instances to another version, one after the other.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::commands::context::{Context, typed};
use crate::commands::observed::Observed;
use crate::commands::report::Report;
use crate::commands::server_change::Change;
use crate::commands::session::{Extent, Session, Touch};
use crate::commands::upgrade::crossing::{self, Crossing};
use crate::commands::upgrade::parts::Parts;
use crate::commands::upgrade::plan;
use crate::commands::upgrade::told::{self, Keeping};
use crate::commands::upgrade::way::{Given, Way};
use crate::commands::upgrade::{Args, check, texts};
use crate::commands::{kept, pages, start, upkeep, writers};
use crate::error::{Error, Result};
use crate::host::{clock, store};
use crate::model::cluster::Cluster;
use crate::model::contract::Contract;
use crate::model::instance::Instance;
use crate::model::name::Name;
use crate::model::undo::{Kept, Place};
use crate::model::version::Version;
use crate::services::app::App;
use crate::steps::{Plan, Texts};

/// Runs it.
///
/// # Errors
/// See [`super::run`].
pub fn run(args: &Args, to: &Version, context: &Context<'_>) -> Result<Report> {
    let cluster = context.cluster()?;
    let mut names = context.instances(&cluster, &[])?;
    put_first(&mut names, args.canary.as_deref())?;
    if let [name] = names.as_slice() {
        return one(args, to, context, &cluster, name);
    }
    let mut lines = Vec::new();
    let mut rows: Vec<Value> = Vec::new();
    let (mut failed, mut code) = (None, 0);
    // The first one alone is the first wave.
    let (first, others) = names.split_at(names.len().min(1));
    let waves = std::iter::once(first).chain(others.chunks(args.wave.into()));
    let mut done: Vec<Name> = Vec::new();
    for name in waves.flat_map(|wave| wave.iter().map(Some).chain([None])) {
        let ended = match name {
            Some(name) => one(args, to, context, &cluster, name).map(|report| {
                done.push(name.clone());
                (name.clone(), report)
            }),
            None => match all_well(context, &cluster, &done) {
                Ok(()) => continue,
                Err(error) => Err(error),
            },
        };
        match ended {
            Ok((name, report)) => {
                code = code.max(report.code);
                lines.push(format!("{name}: {}", report.lines.join("; ")));
                rows.push(json!({"instance": name, "done": true}));
            }
            Err(error) if error.interrupted => return Err(error),
            Err(error) => {
                let name = name.map(Name::as_str).unwrap_or("the last wave");
                lines.push(format!("{name}: FAILED: {error}"));
                rows.push(json!({"instance": name, "done": false, "error": error.to_string()}));
                failed = Some(error);
                break;
            }
        }
    }
    let left: Vec<&Name> = names.iter().filter(|n| !done.contains(n)).collect();
    if failed.is_some() {
        let again = typed(&cluster.layout.link(), &again(args, to));
        lines.push(format!("halted; {again} goes on where it halted"));
    }
    Ok(Report {
        code: code.max(u8::from(failed.is_some())),
        ..Report::new(
            lines,
            json!({"command": "upgrade", "version": to, "instances": rows, "left": left}),
        )
    })
}

/// What goes on where it halted.
fn again(args: &Args, to: &Version) -> String {
    let mut words = format!("upgrade {to} --all");
    for (flag, image) in [("--search", &args.search), ("--database", &args.database)] {
        if let Some(image) = image {
            words.push_str(&format!(" {flag} {image}"));
        }
    }
    words
}

/// The canary is the first.
fn put_first(names: &mut [Name], canary: Option<&str>) -> Result<()> {
    let Some(canary) = canary else {
        return Ok(());
    };
    match names.iter().position(|name| name.as_str() == canary) {
        Some(at) => {
            names[..=at].rotate_right(1);
            Ok(())
        }
        None => Err(Error::usage(format!("{canary} is not among the instances"))
            .next("name it with -i, or say --all")),
    }
}

/// Whether all that were brought to the new version are still well.
fn all_well(context: &Context<'_>, cluster: &Cluster, names: &[Name]) -> Result<()> {
    if context.flags.dry_run {
        return Ok(());
    }
    let observed = Observed::of(context.engine, cluster)?;
    let contracts = store::contracts(Some(&cluster.layout))?;
    for name in names.iter().filter(|name| observed.web_runs(name)) {
        let instance = store::instance(cluster, name)?;
        let app = App {
            cluster,
            instance: &instance,
            contract: contracts.covering(&instance.version)?,
        };
        check::well(context, &observed, &app)?;
    }
    Ok(())
}

/// An instance before and after, with what the other needs of it.
pub struct Described {
    /// As it is.
    pub now: Instance,
    /// As it is going to be, in its place.
    pub then: Instance,
    /// The same, where nobody reaches it.
    pub beside: Instance,
    /// What the plan depends on.
    pub given: Given,
    /// How its search index is made while others still write.
    pub way: Way,
    /// The same on a copy that only the index is made of.
    pub ahead: Option<Instance>,
    /// What another era has differently.
    pub crossing: Crossing,
}

/// Describes an instance with another version.
///
/// # Errors
/// Exit 6 where one of its files cannot be read or changed.
pub fn describe(
    cluster: &Cluster,
    now: Instance,
    to: &Version,
    contracts: (&Contract, &Contract),
    given: Given,
) -> Result<Described> {
    let mut then = texts::renewed(&now, to)?;
    let crossing = crossing::of(cluster, &now, &then, contracts)?;
    then.env = crossing.env.clone();
    let mut beside = then.clone();
    beside.layout = cluster.layout.next(&now.name);
    let way = Way::of(&now, &then, contracts.1, given);
    let ahead = match way {
        Way::Migrated => {
            let mut ahead = texts::renewed(&now, to)?;
            texts::set_index(&mut ahead, then.index.clone())?;
            ahead.env = crossing::of(cluster, &now, &ahead, contracts)?.env;
            ahead.layout = cluster.layout.ahead(&now.name);
            Some(ahead)
        }
        Way::None | Way::Documents => None,
    };
    Ok(Described {
        now,
        then,
        beside,
        given,
        way,
        ahead,
        crossing,
    })
}

/// What the plan is made of.
///
/// # Errors
/// As [`describe`].
pub fn parts<'a>(
    session: &'a Session<'_>,
    described: &'a Described,
    (contract, next): (&'a Contract, &'a Contract),
    snapshot: bool,
    change: Option<&'a Change>,
) -> Result<Parts<'a>> {
    let cluster = &session.cluster;
    let Described {
        now,
        then,
        beside,
        crossing,
        ..
    } = described;
    let app = |instance, contract| App {
        cluster,
        instance,
        contract,
    };
    let (entries, exchanged) = texts::beside(next, now, beside, &beside.layout)?;
    let ahead = match &described.ahead {
        Some(ahead) => {
            let (entries, _) = texts::beside(next, now, ahead, &ahead.layout)?;
            Some((app(ahead, next), entries))
        }
        None => None,
    };
    // First of all: the last one is what makes an exchange count, on the way back too.
    let given_way = crossing.taken_out.iter().chain(&exchanged);
    Ok(Parts {
        planned: Texts::new(),
        apart: None,
        now: app(now, contract),
        beside: app(beside, next),
        then: app(then, next),
        entries,
        follows: described.given.follows,
        way: described.way,
        ahead,
        kept: Kept {
            verb: "upgrade".to_owned(),
            from: format!("{} in the place of {}", then.version, now.version),
            since: clock::now(),
            old: Place::of(now),
            new: Place::of(then),
            search: change
                .filter(|change| change.new_search().is_some())
                .map(|_| cluster.search_image.clone()),
            entries: given_way.cloned().collect(),
            tables: BTreeMap::new(),
            by_marks: false,
            texts: BTreeMap::new(),
        },
        undo: cluster.layout.undo(&now.name).join(&session.id),
        earlier: kept::all(&cluster.layout, &now.name)?,
        rights: None,
        others: Vec::new(),
        snapshot,
        exchanged,
        crossing,
        change,
    })
}

fn one(
    args: &Args,
    to: &Version,
    context: &Context<'_>,
    cluster: &Cluster,
    name: &Name,
) -> Result<Report> {
    let asked = args.asked();
    let extent = match asked.any() {
        // All of them have something in it.
        true => Extent::Cluster,
        false => Extent::Instances,
    };
    let session = Session::begin(
        context,
        "upgrade",
        cluster.clone(),
        std::slice::from_ref(name),
        extent,
        Touch::Content,
    )?;
    let planned = texts::planned(&session.cluster.layout.instance(name), &session.contracts)?;
    let now = store::instance(&session.cluster, name)?;
    if now.version == *to {
        return Ok(told::already(&session, &now));
    }
    let contract = session.contracts.covering(&now.version)?;
    let next = session.contracts.covering(to)?;
    let change = Change::of(&session, asked, Some(name))?;
    let wanted = change
        .as_ref()
        .map_or(&session.cluster, |change| &change.wanted);
    check::step(
        &session,
        wanted,
        (&now.version, contract),
        (to, next),
        args.force,
    )?;
    let observed = Observed::settled(context, &session.cluster, std::slice::from_ref(&now))?;
    let given = Given::of(&session, observed.web_runs(name), change.as_ref());
    let described = describe(&session.cluster, now, to, (contract, next), given)?;
    let now = &described.now;
    let snapshot = !args.no_snapshot;
    let mut parts = parts(
        &session,
        &described,
        (contract, next),
        snapshot,
        change.as_ref(),
    )?;
    let also = change.as_ref().map_or(0, Change::takes);
    check::place(&session, &observed, &parts, also)?;
    if let Some(change) = &change {
        Change::need_the_configured(&session, asked, &observed)?;
        change.need_quiet(&observed)?;
        change.ensure(&session)?;
    }
    parts.rights = Some(writers::need_rights(&session, &parts.now)?);
    parts.others = match &change {
        Some(change) => change.rights(&session)?,
        None => Vec::new(),
    };
    parts.planned = texts::giving_way(&planned, (contract, next), &parts.exchanged);
    let then = parts.then;
    let plan = plan::whole(&session, &observed, parts)?;
    if let Some(change) = &change {
        say_no_way_back(&session, change, (now, contract));
    }
    let crossing = &described.crossing;
    let lines = crossing.lines(&then, Keeping::of(snapshot));
    if !context.flags.dry_run {
        lines.iter().for_each(|line| context.observer.warn(line));
    }
    if let Some(report) = session.carry_out(&plan)? {
        let now = App {
            instance: now,
            contract,
            ..then
        };
        let report = crossing.add_to(report, lines);
        return told::of_images(&session, report, &[now, then], change.as_ref());
    }
    let others = match &change {
        Some(change) => change.await_all(&session, &observed),
        None => Ok(()),
    };
    if observed.web_runs(name) {
        pages::warn(context, &[then]);
    }
    upkeep::after(&session, std::slice::from_ref(name));
    let mut report = report(&session, &plan, (now, &then), change.as_ref());
    if let Err(error) = others {
        // The instance is upgraded all the same.
        report.lines.push(error.to_string());
        report.code = 1;
    }
    Ok(crossing.add_to(report, Vec::new()))
}

fn report(
    session: &Session<'_>,
    plan: &Plan,
    (now, then): (&Instance, &App<'_>),
    change: Option<&Change>,
) -> Report {
    let (name, to) = (&now.name, &then.instance.version);
    let undo = typed(&now.layout.link(), "upgrade --undo");
    session.report(
        plan,
        vec![
            format!("instance {name} is of {to} now, and was of {}", now.version),
            format!("the former version is kept for 7 days: {undo}"),
        ],
        json!({
            "instance": name,
            "version": to,
            "from": now.version,
            "search": change.and_then(Change::new_search),
            "database": change.and_then(Change::new_database),
            "urls": start::urls(&[*then]),
            "undo": undo,
        }),
    )
}

/// A database server stays, whatever an undo brings back.
pub fn say_no_way_back(
    session: &Session<'_>,
    change: &Change,
    (now, contract): (&Instance, &Contract),
) {
    let image = &change.wanted.database_image;
    if !contract.database.fits(image.tag()) {
        session.context.observer.warn(&format!(
            "{} does not work with {image}: once the upgrade is done, `upgrade --undo` does not lead back to it",
            now.version
        ));
    }
}
