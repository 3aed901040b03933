//! `start`: an instance's containers up and healthy.

use std::path::Path;

use serde_json::json;

use crate::commands::context::Context;
use crate::commands::observed::Observed;
use crate::commands::ports::Ports;
use crate::commands::report::Report;
use crate::commands::session::{Extent, Session, Touch, operation_id, services_are_down};
use crate::commands::{images, index_unknown, instance_files, mail, pages, unfinished, upkeep};
use crate::error::{Error, Result};
use crate::host::{files, store};
use crate::journal::OnFailure;
use crate::model::cluster::Cluster;
use crate::model::container::{Role, names};
use crate::model::env_file::EnvFile;
use crate::model::instance::{Instance, key};
use crate::model::label;
use crate::model::name::Name;
use crate::model::secret::Secret;
use crate::services::{app::App, root_url};
use crate::steps::{Entry, Plan, Step};

/// Starts instances, and returns when each of them answers with the version that was asked for.
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
    let names = context.instances(&cluster, &args.names)?;
    let session = Session::begin(
        context,
        "start",
        cluster,
        &names,
        Extent::Instances,
        Touch::Start,
    )?;
    let instances = load(&session, &names)?;
    let apps = apps(&session, &instances)?;
    check(&session, &apps)?;
    let observed = Observed::settled(context, &session.cluster, &instances)?;
    observed.refuse_original(&session.cluster, "start")?;
    if !observed.services_run() {
        return Err(services_are_down(&session.cluster, "start"));
    }
    check_ports(&session, &apps, &observed)?;
    for app in apps.iter().filter(|app| is_outdated(&observed, app)) {
        say_outdated(&session, app, &observed)?;
    }
    let plan = plan(session.plan(), &observed, &apps)?;
    if let Some(report) = session.carry_out(&plan)? {
        return Ok(report);
    }
    pages::warn(context, &apps);
    upkeep::after(&session, &names);
    Ok(session.report(&plan, addresses(&apps), json!({"urls": urls(&apps)})))
}

fn plan(mut plan: Plan, observed: &Observed, apps: &[App<'_>]) -> Result<Plan> {
    plan.on_failure = OnFailure::Leave;
    plan.instances = apps.iter().map(|a| a.instance.name.clone()).collect();
    let instances: Vec<Instance> = apps.iter().map(|a| a.instance.clone()).collect();
    should_run(&instances, true)?
        .into_iter()
        .for_each(|step| plan.push(step));
    push_files(&mut plan, apps)?;
    push_containers(&mut plan, observed, apps)?;
    push_wait(&mut plan, apps)?;
    Ok(plan)
}

/// Waits until instances whose containers another operation started are healthy, and makes up for
/// what their stop cut off: a `start` of its own.
///
/// # Errors
/// Exit 1 where one does not become healthy; it is left as it is.
pub fn await_started(session: &Session<'_>, apps: &[App<'_>]) -> Result<()> {
    let mut plan = Plan::new("start", &operation_id());
    plan.on_failure = OnFailure::Leave;
    plan.instances = apps.iter().map(|a| a.instance.name.clone()).collect();
    push_wait(&mut plan, apps)?;
    session.carry_out(&plan).map(drop)
}

/// The instances of these names.
///
/// # Errors
/// As [`store::instance`].
pub fn load(session: &Session<'_>, names: &[Name]) -> Result<Vec<Instance>> {
    names
        .iter()
        .map(|name| store::instance(&session.cluster, name))
        .collect()
}

/// Each instance with its contract.
///
/// # Errors
/// Exit 6 where no contract covers a version.
pub fn apps<'a>(session: &'a Session<'_>, instances: &'a [Instance]) -> Result<Vec<App<'a>>> {
    instances
        .iter()
        .map(|instance| {
            Ok(App {
                cluster: &session.cluster,
                instance,
                contract: session.contracts.covering(&instance.version)?,
            })
        })
        .collect()
}

/// Everything that can fail is tried before anything changes: settings, mail, images.
///
/// # Errors
/// Exit 6 where the environment file lacks a setting or has what its reader would run or expand.
pub fn check(session: &Session<'_>, apps: &[App<'_>]) -> Result<()> {
    for app in apps {
        check_settings(session, app)?;
    }
    images::ensure(session.context, &images::of_apps(apps)?)
}

/// The settings of one instance: all that the application needs, nothing that it would run, mail.
///
/// # Errors
/// Exit 6 with the file and the key.
pub fn check_settings(session: &Session<'_>, app: &App<'_>) -> Result<()> {
    let instance = app.instance;
    let file = instance.layout.env_file();
    let rules = app.contract.env_file.as_ref();
    if rules.is_some() {
        check_env_file(&file, &instance.env)?;
    }
    for key in rules.iter().flat_map(|rules| &rules.required) {
        if instance.env.get(key).is_none_or(|value| value.is_empty()) {
            return Err(Error::refused(format!("{} lacks {key}", file.display()))
                .why("the application does not start without it")
                .next(format!(
                    "{} config set {key} VALUE",
                    instance.layout.link().display()
                )));
        }
    }
    mail::check_instance(session.context, app)
}

/// Refuses a line that the application's reader would run or expand.
///
/// # Errors
/// Exit 6 with the file, the line and the key.
pub fn check_env_file(path: &Path, env: &EnvFile) -> Result<()> {
    match env.expansions().first() {
        None => Ok(()),
        Some(found) => Err(Error::refused(format!(
            "{}, line {}: the application would {} the value of {}",
            path.display(),
            found.line,
            if found.runs {
                "run a command in"
            } else {
                "expand"
            },
            found.key,
        ))
        .why("values in double quotes or without quotes are not taken as they stand")
        .next("put the value into single quotes")),
    }
}

/// Refuses ports that somebody else listens on.
///
/// # Errors
/// Exit 6 with the holder.
pub fn check_ports(session: &Session<'_>, apps: &[App<'_>], observed: &Observed) -> Result<()> {
    let ports = Ports::of(session.context, &session.cluster)?;
    apps.iter()
        .try_for_each(|app| check_port(app, &ports, observed))
}

/// Refuses a port that somebody else listens on.
///
/// # Errors
/// Exit 6 with the holder.
pub fn check_port(app: &App<'_>, ports: &Ports, observed: &Observed) -> Result<()> {
    let instance = app.instance;
    let own = observed.of_instance(&instance.name, Role::Web);
    if own.is_some_and(|c| c.host_ports.contains(&instance.port.number())) {
        return Ok(());
    }
    match ports.listener(app.cluster, instance.port) {
        None => Ok(()),
        Some(holder) => Err(Error::refused(format!(
            "instance {} cannot have port {}",
            instance.name, instance.port
        ))
        .why(format!("{holder} has it"))
        .next(format!(
            "free it, or take another: {} config set PORT NUMBER",
            instance.layout.link().display()
        ))),
    }
}

/// Whether an instance's web process runs in a container that would be made otherwise today.
pub fn is_outdated(observed: &Observed, app: &App<'_>) -> bool {
    let Some(there) = observed.of_instance(&app.instance.name, Role::Web) else {
        return false;
    };
    app.web().is_ok_and(|spec| {
        there.labels.contains_key(label::SPEC)
            && there.labels.get(label::SPEC) != spec.labels.get(label::SPEC)
    })
}

/// A running container is left alone; on another port than the configured one it could only be
/// waited for in vain.
fn say_outdated(session: &Session<'_>, app: &App<'_>, observed: &Observed) -> Result<()> {
    let instance = app.instance;
    let what = format!(
        "instance {} runs with an older configuration",
        instance.name
    );
    let next = format!("{} restart", instance.layout.link().display());
    let runs = observed.web_runs(&instance.name);
    let own = observed.of_instance(&instance.name, Role::Web);
    if runs && !own.is_some_and(|c| c.host_ports.contains(&instance.port.number())) {
        return Err(Error::refused(what)
            .why(format!("it does not have port {} yet", instance.port))
            .next(next));
    }
    if runs {
        session.context.observer.warn(&format!("{what} ({next})"));
    }
    Ok(())
}

/// The step that writes down which instances should run; none where it stands there already.
///
/// # Errors
/// Exit 2 where a file's text cannot be made.
pub fn should_run(instances: &[Instance], run: bool) -> Result<Option<Step>> {
    let text = if run { "true" } else { "false" };
    let mut entries = Vec::new();
    for instance in instances {
        if instance.config.get(key::SHOULD_RUN).as_deref() == Some(text) {
            continue;
        }
        let mut config = instance.config.clone();
        config.set(key::SHOULD_RUN, text)?;
        entries.push(Entry::File {
            path: instance.layout.config(),
            mode: files::PRIVATE,
            before: Some(Secret::new(instance.config.to_string())),
            content: Secret::new(config.to_string()),
        });
    }
    Ok((!entries.is_empty()).then(|| Step::Place {
        what: format!(
            "write down that it should {}run",
            if run { "" } else { "not " }
        ),
        entries,
    }))
}

/// The steps that make the files that instances need for a start and do not have.
///
/// # Errors
/// Exit 1 where a template of a contract cannot be filled in.
pub fn push_files(plan: &mut Plan, apps: &[App<'_>]) -> Result<()> {
    for app in apps {
        if let Some(step) = instance_files::missing_for_start(app)? {
            plan.push(step);
        }
    }
    Ok(())
}

/// The steps that start what does not run yet.
///
/// # Errors
/// Exit 2 where the configured repository is none.
pub fn push_containers(plan: &mut Plan, observed: &Observed, apps: &[App<'_>]) -> Result<()> {
    for app in apps {
        let runs = |role| {
            observed
                .of_instance(&app.instance.name, role)
                .is_some_and(|c| c.state == crate::model::container::State::Running)
        };
        if !runs(Role::Web) {
            plan.push(Step::RunContainer {
                spec: Box::new(app.web()?),
            });
        }
        if let Some(spec) = app.worker()?
            && !runs(Role::Worker)
        {
            if let Some(statement) = app.contract.worker.as_ref().and_then(|w| w.release.clone()) {
                plan.push(Step::ReleaseWork {
                    worker: spec.name.clone(),
                    database: names::service(&app.cluster.name, Role::Database),
                    schema: app.instance.schema.clone(),
                    statement,
                });
            }
            plan.push(Step::RunContainer {
                spec: Box::new(spec),
            });
        }
    }
    Ok(())
}

/// The steps that wait until they are healthy, and make up for what a stop cut off.
///
/// # Errors
/// Exit 2 where the configured repository is none.
pub fn push_wait(plan: &mut Plan, apps: &[App<'_>]) -> Result<()> {
    push_healthy(plan, apps);
    if !apps.is_empty() {
        // An instance that answers is started; what is left to do is finished, not undone.
        plan.no_return_from_here();
    }
    for app in apps {
        if let Some((step, entry)) = index_unknown::steps(app, &plan.id, false)? {
            plan.push(step);
            plan.push(Step::Place {
                what: format!(
                    "write down that the index of {} is whole",
                    app.instance.name
                ),
                entries: vec![entry],
            });
        }
    }
    push_mends(plan, apps)
}

/// The step that waits until they are healthy.
pub fn push_healthy(plan: &mut Plan, apps: &[App<'_>]) {
    if let Some(seconds) = apps.iter().map(|a| a.contract.web.start_seconds).max() {
        plan.push(Step::AwaitHealthy {
            instances: apps.iter().map(|a| a.instance.name.clone()).collect(),
            seconds,
        });
    }
}

/// The steps that make up for what a stop cut off.
///
/// # Errors
/// Exit 2 where the configured repository is none.
pub fn push_mends(plan: &mut Plan, apps: &[App<'_>]) -> Result<()> {
    for app in apps {
        if let Some(step) = unfinished::mend(app, &plan.id)? {
            plan.push(step);
        }
    }
    Ok(())
}

/// The address of an instance.
pub fn url(cluster: &Cluster, instance: &Instance) -> String {
    root_url(
        cluster.bind_address,
        instance.port.number(),
        cluster.port.number(),
        None,
    )
}

/// The addresses of several.
pub fn urls(apps: &[App<'_>]) -> Vec<String> {
    let url = |app: &App<'_>| url(app.cluster, app.instance);
    apps.iter().map(url).collect()
}

/// A line with the address of each.
pub fn addresses(apps: &[App<'_>]) -> Vec<String> {
    apps.iter()
        .map(|app| {
            format!(
                "instance {} ({}) answers at {}",
                app.instance.name,
                app.instance.version,
                url(app.cluster, app.instance)
            )
        })
        .collect()
}
