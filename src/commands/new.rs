//! `new [NAME]`: a new instance, all or nothing.

use std::path::PathBuf;

use serde_json::json;

use crate::commands::arrival::{self, Arrival};
use crate::commands::confirm::{Question, confirm};
use crate::commands::context::{Context, typed};
use crate::commands::first_content::{self, AdminArgs};
use crate::commands::images;
use crate::commands::instance_files::{self, Described, Wanted, schema_of};
use crate::commands::mail;
use crate::commands::observed::Observed;
use crate::commands::ports::Ports;
use crate::commands::report::Report;
use crate::commands::session::{Extent, Session, Touch, services_are_down};
use crate::commands::words::Words;
use crate::commands::{start, upkeep};
use crate::error::{Error, Kind, Result};
use crate::host::{chance, files, identity};
use crate::journal::lock::Permit;
use crate::model::cluster::Cluster;
use crate::model::container::{Role, names};
use crate::model::contract::{Contract, ServiceRules};
use crate::model::image::ImageRef;
use crate::model::instance::check_server_name;
use crate::model::name::Name;
use crate::model::port::{self, Port};
use crate::model::secret::Secret;
use crate::model::version::{Version, compare, numbers};
use crate::services::app::App;
use crate::services::{database, search};
use crate::steps::{Plan, Step};

/// Makes a new instance: database, user, files, first set-up, search index. It can be started
/// afterwards. If anything fails, nothing of it is left.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The instance's name [default: a random one]
    #[arg(value_parser = Name::for_new)]
    pub name: Option<Name>,
    /// The version of ConedaKOR [default: v5.0.1]
    #[arg(id = "app_version", long = "version", value_name = "VERSION", env = "VERSION", hide_env_values = true, value_parser = Version::parse)]
    pub version: Option<Version>,
    /// The port that it is published on [default: the next free one from 8001]
    #[arg(long, env = "PORT", hide_env_values = true, value_parser = Port::parse)]
    pub port: Option<Port>,
    /// Make it out of a snapshot, with its version, settings and keys
    #[arg(long, value_name = "FILE", conflicts_with_all = ["admin_password_file", "keep_default_admin"])]
    pub from: Option<PathBuf>,
    /// The host name that people type, where a reverse proxy stands before it
    #[arg(long, env = "SERVER_NAME", hide_env_values = true)]
    pub server_name: Option<String>,
    /// What the administrator's password becomes
    #[command(flatten)]
    pub admin: AdminArgs,
}

impl Args {
    /// See [`Words`].
    pub fn words(&self) -> Words {
        // By itself its name says it all; the version of a snapshot may be known by nobody else.
        let version = self.version.as_ref().filter(|_| self.from.is_some());
        Words::of("new")
            .value("--version", version)
            .value("--from", self.from.as_ref().map(|file| file.display()))
    }
}

/// What is drawn before the plan is made.
struct Drawn {
    admin: Option<Secret>,
    tool: PathBuf,
}

/// Runs the verb.
///
/// # Errors
/// Exit 6 where the name or the port is taken, the cluster is down or has no room, or no contract
/// covers the version; also where a known fault of it is not confirmed; 1 where a step fails:
/// everything is undone then.
pub fn run(args: &Args, context: &Context<'_>) -> Result<Report> {
    if let Some(server_name) = &args.server_name {
        check_server_name(server_name)?;
    }
    let cluster = context.cluster()?;
    let name = match &args.name {
        Some(name) => name.clone(),
        None => Name::for_new(&chance::tag())?,
    };
    let mut session = Session::begin(
        context,
        "new",
        cluster,
        std::slice::from_ref(&name),
        Extent::Instances,
        Touch::Content,
    )?;
    let arrival = match &args.from {
        Some(file) => Some(Arrival::of(context, file, args.version.as_ref())?),
        None => None,
    };
    let version = match &arrival {
        Some(arrival) => arrival.version.clone(),
        None => choose_version(args, &session)?,
    };
    let contract = session.contracts.covering(&version)?.clone();
    check_fits(&session.cluster, &contract, &version)?;
    for fault in contract.faults_of(&version).iter().filter(|f| f.blocks) {
        confirm(
            context,
            Question {
                what: &format!("{version} has a known fault"),
                why: &fault.what,
                ask: "Make an instance of it nevertheless?",
            },
        )?;
    }
    mail::check_new(context, &session.cluster, &contract)?;
    let needed = images::of_app(&session.cluster, &contract, &version)?;
    images::ensure(context, &[needed])?;
    let observed = Observed::of(context.engine, &session.cluster)?;
    observed.refuse_original(&session.cluster, "new")?;
    if !observed.services_run() {
        return Err(services_are_down(&session.cluster, "new"));
    }
    first_content::check_room(&session.cluster)?;
    first_content::await_services(&session)?;
    check_name(&session, &name)?;
    let (port, reservation) = choose_port(args.port, &session)?;
    session.also(reservation);
    let wanted = Wanted {
        name,
        version,
        port,
        server_name: args.server_name.clone(),
    };
    let described = instance_files::describe(&session.cluster, &contract, wanted)?;
    let drawn = Drawn {
        admin: match arrival {
            // Its users come with it.
            Some(_) => None,
            None => args.admin.password()?,
        },
        tool: identity::tool()?,
    };
    if arrival.is_some() {
        arrival::check_server(&database::Server::of(context.engine, &session.cluster))?;
    }
    let app = App {
        cluster: &session.cluster,
        instance: &described.instance,
        contract: &contract,
    };
    let plan = plan(&session, &app, &described, &drawn, arrival.as_ref())?;
    if let Some(report) = session.carry_out(&plan)? {
        return Ok(report);
    }
    upkeep::after(&session, std::slice::from_ref(&app.instance.name));
    Ok(report(&session, &plan, &app, &drawn, arrival.as_ref()))
}

fn report(
    session: &Session<'_>,
    plan: &Plan,
    app: &App<'_>,
    drawn: &Drawn,
    arrival: Option<&Arrival>,
) -> Report {
    let instance = app.instance;
    let file = instance.layout.admin_password();
    let next = typed(&instance.layout.link(), "start");
    let mut lines = vec![format!(
        "instance {} ({}) is made, for port {}",
        instance.name, instance.version, instance.port
    )];
    match arrival {
        Some(arrival) => lines.push(format!(
            "it has the content, users and passwords of {}",
            arrival.file.display()
        )),
        None => lines.extend(first_content::login_lines(
            app,
            drawn.admin.as_ref(),
            &file,
            session.context.flags.output_is_terminal,
        )),
    }
    lines.push(format!("next: {next}"));
    let password_file = drawn.admin.is_some().then_some(file);
    session.report(
        plan,
        lines,
        json!({
            "instance": instance.name,
            "version": instance.version,
            "port": instance.port,
            "url": start::url(app.cluster, app.instance),
            "admin_user": app.contract.commands.admin_user,
            "admin_password_file": password_file,
            "from": arrival.map(|arrival| &arrival.file),
            "next": next,
        }),
    )
}

fn choose_version(args: &Args, session: &Session<'_>) -> Result<Version> {
    if let Some(version) = &args.version {
        return Ok(version.clone());
    }
    let default = session
        .contracts
        .default_version()
        .ok_or_else(|| Error::usage("which version?").next("say --version v5.0.1, or another"))?;
    session
        .context
        .observer
        .note(&format!("no version was given: it gets {default}"));
    Version::parse(default)
}

/// The port that was given, else the next free one; and its reservation.
///
/// # Errors
/// Exit 6 where it is taken, or none is free.
pub fn choose_port(wanted: Option<Port>, session: &Session<'_>) -> Result<(Port, Option<Permit>)> {
    let ports = Ports::of(session.context, &session.cluster)?;
    if let Some(port) = wanted {
        let reservation = ports
            .reserve(session.context, &session.cluster, port)
            .map_err(|error| {
                error.next("give another with PORT=… or --port, or none for the next free one")
            })?;
        return Ok((port, reservation));
    }
    for port in Port::onwards(port::FIRST) {
        match ports.reserve(session.context, &session.cluster, port) {
            Ok(reservation) => {
                session
                    .context
                    .observer
                    .note(&format!("no port was given: it gets {port}"));
                return Ok((port, reservation));
            }
            Err(error) if error.kind == Kind::Refused => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::refused("no port is free"))
}

/// Refuses a version that the cluster's servers do not serve.
///
/// # Errors
/// Exit 6 with what it wants.
pub fn check_fits(cluster: &Cluster, contract: &Contract, version: &Version) -> Result<()> {
    check_database_fits(cluster, contract, version)?;
    check_search_fits(cluster, contract, version)
}

/// Refuses a version that the cluster's database server does not serve.
///
/// # Errors
/// Exit 6 with what it wants.
pub fn check_database_fits(
    cluster: &Cluster,
    contract: &Contract,
    version: &Version,
) -> Result<()> {
    let (rules, image) = (&contract.database, &cluster.database_image);
    if rules.fits(image.tag()) {
        return Ok(());
    }
    Err(misfit(version, "database", image, rules)
        .next("make it in a cluster of its own: create DIR"))
}

/// Refuses a version that the cluster's search server does not serve.
///
/// # Errors
/// Exit 6 with what it wants.
pub fn check_search_fits(cluster: &Cluster, contract: &Contract, version: &Version) -> Result<()> {
    let (rules, image) = (&contract.search, &cluster.search_image);
    if rules.fits(image.tag()) {
        return Ok(());
    }
    let set = format!("services set --search {}", rules.image);
    Err(misfit(version, "search", image, rules).next(typed(&cluster.layout.link(), &set)))
}

fn misfit(version: &Version, what: &str, image: &ImageRef, rules: &ServiceRules) -> Error {
    Error::refused(format!(
        "{version} does not work with this cluster's {what} server, {image}"
    ))
    .why(format!("it wants {}", rules.versions))
}

/// Refuses a name that a directory, a container, a schema, a database user or an index has.
///
/// # Errors
/// Exit 6 with the holder.
pub fn check_name(session: &Session<'_>, name: &Name) -> Result<()> {
    let cluster = &session.cluster;
    let engine = session.context.engine;
    let taken = |holder: String| {
        Err(Error::refused(format!("the name {name} is taken"))
            .why(holder)
            .next("give another"))
    };
    let directory = cluster.layout.instance(name).root().to_owned();
    if files::exists(&directory) {
        return taken(format!("there is {}", directory.display()));
    }
    for role in [Role::Web, Role::Worker] {
        let container = names::of_instance(&cluster.name, name, role, "");
        if engine.container(&container)?.is_some() {
            return taken(format!("there is the container {container}"));
        }
    }
    let schema = schema_of(name);
    let server = database::Server::of(engine, cluster);
    check_account(&server.version()?, &schema)?;
    if let Some(holder) = server.holders_of(&schema, &schema)?.first() {
        return taken(format!("there is the {holder} in the database"));
    }
    let container = names::service(&cluster.name, Role::Search);
    let index = search::Server::in_container(engine, &container)?;
    match index.count(&schema)? {
        Some(count) => taken(format!(
            "there is the search index {schema} with {count} documents"
        )),
        None => Ok(()),
    }
}

/// Refuses what MySQL cannot do: up to 5.6 it makes no account by the statements that are used
/// here, and the names of its users have 32 characters at most.
fn check_account(version: &str, user: &str) -> Result<()> {
    /// The longest name of a user in MySQL 5.7 to 9.
    const LONGEST: usize = 32;
    if version.contains("MariaDB") {
        return Ok(());
    }
    if numbers(version).is_some_and(|found| compare(&found, &[5, 7]).is_lt()) {
        return Err(
            Error::refused(format!("no new instance can be made on MySQL {version}"))
                .why("its accounts are made in a way that this tool does not know")
                .next("make it in a cluster of its own: create DIR"),
        );
    }
    if user.len() > LONGEST {
        return Err(
            Error::usage(format!("{user} is too long for a user of MySQL"))
                .why(format!("it takes {LONGEST} characters"))
                .next("give a shorter name"),
        );
    }
    Ok(())
}

fn plan(
    session: &Session<'_>,
    app: &App<'_>,
    described: &Described,
    drawn: &Drawn,
    arrival: Option<&Arrival>,
) -> Result<Plan> {
    let mut plan = session.plan();
    plan.instances = vec![app.instance.name.clone()];
    plan.content = true;
    plan.holds_start = true;
    first_content::push_waits(&mut plan, session);
    plan.push(Step::Place {
        what: format!(
            "lay out the directory {}",
            app.instance.layout.root().display()
        ),
        entries: described.entries(app.contract, drawn.admin.as_ref(), drawn.tool.clone()),
    });
    first_content::push_schema(&mut plan, app);
    match arrival {
        Some(arrival) => {
            let intake =
                arrival.for_new_instance(&session.cluster, app.contract, app.instance, false)?;
            first_content::push_arrival(&mut plan, session, app, arrival, intake, None)?;
        }
        None => first_content::push_steps(&mut plan, session, app, drawn.admin.as_ref())?,
    }
    Ok(plan)
}
