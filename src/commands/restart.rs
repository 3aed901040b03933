//! `restart`: down and up again, in one operation.

use serde_json::json;

use crate::commands::context::Context;
use crate::commands::observed::Observed;
use crate::commands::report::Report;
use crate::commands::session::{Extent, Session, Touch, services_are_down};
use crate::commands::{pages, start, stop, unfinished, upkeep};
use crate::error::Result;
use crate::host::store;
use crate::journal::OnFailure;
use crate::model::container::Role;
use crate::model::instance::Instance;
use crate::services::app::App;
use crate::steps::Plan;

/// Stops and starts instances: a changed configuration takes effect. With --all those that should
/// run.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The instances, where a cluster's link was called
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
}

/// Runs the verb.
///
/// # Errors
/// Exit 1 where an instance does not become healthy; it is left as it is.
pub fn run(args: &Args, context: &Context<'_>) -> Result<Report> {
    let cluster = context.cluster()?;
    let mut names = context.instances(&cluster, &args.names)?;
    if context.flags.all {
        // Those that were stopped on purpose stay down.
        names.retain(|name| !store::instance(&cluster, name).is_ok_and(|i| !i.should_run));
    }
    let session = Session::begin(
        context,
        "restart",
        cluster,
        &names,
        Extent::Instances,
        Touch::Start,
    )?;
    let instances = start::load(&session, &names)?;
    let apps = start::apps(&session, &instances)?;
    start::check(&session, &apps)?;
    let observed = Observed::settled(context, &session.cluster, &instances)?;
    observed.refuse_original(&session.cluster, "restart")?;
    if !observed.services_run() {
        return Err(services_are_down(&session.cluster, "restart"));
    }
    start::check_ports(&session, &apps, &observed)?;
    let plan = plan(session.plan(), &observed, &apps, &instances)?;
    if let Some(report) = session.carry_out(&plan)? {
        return Ok(report);
    }
    pages::warn(context, &apps);
    upkeep::after(&session, &names);
    Ok(session.report(
        &plan,
        start::addresses(&apps),
        json!({"urls": start::urls(&apps)}),
    ))
}

fn plan(
    mut plan: Plan,
    observed: &Observed,
    apps: &[App<'_>],
    instances: &[Instance],
) -> Result<Plan> {
    plan.on_failure = OnFailure::Leave;
    plan.instances = instances.iter().map(|i| i.name.clone()).collect();
    for app in apps {
        if observed.web_runs(&app.instance.name) {
            unfinished::wait(app, observed.service_runs(Role::Database))
                .into_iter()
                .for_each(|step| plan.push(step));
        }
    }
    for app in apps {
        stop::removals(&mut plan.steps, observed, app)?;
    }
    start::should_run(instances, true)?
        .into_iter()
        .for_each(|step| plan.push(step));
    start::push_files(&mut plan, apps)?;
    start::push_containers(&mut plan, &Observed::default(), apps)?;
    start::push_wait(&mut plan, apps)?;
    Ok(plan)
}
