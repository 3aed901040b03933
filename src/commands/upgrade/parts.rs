//! What an upgrade is made of.

use std::path::PathBuf;

use crate::commands::kept::Found;
use crate::commands::server_change::Change;
use crate::commands::upgrade::apart::Apart;
use crate::commands::upgrade::crossing::Crossing;
use crate::commands::upgrade::way::Way;
use crate::model::undo::Kept;
use crate::services::app::App;
use crate::services::rights::Rights;
use crate::steps::{Entry, Texts};

/// What an upgrade is made of.
pub struct Parts<'a> {
    /// The instance as it serves now.
    pub now: App<'a>,
    /// The instance on the copy, where nobody reaches it.
    pub beside: App<'a>,
    /// The instance on the copy, in its place.
    pub then: App<'a>,
    /// The files that stand beside it before.
    pub entries: Vec<Entry>,
    /// Whether the database has a log by which a copy can follow what is written.
    pub follows: bool,
    /// How its search index is made while others still write.
    pub way: Way,
    /// The instance on a copy that only the index is made of, and the files that stand beside that.
    pub ahead: Option<(App<'a>, Vec<Entry>)>,
    /// What of these takes the place of what is there, the configuration last.
    pub exchanged: Vec<String>,
    /// What those said that give way, when the new ones were made of them.
    pub planned: Texts,
    /// What another era has differently.
    pub crossing: &'a Crossing,
    /// The servers that a rehearsal has to itself, where it does.
    pub apart: Option<&'a Apart>,
    /// Another server that the cluster shares, if there is to be one.
    pub change: Option<&'a Change>,
    /// What is written down of the content that gives way.
    pub kept: Kept,
    /// Where that content goes.
    pub undo: PathBuf,
    /// Content that an earlier operation kept.
    pub earlier: Vec<Found>,
    /// What its database user may do, where writers are kept out.
    pub rights: Option<Rights>,
    /// The same of the other instances, where they get another database server.
    pub others: Vec<Rights>,
    /// Whether a snapshot is taken before.
    pub snapshot: bool,
}
