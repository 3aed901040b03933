//! `clone NAME NEW`: a second instance with the first one's content, and an identity of its own.

use std::sync::Mutex;

use serde_json::json;

use crate::commands::arrival::{self, Arrival};
use crate::commands::context::{Context, typed};
use crate::commands::instance_files::{self, Described, Wanted};
use crate::commands::observed::Observed;
use crate::commands::report::Report;
use crate::commands::session::{Extent, Session, Touch, services_are_down};
use crate::commands::words::Words;
use crate::commands::{first_content, images, mail, new, snapshot, upkeep};
use crate::error::{Error, Result};
use crate::host::{identity, store};
use crate::journal::Observer;
use crate::journal::lock::Permit;
use crate::model::instance::check_server_name;
use crate::model::name::Name;
use crate::model::port::Port;
use crate::services::app::App;
use crate::services::database;
use crate::steps::{Entry, Plan, Step};

/// Makes a second instance with the content of another, which is held no longer than for a
/// snapshot, be it up or down. It gets secrets, port, index and identity of its own, and sends no
/// mail. It can be started afterwards.
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

impl Args {
    /// See [`Words`].
    pub fn words(&self) -> Words {
        Words::of("clone").word(&self.name).word(&self.new)
    }
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
    context.check_words(std::slice::from_ref(&args.name.to_string()))?;
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
    first_content::check_room(&session.cluster)?;
    first_content::await_services(&session)?;
    arrival::check_server(&database::Server::of(context.engine, &session.cluster))?;
    new::check_name(&session, &args.new)?;
    let (port, reservation) = new::choose_port(args.port, &session)?;
    session.also(reservation);
    let source_lock = session.part(&args.name);
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
    let observer = UntilTaken {
        told: context.observer,
        taken: plan.steps.iter().position(is_snapshot).map_or(0, |n| n + 1),
        source: Mutex::new(source_lock),
    };
    if let Some(report) = session.carry_out_telling(&plan, &observer)? {
        return Ok(report);
    }
    upkeep::after(&session, std::slice::from_ref(&args.new));
    Ok(report(&session, &plan, (&from, &to)))
}

/// Lets the instance that is cloned go when its snapshot is taken: nothing of it is needed any more,
/// and the rest takes much longer.
struct UntilTaken<'a> {
    told: &'a dyn Observer,
    /// The number of the step that takes it.
    taken: usize,
    source: Mutex<Option<Permit>>,
}

impl Observer for UntilTaken<'_> {
    fn step(&self, number: usize, of: usize, what: &str) {
        if number > self.taken
            && let Ok(mut source) = self.source.lock()
        {
            drop(source.take());
        }
        self.told.step(number, of, what);
    }
    fn progress(&self, text: &str) {
        self.told.progress(text);
    }
    fn bytes(&self, what: &str, done: u64, of: u64) {
        self.told.bytes(what, done, of);
    }
    fn bytes_are_over(&self, what: &str) {
        self.told.bytes_are_over(what);
    }
    fn note(&self, text: &str) {
        self.told.note(text);
    }
    fn warn(&self, text: &str) {
        self.told.warn(text);
    }
}

fn is_snapshot(step: &Step) -> bool {
    matches!(step, Step::TakeSnapshot { .. })
}

fn report(session: &Session<'_>, plan: &Plan, (from, to): (&App<'_>, &App<'_>)) -> Report {
    let link = to.instance.layout.link();
    let next = typed(&link, "start");
    let mut lines = vec![format!(
        "instance {} has the content, users and passwords of {}, for port {}",
        to.instance.name, from.instance.name, to.instance.port
    )];
    lines.push(mail::off(to));
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
    let order = snapshot::order_for(from, name, &place)?;
    let arrival = Arrival {
        file: order.file.clone(),
        manifest: None,
        version: from.instance.version.clone(),
        on_trust: false,
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::host::interrupt::Interrupt;
    use crate::journal::lock::Request;

    struct Silent;
    impl Observer for Silent {
        fn step(&self, _: usize, _: usize, _: &str) {}
        fn note(&self, _: &str) {}
        fn warn(&self, _: &str) {}
    }

    #[test]
    fn the_instance_that_is_cloned_is_let_go_behind_its_snapshot() {
        let place = tempfile::tempdir().unwrap();
        let interrupt = Interrupt::default();
        let request = Request {
            verb: "clone",
            wait: Duration::ZERO,
            interrupt: &interrupt,
        };
        let [old, new] = ["old", "new"].map(|name| Name::for_new(name).unwrap());
        let lock =
            |name: &Name| Permit::instances(place.path(), std::slice::from_ref(name), &request);
        let both = [old.clone(), new.clone()];
        let mut permit = Permit::instances(place.path(), &both, &request).unwrap();
        let observer = UntilTaken {
            told: &Silent,
            taken: 2,
            source: Mutex::new(Some(permit.part(place.path(), &old))),
        };
        observer.step(2, 3, "take the snapshot");
        assert_eq!(lock(&old).unwrap_err().exit_code(), 3);
        observer.step(3, 3, "the rest");
        lock(&old).unwrap();
        assert_eq!(lock(&new).unwrap_err().exit_code(), 3);
    }
}
