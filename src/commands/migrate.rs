//! `migrate`: the era's migration and the search index, as the original had it.

use serde_json::json;

use crate::commands::context::Context;
use crate::commands::first_content::{self, push_waits};
use crate::commands::observed::Observed;
use crate::commands::report::Report;
use crate::commands::session::{Extent, Session, Touch, services_are_down};
use crate::commands::{start, upkeep};
use crate::error::Result;
use crate::journal::OnFailure;
use crate::services::app::App;
use crate::steps::{Plan, Step};

/// Migrates an instance's database and fills its search index anew, in place. Nothing takes a
/// migration back.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The instances, where a cluster's link was called
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
}

/// Runs the verb.
///
/// # Errors
/// Exit 1 with the output of what failed; what the migration did by then stays. 7 where it was
/// interrupted: `recover` runs it again.
pub fn run(args: &Args, context: &Context<'_>) -> Result<Report> {
    let cluster = context.cluster()?;
    let names = context.instances(&cluster, &args.names)?;
    let session = Session::begin(
        context,
        "migrate",
        cluster,
        &names,
        Extent::Instances,
        Touch::Content,
    )?;
    let instances = start::load(&session, &names)?;
    let apps = start::apps(&session, &instances)?;
    start::check(&session, &apps)?;
    let observed = Observed::of(context.engine, &session.cluster)?;
    observed.refuse_original(&session.cluster, "migrate")?;
    if !observed.services_run() {
        return Err(services_are_down(&session.cluster, "migrate"));
    }
    first_content::check_room(&session.cluster)?;
    let plan = plan(&session, &apps)?;
    if let Some(report) = session.carry_out(&plan)? {
        return Ok(report);
    }
    upkeep::after(&session, &names);
    let lines = names
        .iter()
        .map(|name| format!("instance {name} is migrated"))
        .collect();
    Ok(session.report(&plan, lines, json!({"instances": names})))
}

fn plan(session: &Session<'_>, apps: &[App<'_>]) -> Result<Plan> {
    let mut plan = session.plan();
    plan.content = true;
    plan.on_failure = OnFailure::Leave;
    push_waits(&mut plan, session);
    // Nothing takes a migration back, not even one that was begun: an interrupted one is finished.
    plan.no_return_from_here();
    for app in apps {
        let name = &app.instance.name;
        plan.instances.push(name.clone());
        for (command, what) in [
            (&app.contract.commands.migrate, format!("migrate {name}")),
            (
                &app.contract.commands.index,
                format!("fill the search index of {name}"),
            ),
        ] {
            let spec = app.phase(command, &session.id)?;
            plan.push(Step::RunPhase {
                spec: Box::new(spec),
                what,
                input: None,
            });
        }
    }
    Ok(plan)
}
