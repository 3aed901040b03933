//! `import --undo`, `upgrade --undo`: the content that the last one took the place of.

use serde_json::json;

use crate::commands::context::{Context, typed};
use crate::commands::kept::{self, Found};
use crate::commands::observed::Observed;
use crate::commands::report::Report;
use crate::commands::server_change::{Asked, Change};
use crate::commands::session::{Extent, Session, Touch, services_are_down};
use crate::commands::{
    first_content, new, search_change, snapshot, start, stop, unfinished, upkeep,
};
use crate::error::{Error, Result};
use crate::host::{files, store};
use crate::model::container::{Role, names};
use crate::model::layout::InstanceLayout;
use crate::services::app::App;
use crate::services::{database, search, tables};
use crate::steps::{Plan, Step};

/// Runs it.
///
/// # Errors
/// Exit 4 where nothing is kept, 6 where something was written since and is not given up.
pub fn run(context: &Context<'_>, verb: &'static str, discard_new: bool) -> Result<Report> {
    let cluster = context.cluster()?;
    let name = context.one_instance(&cluster, &[])?;
    let kept = kept::latest(&cluster.layout, &name)?;
    let extent = match kept.and_then(|found| found.kept.search) {
        // It may have to come back, and all instances have their index in it.
        Some(_) => Extent::Cluster,
        None => Extent::Instances,
    };
    let names = std::slice::from_ref(&name);
    let session = Session::begin(context, verb, cluster, names, extent, Touch::Content)?;
    let cluster = &session.cluster;
    let now = store::instance(cluster, &name)?;
    let Some(found) = kept::latest(&cluster.layout, &name)? else {
        return Err(
            Error::not_found(format!("no former content of {name} is kept"))
                .why("nothing took its place in the last 7 days, or `import --forget` let it go"),
        );
    };
    if found.kept.search.is_some() && extent != Extent::Cluster {
        // It came while the lock was waited for.
        drop(session);
        return run(context, verb, discard_new);
    }
    let link = now.layout.link();
    if found.kept.verb != verb {
        let last = &found.kept.verb;
        return Err(
            Error::refused(format!("the last that {name} went through was no {verb}"))
                .why(format!("it was {last}: {}", found.kept.from))
                .next(typed(&link, &format!("{last} --undo"))),
        );
    }
    let former = InstanceLayout::elsewhere(found.content());
    let then = store::instance_by_files_in(cluster, &name, &former)?;
    let instances = [now, then];
    let apps = start::apps(&session, &instances)?;
    let [now, then] = apps.as_slice() else {
        return Err(Error::failed(format!("instance {name} cannot be used")));
    };
    let observed = Observed::settled(context, cluster, std::slice::from_ref(now.instance))?;
    if !observed.services_run() {
        return Err(services_are_down(cluster, verb));
    }
    let written = written_since(&session, now, &found)?;
    if !written.is_empty() && !discard_new {
        let words = format!("{verb} --undo --discard-new");
        return Err(
            Error::refused(format!("{name} was written to since the {verb}"))
                .why(written.join("; "))
                .next(format!(
                    "to give that up, after a snapshot of it: {}",
                    typed(&link, &words)
                )),
        );
    }
    let change = match &found.kept.search {
        // One that both work with stays.
        Some(image) if !then.contract.search.fits(cluster.search_image.tag()) => {
            let asked = Asked {
                search: Some(image),
                ..Asked::default()
            };
            Change::of(&session, asked, Some(&name))?
        }
        _ => None,
    };
    if let Some(change) = &change {
        change.need_quiet(&observed)?;
        change.ensure(&session)?;
    }
    new::check_database_fits(cluster, then.contract, &then.instance.version)?;
    if change.is_none() && then.instance.index.is_some() {
        // It may have become another one since, by another verb.
        new::check_search_fits(cluster, then.contract, &then.instance.version)?;
    }
    let fills_index = change.is_some() || lacks_index(&session, then)?;
    let mut plan = session.plan();
    plan.instances = vec![name.clone()];
    if !written.is_empty() {
        plan.push(snapshot::step(now)?);
    }
    if let Some(change) = &change {
        change.push(&mut plan, &session, &observed, Some(now))?;
    }
    let plan = plan_undo(
        plan,
        &session,
        &observed,
        (now, then),
        found,
        (change, fills_index),
    )?;
    let snapshot = plan.steps.iter().find_map(|step| match step {
        Step::TakeSnapshot { order } => Some(order.file.clone()),
        _ => None,
    });
    if let Some(report) = session.carry_out(&plan)? {
        return Ok(report);
    }
    upkeep::after(&session, std::slice::from_ref(&name));
    let mut lines = vec![format!("instance {name} has its former content again")];
    lines.extend(
        snapshot
            .iter()
            .map(|file| format!("what was written since is in {}", file.display())),
    );
    Ok(session.report(
        &plan,
        lines,
        json!({"instance": name, "written_since": written, "snapshot": snapshot}),
    ))
}

fn written_since(session: &Session<'_>, app: &App<'_>, found: &Found) -> Result<Vec<String>> {
    let server = database::Server::of(session.context.engine, &session.cluster);
    let schema = &app.instance.schema;
    let mut names = server.tables(schema)?;
    names.retain(|name| !app.contract.content.tables_without_content.contains(name));
    Ok(found
        .kept
        .written_since(&tables::states(&server, schema, &names)?))
}

/// Whether the former index is gone, as where the search server became another one since.
fn lacks_index(session: &Session<'_>, then: &App<'_>) -> Result<bool> {
    let Some(index) = &then.instance.index else {
        return Ok(false);
    };
    let container = names::service(&session.cluster.name, Role::Search);
    let server = search::Server::in_container(session.context.engine, &container)?;
    Ok(server.count(index)?.is_none())
}

fn plan_undo(
    mut plan: Plan,
    session: &Session<'_>,
    observed: &Observed,
    (now, then): (&App<'_>, &App<'_>),
    found: Found,
    (change, fills_index): (Option<Change>, bool),
) -> Result<Plan> {
    let layout = &session.cluster.layout;
    let name = &now.instance.name;
    plan.content = true;
    // Half exchanged, it would be written to where it is going to be undone.
    plan.holds_start = true;
    first_content::push_waits(&mut plan, session);
    let runs = observed.web_runs(name);
    if runs {
        unfinished::wait(now, true)
            .into_iter()
            .for_each(|step| plan.push(step));
    }
    stop::removals(&mut plan.steps, observed, now)?;
    if then.instance.should_run != now.instance.should_run {
        // It may have been started or stopped since.
        let mut former = then.instance.clone();
        former.layout = InstanceLayout::elsewhere(found.content());
        let step = start::should_run(&[former], now.instance.should_run)?;
        step.into_iter().for_each(|step| plan.push(step));
    }
    let away = layout.next(name).root().to_owned();
    if let Some(change) = &change {
        change.push_config(&mut plan, &session.cluster)?;
    }
    // What was kept has its place there; what it never had is no part of the exchange, or taking that
    // back would take it away.
    let (kept, new): (Vec<String>, Vec<String>) = found
        .kept
        .entries
        .iter()
        .cloned()
        .partition(|entry| files::exists(&found.content().join(entry)));
    plan.push(Step::Exchange {
        entries: kept,
        live: now.instance.layout.root().to_owned(),
        next: found.content(),
        before: away.clone(),
    });
    // What came in new has nothing to give way to.
    for entry in &new {
        let from = now.instance.layout.inside(entry);
        if files::exists(&from) {
            let to = away.join(entry);
            plan.push(Step::MoveDirectory { from, to });
        }
    }
    if runs {
        start::push_containers(&mut plan, &Observed::default(), std::slice::from_ref(then))?;
        start::push_healthy(&mut plan, std::slice::from_ref(then));
    }
    if fills_index {
        search_change::push_indices(&mut plan, session, std::slice::from_ref(then))?;
    }
    plan.no_return_from_here();
    if runs {
        start::push_mends(&mut plan, std::slice::from_ref(then))?;
    }
    plan.push(Step::DropContent {
        database: names::service(&session.cluster.name, Role::Database),
        search: names::service(&session.cluster.name, Role::Search),
        place: found.kept.new,
    });
    for path in [found.directory, away] {
        plan.push(Step::DiscardDirectory { path });
    }
    if let Some(change) = &change {
        change.push_end(&mut plan, session, observed)?;
    }
    Ok(plan)
}
