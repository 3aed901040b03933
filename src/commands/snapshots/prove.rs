//! `snapshots prove FILE`: whether a snapshot comes to life.

use std::path::PathBuf;
use std::time::Instant;

use serde_json::json;

use crate::commands::arrival::{self, Arrival};
use crate::commands::context::Context;
use crate::commands::instance_files::{self, Described, Wanted};
use crate::commands::observed::Observed;
use crate::commands::proof::Beside;
use crate::commands::report::Report;
use crate::commands::session::{Extent, Session, Touch, services_are_down};
use crate::commands::{first_content, images, new, proof, upkeep};
use crate::error::Result;
use crate::host::chance;
use crate::model::container::{Role, names};
use crate::model::name::Name;
use crate::model::port::{self, Port};
use crate::model::undo::Place;
use crate::model::version::Version;
use crate::services::app::App;
use crate::services::database;
use crate::steps::{Intake, Plan, Step};

/// Which one.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The file, or its name in the cluster's `snapshots/`
    pub file: PathBuf,
    /// The version that it is of, where neither it nor its name says that
    #[arg(id = "of_version", long = "version", value_name = "VERSION", value_parser = Version::parse)]
    pub version: Option<Version>,
}

/// What the throw-away instances are called; a new instance cannot have such a name.
const NAME: &str = "proof__";

/// Runs it.
///
/// # Errors
/// Exit 8 where it is damaged or no snapshot, 6 where no contract covers its version or it does not
/// fit, 1 where the application does not come to life on it; nothing of the proof is left.
pub fn run(args: &Args, context: &Context<'_>) -> Result<Report> {
    let begun = Instant::now();
    let cluster = context.cluster()?;
    let arrival = Arrival::of(context, &args.file, args.version.as_ref())?;
    // One proof at a time.
    let lock = Name::on_disk(NAME)?;
    let session = Session::begin(
        context,
        "snapshots",
        cluster,
        std::slice::from_ref(&lock),
        Extent::Instances,
        Touch::Service,
    )?;
    let cluster = &session.cluster;
    let contract = session.contracts.covering(&arrival.version)?;
    new::check_fits(cluster, contract, &arrival.version)?;
    images::ensure(
        context,
        &[images::of_app(cluster, contract, &arrival.version)?],
    )?;
    let observed = Observed::of(context.engine, cluster)?;
    observed.refuse_original(cluster, "prove")?;
    if !observed.services_run() {
        return Err(services_are_down(cluster, "prove"));
    }
    first_content::await_services(&session)?;
    arrival::check_server(&database::Server::of(context.engine, cluster))?;
    let wanted = Wanted {
        name: Name::on_disk(&format!("{NAME}{}", chance::tag()))?,
        version: arrival.version.clone(),
        // It is published nowhere, but a port stands in its address.
        port: Port::parse(&port::FIRST.to_string())?,
        server_name: None,
    };
    let described = instance_files::describe(cluster, contract, wanted)?;
    let Described { instance, .. } = &described;
    let mut beside = instance.clone();
    beside.layout = cluster.layout.next(&instance.name);
    let app = App {
        cluster,
        instance: &beside,
        contract,
    };
    let intake = arrival.for_proof(cluster, contract, &described)?;
    // Where nobody vouches for the version, its migrations tell.
    let check = contract.commands.check_schema.as_deref();
    let check = check.filter(|_| arrival.on_trust);
    let plan = plan(&session, &app, (intake, check), lock)?;
    if let Some(mut report) = session.carry_out(&plan)? {
        // What is locked is no instance.
        if let Some(object) = &mut report.json {
            object["instances"] = json!([]);
        }
        return Ok(report);
    }
    upkeep::after(&session, &[]);
    Ok(report(&session, &plan, (&arrival, check.is_some()), begun))
}

fn plan(
    session: &Session<'_>,
    app: &App<'_>,
    (intake, check): (Intake, Option<&str>),
    lock: Name,
) -> Result<Plan> {
    let mut plan = session.plan();
    plan.instances = vec![lock];
    plan.content = true;
    first_content::push_waits(&mut plan, session);
    first_content::push_schema(&mut plan, app);
    let next = intake.next.clone();
    plan.push(Step::TakeIn {
        intake: Box::new(intake),
    });
    let version = &app.instance.version;
    let what = format!("compare the schema's migrations with those of {version}");
    let beside = Beside {
        check: check.map(|command| (command, what)),
        ..Beside::default()
    };
    proof::push(&mut plan, session, app, beside)?;
    plan.no_return_from_here();
    plan.push(Step::DropContent {
        database: names::service(&session.cluster.name, Role::Database),
        search: names::service(&session.cluster.name, Role::Search),
        place: Place::of(app.instance),
    });
    plan.push(Step::DiscardDirectory { path: next });
    Ok(plan)
}

fn report(
    session: &Session<'_>,
    plan: &Plan,
    (arrival, checked): (&Arrival, bool),
    begun: Instant,
) -> Report {
    let Arrival { file, version, .. } = arrival;
    let seconds = begun.elapsed().as_secs_f64();
    let about = arrival.manifest.as_ref().map(|manifest| &manifest.about);
    let compared = about.filter(|about| about.consistent);
    let rows = compared.map(|about| about.rows.values().sum::<u64>());
    let tables = compared.map(|about| about.rows.len());
    let counted = match (tables, rows) {
        (Some(tables), Some(rows)) => format!("{tables} tables with {rows} rows, as it says"),
        _ => "rows were not compared: it does not say how many there are".to_owned(),
    };
    let is_of_it = match (arrival.on_trust, checked) {
        (false, _) => String::new(),
        (true, true) => format!("  its migrations are those of {version}"),
        (true, false) => format!("  whether it is of {version} was not compared"),
    };
    let mut lines = vec![
        format!("{}: comes to life", file.display()),
        format!("  whole; {counted}"),
        is_of_it,
        format!("  the application answered as {version}; {seconds:.1} s in all"),
    ];
    lines.retain(|line| !line.is_empty());
    session.report(
        plan,
        lines,
        json!({
            "changed": false,
            "instances": [],
            "path": file,
            "version": version,
            "tables": tables,
            "rows": rows,
            "seconds": seconds,
        }),
    )
}
