//! `boot`: brings the shared services up, and the instances that should run.

use serde_json::json;

use crate::commands::context::Context;
use crate::commands::observed::Observed;
use crate::commands::ports::Ports;
use crate::commands::report::Report;
use crate::commands::session::{Extent, Session, Touch};
use crate::commands::{images, pages, start, upkeep};
use crate::error::{Error, Kind, Result};
use crate::host::store;
use crate::journal::{self, OnFailure};
use crate::model::cluster::Cluster;
use crate::model::container::{Network, Role, names};
use crate::model::instance::Instance;
use crate::model::name::Name;
use crate::services::{app::App, database, labels, search};
use crate::steps::{Plan, Step};

/// How long a shared service may take until it answers, in seconds.
const SERVICE_SECONDS: u64 = 180;

/// Brings the cluster's database and search server up, and the instances that `shutdown`
/// stopped. Returns when all of them answer.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {}

/// Runs the verb.
///
/// # Errors
/// Exit 1 where something does not become healthy; it is left as it is.
pub fn run(_args: &Args, context: &Context<'_>) -> Result<Report> {
    let cluster = context.cluster()?;
    let names = store::instance_names(&cluster)?;
    let session = Session::begin(
        context,
        "boot",
        cluster,
        &names,
        Extent::Cluster,
        Touch::Service,
    )?;
    let half_made = half_made(&session)?;
    let mut faulty = Vec::new();
    let mut wanted = Vec::new();
    for name in names.iter().filter(|name| !half_made.contains(name)) {
        match store::instance(&session.cluster, name) {
            Ok(instance) if instance.should_run => wanted.push(instance),
            Ok(_) => {}
            Err(error) => faulty.push((name, error)),
        }
    }
    let ports = Ports::of(context, &session.cluster)?;
    let observed = Observed::settled(context, &session.cluster, &wanted)?;
    let mut apps = Vec::new();
    for instance in &wanted {
        match checked(&session, instance, &ports, &observed) {
            Ok(app) => apps.push(app),
            // One instance with a fault must not keep the others down.
            Err(error) => faulty.push((&instance.name, error)),
        }
    }
    for (name, error) in &faulty {
        context
            .observer
            .warn(&format!("{name} is left out: {error}"));
    }
    images::ensure(context, &images::of_services(&session.cluster))?;
    let plan = plan(session.plan(), &observed, &session.cluster, &apps)?;
    if let Some(report) = session.carry_out(&plan)? {
        return Ok(report);
    }
    pages::warn(context, &apps);
    upkeep::after(&session, &[]);
    let mut lines = vec![format!("cluster {} is up", session.cluster.name)];
    lines.extend(start::addresses(&apps));
    match faulty.into_iter().next() {
        None => Ok(session.report(&plan, lines, json!({"urls": start::urls(&apps)}))),
        Some((name, error)) => Err(Error {
            kind: Kind::Failed,
            what: format!(
                "the cluster is up, but {name} was not started: {}",
                error.what
            ),
            ..error
        }),
    }
}

fn checked<'a>(
    session: &'a Session<'_>,
    instance: &'a Instance,
    ports: &Ports,
    observed: &Observed,
) -> Result<App<'a>> {
    let app = App {
        cluster: &session.cluster,
        instance,
        contract: session.contracts.covering(&instance.version)?,
    };
    start::check_settings(session, &app)?;
    start::check_port(&app, ports, observed)?;
    let needed = images::of_app(app.cluster, app.contract, &instance.version)?;
    images::ensure(session.context, &[needed])?;
    Ok(app)
}

fn plan(mut plan: Plan, observed: &Observed, cluster: &Cluster, apps: &[App<'_>]) -> Result<Plan> {
    plan.on_failure = OnFailure::Leave;
    plan.instances = apps.iter().map(|a| a.instance.name.clone()).collect();
    let network = Network {
        name: names::network(&cluster.name),
        labels: labels(cluster, None),
    };
    if !observed.networks.iter().any(|n| n.name == network.name) {
        plan.push(Step::MakeNetwork { network });
    }
    let services = [
        (Role::Database, database::spec(cluster)),
        (Role::Search, search::spec(cluster)),
    ];
    let mut waits = Vec::new();
    for (role, spec) in services {
        // One that runs may still be on its way up, and boot returns when it answers.
        waits.push(await_service(role, &spec.name));
        if !observed.service_runs(role) {
            plan.push(Step::RunContainer {
                spec: Box::new(spec),
            });
        }
    }
    for wait in waits {
        plan.push(wait);
    }
    start::push_files(&mut plan, apps)?;
    start::push_containers(&mut plan, observed, apps)?;
    start::push_wait(&mut plan, apps)?;
    Ok(plan)
}

/// The step that waits for a shared service.
pub fn await_service(role: Role, container: &str) -> Step {
    Step::AwaitService {
        role,
        container: container.to_owned(),
        seconds: SERVICE_SECONDS,
    }
}

/// Instances whose first set-up was interrupted: there is nothing to serve yet.
fn half_made(session: &Session<'_>) -> Result<Vec<Name>> {
    Ok(
        journal::open_operations::<Step>(&session.cluster.layout.journal())?
            .into_iter()
            .filter(|open| open.header.first_content)
            .flat_map(|open| open.header.instances)
            .collect(),
    )
}
