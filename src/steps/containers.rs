//! Containers that stay. Only what carries our labels for the same cluster is ever touched.

use crate::error::{Error, Result};
use crate::host::crash;
use crate::model::container::{Container, ContainerSpec, State};
use crate::model::label;
use crate::steps::World;

/// How long a stray may take to end by itself.
const STRAY_SECONDS: u64 = 10;

/// Makes and starts a container; one of ours that does not run gives way to it.
pub fn run(world: &World<'_>, spec: &ContainerSpec) -> Result<()> {
    if let Some(there) = world.engine.container(&spec.name)? {
        if !is_same(&there, spec) {
            return Err(taken(spec, &there));
        }
        match there.state {
            State::Running => return Ok(()),
            State::Paused => {
                return Err(
                    Error::refused(format!("the container {} is paused", spec.name))
                        .next(format!("docker unpause {}", spec.name)),
                );
            }
            _ => world.engine.remove(&spec.name)?,
        }
    }
    world.engine.create(spec)?;
    crash::point("after a container was made, before its start");
    if let Err(error) = world.engine.start(&spec.name) {
        // It never ran, so nothing is lost with it; the error of the start counts.
        let _ = world.engine.remove(&spec.name);
        return Err(error);
    }
    Ok(())
}

/// Stops and removes a container.
pub fn remove(world: &World<'_>, spec: &ContainerSpec) -> Result<()> {
    match world.engine.container(&spec.name)? {
        Some(there) if is_same(&there, spec) => {
            world.engine.stop(&spec.name, spec.stop_seconds)?;
            crash::point("after a container was stopped, before its removal");
            world.engine.remove(&spec.name)
        }
        _ => Ok(()),
    }
}

/// Stops and removes a container that nobody makes again.
pub fn remove_stray(world: &World<'_>, name: &str) -> Result<()> {
    if !is_ours(world, name)? {
        return Ok(());
    }
    world.engine.stop(name, STRAY_SECONDS)?;
    world.engine.remove(name)
}

/// Whether there is a container of this name that carries this cluster's label.
pub fn is_ours(world: &World<'_>, name: &str) -> Result<bool> {
    let root = world.layout.root().display().to_string();
    let there = world.engine.container(name)?;
    Ok(there.is_some_and(|c| c.labels.get(label::ROOT) == Some(&root)))
}

/// Removes a network that carries this cluster's label.
pub fn remove_network(world: &World<'_>, name: &str) -> Result<()> {
    let ours = world
        .engine
        .networks(&label::Selector::cluster(world.layout.root()))?;
    if ours.iter().any(|network| network.name == name) {
        world.engine.remove_network(name)?;
    }
    Ok(())
}

/// Whether a container of ours runs.
pub fn runs(world: &World<'_>, spec: &ContainerSpec) -> Result<bool> {
    let there = world.engine.container(&spec.name)?;
    Ok(there.is_some_and(|c| is_same(&c, spec) && c.state == State::Running))
}

/// Whether there is no container of this name.
pub fn is_gone(world: &World<'_>, name: &str) -> Result<bool> {
    Ok(world.engine.container(name)?.is_none())
}

/// Whether a container is the one that the spec means, by its labels.
fn is_same(there: &Container, spec: &ContainerSpec) -> bool {
    [label::ROOT, label::ROLE, label::INSTANCE]
        .iter()
        .all(|key| there.labels.get(*key) == spec.labels.get(*key))
}

fn taken(spec: &ContainerSpec, there: &Container) -> Error {
    let holder = match there.labels.get(label::ROOT) {
        Some(root) => format!("a container of the cluster in {root} has it"),
        None => format!("a container from {} has it", there.image),
    };
    Error::refused(format!("the container name {} is taken", spec.name))
        .why(holder)
        .next(format!("look at it: docker inspect {}", spec.name))
}
