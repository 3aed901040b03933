//! Work that a stop would lose: waited for before, made up for after.

use std::time::Duration;

use crate::commands::session::Session;
use crate::error::Result;
use crate::model::container::{Role, names};
use crate::model::label;
use crate::services::app::App;
use crate::services::database::Server;
use crate::steps::Step;

/// How long the count may take.
const LIMIT: Duration = Duration::from_secs(10);

/// The step that waits for it before a web process is stopped; none where the era has no such
/// work or the database does not run.
pub fn wait(app: &App<'_>, database_runs: bool) -> Option<Step> {
    let rules = app.contract.unfinished.as_ref()?;
    database_runs.then(|| Step::AwaitUnfinished {
        instance: app.instance.name.clone(),
        database: names::service(&app.cluster.name, Role::Database),
        schema: app.instance.schema.clone(),
        count: rules.count.clone(),
        what: rules.what.clone(),
        seconds: rules.wait_seconds,
    })
}

/// How much of it nobody works on any more: what was begun before `before` (seconds since 1970).
///
/// # Errors
/// Exit 1 where the database cannot be asked.
pub fn stale(session: &Session<'_>, app: &App<'_>, before: i64) -> Result<u64> {
    let Some(rules) = &app.contract.unfinished else {
        return Ok(0);
    };
    let query = rules.stale.replace("{before}", &before.to_string());
    Server::of(session.context.engine, app.cluster).count(&app.instance.schema, &query, LIMIT)
}

/// The step that makes up for it.
///
/// # Errors
/// Exit 2 where the configured repository is none.
pub fn mend(session: &Session<'_>, app: &App<'_>) -> Result<Option<Step>> {
    let Some(rules) = &app.contract.unfinished else {
        return Ok(None);
    };
    let mut spec = app.command(Role::Run, &rules.mend, &session.id)?;
    spec.labels
        .insert(label::OPERATION.to_owned(), session.id.clone());
    Ok(Some(Step::Mend {
        spec: Box::new(spec),
        what: rules.what.clone(),
    }))
}
