//! Another search server in the place of a cluster's: what excludes it, and the steps of it.

use std::time::Duration;

use crate::commands::boot::await_service;
use crate::commands::server_change;
use crate::commands::session::Session;
use crate::error::{Error, Result};
use crate::host::{sizes, space};
use crate::model::cluster::Cluster;
use crate::model::container::Role;
use crate::model::image::ImageRef;
use crate::model::memory::human;
use crate::services::{app::App, search};
use crate::steps::{Entry, Plan, Step};

/// How long the data is measured.
const COUNTING: Duration = Duration::from_secs(10);

/// Refuses a server that an instance's version does not work with, and one whose predecessor's data
/// would have no place.
///
/// # Errors
/// Exit 6 with the names, or the directory that is in the way.
pub fn check(cluster: &Cluster, apps: &[App<'_>], image: &ImageRef) -> Result<()> {
    let refused = Error::refused(format!("{image} cannot be this cluster's search server"));
    server_change::need_all_fit(refused, apps, |app| {
        app.instance.index.is_none() || app.contract.search.fits(image.tag())
    })?;
    server_change::need_nothing_at(&cluster.layout.search_data_before())?;
    // The same documents, once more.
    let needed = sizes::of_directory(&cluster.layout.search_data(), COUNTING).bytes;
    let (_, free) = space::free(&cluster.layout.search())?;
    if needed > free {
        return Err(
            Error::refused("there is no room for the indices beside the old server's")
                .why(format!(
                    "these have {}, and {} are free",
                    human(needed),
                    human(free)
                ))
                .next("`snapshots` lists what may go"),
        );
    }
    Ok(())
}

/// The steps that put the other server, with nothing in it, into the place of the one that runs.
pub fn push(plan: &mut Plan, before: &Cluster, wanted: &Cluster) {
    let layout = &before.layout;
    let new = search::spec(wanted);
    let container = new.name.clone();
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
        entries: vec![Entry::Directory {
            path: layout.search_data(),
            mode: 0o755,
            owner: Some((search::UID, search::UID)),
            with_content: true,
        }],
    });
    plan.push(Step::RunContainer {
        spec: Box::new(new),
    });
    plan.push(await_service(Role::Search, &container));
}

/// The steps that make the index of each instance anew.
///
/// # Errors
/// Exit 2 where the configured repository is none.
pub fn push_indices(plan: &mut Plan, session: &Session<'_>, apps: &[App<'_>]) -> Result<()> {
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
