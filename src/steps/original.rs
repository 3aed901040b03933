//! Containers of the original's, which carry no label of ours: only such are touched here.

use crate::error::Result;
use crate::host::crash;
use crate::model::container::{Container, State, names};
use crate::model::label;
use crate::steps::World;

/// Stops a container and gives it another name, so that ours can have its own.
pub fn set_aside(world: &World<'_>, name: &str, seconds: u64) -> Result<()> {
    if of_original(world, name)?.is_none() {
        return Ok(());
    }
    world.engine.stop(name, seconds)?;
    crash::point("after a container was stopped, before it was renamed");
    world.engine.rename(name, &names::set_aside(name))
}

/// Gives it its name back, and starts it if it ran.
pub fn put_back(world: &World<'_>, name: &str, ran: bool) -> Result<()> {
    let aside = names::set_aside(name);
    if of_original(world, &aside)?.is_some() {
        world.engine.rename(&aside, name)?;
        crash::point("after a container was renamed, before its start");
    }
    match of_original(world, name)? {
        Some(there) if ran && there.state != State::Running => world.engine.start(name),
        _ => Ok(()),
    }
}

/// Removes one that was set aside.
pub fn remove(world: &World<'_>, name: &str) -> Result<()> {
    match of_original(world, name)? {
        Some(_) => world.engine.remove(name),
        None => Ok(()),
    }
}

fn of_original(world: &World<'_>, name: &str) -> Result<Option<Container>> {
    let there = world.engine.container(name)?;
    Ok(there.filter(|c| !c.labels.contains_key(label::ROOT)))
}
