//! A command in a container of its own, which an operator asked for.

use serde_json::json;

use crate::commands::context::{Context, typed};
use crate::commands::images;
use crate::commands::observed::Observed;
use crate::commands::report::Report;
use crate::commands::session::{need_adoption, services_are_down};
use crate::error::{Error, Kind, Result};
use crate::host::{chance, store};
use crate::journal;
use crate::model::cluster::Cluster;
use crate::model::container::{ContainerSpec, Role};
use crate::model::instance::Instance;
use crate::services::app::App;
use crate::steps::Step;

/// The container for a command of an instance, after everything it needs is there.
///
/// # Errors
/// Exit 2 without a command, 4 without such an instance, 6 where the cluster is down.
pub fn container(
    context: &Context<'_>,
    verb: &str,
    role: Role,
    command: &str,
) -> Result<(ContainerSpec, Instance)> {
    if command.trim().is_empty() {
        return Err(Error::usage(format!("{verb} needs a command"))
            .next(format!("{} {verb} \"bundle exec rake -T\"", context.called)));
    }
    let cluster: Cluster = context.cluster()?;
    need_adoption(&cluster, verb)?;
    need_servers_that_stay(&cluster, verb)?;
    let name = context.one_instance(&cluster, &[])?;
    let instance = store::instance(&cluster, &name)?;
    let contracts = store::contracts(Some(&cluster.layout))?;
    let app = App {
        cluster: &cluster,
        instance: &instance,
        contract: contracts.covering(&instance.version)?,
    };
    let needed = images::of_app(&cluster, app.contract, &instance.version)?;
    images::ensure(context, &[needed])?;
    let observed = Observed::of(context.engine, &cluster)?;
    observed.refuse_original(&cluster, verb)?;
    if !observed.services_run() {
        return Err(services_are_down(&cluster, verb));
    }
    let spec = app.command(role, command, &chance::tag())?;
    Ok((spec, instance))
}

/// Refuses while the cluster's servers are being changed: what is written meanwhile may not be there
/// afterwards.
///
/// # Errors
/// Exit 3 with the operation.
pub fn need_servers_that_stay(cluster: &Cluster, verb: &str) -> Result<()> {
    let open = journal::open_operations::<Step>(&cluster.layout.journal())?;
    let Some(change) = open.iter().find(|open| open.header.holds_cluster) else {
        return Ok(());
    };
    Err(Error::new(
        Kind::Busy,
        format!("{verb} does not work while the cluster's servers are being changed"),
    )
    .why(format!(
        "`{}` of {} is not over",
        change.header.words, change.header.who
    ))
    .next(typed(
        &cluster.layout.link(),
        "recover, where it was interrupted; else wait for its end",
    )))
}

/// What a verb would do with its container.
pub fn would_run(verb: &str, spec: &ContainerSpec) -> Report {
    let command = spec.command.join(" ");
    Report::new(
        vec![format!(
            "{verb} would run in a fresh container of {}: {command}",
            spec.image
        )],
        json!({"command": verb, "dry_run": true, "image": spec.image, "words": spec.command}),
    )
}
