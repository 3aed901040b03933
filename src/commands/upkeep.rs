//! What every changing verb does at its end: keeps the binary log within its limit, lets
//! former content go whose time is over, and measures.
//! None of it can fail the verb.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::commands::kept;
use crate::commands::session::Session;
use crate::engine::Engine;
use crate::error::Result;
use crate::host::{clock, files, sizes, store};
use crate::model::cluster::Cluster;
use crate::model::layout::ClusterLayout;
use crate::model::memory::human;
use crate::model::name::Name;
use crate::services::database::Server;

/// How long counting one instance's files may take.
const LIMIT: Duration = Duration::from_secs(2);

/// How big an instance was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// When, in seconds since 1970.
    pub at: i64,
    /// Its files in bytes.
    pub files_bytes: u64,
    /// Whether all files were counted.
    pub files_whole: bool,
    /// Its schema in bytes, as the database estimates it.
    pub schema_bytes: u64,
}

/// Measures these instances and purges surplus logs.
pub fn after(session: &Session<'_>, names: &[Name]) {
    let context = session.context;
    if context.flags.dry_run {
        return;
    }
    let server = Server::of(context.engine, &session.cluster);
    match server.purge_logs(session.cluster.binlog_limit.0) {
        Ok(0) => {}
        Ok(bytes) => context.observer.note(&format!(
            "{} of old binary logs were purged (BINLOG_LIMIT)",
            human(bytes)
        )),
        Err(error) => context.observer.note(&format!("binary logs: {error}")),
    }
    for name in names {
        if let Err(error) = kept::drop_expired(session, name) {
            context
                .observer
                .note(&format!("former content of {name}: {error}"));
        }
        if let Err(error) = measure(context.engine, &session.cluster, name) {
            context.observer.note(&format!("sizes of {name}: {error}"));
        }
    }
}

fn measure(engine: &dyn Engine, cluster: &Cluster, name: &Name) -> Result<()> {
    let instance = store::instance(cluster, name)?;
    let size = sizes::of_directory(&instance.layout.data(), LIMIT);
    let measured = Measured {
        at: clock::now(),
        files_bytes: size.bytes,
        files_whole: size.whole,
        schema_bytes: Server::of(engine, cluster).schema_bytes(&instance.schema)?,
    };
    let path = cluster.layout.measured(name);
    if let Some(directory) = path.parent() {
        files::make_directory(directory, 0o700, None)?;
    }
    let text = serde_json::to_string(&measured).unwrap_or_default();
    files::write(&path, &text, files::PRIVATE)
}

/// What was measured last; nothing where nothing was.
pub fn last_measured(layout: &ClusterLayout, name: &Name) -> Option<Measured> {
    let text = files::read_if_there(&layout.measured(name)).ok()??;
    serde_json::from_str(&text).ok()
}
