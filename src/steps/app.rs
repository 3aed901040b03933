//! The application's own commands.

use std::time::Duration;

use crate::engine::{Channel, Input, Output};
use crate::error::{Error, Result};
use crate::host::clock;
use crate::model::container::{ContainerSpec, State};
use crate::model::secret::Secret;
use crate::services::search;
use crate::steps::database::server;
use crate::steps::{Step, World, containers};

/// How long counting lost work may take.
const COUNTING: Duration = Duration::from_secs(10);

/// How many of a failed command's last lines are shown.
const SHOWN: usize = 30;

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
    if containers::is_ours(world, &spec.name)? {
        world.engine.remove(&spec.name)?;
    }
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
    let lines = telling(output.last_lines(usize::MAX));
    match ended {
        Ok(0) => Ok(()),
        Ok(code) => Err(Error::failed(format!("{what} failed"))
            .why(format!("the command ended with exit code {code}"))
            .tail(lines)),
        Err(error) => Err(error.tail(lines)),
    }
}

/// The last lines, without those of libraries in a backtrace: they would push out what went wrong.
fn telling(mut lines: Vec<String>) -> Vec<String> {
    // The first line of an exception goes on behind the place, with what is wrong.
    lines.retain(|line| {
        let is_place = line.contains(":in ") && line.trim_end().ends_with('\'');
        !(is_place && line.contains("/gems/"))
    });
    lines.split_off(lines.len().saturating_sub(SHOWN))
}

/// Makes up for lost work, if there is any.
pub fn mend(world: &World<'_>, step: &Step) -> Result<()> {
    let Step::Mend {
        spec,
        what,
        web,
        database,
        schema,
        stale,
    } = step
    else {
        return Ok(());
    };
    let started = world.engine.container(web)?.and_then(|c| c.started_at);
    // Both are whole seconds. What was begun in that of the start was begun before it: no application
    // answers within a second.
    let before = (started.unwrap_or_else(clock::now) + 1).to_string();
    let query = stale.replace("{before}", &before);
    let lost = server(world, database).count(schema, &query, COUNTING)?;
    if lost == 0 {
        return Ok(());
    }
    world.observer.note(&format!("making up for {lost} {what}"));
    run_phase(world, spec, &format!("making up for {what}"), None)
}

/// Deletes an index that was made here.
pub fn delete_index(world: &World<'_>, container: &str, index: &str) -> Result<()> {
    search::Server::in_container(world.engine, container)?.delete_index(index)
}

/// Makes an index anew where it has another number of documents than its table says.
pub fn compare_index(world: &World<'_>, step: &Step) -> Result<()> {
    let Step::CompareIndex {
        spec,
        search,
        index,
        database,
        schema,
        documents,
        ..
    } = step
    else {
        return Ok(());
    };
    let there = search::Server::in_container(world.engine, search)?.count(index)?;
    match (
        server(world, database).count(schema, documents, COUNTING),
        there,
    ) {
        (Ok(wanted), Some(there)) if wanted == there => return Ok(()),
        (Ok(wanted), there) => world.observer.note(&format!(
            "the index {index} has {} documents of {wanted}",
            there.unwrap_or(0)
        )),
        // A schema that cannot be counted so is no reason against a whole index.
        (Err(error), _) => world.observer.note(&format!(
            "nobody can tell whether the index {index} is whole: {error}"
        )),
    }
    run_phase(
        world,
        spec,
        &format!("filling the search index {index}"),
        None,
    )
}

/// Deletes an index that was made on a server of ours; with the server gone nobody asks for it.
pub fn forget_index(world: &World<'_>, container: &str, index: &str) -> Result<()> {
    let there = world.engine.container(container)?;
    match there.is_some_and(|c| c.state == State::Running) {
        true => delete_index(world, container, index),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_wrong_is_seen_before_a_long_backtrace() {
        let mut lines = vec![
            "StandardError: no".to_owned(),
            "/app/a.rb:1:in `up'".to_owned(),
        ];
        let library = |n| format!("/usr/share/gems/rake/b.rb:{n}:in `each'");
        lines.extend((0..200).map(library));
        let raised = "/usr/share/gems/mysql2/c.rb:1:in `query': no such table (Mysql2::Error)";
        assert_eq!(telling(vec![raised.to_owned()]), [raised]);
        assert_eq!(telling(lines), ["StandardError: no", "/app/a.rb:1:in `up'"]);
        let many: Vec<String> = (0..100).map(|n| n.to_string()).collect();
        assert_eq!(telling(many).first().unwrap(), "70");
    }
}
