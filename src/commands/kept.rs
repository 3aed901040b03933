//! Content that an import took the place of, and that waits for `import --undo` or for its end.

use std::path::{Path, PathBuf};

use crate::commands::session::Session;
use crate::commands::snapshot;
use crate::error::Result;
use crate::host::{clock, files};
use crate::journal::Deeds;
use crate::model::cluster::Cluster;
use crate::model::container::{Role, names};
use crate::model::layout::ClusterLayout;
use crate::model::name::Name;
use crate::model::undo::{CONTENT, Kept};
use crate::services::app::App;
use crate::steps::{self, Noted, Plan, Step, Written};

/// Kept content, and where it is.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its directory.
    pub directory: PathBuf,
    /// What it is.
    pub kept: Kept,
}

impl Found {
    /// The directory of its files.
    pub fn content(&self) -> PathBuf {
        self.directory.join(CONTENT)
    }
}

/// All that is kept of an instance, the newest last.
///
/// # Errors
/// Exit 1 or 6 where something of it cannot be read.
pub fn all(layout: &ClusterLayout, name: &Name) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for entry in files::names_in(&layout.undo(name))? {
        let directory = layout.undo(name).join(entry);
        let Some(kept) = steps::record(&directory)? else {
            continue;
        };
        let one = Found { directory, kept };
        // Written down before the exchange: without it, nothing is kept yet.
        if files::exists(&one.content()) {
            found.push(one);
        }
    }
    found.sort_by_key(|one| one.kept.since);
    Ok(found)
}

/// What `import --undo` would bring back.
///
/// # Errors
/// As [`all`].
pub fn latest(layout: &ClusterLayout, name: &Name) -> Result<Option<Found>> {
    let mut found = all(layout, name)?;
    let now = clock::now();
    found.retain(|one| one.kept.until() > now);
    Ok(found.pop())
}

/// Lets content go whose time is over. Nothing brings it back any more, so it need not be recorded:
/// what a crash leaves of it goes with the next call.
///
/// # Errors
/// Exit 1 where a server does not do it.
pub fn drop_expired(session: &Session<'_>, name: &Name) -> Result<()> {
    let layout = &session.cluster.layout;
    let now = clock::now();
    for one in all(layout, name)? {
        if one.kept.until() > now {
            continue;
        }
        let mut plan = session.plan();
        push_drop(&mut plan, &session.cluster, one);
        let world = session.context.world(layout);
        plan.steps.iter().try_for_each(|step| world.act(step))?;
        session.context.observer.note(&format!(
            "the former content of {name} was kept for its time, and is gone"
        ));
    }
    Ok(())
}

/// What new content is compared with; the note of it is in this directory, and these entries were
/// exchanged for it.
pub fn noted(directory: &Path, then: &App<'_>, entries: &[String]) -> Noted {
    let content = &then.contract.content;
    // The application and its operators write to them.
    let files = then.contract.files.iter().filter(|rule| !rule.secret);
    let texts = files.map(|rule| rule.path.as_str());
    let texts = texts.chain([".env", "config.sh"]).map(str::to_owned);
    Noted {
        directory: directory.to_owned(),
        database: names::service(&then.cluster.name, Role::Database),
        but: content.tables_without_content.clone(),
        root: then.instance.layout.root().to_owned(),
        files: content.directory.clone(),
        texts: texts.filter(|name| entries.contains(name)).collect(),
    }
}

/// The step behind which others write to new content.
///
/// # Errors
/// Exit 2 where a snapshot of it could have no name.
pub fn push_serve(plan: &mut Plan, noted: Noted, then: &App<'_>) -> Result<()> {
    let order = snapshot::order_of(then)?;
    let written = Box::new(Written { noted, order });
    plan.push(Step::Serve { written });
    Ok(())
}

/// The steps that let kept content go.
pub fn push_drop(plan: &mut Plan, cluster: &Cluster, found: Found) {
    plan.push(Step::DropContent {
        database: names::service(&cluster.name, Role::Database),
        search: names::service(&cluster.name, Role::Search),
        place: found.kept.old,
    });
    plan.push(Step::DiscardDirectory {
        path: found.directory,
    });
}
