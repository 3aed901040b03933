//! `import --undo`, `upgrade --undo`: the content that the last one took the place of.

use serde_json::json;

use crate::commands::context::{Context, typed};
use crate::commands::import::back::{self, End, Parts};
use crate::commands::kept;
use crate::commands::observed::Observed;
use crate::commands::report::Report;
use crate::commands::server_change::{Asked, Change};
use crate::commands::session::{Extent, Session, Touch, services_are_down};
use crate::commands::{first_content, new, snapshot, start, upkeep};
use crate::error::{Error, Result};
use crate::host::store;
use crate::model::container::{Role, names};
use crate::model::layout::InstanceLayout;
use crate::services::app::App;
use crate::services::search;
use crate::steps::{self, Step};

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
    // The server may just have been started again.
    first_content::await_service_of(context, cluster, Role::Database)?;
    let noted = kept::noted(&found.directory, now, &found.kept.entries);
    let written = steps::written_since(context.engine, &noted)?;
    let give_up = typed(&link, &format!("{verb} --undo --discard-new"));
    if !written.is_empty() && !discard_new {
        return Err(steps::refusal(&name, verb, &written, &give_up));
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
    let end = match discard_new {
        true => End::Snapshot(Box::new(snapshot::order_of(now)?)),
        // What is written to it until nobody may, counts as well.
        false => End::Unwritten(Box::new(Step::CheckUnwritten {
            instance: name.clone(),
            verb: verb.to_owned(),
            noted,
            next: give_up,
        })),
    };
    let parts = Parts {
        now: *now,
        then: *then,
        fills_index: change.is_some() || lacks_index(&session, then)?,
        end,
        found,
        change,
    };
    let runs = back::serves(&observed, now);
    let should_run = now.instance.should_run;
    let plan = back::plan(&session, &observed, parts)?;
    let snapshot = plan.steps.iter().find_map(|step| match step {
        Step::TakeSnapshot { order } => Some(order.file.clone()),
        _ => None,
    });
    if let Some(report) = session.carry_out(&plan)? {
        return Ok(report);
    }
    upkeep::after(&session, std::slice::from_ref(&name));
    let mut lines = vec![format!("instance {name} has its former content again")];
    if !runs && should_run {
        let start = typed(&link, "start");
        lines.push(format!("it did not run, and was not started: {start}"));
    }
    lines.extend(
        snapshot
            .iter()
            .map(|file| format!("what it had instead is in {}", file.display())),
    );
    Ok(session.report(
        &plan,
        lines,
        json!({"instance": name, "written_since": written, "snapshot": snapshot}),
    ))
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
