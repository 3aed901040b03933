//! The application's own commands.

use crate::engine::{Channel, Input, Output};
use crate::error::{Error, Result};
use crate::model::container::ContainerSpec;
use crate::model::secret::Secret;
use crate::services::search;
use crate::steps::World;

/// How many of a failed command's last lines are shown.
const SHOWN: usize = 15;

/// How much of a command's output is kept for that.
const KEPT: usize = 64 * 1024;

/// Runs a command in a container of its own; anything but exit code 0 is a failure.
pub fn run_phase(
    world: &World<'_>,
    spec: &ContainerSpec,
    what: &str,
    input: Option<&Secret>,
) -> Result<()> {
    // One that an interrupted run left.
    world.engine.remove(&spec.name)?;
    let mut output = Output::default();
    let mut sink = |_: Channel, piece: &[u8]| {
        output.out.extend_from_slice(piece);
        let surplus = output.out.len().saturating_sub(KEPT);
        output.out.drain(..surplus);
    };
    let bytes = input.map(|secret| format!("{}\n", secret.reveal()));
    let input = match &bytes {
        Some(text) => Input::Bytes(text.as_bytes()),
        None => Input::Nothing,
    };
    let ended = world.engine.run(spec, input, &mut sink, world.timeout);
    let lines = output.last_lines(SHOWN);
    match ended {
        Ok(0) => Ok(()),
        Ok(code) => Err(Error::failed(format!("{what} failed"))
            .why(format!("the command ended with exit code {code}"))
            .tail(lines)),
        Err(error) => Err(error.tail(lines)),
    }
}

/// Deletes an index that was made here.
pub fn delete_index(world: &World<'_>, container: &str, index: &str) -> Result<()> {
    search::Server::in_container(world.engine, container)?.delete_index(index)
}
