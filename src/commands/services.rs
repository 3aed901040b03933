//! `services [set --search IMAGE | --database IMAGE]`: which shared services run, and other ones in
//! the place of the cluster's.

use serde_json::json;

use crate::commands::boot::await_service;
use crate::commands::context::Context;
use crate::commands::observed::Observed;
use crate::commands::report::Report;
use crate::commands::server_change::{Asked, Change};
use crate::commands::session::{Extent, Session, Touch, services_are_down};
use crate::commands::words::Words;
use crate::commands::{first_content, upkeep};
use crate::error::Result;
use crate::model::container::{Role, names};
use crate::model::image::ImageRef;
use crate::services::rights::Rights;
use crate::steps::Plan;

/// Shows the shared services: what is configured, and what runs.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// What is done [default: show them]
    #[command(subcommand)]
    pub what: Option<What>,
}

/// What is done.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum What {
    /// Put another search server in the place of the cluster's, and make every index anew; or
    /// another database server, with all instances down meanwhile
    #[group(id = "servers", required = true, multiple = true)]
    Set {
        /// The search server's image
        #[arg(long, value_name = "IMAGE", value_parser = ImageRef::parse, group = "servers")]
        search: Option<ImageRef>,
        /// The database server's image
        #[arg(long, value_name = "IMAGE", value_parser = ImageRef::parse, group = "servers")]
        database: Option<ImageRef>,
    },
}

impl Args {
    /// See [`Words`].
    pub fn words(&self) -> Words {
        match &self.what {
            None => Words::of("services"),
            Some(What::Set { search, database }) => Words::of("services set")
                .value("--search", search.as_ref())
                .value("--database", database.as_ref()),
        }
    }
}

/// Runs the verb.
///
/// # Errors
/// Exit 6 where an instance's version does not work with the new server.
pub fn run(args: &Args, context: &Context<'_>) -> Result<Report> {
    match &args.what {
        None => show(context),
        Some(What::Set { search, database }) => set(
            context,
            Asked {
                search: search.as_ref(),
                database: database.as_ref(),
            },
        ),
    }
}

fn show(context: &Context<'_>) -> Result<Report> {
    let cluster = context.cluster()?;
    let observed = Observed::containers(context.engine, &cluster)?;
    let mut lines = Vec::new();
    let mut objects = Vec::new();
    for (role, configured) in [
        (Role::Database, &cluster.database_image),
        (Role::Search, &cluster.search_image),
    ] {
        let container = observed.service(role);
        let running = container.filter(|_| observed.service_runs(role));
        lines.push(match running {
            None => format!("{}: {configured}, down", role.as_str()),
            Some(c) if c.image == configured.as_str() => {
                format!("{}: {configured}, runs as {}", role.as_str(), c.name)
            }
            Some(c) => format!(
                "{}: {} runs as {}; {configured} from the next boot on",
                role.as_str(),
                c.image,
                c.name
            ),
        });
        objects.push(json!({
            "role": role.as_str(),
            "configured": configured,
            "running": running.map(|c| &c.image),
            "container": container.map(|c| &c.name),
        }));
    }
    Ok(Report::new(
        lines,
        json!({"cluster": cluster.name, "services": objects}),
    ))
}

fn set(context: &Context<'_>, asked: Asked<'_>) -> Result<Report> {
    let cluster = context.cluster()?;
    let session = Session::begin(
        context,
        "services",
        cluster,
        &[],
        Extent::Cluster,
        Touch::Content,
    )?;
    let images: Vec<&str> = [asked.search, asked.database]
        .into_iter()
        .flatten()
        .map(ImageRef::as_str)
        .collect();
    let object = json!({"search": asked.search, "database": asked.database});
    let observed = Observed::of(context.engine, &session.cluster)?;
    Change::need_the_configured(&session, asked, &observed)?;
    let Some(change) = Change::of(&session, asked, None)? else {
        let line = format!("the cluster's servers are {} already", images.join(" and "));
        return Ok(session.report(&session.plan(), vec![line], object));
    };
    observed.refuse_original(&session.cluster, "services")?;
    if !observed.services_run() {
        return Err(services_are_down(&session.cluster, "services"));
    }
    change.need_quiet(&observed)?;
    change.ensure(&session)?;
    first_content::await_service_of(context, &session.cluster, Role::Database)?;
    let rights = change.rights(&session)?;
    let plan = plan(&session, &observed, &change, &rights)?;
    if let Some(report) = session.carry_out(&plan)? {
        return Ok(report);
    }
    change.await_all(&session, &observed)?;
    upkeep::after(&session, &[]);
    let lines = vec![format!(
        "the cluster works with {} now",
        images.join(" and ")
    )];
    Ok(session.report(&plan, lines, object))
}

fn plan(
    session: &Session<'_>,
    observed: &Observed,
    change: &Change,
    rights: &[Rights],
) -> Result<Plan> {
    let before = &session.cluster;
    let mut plan = session.plan();
    plan.push(await_service(
        Role::Database,
        &names::service(&before.name, Role::Database),
    ));
    change.push(&mut plan, session, observed, None, rights)?;
    change.push_config(&mut plan, before)?;
    plan.no_return_from_here();
    change.push_end(&mut plan, session, observed, rights)?;
    Ok(plan)
}
