//! `shutdown`: everything of a cluster down, nothing left behind, data kept.

use serde_json::json;

use crate::commands::context::Context;
use crate::commands::observed::Observed;
use crate::commands::report::Report;
use crate::commands::session::{Extent, Session, Touch};
use crate::commands::{stop, unfinished};
use crate::error::Result;
use crate::host::store;
use crate::model::container::{Role, State};
use crate::model::instance::Instance;
use crate::services::{app::App, database, proxy, search};
use crate::steps::{Plan, Step};

/// Stops all instances and the shared services of the cluster. `boot` brings them back; data stays.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {}

/// Runs the verb.
///
/// # Errors
/// Exit 7 where something cannot be stopped; `recover` or another `shutdown` goes on.
pub fn run(_args: &Args, context: &Context<'_>) -> Result<Report> {
    let cluster = context.cluster()?;
    let session = Session::begin(
        context,
        "shutdown",
        cluster,
        &[],
        Extent::Cluster,
        Touch::Service,
    )?;
    // Behind the lock: who held it may have made or removed one.
    let names = store::instance_names(&session.cluster)?;
    // One whose files cannot be read is stopped like anything else that carries our labels.
    let all: Vec<Instance> = names
        .iter()
        .filter_map(|name| store::instance(&session.cluster, name).ok())
        .collect();
    let observed = Observed::of(context.engine, &session.cluster)?;
    observed.refuse_original(&session.cluster, "shutdown")?;
    let plan = plan(session.plan(), &session, &observed, &all)?;
    if let Some(report) = session.carry_out(&plan)? {
        return Ok(report);
    }
    let line = format!("cluster {} is down; its data is kept", session.cluster.name);
    Ok(session.report(&plan, vec![line], json!({})))
}

fn plan(
    mut plan: Plan,
    session: &Session<'_>,
    observed: &Observed,
    all: &[Instance],
) -> Result<Plan> {
    let cluster = &session.cluster;
    let database_runs = observed.service_runs(Role::Database);
    let mut removals = Vec::new();
    if let Some(there) = observed.service(Role::Proxy) {
        // Without its description nobody makes it again.
        removals.push(match proxy::spec(cluster)? {
            Some(spec) => Step::RemoveContainer {
                spec: Box::new(spec),
            },
            None => Step::RemoveStray {
                name: there.name.clone(),
            },
        });
    }
    for instance in all {
        // A version that nobody covers any more must not be in the way of a shutdown.
        let Ok(contract) = session.contracts.covering(&instance.version) else {
            continue;
        };
        let app = App {
            cluster,
            instance,
            contract,
        };
        if observed.web_runs(&instance.name) {
            unfinished::warn_if_unknown(session, &app, observed);
            unfinished::wait(&app, database_runs)
                .into_iter()
                .for_each(|step| plan.push(step));
        }
        let before = removals.len();
        stop::removals(&mut removals, observed, &app)?;
        if removals.len() > before {
            plan.instances.push(instance.name.clone());
        }
    }
    let planned: Vec<String> = removals
        .iter()
        .filter_map(|step| match step {
            Step::RemoveContainer { spec } => Some(spec.name.clone()),
            _ => None,
        })
        .collect();
    // Those for one command, and those of instances that are gone.
    let is_service =
        |role: Option<Role>| matches!(role, Some(Role::Database | Role::Search | Role::Proxy));
    for running in observed.one_offs().filter(|c| c.state == State::Running) {
        session
            .context
            .observer
            .warn(&format!("the command in {} is ended", running.name));
    }
    for stray in &observed.containers {
        if !is_service(stray.role()) && !planned.contains(&stray.name) {
            removals.push(Step::RemoveStray {
                name: stray.name.clone(),
            });
        }
    }
    for (role, spec) in [
        (Role::Search, search::spec(cluster)),
        (Role::Database, database::spec(cluster)),
    ] {
        if observed.service(role).is_some() {
            removals.push(Step::RemoveContainer {
                spec: Box::new(spec),
            });
        }
    }
    for network in &observed.networks {
        removals.push(Step::RemoveNetwork {
            network: network.clone(),
        });
    }
    for (index, step) in removals.into_iter().enumerate() {
        plan.push(step);
        if index == 0 {
            plan.no_return_from_here();
        }
    }
    Ok(plan)
}
