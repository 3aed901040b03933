//! `upgrade VERSION --rehearse`: all of it on a copy, which is removed again.

use std::time::Duration;

use serde_json::json;

use crate::commands::context::Context;
use crate::commands::observed::Observed;
use crate::commands::report::Report;
use crate::commands::server_change::Change;
use crate::commands::session::{Extent, Session, Touch};
use crate::commands::upgrade::apart::Apart;
use crate::commands::upgrade::times::{Timed, Times, Waits};
use crate::commands::upgrade::told::{self, Keeping};
use crate::commands::upgrade::way::Given;
use crate::commands::upgrade::{Args, check, plan, take};
use crate::commands::writers;
use crate::error::Result;
use crate::host::store;
use crate::model::memory::human;
use crate::model::name::Name;
use crate::model::version::Version;
use crate::steps::Plan;

/// Runs it.
///
/// # Errors
/// Exit 1 with what failed: the upgrade would fail too.
pub fn run(args: &Args, to: &Version, context: &Context<'_>) -> Result<Report> {
    let timed = Timed::new(context.observer);
    let context = &Context {
        scope: context.scope.clone(),
        flags: context.flags.clone(),
        called: context.called.clone(),
        words: context.words.clone(),
        observer: &timed,
        ..*context
    };
    let cluster = context.cluster()?;
    let name = context.one_instance(&cluster, &[])?;
    let session = Session::begin(
        context,
        "upgrade",
        cluster,
        std::slice::from_ref(&name),
        Extent::Instances,
        Touch::Content,
    )?;
    let now = store::instance(&session.cluster, &name)?;
    let contract = session.contracts.covering(&now.version)?;
    let next = session.contracts.covering(to)?;
    let asked = args.asked();
    let change = Change::of(&session, asked, Some(&name))?;
    let change = change.as_ref();
    let wanted = change.map_or(&session.cluster, |change| &change.wanted);
    check::step(
        &session,
        wanted,
        (&now.version, contract),
        (to, next),
        args.force,
    )?;
    let observed = Observed::settled(context, &session.cluster, std::slice::from_ref(&now))?;
    let given = Given::of(&session, observed.web_runs(&name), change);
    let described = take::describe(&session.cluster, now, to, (contract, next), given)?;
    let apart = change
        .map(|change| Apart::of(&change.wanted, &name))
        .transpose()?;
    let mut parts = take::parts(&session, &described, (contract, next), false, change)?;
    if let Some(apart) = &apart {
        parts.beside.cluster = &apart.cluster;
        parts.apart = Some(apart);
    }
    let also = change.map_or(0, Change::takes);
    let bytes = also + check::place(&session, &observed, &parts, also)?;
    if let Some(change) = change {
        Change::need_the_configured(&session, asked, &observed)?;
        change.ensure(&session)?;
    }
    // Asked here too: where writers cannot be kept out, the upgrade would be refused.
    writers::need_rights(&session, &parts.now)?;
    if let Some(change) = change {
        change.rights(&session)?;
    }
    let plan = plan::rehearsal(&session, &parts)?;
    if let Some(change) = change {
        take::say_no_way_back(&session, change, (&described.now, contract));
    }
    let crossing = &described.crossing;
    let lines = crossing.lines(&parts.then, Keeping::Untouched);
    timed.begin();
    if let Some(report) = session.carry_out(&plan)? {
        let report = crossing.add_to(report, lines);
        return told::of_images(&session, report, &[parts.now, parts.then], change);
    }
    let times = Times::of(&plan, &timed.took(), &Waits::of(&parts, given.serves));
    let is_down = !observed.web_runs(&name);
    let of = (&name, to, is_down);
    let report = report(&session, &plan, of, (&times, bytes), change);
    Ok(crossing.add_to(report, lines))
}

fn report(
    session: &Session<'_>,
    plan: &Plan,
    (name, to, is_down): (&Name, &Version, bool),
    (times, bytes): (&Times, u64),
    change: Option<&Change>,
) -> Report {
    let seconds = |duration: Duration| format!("{:.1} s", duration.as_secs_f64());
    let of_index = match times.index_ahead {
        false => format!("index {}", seconds(times.index)),
        true => format!("the index, {}, is made before", seconds(times.index)),
    };
    let copied = change.filter(|change| change.stops_all());
    let copied = copied.map(Change::takes);
    let mut lines = vec![format!(
        "{to} answers on a copy of instance {name}; the copy is gone again"
    )];
    let of_what = format!("migration {}, {of_index}", seconds(times.migration));
    lines.extend(match is_down {
        true => vec![format!(
            "the upgrade would take about {} ({of_what}); none of its readers and writers wait, for it is down",
            seconds(times.refused),
        )],
        false => vec![
            format!(
                "readers would get no answer for about {}{}",
                seconds(times.unread),
                match copied {
                    None => " (its start-up)",
                    Some(_) => "",
                },
            ),
            format!(
                "writers would be refused for about {} ({of_what})",
                seconds(times.refused),
            ),
        ],
    });
    lines.extend(copied.map(|bytes| {
        format!(
            "all instances of the cluster would be down for that time and more: {} of the database's data are copied, the server starts on them, and each instance is tried out",
            human(bytes)
        )
    }));
    lines.extend(change.and_then(Change::new_search).map(|_| {
        "no instance of the cluster would find anything until its search index is made anew"
            .to_owned()
    }));
    lines.push(format!("it would take {} of room at most", human(bytes)));
    session.report(
        plan,
        lines,
        json!({
            "instance": name,
            "version": to,
            "search": change.and_then(Change::new_search),
            "database": change.and_then(Change::new_database),
            "start_up_ms": times.start.as_millis(),
            "migration_ms": times.migration.as_millis(),
            "index_ms": times.index.as_millis(),
            "read_refused_ms": times.unread.as_millis(),
            "write_refused_ms": times.refused.as_millis(),
            "copied_bytes": copied,
            "room_bytes": bytes,
        }),
    )
}
