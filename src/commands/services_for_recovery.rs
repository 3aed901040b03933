//! The services that an interrupted operation is finished or undone in.

use crate::commands::boot::network;
use crate::commands::context::Context;
use crate::commands::first_content::{await_service_of, await_services_of};
use crate::commands::observed::Observed;
use crate::error::{Error, Kind, Result};
use crate::host::store;
use crate::journal::Open;
use crate::journal::lock::Permit;
use crate::model::container::Role;
use crate::model::layout::ClusterLayout;
use crate::services::database;
use crate::steps;

/// The verbs that undo something in the services also where they change no content.
const OF_SERVICES: [&str; 2] = ["snapshot", "upgrade"];

/// Waits for services that were started only just now (by a host that crashed, say), where they are
/// needed. Those of an operation that holds the cluster are put up, for until that is over nobody else
/// does; what cannot be had is said.
///
/// # Errors
/// Exit 7 where others do not run or do not answer.
pub fn await_them(
    context: &Context<'_>,
    layout: &ClusterLayout,
    permit: &Permit,
    open: &Open,
) -> Result<()> {
    let header = &open.header;
    if header.holds_cluster {
        // Where a new server is what fails, going back does not need it: the steps know.
        if let Err(error) = put_up(context, layout, permit, open) {
            context.observer.warn(&error.to_string());
        }
        return Ok(());
    }
    if !(header.content || OF_SERVICES.contains(&header.verb.as_str())) {
        return Ok(());
    }
    let found = store::cluster(layout.root()).and_then(|cluster| {
        let observed = Observed::of(context.engine, &cluster)?;
        Ok((cluster, observed))
    });
    match found {
        Ok((cluster, observed)) if observed.services_run() => await_services_of(context, &cluster)
            .map_err(|error| Error {
                kind: Kind::HalfDone,
                ..error
            }),
        _ if header.content => Err(boot_first(layout, open)),
        _ => Ok(()),
    }
}

/// Has the network and the servers that the operation left in their places, and waits for those that
/// run.
fn put_up(
    context: &Context<'_>,
    layout: &ClusterLayout,
    permit: &Permit,
    open: &Open,
) -> Result<()> {
    let cluster = store::cluster(layout.root())?;
    context.engine.create_network(&network(&cluster))?;
    let before = database::spec(&cluster);
    steps::put_up_database(&context.world(layout), permit, open, &before)?;
    let observed = Observed::of(context.engine, &cluster)?;
    for role in [Role::Database, Role::Search] {
        if observed.service_runs(role) {
            await_service_of(context, &cluster, role)?;
        }
    }
    Ok(())
}

/// Content is in the database and the search server, so it is only tidied up when they run.
fn boot_first(layout: &ClusterLayout, open: &Open) -> Error {
    let link = layout.link().display().to_string();
    Error::new(
        Kind::HalfDone,
        format!("`{}` cannot be tidied up now", open.header.words),
    )
    .why("the database or the search server does not run")
    .next(format!("{link} boot, then {link} recover"))
}
