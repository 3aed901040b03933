//! `remove [NAME]`: an instance goes with all that it has, after a snapshot of it.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::commands::confirm::{Question, confirm};
use crate::commands::context::{Context, typed};
use crate::commands::kept::{self, Found};
use crate::commands::observed::Observed;
use crate::commands::report::Report;
use crate::commands::session::{Extent, Session, Touch, services_are_down};
use crate::commands::words::Words;
use crate::commands::{first_content, snapshot, stop, unfinished, upkeep};
use crate::error::{Error, Result};
use crate::host::{files, store};
use crate::model::cluster;
use crate::model::container::{Container, Role, State, names};
use crate::model::instance::Instance;
use crate::model::secret::Secret;
use crate::model::undo::Place;
use crate::services::app::App;
use crate::services::{database, proxy};
use crate::steps::{Entry, Order, Plan, Step};

/// Stops an instance and removes it: containers, files, database, user, search index, and what
/// imports left of it. It is asked before. Its snapshots stay; one more is taken first.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The instance, where a cluster's link was called
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Take no snapshot first: nothing brings the instance back then
    #[arg(long)]
    pub no_snapshot: bool,
}

impl Args {
    /// See [`Words`].
    pub fn words(&self) -> Words {
        Words::of("remove").flag("--no-snapshot", self.no_snapshot)
    }
}

/// What a plan is made from.
struct Parts<'a> {
    instance: &'a Instance,
    /// With its contract, where one covers it.
    app: Option<App<'a>>,
    observed: &'a Observed,
    snapshot: Option<Order>,
    kept: Vec<Found>,
}

/// Runs the verb.
///
/// # Errors
/// Exit 6 where it is not confirmed, the cluster is down, a command runs in it, or no snapshot can
/// be taken; 1 where a step fails: it is as before then.
pub fn run(args: &Args, context: &Context<'_>) -> Result<Report> {
    let cluster = context.cluster()?;
    let name = context.one_instance(&cluster, &args.names)?;
    let session = Session::begin(
        context,
        "remove",
        cluster,
        std::slice::from_ref(&name),
        Extent::Instances,
        Touch::Content,
    )?;
    let cluster = &session.cluster;
    let instance = store::instance(cluster, &name)?;
    let observed = Observed::of(context.engine, cluster)?;
    observed.refuse_original(cluster, "remove")?;
    if !observed.services_run() {
        return Err(services_are_down(cluster, "remove"));
    }
    check_is_alone(&session, &instance)?;
    check_directories(&session, &instance)?;
    check_commands(&observed, &instance)?;
    let contract = session.contracts.covering(&instance.version);
    let app = contract.as_ref().ok().map(|contract| App {
        cluster,
        instance: &instance,
        contract,
    });
    let snapshot = match args.no_snapshot {
        true => None,
        false => Some(order(&session, &instance, app.as_ref())?),
    };
    let kept = kept::all(&cluster.layout, &name)?;
    ask(context, &instance, snapshot.as_ref(), &kept)?;
    first_content::await_services(&session)?;
    let parts = Parts {
        instance: &instance,
        app,
        observed: &observed,
        snapshot,
        kept,
    };
    let plan = plan(&session, &parts)?;
    let left = linked(&instance);
    if let Some(report) = session.carry_out(&plan)? {
        return Ok(report);
    }
    upkeep::after(&session, &[]);
    Ok(report(&session, &plan, &parts, left))
}

fn report(session: &Session<'_>, plan: &Plan, parts: &Parts<'_>, left: Option<PathBuf>) -> Report {
    let name = &parts.instance.name;
    let file = parts.snapshot.as_ref().map(|order| &order.file);
    let mut lines = vec![format!("instance {name} is removed")];
    if let Some(file) = file {
        let words = format!("new {name} --from {}", file.display());
        let link = session.cluster.layout.link();
        lines.push(format!("to have it again: {}", typed(&link, &words)));
    }
    if let Some(left) = &left {
        lines.push(format!("its files in {} are still there", left.display()));
    }
    session.report(
        plan,
        lines,
        json!({"instance": name, "snapshot": file, "left": left}),
    )
}

/// Refuses what another instance works with too, and the administrator's login.
fn check_is_alone(session: &Session<'_>, instance: &Instance) -> Result<()> {
    let cluster = &session.cluster;
    let refused = |what: String| {
        Err(
            Error::refused(format!("instance {} cannot be removed", instance.name))
                .why(what)
                .next("give it a database, a user and an index of its own in its config.sh first"),
        )
    };
    let administrator = cluster.config.get(cluster::key::DB_USERNAME);
    let user = &instance.database_user;
    if user == "root" || administrator.as_ref() == Some(user) {
        return refused(format!("its database user {user} is the administrator"));
    }
    for name in store::instance_names(cluster)? {
        let Ok(other) = store::instance(cluster, &name) else {
            continue;
        };
        if name == instance.name {
            continue;
        }
        for (what, same) in [
            ("database", other.schema == instance.schema),
            ("database user", other.database_user == *user),
            (
                "search index",
                other.index.is_some() && other.index == instance.index,
            ),
        ] {
            if same {
                return refused(format!("its {what} is also that of the instance {name}"));
            }
        }
    }
    Ok(())
}

/// Refuses directories that cannot be moved out of the way as a whole.
fn check_directories(session: &Session<'_>, instance: &Instance) -> Result<()> {
    let here = device(session.cluster.layout.root())?;
    for path in [instance.layout.root().to_owned(), instance.layout.data()] {
        let is_link = path.is_symlink();
        if !path.exists() || (is_link && path == instance.layout.data()) {
            continue;
        }
        if is_link || device(&path)? != here {
            return Err(
                Error::refused(format!("instance {} cannot be removed", instance.name))
                    .why(format!(
                        "{} is a link, or a file system of its own",
                        path.display()
                    ))
                    .next(
                        "stop it, move what is there into the cluster's directory, and try again",
                    ),
            );
        }
    }
    Ok(())
}

fn device(path: &Path) -> Result<u64> {
    path.metadata()
        .map(|there| there.dev())
        .map_err(|e| Error::io("look at", path, &e))
}

/// Where its files are, if `data/` leads somewhere else: what is there is not touched.
fn linked(instance: &Instance) -> Option<PathBuf> {
    std::fs::read_link(instance.layout.data()).ok()
}

fn commands<'a>(
    observed: &'a Observed,
    instance: &'a Instance,
) -> impl Iterator<Item = &'a Container> {
    observed
        .one_offs()
        .filter(|c| c.instance() == Some(instance.name.as_str()))
}

/// A command at work could still write, and nothing starts it again.
fn check_commands(observed: &Observed, instance: &Instance) -> Result<()> {
    match commands(observed, instance).find(|c| c.state == State::Running) {
        None => Ok(()),
        Some(running) => Err(
            Error::refused(format!("a command is at work in {}", instance.name))
                .why(format!("it runs in the container {}", running.name))
                .next(format!(
                    "wait for it, or end it: docker rm -f {}",
                    running.name
                )),
        ),
    }
}

fn order(session: &Session<'_>, instance: &Instance, app: Option<&App<'_>>) -> Result<Order> {
    let none = |why: String| {
        Error::refused(format!("no snapshot can be taken of {}", instance.name))
            .why(why)
            .next("to remove it without one: --no-snapshot")
    };
    let Some(app) = app else {
        return Err(none(format!("no contract covers {}", instance.version)));
    };
    let server = database::Server::of(session.context.engine, &session.cluster);
    if server.tables(&instance.schema)?.is_empty() {
        return Err(none(format!("its schema {} is empty", instance.schema)));
    }
    snapshot::order_of(app)
}

fn ask(
    context: &Context<'_>,
    instance: &Instance,
    snapshot: Option<&Order>,
    kept: &[Found],
) -> Result<()> {
    let mut why = match snapshot {
        Some(order) => format!("a snapshot is taken first, {}", order.file.display()),
        None => "no snapshot is taken, so nothing brings it back".to_owned(),
    };
    if !kept.is_empty() {
        why.push_str("; the former content that `import --undo` would bring back goes too");
    }
    confirm(
        context,
        Question {
            what: &format!("instance {} is removed with its content", instance.name),
            why: &why,
            ask: "Remove it?",
        },
    )
}

fn plan(session: &Session<'_>, parts: &Parts<'_>) -> Result<Plan> {
    let instance = parts.instance;
    let layout = &session.cluster.layout;
    let mut plan = session.plan();
    plan.instances = vec![instance.name.clone()];
    plan.content = true;
    plan.holds_start = true;
    first_content::push_waits(&mut plan, session);
    if let Some(app) = &parts.app {
        if parts.observed.web_runs(&instance.name) {
            unfinished::wait(app, true)
                .into_iter()
                .for_each(|step| plan.push(step));
        }
        stop::removals(&mut plan.steps, parts.observed, app)?;
    }
    // Behind the stop, so that nothing is written that it lacks.
    if let Some(order) = &parts.snapshot {
        plan.push(Step::TakeSnapshot {
            order: Box::new(order.clone()),
        });
        plan.push(Step::CheckSnapshot {
            file: order.file.clone(),
        });
    }
    plan.push(Step::Place {
        what: "make room for what is going to be removed".to_owned(),
        entries: vec![Entry::Directory {
            path: layout.next_ones(),
            mode: 0o700,
            owner: None,
            with_content: false,
        }],
    });
    let away = layout.next(&instance.name).root().to_owned();
    let away = away.with_file_name(format!("{}.removed", instance.name));
    let site = away.with_extension("removed.conf");
    push_proxy(&mut plan, session, instance, &site)?;
    plan.push(Step::MoveDirectory {
        from: instance.layout.root().to_owned(),
        to: away.clone(),
    });
    plan.no_return_from_here();
    push_strays(&mut plan, parts);
    push_content(&mut plan, session, parts);
    plan.push(Step::DiscardFiles {
        paths: vec![
            layout.measured(&instance.name),
            layout.index_unknown(&instance.name),
            site,
        ],
    });
    plan.push(Step::DiscardDirectory { path: away });
    Ok(plan)
}

/// A reverse proxy of the original's does not start while a name that its sites lead to is missing.
fn push_proxy(
    plan: &mut Plan,
    session: &Session<'_>,
    instance: &Instance,
    site: &Path,
) -> Result<()> {
    let cluster = &session.cluster;
    let from = cluster.layout.site(&instance.name);
    if files::exists(&from) {
        plan.push(Step::MoveDirectory {
            from,
            to: site.to_owned(),
        });
    }
    if let Some((before, after)) = proxy::without(cluster, &instance.name)? {
        plan.push(Step::Place {
            what: format!("take {} out of what the proxy leads to", instance.name),
            entries: vec![Entry::File {
                path: cluster.layout.proxy_spec(),
                mode: files::PRIVATE,
                before: Some(Secret::new(before)),
                content: Secret::new(after),
            }],
        });
    }
    Ok(())
}

/// Containers that nobody makes again: those of commands that ended, and of a version that no
/// contract covers.
fn push_strays(plan: &mut Plan, parts: &Parts<'_>) {
    let name = &parts.instance.name;
    let uncovered = [Role::Worker, Role::Web]
        .into_iter()
        .filter(|_| parts.app.is_none())
        .filter_map(|role| parts.observed.of_instance(name, role));
    for stray in uncovered.chain(commands(parts.observed, parts.instance)) {
        plan.push(Step::RemoveStray {
            name: stray.name.clone(),
        });
    }
}

fn push_content(plan: &mut Plan, session: &Session<'_>, parts: &Parts<'_>) {
    let cluster = &session.cluster;
    let instance = parts.instance;
    plan.push(Step::DropContent {
        database: names::service(&cluster.name, Role::Database),
        search: names::service(&cluster.name, Role::Search),
        place: Place::of(instance),
    });
    for found in &parts.kept {
        kept::push_drop(plan, cluster, found.clone());
    }
    plan.push(Step::DiscardDirectory {
        path: cluster.layout.undo(&instance.name),
    });
}
