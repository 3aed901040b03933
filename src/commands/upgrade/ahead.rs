//! The search index of the new version, made while the old one is still written to. What is written
//! meanwhile is mended when nobody writes any more, which does not take long.

use crate::commands::index::{self, Documents};
use crate::commands::session::Session;
use crate::commands::upgrade::plan::{self, Files, Parts};
use crate::error::Result;
use crate::host::clock;
use crate::model::container::{Role, names};
use crate::model::contract::Contract;
use crate::model::instance::Instance;
use crate::services::database::Server;
use crate::services::replay;
use crate::steps::{Ahead, Plan, Step};

/// How an index can be made ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// It is not: there is none, or nobody knows how single documents of it are mended, or nobody is
    /// kept waiting.
    None,
    /// With the documents of the old one.
    Documents,
    /// By the new version, on a copy that is migrated before.
    Migrated,
}

impl Way {
    /// What is said of an index that was made so from this moment on.
    pub fn at_this_moment(self) -> Option<Ahead> {
        match self {
            Way::None => None,
            Way::Documents => Some(Ahead::Documents),
            Way::Migrated => Some(Ahead::Rows(clock::now())),
        }
    }

    /// The way from one version to another.
    pub fn of(now: &Instance, then: &Instance, next: &Contract, given: Given) -> Self {
        if !given.serves || then.index.is_none() || next.documents.is_none() {
            return Way::None;
        }
        let same = next.writes_same_documents(&then.version, &now.version);
        match same && given.same_search && now.index.is_some() {
            true if given.follows => Way::Documents,
            // Without a copy there are no rows yet that an index could be filled for.
            true => Way::None,
            false => Way::Migrated,
        }
    }
}

/// What it depends on.
#[derive(Debug, Clone, Copy)]
pub struct Given {
    /// Whether readers are served meanwhile.
    pub serves: bool,
    /// Whether the search server stays.
    pub same_search: bool,
    /// Whether the database has a log by which a copy can follow what is written.
    pub follows: bool,
}

impl Given {
    /// Asks the database for the rest of it.
    pub fn of(session: &Session<'_>, serves: bool, same_search: bool) -> Self {
        let server = Server::of(session.context.engine, &session.cluster);
        // A database that does not answer is refused for that, with more words.
        let follows = replay::can_be_followed(&server).unwrap_or(true);
        Given {
            serves,
            same_search,
            follows,
        }
    }
}

/// The documents that are going to be there when nobody writes any more.
pub fn documents(parts: &Parts<'_>, ahead: Option<Ahead>) -> Documents {
    let now = parts.now.instance;
    Documents {
        file: None,
        other: now.index.clone().map(|index| (index, now.version.clone())),
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
    plan::push_still(plan, &parts.now, app, entries.clone());
    let place = app.instance.layout.clone();
    plan::push_files(plan, &parts.now, [place], Files::Copied);
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
    plan::push_let_go(plan, app, None);
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
