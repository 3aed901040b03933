//! `init`: the first set-up of an instance whose schema is empty.

use serde_json::json;

use crate::commands::context::Context;
use crate::commands::first_content::{self, AdminArgs};
use crate::commands::observed::Observed;
use crate::commands::report::Report;
use crate::commands::session::{Extent, Session, Touch, services_are_down};
use crate::commands::{start, upkeep};
use crate::error::{Error, Result};
use crate::host::{files, store};
use crate::model::container::Role;
use crate::model::secret::Secret;
use crate::services::app::App;
use crate::services::database::Server;
use crate::steps::{Entry, Plan, Step};

/// Runs the application's first set-up and fills the search index. Refused where the schema has a
/// table in it: the set-up would drop everything.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The instances, where a cluster's link was called
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// What the administrator's password becomes
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// Runs the verb.
///
/// # Errors
/// Exit 6 where the instance has content, or the database no room; 1 where a step fails: the schema is empty again then.
pub fn run(args: &Args, context: &Context<'_>) -> Result<Report> {
    let cluster = context.cluster()?;
    let name = context.one_instance(&cluster, &args.names)?;
    let session = Session::begin(
        context,
        "init",
        cluster,
        std::slice::from_ref(&name),
        Extent::Instances,
        Touch::Content,
    )?;
    let instances = start::load(&session, std::slice::from_ref(&name))?;
    let apps = start::apps(&session, &instances)?;
    start::check(&session, &apps)?;
    let observed = Observed::of(context.engine, &session.cluster)?;
    observed.refuse_original(&session.cluster, "init")?;
    if !observed.services_run() {
        return Err(services_are_down(&session.cluster, "init"));
    }
    first_content::check_room(&session.cluster)?;
    let admin = args.admin.password()?;
    let app = apps
        .first()
        .ok_or_else(|| Error::usage("which instance?"))?;
    check_untouched(&session, &observed, app)?;
    let plan = plan(&session, app, admin.as_ref())?;
    if let Some(report) = session.carry_out(&plan)? {
        return Ok(report);
    }
    upkeep::after(&session, &plan.instances);
    let mut lines = vec![format!("instance {name} is set up")];
    lines.extend(first_content::login_lines(
        app,
        admin.as_ref(),
        &app.instance.layout.admin_password(),
        context.flags.output_is_terminal,
    ));
    Ok(session.report(&plan, lines, json!({"instance": name})))
}

fn check_untouched(session: &Session<'_>, observed: &Observed, app: &App<'_>) -> Result<()> {
    let instance = app.instance;
    let tables = Server::of(session.context.engine, &session.cluster).tables(&instance.schema)?;
    if !tables.is_empty() {
        return Err(Error::refused(format!(
            "instance {} has content, and the first set-up would drop all of it",
            instance.name
        ))
        .why(format!(
            "the schema {} has {} tables",
            instance.schema,
            tables.len()
        ))
        .next("it is set up already: `start` it"));
    }
    for name in store::instance_names(&session.cluster)? {
        let Ok(other) = store::instance(&session.cluster, &name) else {
            continue;
        };
        if name != instance.name
            && (other.schema == instance.schema || other.index == instance.index)
        {
            return Err(Error::refused(format!(
                "instance {} shares its schema or its search index with {name}",
                instance.name
            ))
            .why("the first set-up makes both anew")
            .next(format!(
                "look at the files in {}",
                instance.layout.root().display()
            )));
        }
    }
    if observed.of_instance(&instance.name, Role::Web).is_some() {
        return Err(
            Error::refused(format!("instance {} is not down", instance.name))
                .why("its application would work on a schema that is being made")
                .next(format!("{} stop", instance.layout.link().display())),
        );
    }
    Ok(())
}

fn plan(session: &Session<'_>, app: &App<'_>, admin: Option<&Secret>) -> Result<Plan> {
    let mut plan = session.plan();
    plan.instances = vec![app.instance.name.clone()];
    plan.content = true;
    plan.holds_start = true;
    first_content::push_waits(&mut plan, session);
    if let Some(password) = admin {
        let path = app.instance.layout.admin_password();
        plan.push(Step::Place {
            what: "write down the administrator's password".to_owned(),
            entries: vec![Entry::File {
                mode: files::PRIVATE,
                before: files::read_if_there(&path)?.map(Secret::new),
                content: Secret::new(format!("{}\n", password.reveal())),
                path,
            }],
        });
    }
    first_content::push_steps(&mut plan, session, app, admin)?;
    Ok(plan)
}
