//! Work that a stop would lose: waited for before, made up for after.

use crate::commands::observed::Observed;
use crate::commands::session::Session;
use crate::error::Result;
use crate::model::container::{Role, names};
use crate::services::app::App;
use crate::steps::Step;

/// The step that waits for it before a web process is stopped; none where the era has no such
/// work or the database does not run.
pub fn wait(app: &App<'_>, database_runs: bool) -> Option<Step> {
    let rules = app.contract.unfinished.as_ref()?;
    let rescue = rules.rescue.as_ref()?;
    database_runs.then(|| Step::AwaitUnfinished {
        instance: app.instance.name.clone(),
        database: names::service(&app.cluster.name, Role::Database),
        schema: app.instance.schema.clone(),
        count: rules.count.clone(),
        what: rules.what.clone(),
        seconds: rescue.wait_seconds,
        must_end: false,
    })
}

/// How long a background process is waited for that nothing takes the place of, in seconds, where
/// nothing else is said.
const LAST_WAIT: u64 = 120;

/// The step that waits for what a background process has to do, where the version to come has none:
/// what is in the queue then, nobody takes up again.
///
/// `works`: whether it is still at work; if not, there must be nothing.
pub fn wait_for_worker(now: &App<'_>, then: &App<'_>, works: bool) -> Option<Step> {
    let rules = now.contract.unfinished.as_ref()?;
    if now.contract.worker.is_none() || then.contract.worker.is_some() {
        return None;
    }
    Some(Step::AwaitUnfinished {
        instance: now.instance.name.clone(),
        database: names::service(&now.cluster.name, Role::Database),
        schema: now.instance.schema.clone(),
        count: rules.count.clone(),
        what: rules.what.clone(),
        seconds: if works { LAST_WAIT } else { 0 },
        must_end: true,
    })
}

/// Says so where nobody can tell whether there is any.
pub fn warn_if_unknown(session: &Session<'_>, app: &App<'_>, observed: &Observed) {
    if let Some(rules) = &app.contract.unfinished
        && rules.rescue.is_some()
        && !observed.service_runs(Role::Database)
    {
        session.context.observer.warn(&format!(
            "the database does not run, so {} of {} are not waited for; the next start makes up for them",
            rules.what, app.instance.name
        ));
    }
}

/// The step that makes up for what a stop or a crash lost, after the instance is healthy again.
///
/// # Errors
/// Exit 2 where the configured repository is none.
pub fn mend(app: &App<'_>, operation: &str) -> Result<Option<Step>> {
    let Some(rules) = &app.contract.unfinished else {
        return Ok(None);
    };
    let Some(rescue) = &rules.rescue else {
        return Ok(None);
    };
    let spec = app.phase(&rescue.mend, operation)?;
    Ok(Some(Step::Mend {
        spec: Box::new(spec),
        what: rules.what.clone(),
        web: names::of_instance(&app.cluster.name, &app.instance.name, Role::Web, ""),
        database: names::service(&app.cluster.name, Role::Database),
        schema: app.instance.schema.clone(),
        stale: rescue.stale.clone(),
    }))
}
