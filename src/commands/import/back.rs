//! The steps that bring former content back.

use std::path::PathBuf;

use crate::commands::kept::{self, Found};
use crate::commands::observed::Observed;
use crate::commands::server_change::Change;
use crate::commands::session::Session;
use crate::commands::{first_content, search_change, start, stop, unfinished, writers};
use crate::error::{Kind, Result};
use crate::host::{clock, files};
use crate::model::container::{Role, names};
use crate::model::layout::InstanceLayout;
use crate::model::snapshot::Hold;
use crate::model::undo::{FILES, Kept, Place};
use crate::services::app::App;
use crate::services::rights::Rights;
use crate::steps::{Noted, Order, Plan, Step};

/// What the plan is made of.
pub struct Parts<'a> {
    /// The instance as it serves.
    pub now: App<'a>,
    /// The instance as it was.
    pub then: App<'a>,
    /// The kept content.
    pub found: Found,
    /// What is done about what was written to it.
    pub end: End,
    /// The servers that go back too.
    pub change: Option<Change>,
    /// Whether the former search index has to be filled again.
    pub fills_index: bool,
}

/// What is done about what was written to it, when nobody writes any more.
pub enum End {
    /// It is seen that nothing was.
    Unwritten(Box<Step>),
    /// A snapshot is taken.
    Snapshot(Box<Order>),
}

/// The whole of it.
///
/// # Errors
/// Exit 1 where the rights of the database user cannot be read.
pub fn plan(session: &Session<'_>, observed: &Observed, parts: Parts<'_>) -> Result<Plan> {
    let Parts { now, then, .. } = &parts;
    let name = &now.instance.name;
    let mut plan = session.plan();
    plan.instances = vec![name.clone()];
    plan.content = true;
    // Half exchanged, it would be written to where it is going to be undone.
    plan.holds_start = true;
    first_content::push_waits(&mut plan, session);
    let noted = push_note(&mut plan, session, &parts);
    let serves = serves(observed, now);
    let mut removals = Vec::new();
    stop::removals(&mut removals, observed, now)?;
    let mut web = if serves { removals.pop() } else { None };
    plan.steps.extend(removals);
    if serves {
        plan.steps.extend(unfinished::wait(now, true));
    }
    let rights = kept_out(session, now)?;
    let is_quiet = rights.is_some();
    match &rights {
        Some(rights) => {
            writers::keep_out(&mut plan, &session.cluster, std::slice::from_ref(rights))
        }
        // Then nobody may read either.
        None => plan.steps.extend(web.take()),
    }
    let still = push_looked_at(&mut plan, &parts, is_quiet);
    if let Some(change) = &parts.change {
        change.push(&mut plan, session, observed, Some(now), &[])?;
    }
    plan.steps.extend(web);
    plan.push(still);
    push_should_run(&mut plan, &parts)?;
    if let Some(change) = &parts.change {
        change.push_config(&mut plan, &session.cluster)?;
    }
    push_exchange(&mut plan, session, &parts);
    if serves {
        kept::push_serve(&mut plan, noted, then)?;
        start::push_containers(&mut plan, &Observed::default(), std::slice::from_ref(then))?;
        start::push_healthy(&mut plan, std::slice::from_ref(then));
    }
    if parts.fills_index {
        search_change::push_indices(&mut plan, session, std::slice::from_ref(then))?;
    }
    plan.no_return_from_here();
    if serves {
        start::push_mends(&mut plan, std::slice::from_ref(then))?;
    }
    push_end(&mut plan, session, observed, parts)?;
    Ok(plan)
}

/// The step that notes what the former content is, before others write to it again: should this go back,
/// what they wrote is kept.
fn push_note(plan: &mut Plan, session: &Session<'_>, parts: &Parts<'_>) -> Noted {
    let Parts {
        now, then, found, ..
    } = parts;
    let mut noted = kept::noted(&note_of(session, now), then, &found.kept.entries);
    // What it never had is moved away.
    noted
        .texts
        .retain(|name| files::exists(&found.content().join(name)));
    plan.push(Step::NoteContent {
        noted: noted.clone(),
        beside: found.content(),
        sums: None,
        kept: Box::new(Kept {
            from: format!("the undo of {}", found.kept.from),
            since: clock::now(),
            old: Place::of(now.instance),
            new: Place::of(then.instance),
            // Whoever wants it back does not wait until all of it is read.
            by_marks: true,
            ..found.kept.clone()
        }),
    });
    noted
}

/// Beside what is kept, and itself nothing that is.
fn note_of(session: &Session<'_>, now: &App<'_>) -> PathBuf {
    let kept = session.cluster.layout.undo(&now.instance.name);
    kept.join(&session.id)
}

/// Whether its web process is there; one that ends again and again is, too.
pub fn serves(observed: &Observed, now: &App<'_>) -> bool {
    let web = observed.of_instance(&now.instance.name, Role::Web);
    web.is_some_and(|c| c.state.is_up())
}

/// Nothing is written between the look and the exchange that would go without a word. Nobody is
/// kept out where the user's rights are others than those that the tool gives.
fn kept_out(session: &Session<'_>, now: &App<'_>) -> Result<Option<Rights>> {
    match writers::rights(session, now) {
        Err(error) if error.kind == Kind::Refused => Ok(None),
        rights => rights,
    }
}

/// The steps that look at what was written to it, or keep it. The one comes back that sees whether its files
/// are still what they were then, for those can be written to without the database.
fn push_looked_at(plan: &mut Plan, parts: &Parts<'_>, is_quiet: bool) -> Step {
    let directory = parts.now.files();
    let noted = match &parts.end {
        End::Unwritten(step) => {
            plan.push((**step).clone());
            parts.found.directory.join(FILES)
        }
        End::Snapshot(order) => {
            let noted = parts.found.directory.join("files.last");
            plan.push(Step::NoteFiles {
                directory: directory.clone(),
                to: noted.clone(),
            });
            let mut order = order.clone();
            if is_quiet {
                order.hold = Hold::ReadOnly;
            }
            plan.push(Step::TakeSnapshot { order });
            noted
        }
    };
    Step::CheckFiles {
        instance: parts.now.instance.name.clone(),
        directory,
        noted,
    }
}

/// It may have been started or stopped since.
fn push_should_run(plan: &mut Plan, parts: &Parts<'_>) -> Result<()> {
    let (now, then) = (parts.now.instance, parts.then.instance);
    if then.should_run != now.should_run {
        let mut former = then.clone();
        former.layout = InstanceLayout::elsewhere(parts.found.content());
        plan.steps
            .extend(start::should_run(&[former], now.should_run)?);
    }
    Ok(())
}

/// Each has its place again.
fn push_exchange(plan: &mut Plan, session: &Session<'_>, parts: &Parts<'_>) {
    let now = &parts.now.instance;
    let away = session.cluster.layout.next(&now.name).root().to_owned();
    // What was kept has its place there; what it never had is no part of the exchange, or taking that
    // back would take it away.
    let (kept, new): (Vec<String>, Vec<String>) = parts
        .found
        .kept
        .entries
        .iter()
        .cloned()
        .partition(|entry| files::exists(&parts.found.content().join(entry)));
    plan.push(Step::Exchange {
        entries: kept,
        live: now.layout.root().to_owned(),
        next: parts.found.content(),
        before: away.clone(),
    });
    // What came in new has nothing to give way to.
    for entry in &new {
        let from = now.layout.inside(entry);
        if files::exists(&from) {
            let to = away.join(entry);
            plan.push(Step::MoveDirectory { from, to });
        }
    }
}

/// The rest, behind the point of no return.
fn push_end(
    plan: &mut Plan,
    session: &Session<'_>,
    observed: &Observed,
    parts: Parts<'_>,
) -> Result<()> {
    let cluster = &session.cluster;
    let away = cluster.layout.next(&parts.now.instance.name);
    plan.push(Step::DropContent {
        database: names::service(&cluster.name, Role::Database),
        search: names::service(&cluster.name, Role::Search),
        place: parts.found.kept.new,
    });
    let note = note_of(session, &parts.now);
    for path in [parts.found.directory, note, away.root().to_owned()] {
        plan.push(Step::DiscardDirectory { path });
    }
    match &parts.change {
        Some(change) => change.push_end(plan, session, observed, &[]),
        None => Ok(()),
    }
}
