//! `clone NAME NEW`: a second instance with the first one's content, and an identity of its own.

use serde_json::json;

use crate::commands::arrival::{self, Arrival};
use crate::commands::context::{Context, typed};
use crate::commands::instance_files::{self, Described, Wanted};
use crate::commands::observed::Observed;
use crate::commands::report::Report;
use crate::commands::session::{Extent, Session, Touch, services_are_down};
use crate::commands::{first_content, images, new, snapshot, upkeep};
use crate::error::{Error, Result};
use crate::host::{identity, store};
use crate::model::instance::check_server_name;
use crate::model::name::Name;
use crate::model::port::Port;
use crate::services::app::App;
use crate::services::database;
use crate::steps::{Entry, Plan, Step};

/// Makes a second instance with the content of another, which is held no longer than for a
/// snapshot. It gets secrets, port, index and identity of its own, and sends no mail. It can be
/// started afterwards.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The instance whose content is taken
    #[arg(value_parser = Name::on_disk)]
    pub name: Name,
    /// The name of the new one
    #[arg(value_parser = Name::for_new)]
    pub new: Name,
    /// The port that it is published on [default: the next free one from 8001]
    #[arg(long, env = "PORT", hide_env_values = true, value_parser = Port::parse)]
    pub port: Option<Port>,
    /// The host name that people type, where a reverse proxy stands before it
    #[arg(long, env = "SERVER_NAME", hide_env_values = true)]
    pub server_name: Option<String>,
}

/// Runs the verb.
///
/// # Errors
/// Exit 6 where the name or the port is taken, the cluster is down, or the era has no way to give a
/// copy its own identity; 1 where a step fails: everything is undone then.
pub fn run(args: &Args, context: &Context<'_>) -> Result<Report> {
    if let Some(server_name) = &args.server_name {
        check_server_name(server_name)?;
    }
    let mut session = Session::begin(
        context,
        "clone",
        context.cluster()?,
        &[args.name.clone(), args.new.clone()],
        Extent::Instances,
        Touch::Content,
    )?;
    let source = store::instance(&session.cluster, &args.name)?;
    let contract = session.contracts.covering(&source.version)?.clone();
    let Some(identity) = contract.commands.new_identity.clone() else {
        return Err(Error::refused(format!("{} cannot be cloned", args.name))
            .why(format!(
                "the contract {} does not say how a copy gets an identity of its own",
                contract.name
            ))
            .next("write `new_identity` into a contract of your own: `contract show`"));
    };
    let needed = images::of_app(&session.cluster, &contract, &source.version)?;
    images::ensure(context, &[needed])?;
    let observed = Observed::of(context.engine, &session.cluster)?;
    observed.refuse_original(&session.cluster, "clone")?;
    if !observed.services_run() {
        return Err(services_are_down(&session.cluster, "clone"));
    }
    arrival::check_server(&database::Server::of(context.engine, &session.cluster))?;
    new::check_name(&session, &args.new)?;
    let (port, reservation) = new::choose_port(args.port, &session)?;
    session.also(reservation);
    let wanted = Wanted {
        name: args.new.clone(),
        version: source.version.clone(),
        port,
        server_name: args.server_name.clone(),
    };
    let described = instance_files::describe(&session.cluster, &contract, wanted)?;
    let app = |instance| App {
        cluster: &session.cluster,
        instance,
        contract: &contract,
    };
    let (from, to) = (app(&source), app(&described.instance));
    let plan = plan(&session, (&from, &to), &described, &identity)?;
    if let Some(report) = session.carry_out(&plan)? {
        return Ok(report);
    }
    upkeep::after(&session, std::slice::from_ref(&args.new));
    Ok(report(&session, &plan, (&from, &to)))
}

fn report(session: &Session<'_>, plan: &Plan, (from, to): (&App<'_>, &App<'_>)) -> Report {
    let link = to.instance.layout.link();
    let next = typed(&link, "start");
    let mut lines = vec![format!(
        "instance {} has the content, users and passwords of {}, for port {}",
        to.instance.name, from.instance.name, to.instance.port
    )];
    if to.contract.env_file.is_some() {
        lines.push(format!(
            "it sends no mail: {}",
            typed(&link, "config set MAIL_DELIVERY_METHOD …")
        ));
    }
    lines.push(format!("next: {next}"));
    session.report(
        plan,
        lines,
        json!({
            "instance": to.instance.name,
            "of": from.instance.name,
            "version": to.instance.version,
            "port": to.instance.port,
            "next": next,
        }),
    )
}

fn plan(
    session: &Session<'_>,
    (from, to): (&App<'_>, &App<'_>),
    described: &Described,
    identity: &str,
) -> Result<Plan> {
    let mut plan = session.plan();
    let name = &to.instance.name;
    plan.instances = vec![name.clone()];
    plan.content = true;
    plan.holds_start = true;
    first_content::push_waits(&mut plan, session);
    let place = to
        .cluster
        .layout
        .next(name)
        .root()
        .with_file_name(format!("{name}.clone"));
    plan.push(Step::Place {
        what: "make room for a snapshot that is not kept".to_owned(),
        entries: [&to.cluster.layout.next_ones(), &place]
            .map(|path| Entry::Directory {
                path: path.clone(),
                mode: 0o700,
                owner: None,
                with_content: *path == place,
            })
            .into(),
    });
    let order = snapshot::order_into(from, &place)?;
    let arrival = Arrival {
        file: order.file.clone(),
        manifest: None,
        version: from.instance.version.clone(),
    };
    plan.push(Step::TakeSnapshot {
        order: Box::new(order),
    });
    plan.push(Step::Place {
        what: format!(
            "lay out the directory {}",
            to.instance.layout.root().display()
        ),
        entries: described.entries(to.contract, None, identity::tool()?),
    });
    first_content::push_schema(&mut plan, to);
    let intake = arrival.for_new_instance(to.cluster, to.contract, to.instance, true)?;
    first_content::push_arrival(&mut plan, session, to, &arrival, intake, Some(identity))?;
    plan.push(Step::DiscardDirectory { path: place });
    Ok(plan)
}
