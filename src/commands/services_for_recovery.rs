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
/// needed. A database server of an operation that holds the cluster is started: until that is over
/// nobody else does.
///
/// # Errors
/// Exit 7 where they do not run or do not answer.
pub fn await_them(
    context: &Context<'_>,
    layout: &ClusterLayout,
    permit: &Permit,
    open: &Open,
) -> Result<()> {
    let header = &open.header;
    if !(header.content || OF_SERVICES.contains(&header.verb.as_str())) {
        return Ok(());
    }
    let found = store::cluster(layout.root()).and_then(|cluster| {
        if header.holds_cluster {
            let before = database::spec(&cluster);
            context.engine.create_network(&network(&cluster))?;
            steps::put_up_database(&context.world(layout), permit, open, &before)?;
        }
        let observed = Observed::of(context.engine, &cluster)?;
        Ok((cluster, observed))
    });
    let answer = match found {
        Ok((cluster, observed)) if observed.services_run() => await_services_of(context, &cluster),
        // It puts what lacks into its place itself.
        Ok((cluster, observed)) if header.holds_cluster => {
            match observed.service_runs(Role::Database) {
                true => await_service_of(context, &cluster, Role::Database),
                false => Ok(()),
            }
        }
        _ if header.content => Err(boot_first(layout, open)),
        _ => Ok(()),
    };
    answer.map_err(|error| Error {
        kind: Kind::HalfDone,
        ..error
    })
}

/// Content is in the database and the search server, so it is only tidied up when they run.
fn boot_first(layout: &ClusterLayout, open: &Open) -> Error {
    let link = layout.link().display().to_string();
    Error::new(
        Kind::HalfDone,
        format!("`{}` cannot be tidied up now", open.header.verb),
    )
    .why("the database or the search server does not run")
    .next(format!("{link} boot, then {link} recover"))
}
