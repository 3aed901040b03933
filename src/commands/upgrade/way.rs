//! How the search index of the new version is made before anybody is kept from writing.

use crate::commands::server_change::Change;
use crate::commands::session::Session;
use crate::host::clock;
use crate::model::contract::Contract;
use crate::model::instance::Instance;
use crate::services::database::Server;
use crate::services::replay;
use crate::steps::Ahead;

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
    /// Of an instance that `runs` or not, with another server that is to come or none; asks the database for
    /// the rest of it.
    pub fn of(session: &Session<'_>, runs: bool, change: Option<&Change>) -> Self {
        let server = Server::of(session.context.engine, &session.cluster);
        // A database that does not answer is refused for that, with more words.
        let follows = replay::can_be_followed(&server).unwrap_or(true);
        Given {
            serves: runs && !change.is_some_and(Change::stops_all),
            same_search: change.is_none_or(|change| change.new_search().is_none()),
            follows,
        }
    }
}
