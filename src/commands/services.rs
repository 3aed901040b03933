//! `services [set --search IMAGE]`: which shared services run, and another search server in the
//! place of the cluster's.

use serde_json::json;

use crate::commands::boot::await_service;
use crate::commands::context::Context;
use crate::commands::observed::Observed;
use crate::commands::report::Report;
use crate::commands::session::{Extent, Session, Touch, services_are_down};
use crate::commands::{images, start, upkeep};
use crate::error::{Error, Result};
use crate::host::{files, store};
use crate::model::cluster::{Cluster, key};
use crate::model::container::{Role, names};
use crate::model::image::ImageRef;
use crate::model::secret::Secret;
use crate::services::{app::App, search};
use crate::steps::{Entry, Plan, Step};

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
    check_fits(&apps, image)?;
    if *image == session.cluster.search_image {
        let line = format!("{image} is the cluster's search server already");
        return Ok(session.report(&session.plan(), vec![line], json!({"search": image})));
    }
    let before = session.cluster.layout.search_data_before();
    if files::exists(&before) {
        return Err(
            Error::refused(format!("{} is there already", before.display()))
                .why("the old server's data is to be kept there")
                .next("look at it, and move it elsewhere"),
        );
    }
    let mut wanted = session.cluster.clone();
    wanted.search_image = image.clone();
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

/// Refuses a server that an instance's version does not work with.
fn check_fits(apps: &[App<'_>], image: &ImageRef) -> Result<()> {
    let excluded: Vec<String> = apps
        .iter()
        .filter(|app| app.instance.index.is_some() && !app.contract.search.fits(image.tag()))
        .map(|app| format!("{} ({})", app.instance.name, app.instance.version))
        .collect();
    if excluded.is_empty() {
        return Ok(());
    }
    Err(
        Error::refused(format!("{image} cannot be this cluster's search server"))
            .why(format!("it does not work with {}", excluded.join(" and ")))
            .next("upgrade them first, or put them into a cluster of their own"),
    )
}

fn plan(session: &Session<'_>, wanted: &Cluster, apps: &[App<'_>]) -> Result<Plan> {
    let before = &session.cluster;
    let layout = &before.layout;
    let mut plan = session.plan();
    plan.instances = apps.iter().map(|a| a.instance.name.clone()).collect();
    let new = search::spec(wanted);
    let container = new.name.clone();
    plan.push(await_service(
        Role::Database,
        &names::service(&before.name, Role::Database),
    ));
    plan.push(Step::RemoveContainer {
        spec: Box::new(search::spec(before)),
    });
    // What one server wrote another one may not read, and all of it can be made anew.
    plan.push(Step::MoveDirectory {
        from: layout.search_data(),
        to: layout.search_data_before(),
    });
    plan.push(Step::Place {
        what: "make a directory for the new search server's data".to_owned(),
        entries: vec![search_data(before)],
    });
    plan.push(Step::RunContainer {
        spec: Box::new(new),
    });
    plan.push(await_service(Role::Search, &container));
    push_indices(&mut plan, session, apps)?;
    plan.push(Step::Place {
        what: format!(
            "write down that the search server is {}",
            wanted.search_image
        ),
        entries: vec![config(before, wanted)?],
    });
    plan.no_return_from_here();
    plan.push(Step::DiscardDirectory {
        path: layout.search_data_before(),
    });
    Ok(plan)
}

fn push_indices(plan: &mut Plan, session: &Session<'_>, apps: &[App<'_>]) -> Result<()> {
    for app in apps {
        let Some(index) = &app.instance.index else {
            continue;
        };
        let spec = app.phase(&app.contract.commands.index, &session.id)?;
        // Nothing to take back: the new server's data goes as a whole.
        plan.push(Step::RunPhase {
            spec: Box::new(spec),
            what: format!("fill the search index {index}"),
            input: None,
        });
    }
    Ok(())
}

/// The directory of the search server's data.
fn search_data(cluster: &Cluster) -> Entry {
    Entry::Directory {
        path: cluster.layout.search_data(),
        mode: 0o755,
        owner: Some((search::UID, search::UID)),
        with_content: true,
    }
}

fn config(before: &Cluster, wanted: &Cluster) -> Result<Entry> {
    let mut config = before.config.clone();
    config.set(key::SEARCH_IMAGE, wanted.search_image.as_str())?;
    Ok(Entry::File {
        path: before.layout.config(),
        mode: files::PRIVATE,
        before: Some(Secret::new(before.config.to_string())),
        content: Secret::new(config.to_string()),
    })
}
