//! The search index of the new version, made while the old one is still written to. What is written
//! meanwhile is mended when nobody writes any more, which does not take long.

use crate::commands::index::{self, Documents};
use crate::commands::session::Session;
use crate::commands::upgrade::copied::{self, Files};
use crate::commands::upgrade::parts::Parts;
use crate::error::Result;
use crate::model::container::{Role, names};
use crate::steps::{Ahead, Plan, Step};

/// The documents that are going to be there when nobody writes any more.
pub fn documents(parts: &Parts<'_>, ahead: Option<Ahead>) -> Documents {
    let now = parts.now.instance;
    // A server that only the copy is in has no other one.
    let other = now.index.clone().filter(|_| parts.apart.is_none());
    Documents {
        file: None,
        other: other.map(|index| (index, now.version.clone())),
        ahead,
    }
}

/// The steps that make it on a copy of its own, of which nothing is left then but the index.
///
/// # Errors
/// Exit 2 where the configured repository is none.
pub fn push_migrated(plan: &mut Plan, session: &Session<'_>, parts: &Parts<'_>) -> Result<()> {
    let Some((app, entries)) = &parts.ahead else {
        return Ok(());
    };
    let Some(index) = app.instance.index.clone() else {
        return Ok(());
    };
    copied::push_still(plan, &parts.now, app, entries.clone());
    let place = app.instance.layout.clone();
    plan.steps
        .extend(copied::files(&parts.now, [place], Files::Copied));
    plan.push(Step::RunPhase {
        spec: Box::new(app.phase(&app.contract.commands.migrate, &session.id)?),
        what: format!(
            "migrate a copy to {}, for its search index",
            app.instance.version
        ),
        input: None,
    });
    plan.push(Step::MakeIndex {
        spec: Box::new(app.phase(&app.contract.commands.index, &session.id)?),
        search: names::service(&app.cluster.name, Role::Search),
        index,
    });
    copied::push_let_go(plan, app, None);
    Ok(())
}

/// The step that fills it with the documents of the old one, on a copy of the schema that is not
/// migrated yet.
///
/// # Errors
/// Exit 2 where the configured repository is none.
pub fn push_documents(plan: &mut Plan, session: &Session<'_>, parts: &Parts<'_>) -> Result<()> {
    let step = index::step(&parts.beside, &session.id, documents(parts, None))?;
    if let Some(Step::FillIndex { mut filling }) = step {
        let app = &parts.beside;
        let files = app.instance.layout.inside(&app.contract.content.directory);
        // What they are made of serves at the moment.
        for mount in &mut filling.create.mounts {
            mount.read_only |= mount.source == files;
        }
        plan.push(Step::FillAhead { filling });
    }
    Ok(())
}
