//! `status`: what `list` says, asked of the services and applications themselves, all at once, each
//! within the same limit of time.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::json;

use crate::commands::adopted::Standing;
use crate::commands::context::Context;
use crate::commands::kept;
use crate::commands::not_over::{self, Held, NotOver};
use crate::commands::observed::Observed;
use crate::commands::report::Report;
use crate::commands::start;
use crate::commands::upkeep::{self, Measured};
use crate::error::{Error, Result};
use crate::host::{clock, files, store};
use crate::model::cluster::Cluster;
use crate::model::container::{Container, Role, State};
use crate::model::contract::Contracts;
use crate::model::health::{Condition, Health};
use crate::model::instance::Instance;
use crate::model::memory::human;
use crate::model::name::Name;
use crate::model::page::PageFault;
use crate::model::scope::Scope;
use crate::services::{app::App, database, page, running, search};

/// Shows how services and instances are: up, starting, up but not healthy, down, or another
/// version than was asked for.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The instances [default: all]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
}

/// How long an answer may take where nothing else is said.
const LIMIT: Duration = Duration::from_secs(5);

/// A shared service.
#[derive(Debug, Clone, Serialize)]
struct ServiceStatus {
    container: Option<String>,
    image: String,
    #[serde(flatten)]
    health: Health,
}

/// An instance.
#[derive(Debug, Clone, Serialize)]
struct InstanceStatus {
    name: Name,
    asked_version: String,
    port: u16,
    should_run: bool,
    /// Whether its container is the original's, which no verb but `boot` touches.
    #[serde(skip)]
    of_original: bool,
    #[serde(flatten)]
    health: Health,
    page_faults: Option<Vec<PageFault>>,
    unfinished: Option<u64>,
    restart_needed: bool,
    sizes: Option<Measured>,
    last_snapshot: Option<String>,
    undo: Option<Undo>,
    not_over: Vec<String>,
    writers_refused: bool,
    /// The same for people, with what waits for it.
    #[serde(skip)]
    held: Held,
}

/// Former content that an `--undo` brings back.
#[derive(Debug, Clone, Serialize)]
struct Undo {
    verb: String,
    from: String,
    since: i64,
    until: i64,
}

/// Runs the verb.
///
/// # Errors
/// Exit 5 where the engine cannot be reached.
pub fn run(args: &Args, context: &Context<'_>) -> Result<Report> {
    let cluster = context.cluster()?;
    context.check_words(&args.names)?;
    let contracts = store::contracts(Some(&cluster.layout))?;
    let wanted: Vec<Name> = match &context.scope {
        Scope::Instance { name, .. } => vec![name.clone()],
        _ if context.names_instances(&args.names) => context.instances(&cluster, &args.names)?,
        _ => store::instance_names(&cluster)?,
    };
    let mut instances = Vec::new();
    let mut unreadable = Vec::new();
    for name in wanted {
        match store::instance(&cluster, &name) {
            Ok(instance) => instances.push(instance),
            Err(error) => unreadable.push(unreadable_instance(name, &error)),
        }
    }
    let limit = context.flags.timeout.unwrap_or(LIMIT);
    let open = not_over::all(&cluster.layout)?;
    let now = clock::now();
    // The slowest question is asked first, beside the one what runs at all.
    let (database, search, mut statuses, standing) = std::thread::scope(|scope| {
        let counting = scope.spawn(|| unfinished(context, &cluster, &contracts, &instances, limit));
        let observed = Observed::containers(context.engine, &cluster)?;
        let asked = Asked {
            context,
            cluster: &cluster,
            contracts: &contracts,
            observed: &observed,
            limit,
            now,
        };
        let mut answers = asked.all_at_once(&instances);
        let counts = counting.join().unwrap_or_default();
        for status in &mut answers.2 {
            let at = instances.iter().position(|i| i.name == status.name);
            status.unfinished = at.and_then(|at| counts.get(at).copied().flatten());
        }
        let (database, search, statuses) = answers;
        let standing = Standing::of(&cluster, &observed);
        Ok::<_, Error>((database, search, statuses, standing))
    })?;
    for status in &mut statuses {
        blame_services(&mut status.health, &database, &search);
    }
    statuses.extend(unreadable);
    for status in &mut statuses {
        let instance = instances.iter().find(|i| i.name == status.name);
        let login = instance.map(|i| (i.database_user.as_str(), i.schema.as_str()));
        let held = Held::of(&open, (&status.name, login), (&cluster.layout, now));
        status.hold_back(held);
    }
    let object = json!({
        "cluster": cluster.name,
        "root": cluster.layout.root(),
        "database": database,
        "search": search,
        "proxy": standing.proxy,
        "take_over": standing.take_over,
        "was_readable": standing.was_readable,
        "instances": statuses,
        "interrupted": open.iter().map(NotOver::object).collect::<Vec<_>>(),
    });
    let mut lines = lines(&cluster, &database, &search, &statuses, &open, now);
    // Behind the services, before the instances.
    lines.splice(3..3, standing.lines(&cluster));
    Ok(Report::new(lines, object))
}

/// Everything that a question needs.
struct Asked<'a> {
    context: &'a Context<'a>,
    cluster: &'a Cluster,
    contracts: &'a Contracts,
    observed: &'a Observed,
    limit: Duration,
    now: i64,
}

impl Asked<'_> {
    fn all_at_once(
        &self,
        instances: &[Instance],
    ) -> (ServiceStatus, ServiceStatus, Vec<InstanceStatus>) {
        std::thread::scope(|scope| {
            let database = scope.spawn(|| self.database());
            let search = scope.spawn(|| self.search());
            let asking: Vec<_> = instances
                .iter()
                .map(|instance| scope.spawn(|| self.instance(instance)))
                .collect();
            let statuses = asking.into_iter().filter_map(|t| t.join().ok()).collect();
            let lost = || self.service(None, String::new(), Health::just(Condition::Unhealthy));
            (
                database.join().unwrap_or_else(|_| lost()),
                search.join().unwrap_or_else(|_| lost()),
                statuses,
            )
        })
    }

    fn database(&self) -> ServiceStatus {
        let container = self.detailed(self.observed.service(Role::Database));
        let health = database::probe(self.context.engine, container.as_ref(), self.limit);
        self.service(container, self.cluster.database_image.to_string(), health)
    }

    fn search(&self) -> ServiceStatus {
        let container = self.detailed(self.observed.service(Role::Search));
        let health = search::probe(self.context.engine, container.as_ref(), self.limit);
        self.service(container, self.cluster.search_image.to_string(), health)
    }

    fn service(
        &self,
        container: Option<Container>,
        configured: String,
        health: Health,
    ) -> ServiceStatus {
        ServiceStatus {
            image: container.as_ref().map_or(configured, |c| c.image.clone()),
            container: container.map(|c| c.name),
            health,
        }
    }

    fn instance(&self, instance: &Instance) -> InstanceStatus {
        let listed = self.observed.of_instance(&instance.name, Role::Web);
        let container = self.detailed(listed);
        let begun = Instant::now();
        let mut page_faults = None;
        let health = match self.contracts.covering(&instance.version) {
            Err(error) => match running(container.as_ref()) {
                Ok(_) => Health::because(Condition::Unhealthy, error.to_string()),
                Err(health) => health,
            },
            Ok(contract) => {
                let app = App {
                    cluster: self.cluster,
                    instance,
                    contract,
                };
                let engine = self.context.engine;
                let health = app.probe(engine, container.as_ref(), self.limit, self.now);
                if health.is_up() {
                    // In what is left of the time that the instance has.
                    let left = self.limit.saturating_sub(begun.elapsed());
                    page_faults = page::faults(&app, engine, left);
                }
                health
            }
        };
        let started = container.as_ref().and_then(|c| c.started_at);
        InstanceStatus {
            name: instance.name.clone(),
            asked_version: instance.version.to_string(),
            port: instance.port.number(),
            should_run: instance.should_run,
            of_original: listed.is_some_and(|c| c.original.is_some()),
            restart_needed: health.condition != Condition::Down
                && (started.is_some_and(|at| changed_since(instance, at))
                    || self.is_outdated(instance)),
            health,
            page_faults,
            unfinished: None,
            sizes: upkeep::last_measured(&self.cluster.layout, &instance.name),
            last_snapshot: last_snapshot(self.cluster, &instance.name),
            undo: undo(self.cluster, &instance.name),
            not_over: Vec::new(),
            writers_refused: false,
            held: Held::default(),
        }
    }

    fn is_outdated(&self, instance: &Instance) -> bool {
        self.contracts
            .covering(&instance.version)
            .is_ok_and(|contract| {
                let app = App {
                    cluster: self.cluster,
                    instance,
                    contract,
                };
                start::is_outdated(self.observed, &app)
            })
    }

    /// A list says enough of a service that runs; of one that does not, and of a web process, it
    /// lacks when and why.
    fn detailed(&self, container: Option<&Container>) -> Option<Container> {
        let listed = container?;
        let service = matches!(listed.role(), Some(Role::Database | Role::Search));
        if service && listed.state == State::Running {
            return Some(listed.clone());
        }
        let asked = self.context.engine.container(&listed.name).ok().flatten();
        Some(asked.unwrap_or_else(|| listed.clone()))
    }
}

/// How much is unfinished in each instance, in one question: each costs a process in the
/// database's container. Nothing where the database does not run or does not answer.
fn unfinished(
    context: &Context<'_>,
    cluster: &Cluster,
    contracts: &Contracts,
    instances: &[Instance],
    limit: Duration,
) -> Vec<Option<u64>> {
    let queries: Vec<(&str, &str)> = instances
        .iter()
        .map(|instance| {
            let contract = contracts.covering(&instance.version).ok();
            let rules = contract.and_then(|c| c.unfinished.as_ref());
            let query = rules.map_or("NULL", |r| r.count.as_str());
            (instance.schema.as_str(), query)
        })
        .collect();
    if queries.is_empty() {
        return Vec::new();
    }
    database::Server::of(context.engine, cluster)
        .count_each(&queries, limit)
        .unwrap_or_default()
}

/// An instance whose files cannot be used, among the others.
fn unreadable_instance(name: Name, error: &Error) -> InstanceStatus {
    InstanceStatus {
        name,
        asked_version: "?".to_owned(),
        port: 0,
        should_run: false,
        of_original: false,
        health: Health::because(Condition::Unhealthy, error.to_string()),
        page_faults: None,
        unfinished: None,
        restart_needed: false,
        sizes: None,
        last_snapshot: None,
        undo: None,
        not_over: Vec::new(),
        writers_refused: false,
        held: Held::default(),
    }
}

impl InstanceStatus {
    /// What operations that are not over make of it.
    fn hold_back(&mut self, held: Held) {
        if held.content.is_some() {
            // What is half exchanged is brought back by nothing but `recover`.
            self.undo = None;
        }
        self.not_over = held.ids.clone();
        self.writers_refused = held.writers_refused;
        self.held = held;
    }
}

/// An instance that is not healthy because a service is not says which.
fn blame_services(health: &mut Health, database: &ServiceStatus, search: &ServiceStatus) {
    if !matches!(health.condition, Condition::Unhealthy | Condition::Starting) {
        return;
    }
    for (what, service) in [("database", database), ("search server", search)] {
        if service.health.is_up() {
            continue;
        }
        let reason = match &service.health.why {
            Some(why) => format!("the {what} is {} ({why})", service.health.condition.words()),
            None => format!("the {what} is {}", service.health.condition.words()),
        };
        health.condition = Condition::Unhealthy;
        health.why = Some(match health.why.take() {
            Some(why) => format!("{why}; {reason}"),
            None => reason,
        });
    }
}

/// Whether a file that the application reads at its start was changed after that.
fn changed_since(instance: &Instance, started: i64) -> bool {
    let files = [instance.layout.env_file(), instance.layout.database_file()];
    files.iter().any(|file| is_newer(file, started))
}

fn is_newer(file: &std::path::Path, started: i64) -> bool {
    let changed = file.metadata().and_then(|m| m.modified());
    changed
        .ok()
        .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
        .is_some_and(|time| i64::try_from(time.as_secs()).unwrap_or(0) > started)
}

/// The newest snapshot file of an instance, by the time in its name.
fn last_snapshot(cluster: &Cluster, name: &Name) -> Option<String> {
    let prefix = format!("{name}.");
    files::names_in(&cluster.layout.snapshots())
        .ok()?
        .into_iter()
        .rfind(|file| file.starts_with(&prefix))
}

/// What an import or an upgrade took the place of; what cannot be read is not said here, but by its
/// `--undo`.
fn undo(cluster: &Cluster, name: &Name) -> Option<Undo> {
    let kept = kept::latest(&cluster.layout, name).ok()??.kept;
    Some(Undo {
        since: kept.since,
        until: kept.until(),
        verb: kept.verb,
        from: kept.from,
    })
}

fn lines(
    cluster: &Cluster,
    database: &ServiceStatus,
    search: &ServiceStatus,
    statuses: &[InstanceStatus],
    open: &[NotOver],
    now: i64,
) -> Vec<String> {
    let mut lines = vec![format!(
        "cluster {} in {}",
        cluster.name,
        cluster.layout.root().display()
    )];
    for (what, service) in [("database", database), ("search", search)] {
        lines.push(format!("  {what:9} {}", words(&service.health)));
    }
    for status in statuses {
        lines.push(format!(
            "instance {} ({}, port {}): {}",
            status.name,
            status.asked_version,
            status.port,
            words(&status.health)
        ));
        lines.extend(details(status, now).into_iter().map(|d| format!("  {d}")));
    }
    let shown: Vec<&Name> = statuses.iter().map(|status| &status.name).collect();
    let beside = open.iter().filter(|one| one.is_beside(&shown));
    lines.extend(beside.map(|one| one.line_with_instances(&cluster.layout, now)));
    lines
}

fn words(health: &Health) -> String {
    let mut words = health.condition.words().to_owned();
    if let Some(version) = &health.version {
        words.push_str(&format!(", runs {version}"));
    }
    if let Some(why) = &health.why {
        words.push_str(&format!(": {why}"));
    }
    words
}

/// What an instance should be, where it is not, and what to do about it.
fn should(status: &InstanceStatus) -> Option<String> {
    let (what, verb, refused) = match (status.should_run, status.health.condition) {
        (true, Condition::Down) => ("it should run", "`start` it", &status.held.start),
        (false, condition) if condition != Condition::Down => {
            ("it should be down", "`stop` it", &status.held.stop)
        }
        _ => return None,
    };
    Some(format!("{what}: {}", refused.as_deref().unwrap_or(verb)))
}

fn details(status: &InstanceStatus, now: i64) -> Vec<String> {
    let mut details = status.held.lines.clone();
    if status.of_original {
        details.push("its container is the original script's".to_owned());
    } else {
        details.extend(should(status));
    }
    let page_faults = status.page_faults.iter().flatten();
    details.extend(page_faults.map(page::words));
    if status.restart_needed && !status.of_original {
        details.push(format!(
            "its settings were changed since it was started: {}",
            status.held.start.as_deref().unwrap_or("`restart` it")
        ));
    }
    if let Some(count) = status.unfinished.filter(|count| *count > 0) {
        details.push(format!(
            "unfinished: {count} images or documents are being processed"
        ));
    }
    if let Some(sizes) = &status.sizes {
        details.push(format!(
            "files {}{}, database {} (measured {})",
            if sizes.files_whole { "" } else { "more than " },
            human(sizes.files_bytes),
            human(sizes.schema_bytes),
            clock::age(now - sizes.at)
        ));
    }
    details.push(match &status.last_snapshot {
        Some(file) => format!("last snapshot {file}"),
        None => "no snapshot yet".to_owned(),
    });
    if let Some(undo) = &status.undo {
        details.push(format!(
            "{} {}: {}; `{} --undo` until {}",
            undo.verb,
            clock::age(now - undo.since),
            undo.from,
            undo.verb,
            clock::iso(undo.until)
        ));
    }
    details
}
