//! `services [set --search IMAGE]`: which shared services run, and another search server in the
//! place of the cluster's.

use serde_json::json;

use crate::commands::boot::await_service;
use crate::commands::context::Context;
use crate::commands::observed::Observed;
use crate::commands::report::Report;
use crate::commands::session::{Extent, Session, Touch, services_are_down};
use crate::commands::{images, search_change, start, upkeep};
use crate::error::Result;
use crate::host::store;
use crate::model::cluster::Cluster;
use crate::model::container::{Role, names};
use crate::model::image::ImageRef;
use crate::services::app::App;
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
    /// Put another search server in the place of the cluster's, and make every index anew
    Set {
        /// Its image
        #[arg(long, value_name = "IMAGE", value_parser = ImageRef::parse)]
        search: ImageRef,
    },
}

/// Runs the verb.
///
/// # Errors
/// Exit 6 where an instance's version does not work with the new server.
pub fn run(args: &Args, context: &Context<'_>) -> Result<Report> {
    match &args.what {
        None => show(context),
        Some(What::Set { search }) => set(context, search),
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

fn set(context: &Context<'_>, image: &ImageRef) -> Result<Report> {
    let cluster = context.cluster()?;
    let session = Session::begin(
        context,
        "services",
        cluster,
        &[],
        Extent::Cluster,
        Touch::Content,
    )?;
    // Behind the lock: who held it may have made or removed one.
    let names = store::instance_names(&session.cluster)?;
    let instances = start::load(&session, &names)?;
    let apps = start::apps(&session, &instances)?;
    search_change::check(&session.cluster, &apps, image)?;
    if *image == session.cluster.search_image {
        let line = format!("{image} is the cluster's search server already");
        return Ok(session.report(&session.plan(), vec![line], json!({"search": image})));
    }
    let wanted = search_change::wanted(&session.cluster, image);
    let mut needed = images::of_services(&wanted);
    needed.extend(images::of_apps(&apps)?);
    images::ensure(context, &needed)?;
    let observed = Observed::of(context.engine, &session.cluster)?;
    observed.refuse_original(&session.cluster, "services")?;
    if !observed.services_run() {
        return Err(services_are_down(&session.cluster, "services"));
    }
    let plan = plan(&session, &wanted, &apps)?;
    if let Some(report) = session.carry_out(&plan)? {
        return Ok(report);
    }
    upkeep::after(&session, &[]);
    let made = apps.iter().filter(|app| app.instance.index.is_some());
    let lines = vec![format!(
        "{image} is the cluster's search server now, with {} indices made anew",
        made.count()
    )];
    Ok(session.report(&plan, lines, json!({"search": image})))
}

fn plan(session: &Session<'_>, wanted: &Cluster, apps: &[App<'_>]) -> Result<Plan> {
    let before = &session.cluster;
    let mut plan = session.plan();
    plan.instances = apps.iter().map(|a| a.instance.name.clone()).collect();
    plan.push(await_service(
        Role::Database,
        &names::service(&before.name, Role::Database),
    ));
    search_change::push(&mut plan, before, wanted);
    search_change::push_indices(&mut plan, session, apps)?;
    search_change::push_config(&mut plan, before, wanted)?;
    plan.no_return_from_here();
    search_change::push_end(&mut plan, before);
    Ok(plan)
}
