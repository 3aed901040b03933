//! The steps of an upgrade.

use std::path::{Path, PathBuf};

use crate::commands::index;
use crate::commands::kept;
use crate::commands::observed::Observed;
use crate::commands::proof::{Beside, Proof};
use crate::commands::server_change::{self, Change};
use crate::commands::session::Session;
use crate::commands::upgrade::ahead;
use crate::commands::upgrade::copied::{self, Files};
use crate::commands::upgrade::parts::Parts;
use crate::commands::upgrade::way::Way;
use crate::commands::{first_content, snapshot, start, stop, unfinished, writers};
use crate::error::Result;
use crate::model::layout::InstanceLayout;
use crate::model::undo::CONTENT;
use crate::steps::{Plan, SchemaCopy, Step};

/// The whole of it.
///
/// # Errors
/// Exit 2 where the configured repository is none.
pub fn whole(session: &Session<'_>, observed: &Observed, parts: Parts<'_>) -> Result<Plan> {
    let Parts { now, then, .. } = &parts;
    let mut plan = session.plan();
    plan.instances = vec![now.instance.name.clone()];
    plan.content = true;
    // Half exchanged, it would be written to where it is going to be undone.
    plan.holds_start = true;
    let runs = observed.web_runs(&now.instance.name);
    first_content::push_waits(&mut plan, session);
    if parts.snapshot {
        plan.push(snapshot::step(now)?);
    }
    let mut serves = runs;
    if let Some(change) = parts.change {
        if change.stops_all() {
            if runs {
                plan.steps
                    .extend(unfinished::wait_for_worker(now, then, true));
            }
            server_change::push_stop(&mut plan, observed, &[*now])?;
            writers::keep_out(&mut plan, &session.cluster, parts.rights.as_slice());
            serves = false;
        }
        change.push(&mut plan, session, observed, Some(now), &parts.others)?;
    }
    ahead::push_migrated(&mut plan, session, &parts)?;
    let copy = copied::copy_of(now, &parts.beside, parts.follows);
    let proof = Proof::of(session, parts.beside)?;
    let web = push_copied(
        &mut plan,
        session,
        observed,
        &parts,
        (&copy, &proof),
        serves,
    )?;
    let undo = parts.undo.join(CONTENT);
    let before = plan.steps.len();
    push_work(&mut plan, session, &parts, &proof, Some(&undo))?;
    if serves {
        plan.steps[before..].iter_mut().for_each(Step::hurry);
    }
    let noted = kept::noted(&parts.undo, then, &parts.kept.entries);
    plan.push(proof.end());
    plan.push(Step::NoteContent {
        noted: noted.clone(),
        beside: parts.beside.instance.layout.root().to_owned(),
        sums: Some(copy.sums()),
        kept: Box::new(parts.kept.clone()),
    });
    if let Some(change) = parts.change {
        change.push_config(&mut plan, &session.cluster)?;
    }
    // As long as readers are served: whoever changed one meanwhile costs nobody an answer.
    plan.push(check_texts(&parts));
    plan.steps.extend(web);
    push_exchange(&mut plan, &parts);
    if runs {
        kept::push_serve(&mut plan, noted, then)?;
        start::push_containers(&mut plan, &Observed::default(), &[*then])?;
        start::push_healthy(&mut plan, &[*then]);
    }
    plan.no_return_from_here();
    let later = [proof.close(), Step::LeaveCopy { copy }];
    push_end(&mut plan, session, observed, parts, runs, later)?;
    Ok(plan)
}

/// The steps that copy schema and files, and make the copies what the originals are when nobody writes any
/// more. Most of it is done before, where the instance `serves`. The step that ends that comes back.
fn push_copied(
    plan: &mut Plan,
    session: &Session<'_>,
    observed: &Observed,
    parts: &Parts<'_>,
    (copy, proof): (&SchemaCopy, &Proof<'_>),
    serves: bool,
) -> Result<Option<Step>> {
    let Parts { now, then, .. } = parts;
    let copy = Box::new(copy.clone());
    let places = [
        InstanceLayout::elsewhere(parts.undo.join(CONTENT)),
        parts.beside.instance.layout.clone(),
    ];
    let mut files = Files::Copied;
    let mut web = None;
    copied::push_place(plan, &parts.beside, parts.entries.clone());
    if copy.follows {
        plan.push(Step::CopySchema { copy: copy.clone() });
    }
    if serves {
        plan.steps.extend(copied::files(now, places.clone(), files));
        files = Files::Updated;
        if parts.way == Way::Documents {
            ahead::push_documents(plan, session, parts)?;
        }
        if copy.follows {
            plan.push(Step::FollowCopy { copy: copy.clone() });
        }
        // Nobody has to wait for that, nor for what would fail later.
        plan.push(check_texts(parts));
        plan.push(proof.open());
        web = push_read_only(plan, session, observed, parts)?;
    } else if !parts.change.is_some_and(Change::stops_all) {
        stop::removals(&mut plan.steps, observed, now)?;
        // Others than the application may have its login.
        writers::keep_out(plan, &session.cluster, parts.rights.as_slice());
    }
    // What came while it was waited for.
    plan.steps
        .extend(unfinished::wait_for_worker(now, then, false));
    plan.push(Step::CompleteCopy { copy });
    plan.steps.extend(copied::files(now, places, files));
    if !serves {
        plan.push(proof.open());
    }
    Ok(web)
}

/// The steps that keep writers away while readers are served. The one that ends that too comes
/// later.
fn push_read_only(
    plan: &mut Plan,
    session: &Session<'_>,
    observed: &Observed,
    parts: &Parts<'_>,
) -> Result<Option<Step>> {
    let Parts { now, then, .. } = parts;
    let mut removals = Vec::new();
    stop::removals(&mut removals, observed, now)?;
    let web = removals.pop();
    plan.steps
        .extend(unfinished::wait_for_worker(now, then, true));
    plan.steps.extend(removals);
    plan.steps.extend(unfinished::wait(now, true));
    writers::keep_out(plan, &session.cluster, parts.rights.as_slice());
    Ok(web)
}

fn check_texts(parts: &Parts<'_>) -> Step {
    Step::CheckTexts {
        instance: parts.now.instance.name.clone(),
        directory: parts.now.instance.layout.root().to_owned(),
        planned: parts.planned.clone(),
    }
}

/// What takes the place of what is there; and what nothing reads any more gives way too.
fn push_exchange(plan: &mut Plan, parts: &Parts<'_>) {
    let live = &parts.now.instance.layout;
    let before = parts.undo.join(CONTENT);
    // The old version writes some itself, also while its database is read-only.
    plan.push(check_texts(parts));
    let content = &parts.now.contract.content;
    plan.push(Step::CheckCopied {
        instance: parts.now.instance.name.clone(),
        directory: live.inside(&content.directory),
        worked_on: parts.beside.instance.layout.inside(&content.directory),
        but: content.write_once.iter().map(PathBuf::from).collect(),
    });
    plan.push(Step::Exchange {
        entries: parts.exchanged.clone(),
        live: live.root().to_owned(),
        next: parts.beside.instance.layout.root().to_owned(),
        before: before.clone(),
    });
    for name in &parts.crossing.taken_out {
        plan.push(Step::MoveDirectory {
            from: live.inside(name),
            to: before.join(name),
        });
    }
}

/// The rest, behind the point of no return, with what could be done as well `later`.
fn push_end(
    plan: &mut Plan,
    session: &Session<'_>,
    observed: &Observed,
    parts: Parts<'_>,
    runs: bool,
    later: [Step; 2],
) -> Result<()> {
    writers::let_in(plan, &session.cluster, parts.rights.as_slice());
    if runs {
        start::push_mends(plan, &[parts.then])?;
    }
    plan.steps.extend(later);
    for one in parts.earlier {
        kept::push_drop(plan, &session.cluster, one);
    }
    if let Some(change) = parts.change {
        change.push_end(plan, session, observed, &parts.others)?;
    }
    plan.push(Step::DiscardDirectory {
        path: parts.beside.instance.layout.root().to_owned(),
    });
    Ok(())
}

/// All of it on a copy, as it is in one moment, and nothing of it afterwards; with servers of its own
/// where the cluster's are to be others.
///
/// # Errors
/// Exit 2 where the configured repository is none.
pub fn rehearsal(session: &Session<'_>, parts: &Parts<'_>) -> Result<Plan> {
    let mut plan = session.plan();
    plan.instances = vec![parts.now.instance.name.clone()];
    // Another operation would make its copy in the same places.
    plan.content = true;
    first_content::push_waits(&mut plan, session);
    let (now, beside, entries) = (&parts.now, &parts.beside, parts.entries.clone());
    match parts.apart {
        None => copied::push_still(&mut plan, now, beside, entries),
        Some(apart) => {
            apart.push(&mut plan);
            copied::push_still_in(&mut plan, now, beside, entries, apart.elsewhere());
        }
    }
    let place = parts.beside.instance.layout.clone();
    for files in [Files::Copied, Files::Updated] {
        plan.steps
            .extend(copied::files(&parts.now, [place.clone()], files));
    }
    let proof = Proof::of(session, parts.beside)?;
    plan.push(proof.open());
    push_work(&mut plan, session, parts, &proof, None)?;
    plan.push(proof.end());
    plan.push(proof.close());
    // What was tried out goes the way that a failure would go.
    plan.no_return_from_here();
    match parts.apart {
        Some(apart) => apart.push_let_go(&mut plan, &beside.instance.layout),
        None => copied::push_let_go(&mut plan, beside, beside.instance.index.clone()),
    }
    Ok(plan)
}

/// The steps that migrate the copy and try it out; where it is to count, with an index that may have been
/// made before, and with the files that are `kept` for the way back.
fn push_work(
    plan: &mut Plan,
    session: &Session<'_>,
    parts: &Parts<'_>,
    proof: &Proof<'_>,
    kept: Option<&Path>,
) -> Result<()> {
    let (now, app) = (parts.now, parts.beside);
    let kept = kept.map(|directory| InstanceLayout::elsewhere(directory.to_owned()));
    plan.push(Step::RunPhase {
        spec: Box::new(app.phase(&app.contract.commands.migrate, &session.id)?),
        what: format!("migrate the copy to {}", app.instance.version),
        input: None,
    });
    let settings = parts.crossing.settings.clone();
    if let (Some(command), Some(settings)) = (&app.contract.commands.settings, settings) {
        plan.push(Step::RunPhase {
            spec: Box::new(app.phase(command, &session.id)?),
            what: "carry the settings over that the application keeps itself".to_owned(),
            input: Some(settings),
        });
    }
    let ahead = kept.as_ref().and_then(|_| parts.way.at_this_moment());
    let there = ahead::documents(parts, ahead);
    let mut fill = index::step(&app, &session.id, there)?;
    if kept.is_none() {
        // A rehearsal measures both.
        let fill = fill.take();
        plan.steps.extend(match parts.apart {
            None => fill,
            Some(_) => fill.map(|fill| Step::WithItsPlace { of: Box::new(fill) }),
        });
    }
    let beside = Beside {
        meanwhile: fill,
        ..Beside::default()
    };
    proof.push(plan, beside)?;
    if let Some(kept) = kept {
        let inside = |layout: &InstanceLayout| layout.inside(&now.contract.content.directory);
        plan.push(Step::SettleFiles {
            worked_on: inside(&app.instance.layout),
            kept: inside(&kept),
        });
    }
    Ok(())
}
