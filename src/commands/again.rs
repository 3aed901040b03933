//! What an undo starts again is waited for, so that what is said of it then is true: that all is as before.

use crate::commands::observed::Observed;
use crate::commands::session::Session;
use crate::error::{Error, Kind, Result};
use crate::host::store;
use crate::model::container::Role;
use crate::model::name::Name;
use crate::steps::{self, World};

/// Waits for the web processes that the undo of an operation which began at this moment, in seconds, started
/// again. One that does not answer is told beside what made the operation fail.
pub fn await_them(session: &Session<'_>, world: &World<'_>, began: i64, failed: &Error) {
    // Who is not done is not waited for, nor who was told to end.
    if failed.kind == Kind::HalfDone || failed.interrupted {
        return;
    }
    if let Err(error) = await_started(session, world, began) {
        world
            .observer
            .warn(&format!("all is put back, but {error}"));
    }
}

fn await_started(session: &Session<'_>, world: &World<'_>, began: i64) -> Result<()> {
    let observed = Observed::containers(world.engine, &session.cluster)?;
    let mut seconds = 0;
    let mut started: Vec<Name> = Vec::new();
    for name in store::instance_names(&session.cluster)? {
        let web = observed.of_instance(&name, Role::Web);
        let at = web.and_then(|web| world.engine.container(&web.name).transpose());
        let at = at.transpose()?.and_then(|web| web.started_at);
        if at.is_some_and(|at| at >= began) {
            let instance = store::instance(&session.cluster, &name)?;
            let contract = session.contracts.covering(&instance.version)?;
            seconds = contract.web.start_seconds.max(seconds);
            started.push(name);
        }
    }
    if started.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = started.iter().map(Name::as_str).collect();
    let names = names.join(", ");
    world
        .observer
        .note(&format!("waiting until {names} answers again"));
    steps::for_instances(world, &started, seconds)
}
