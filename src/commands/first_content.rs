//! An instance's first content: what `new` and `init` have in common.

use std::path::{Path, PathBuf};

use crate::commands::arrival::Arrival;
use crate::commands::boot::{SERVICE_SECONDS, await_service};
use crate::commands::context::Context;
use crate::commands::index;
use crate::commands::session::Session;
use crate::error::{Error, Kind, Result};
use crate::host::{chance, files};
use crate::model::cluster::Cluster;
use crate::model::container::{Role, names};
use crate::model::secret::Secret;
use crate::services::app::App;
use crate::services::room;
use crate::steps::{self, Intake, Plan, Step};

/// What the administrator's password becomes.
#[derive(Debug, Clone, clap::Args)]
pub struct AdminArgs {
    /// A file with the administrator's password [default: one is drawn]
    #[arg(long, value_name = "FILE", conflicts_with = "keep_default_admin")]
    pub admin_password_file: Option<PathBuf>,
    /// Leave the administrator's password as the application's set-up makes it (admin)
    #[arg(long)]
    pub keep_default_admin: bool,
}

/// The shortest password that the application takes.
const SHORTEST: usize = 5;

/// The longest one.
const LONGEST: usize = 30;

impl AdminArgs {
    /// The password that is to be set; none where the default is kept.
    ///
    /// # Errors
    /// Exit 4 where the file is missing, 2 where the application would not take the password.
    pub fn password(&self) -> Result<Option<Secret>> {
        match &self.admin_password_file {
            Some(file) => read_password(file).map(Some),
            None if self.keep_default_admin => Ok(None),
            None => Ok(Some(chance::password())),
        }
    }
}

fn read_password(file: &Path) -> Result<Secret> {
    let text = files::read(file)?;
    let password = text.trim();
    let length = password.chars().count();
    if (SHORTEST..=LONGEST).contains(&length) && !password.contains('\n') {
        Ok(Secret::new(password))
    } else {
        Err(
            Error::usage(format!("{} has no usable password", file.display())).why(format!(
                "the application takes {SHORTEST} to {LONGEST} characters on one line"
            )),
        )
    }
}

/// The steps that wait for the shared services: cheap where they answer already.
pub fn push_waits(plan: &mut Plan, session: &Session<'_>) {
    for role in [Role::Database, Role::Search] {
        let container = names::service(&session.cluster.name, role);
        plan.push(await_service(role, &container));
    }
}

/// Refuses to write to a database without room: its server would answer to nobody who writes, until
/// there is some.
///
/// # Errors
/// Exit 6 with the directory and the figures.
pub fn check_room(cluster: &Cluster) -> Result<()> {
    let refused = |error| Error {
        kind: Kind::Refused,
        ..error
    };
    room::check(&cluster.layout.database_data()).map_err(refused)
}

/// Waits for the shared services before they are asked: one that was started a moment ago, by
/// whomever, may not answer yet.
///
/// # Errors
/// Exit 1 where one does not answer in time.
pub fn await_services(session: &Session<'_>) -> Result<()> {
    await_services_of(session.context, &session.cluster)
}

/// The same for who has no session.
///
/// # Errors
/// As [`await_services`].
pub fn await_services_of(context: &Context<'_>, cluster: &Cluster) -> Result<()> {
    for role in [Role::Database, Role::Search] {
        await_service_of(context, cluster, role)?;
    }
    Ok(())
}

/// The same for one of them.
///
/// # Errors
/// As [`await_services`].
pub fn await_service_of(context: &Context<'_>, cluster: &Cluster, role: Role) -> Result<()> {
    let container = names::service(&cluster.name, role);
    let world = context.world(&cluster.layout);
    steps::for_service(&world, role, &container, SERVICE_SECONDS)
}

/// The steps that make the first content in an empty schema.
///
/// # Errors
/// Exit 2 where the configured repository is none.
pub fn push_steps(
    plan: &mut Plan,
    session: &Session<'_>,
    app: &App<'_>,
    admin: Option<&Secret>,
) -> Result<()> {
    let commands = &app.contract.commands;
    let database = names::service(&session.cluster.name, Role::Database);
    let search = names::service(&session.cluster.name, Role::Search);
    let schema = app.instance.schema.clone();
    let container = |command: &str| app.phase(command, &session.id).map(Box::new);
    plan.push(Step::CheckEmptySchema {
        database: database.clone(),
        schema: schema.clone(),
    });
    plan.push(Step::SetUp {
        spec: container(&commands.set_up)?,
        database,
        schema,
    });
    if let Some(password) = admin {
        plan.push(Step::RunPhase {
            spec: container(&commands.admin_password)?,
            what: "set the administrator's password".to_owned(),
            input: Some(password.clone()),
        });
    }
    if let Some(index) = &app.instance.index {
        plan.push(Step::MakeIndex {
            spec: container(&commands.index)?,
            search,
            index: index.clone(),
        });
    }
    Ok(())
}

/// The steps that make an instance's schema and the user whom it belongs to.
pub fn push_schema(plan: &mut Plan, app: &App<'_>) {
    let database = names::service(&app.cluster.name, Role::Database);
    plan.push(Step::MakeSchema {
        database: database.clone(),
        schema: app.instance.schema.clone(),
    });
    plan.push(Step::MakeAccount {
        database,
        user: app.instance.database_user.clone(),
        password: app.instance.database_password.clone(),
        schema: app.instance.schema.clone(),
    });
}

/// The steps that bring a snapshot's content into a directory that was just laid out, and into an
/// empty schema; with a command that gives it an identity of its own.
///
/// # Errors
/// Exit 2 where the configured repository is none.
pub fn push_arrival(
    plan: &mut Plan,
    session: &Session<'_>,
    app: &App<'_>,
    arrival: &Arrival,
    intake: Intake,
    identity: Option<&str>,
) -> Result<()> {
    let next = intake.next.clone();
    let documents = arrival.documents(&intake, None);
    let entries = intake.roots.clone();
    plan.push(Step::CheckEmptySchema {
        database: intake.database.clone(),
        schema: intake.schema.clone(),
    });
    plan.push(Step::TakeIn {
        intake: Box::new(intake),
    });
    let before = next.with_file_name(format!("{}.laid-out", app.instance.name));
    plan.push(Step::Exchange {
        entries,
        live: app.instance.layout.root().to_owned(),
        next: next.clone(),
        before: before.clone(),
    });
    if let Some(command) = identity {
        plan.push(Step::RunPhase {
            spec: Box::new(app.phase(command, &session.id)?),
            what: "give it an identity of its own".to_owned(),
            input: None,
        });
    }
    if let Some(step) = index::step(app, &session.id, documents)? {
        plan.push(step);
    }
    plan.no_return_from_here();
    for path in [before, next] {
        plan.push(Step::DiscardDirectory { path });
    }
    Ok(())
}

/// What is said of the administrator's login: the password itself on a terminal alone.
pub fn login_lines(
    app: &App<'_>,
    admin: Option<&Secret>,
    file: &Path,
    terminal: bool,
) -> Vec<String> {
    let user = &app.contract.commands.admin_user;
    match admin {
        None => vec![format!(
            "login: {user}, password: {} — change it",
            app.contract.commands.default_admin_password
        )],
        Some(password) if terminal => vec![
            format!("login: {user}, password: {}", password.reveal()),
            format!("       (also in {})", file.display()),
        ],
        Some(_) => vec![format!("login: {user}, password in {}", file.display())],
    }
}
