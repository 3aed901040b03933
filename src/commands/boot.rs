//! `boot`: brings the shared services up, and the instances that should run.

use serde_json::json;

use crate::commands::context::Context;
use crate::commands::observed::Observed;
use crate::commands::ports::Ports;
use crate::commands::report::Report;
use crate::commands::session::{Extent, Session, Touch};
use crate::commands::take_over::{self, TakeOver};
use crate::commands::{adopted, database_image, images, index_unknown, pages, start, upkeep};
use crate::error::{Error, Kind, Result};
use crate::host::{files, store};
use crate::journal::{self, OnFailure};
use crate::model::cluster::Cluster;
use crate::model::container::{ContainerSpec, Network, Role, names};
use crate::model::instance::Instance;
use crate::model::name::Name;
use crate::services::{app::App, database, labels, proxy, search};
use crate::steps::{Entry, Plan, Step};

/// How long a shared service may take until it answers, in seconds.
pub const SERVICE_SECONDS: u64 = 180;

/// Brings the cluster's database and search server up, and the instances that `shutdown`
/// stopped. Returns when all of them answer. After `adopt` it replaces the containers that the
/// original script made; it asks before.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {}

/// Runs the verb.
///
/// # Errors
/// Exit 1 where something does not become healthy; it is left as it is.
pub fn run(_args: &Args, context: &Context<'_>) -> Result<Report> {
    let cluster = context.cluster()?;
    let session = Session::begin(
        context,
        "boot",
        cluster,
        &[],
        Extent::Cluster,
        Touch::Service,
    )?;
    // Behind the lock: who held it may have made or removed one.
    let names = store::instance_names(&session.cluster)?;
    let half_made = half_made(&session)?;
    // What runs in containers of the original's is going to run in ours.
    let running = take_over::running(&Observed::containers(context.engine, &session.cluster)?);
    let mut faulty = Vec::new();
    let mut wanted = Vec::new();
    for name in names.iter().filter(|name| !half_made.contains(name)) {
        match store::instance(&session.cluster, name) {
            Ok(instance) if instance.should_run || running.contains(name) => wanted.push(instance),
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
    let taking_over = TakeOver::of(context, &session.cluster, &observed, &names)?;
    need_all_running(&running, &faulty)?;
    let adopted = adopted::read(&session.cluster.layout)?;
    database_image::check(&session.cluster, adopted.as_ref())?;
    if let Some(taking_over) = &taking_over {
        // Before images are pulled or built, which takes long.
        taking_over.confirm(context)?;
    }
    let apps = with_images(context, apps, &mut faulty);
    need_all_running(&running, &faulty)?;
    for (name, error) in &faulty {
        context
            .observer
            .warn(&format!("{name} is left out: {error}"));
    }
    images::ensure(context, &images::of_services(&session.cluster))?;
    let booting = Booting {
        cluster: &session.cluster,
        observed: observed.without_original(),
        apps: &apps,
        taking_over: taking_over.as_ref(),
        adopted: adopted.is_some(),
    };
    let plan = booting.plan(session.plan())?;
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
    Ok(app)
}

/// An instance that ran in a container of the original's is not left out: it would go down with
/// what it is linked to.
fn need_all_running(running: &[Name], faulty: &[(&Name, Error)]) -> Result<()> {
    match faulty.iter().find(|(name, _)| running.contains(name)) {
        Some((_, error)) => Err(error.clone()),
        None => Ok(()),
    }
}

/// Those whose image is here, or can be had; the others join the faulty ones.
fn with_images<'a>(
    context: &Context<'_>,
    apps: Vec<App<'a>>,
    faulty: &mut Vec<(&'a Name, Error)>,
) -> Vec<App<'a>> {
    let mut ready = Vec::new();
    for app in apps {
        let needed = images::of_app(app.cluster, app.contract, &app.instance.version);
        match needed.and_then(|needed| images::ensure(context, &[needed])) {
            Ok(()) => ready.push(app),
            Err(error) => faulty.push((&app.instance.name, error)),
        }
    }
    ready
}

/// What a plan is made from.
struct Booting<'a> {
    cluster: &'a Cluster,
    /// Without the containers of the original's.
    observed: Observed,
    apps: &'a [App<'a>],
    taking_over: Option<&'a TakeOver>,
    /// Whether the original made the cluster.
    adopted: bool,
}

impl Booting<'_> {
    fn plan(&self, mut plan: Plan) -> Result<Plan> {
        plan.on_failure = match self.taking_over {
            // What ran before comes back.
            Some(_) => OnFailure::Undo,
            None => OnFailure::Leave,
        };
        plan.instances = self.apps.iter().map(|a| a.instance.name.clone()).collect();
        if self.adopted
            && let Some(step) = missing_directories(self.cluster)?
        {
            plan.push(step);
        }
        let network = network(self.cluster);
        if !self
            .observed
            .networks
            .iter()
            .any(|n| n.name == network.name)
        {
            plan.push(Step::MakeNetwork { network });
        }
        if let Some(taking_over) = self.taking_over {
            taking_over.push_set_aside(&mut plan);
        }
        self.push_services(&mut plan);
        start::push_files(&mut plan, self.apps)?;
        start::push_containers(&mut plan, &self.observed, self.apps)?;
        match self.taking_over {
            None => {
                start::push_wait(&mut plan, self.apps)?;
                self.push_proxy(&mut plan, proxy::spec(self.cluster)?);
            }
            Some(taking_over) => self.push_end(&mut plan, taking_over)?,
        }
        Ok(plan)
    }

    fn push_services(&self, plan: &mut Plan) {
        let services = [
            (Role::Database, database::spec(self.cluster)),
            (Role::Search, search::spec(self.cluster)),
        ];
        let mut waits = Vec::new();
        for (role, spec) in services {
            // One that runs may still be on its way up, and boot returns when it answers.
            waits.push(await_service(role, &spec.name));
            if !self.observed.service_runs(role) {
                plan.push(Step::RunContainer {
                    spec: Box::new(spec),
                });
            }
        }
        plan.steps.extend(waits);
    }

    /// The proxy comes last: it does not start while a name that its sites lead to is missing.
    fn push_proxy(&self, plan: &mut Plan, spec: Option<ContainerSpec>) {
        if let Some(spec) = spec
            && !self.observed.service_runs(Role::Proxy)
        {
            let wait = await_service(Role::Proxy, &spec.name);
            plan.push(Step::RunContainer {
                spec: Box::new(spec),
            });
            plan.push(wait);
        }
    }

    /// Everything is tried before the old containers go.
    fn push_end(&self, plan: &mut Plan, taking_over: &TakeOver) -> Result<()> {
        start::push_healthy(plan, self.apps);
        let mut entries = Vec::new();
        for app in self.apps {
            if let Some((step, entry)) = index_unknown::steps(app, &plan.id, true)? {
                plan.push(step);
                entries.push(entry);
            }
        }
        self.push_proxy(plan, taking_over.proxy.clone());
        let instances: Vec<Instance> = self.apps.iter().map(|a| a.instance.clone()).collect();
        taking_over.push_end(plan, self.cluster, &instances, entries)?;
        start::push_mends(plan, self.apps)
    }
}

/// The original's search server wrote elsewhere, so the directory for its data may be missing or
/// belong to root, and an engine made others only when it started a container.
fn missing_directories(cluster: &Cluster) -> Result<Option<Step>> {
    let layout = &cluster.layout;
    let owner = (search::UID, search::UID);
    let mut entries = Vec::new();
    for (path, owner) in [
        (layout.database_data(), None),
        (layout.search(), None),
        (layout.search_data(), Some(owner)),
        (layout.ssmtp(), None),
    ] {
        match (files::rights(&path)?, owner) {
            (None, owner) => entries.push(Entry::Directory {
                path,
                mode: 0o755,
                owner,
                with_content: false,
            }),
            (Some(before), Some(owner)) if before.1.0 == 0 => entries.push(Entry::Rights {
                path,
                mode: before.0,
                owner: Some(owner),
                before,
            }),
            _ => {}
        }
    }
    Ok((!entries.is_empty()).then(|| Step::Place {
        what: "make the directories that the services need".to_owned(),
        entries,
    }))
}

/// The network that all containers of a cluster are in.
pub fn network(cluster: &Cluster) -> Network {
    Network {
        name: names::network(&cluster.name),
        labels: labels(cluster, None),
        internal: false,
    }
}

/// The step that waits for a shared service.
pub fn await_service(role: Role, container: &str) -> Step {
    Step::AwaitService {
        role,
        container: container.to_owned(),
        seconds: SERVICE_SECONDS,
    }
}

/// Instances that are not to be started before `recover`: their first set-up or an import was
/// interrupted.
fn half_made(session: &Session<'_>) -> Result<Vec<Name>> {
    Ok(
        journal::open_operations::<Step>(&session.cluster.layout.journal())?
            .into_iter()
            .filter(|open| open.header.holds_start)
            .flat_map(|open| open.header.instances)
            .collect(),
    )
}
