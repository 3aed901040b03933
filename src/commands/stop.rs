//! `stop`: an instance's containers down, after what they are at work on.

use serde_json::json;

use crate::commands::context::Context;
use crate::commands::observed::Observed;
use crate::commands::report::Report;
use crate::commands::session::{Extent, Session, Touch};
use crate::commands::{start, unfinished};
use crate::error::Result;
use crate::model::cluster::Cluster;
use crate::model::container::Role;
use crate::model::name::Name;
use crate::services::app::App;
use crate::steps::{Plan, Step};

/// Stops instances. Images that are being processed are waited for (`--timeout`, two minutes if
/// not said). They stay down until `start`, whatever `boot` does.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The instances, where a cluster's link was called
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
}

/// Runs the verb.
///
/// # Errors
/// Exit 7 where a container cannot be stopped; `recover` or another `stop` goes on.
pub fn run(args: &Args, context: &Context<'_>) -> Result<Report> {
    let cluster = context.cluster()?;
    let names = context.instances(&cluster, &args.names)?;
    these(context, cluster, names)
}

/// Stops these instances.
///
/// # Errors
/// As [`run`].
pub fn these(context: &Context<'_>, cluster: Cluster, names: Vec<Name>) -> Result<Report> {
    let session = Session::begin(
        context,
        "stop",
        cluster,
        &names,
        Extent::Instances,
        Touch::Service,
    )?;
    let observed = Observed::of(context.engine, &session.cluster)?;
    observed.refuse_original(&session.cluster, "stop")?;
    let plan = plan(&session, &observed, &names)?;
    if let Some(report) = session.carry_out(&plan)? {
        return Ok(report);
    }
    let lines = names
        .iter()
        .map(|name| format!("instance {name} is down"))
        .collect();
    Ok(session.report(&plan, lines, json!({"instances": names})))
}

fn plan(session: &Session<'_>, observed: &Observed, names: &[Name]) -> Result<Plan> {
    let mut plan = session.plan();
    plan.instances = names.to_vec();
    let instances = start::load(session, names)?;
    let mut removals = Vec::new();
    for instance in &instances {
        let Ok(contract) = session.contracts.covering(&instance.version) else {
            // Nobody knows how to make its containers again, but they can be stopped.
            for role in [Role::Worker, Role::Web] {
                if let Some(there) = observed.of_instance(&instance.name, role) {
                    removals.push(Step::RemoveStray {
                        name: there.name.clone(),
                    });
                }
            }
            continue;
        };
        let app = App {
            cluster: &session.cluster,
            instance,
            contract,
        };
        if observed.web_runs(&instance.name) {
            unfinished::warn_if_unknown(session, &app, observed);
            unfinished::wait(&app, observed.service_runs(Role::Database))
                .into_iter()
                .for_each(|step| plan.push(step));
        }
        self::removals(&mut removals, observed, &app)?;
    }
    if let Some(step) = start::should_run(&instances, false)? {
        plan.push(step);
        plan.no_return_from_here();
    } else if !removals.is_empty() {
        plan.push(removals.remove(0));
        plan.no_return_from_here();
    }
    plan.steps.extend(removals);
    Ok(plan)
}

/// The steps that remove an instance's containers, the background process first.
///
/// # Errors
/// Exit 2 where the configured repository is none.
pub fn removals(steps: &mut Vec<Step>, observed: &Observed, app: &App<'_>) -> Result<()> {
    let name = &app.instance.name;
    if let Some(spec) = app.worker()?
        && observed.of_instance(name, Role::Worker).is_some()
    {
        steps.push(Step::RemoveContainer {
            spec: Box::new(spec),
        });
    }
    if observed.of_instance(name, Role::Web).is_some() {
        steps.push(Step::RemoveContainer {
            spec: Box::new(app.web()?),
        });
    }
    Ok(())
}
