//! Schemas and accounts.

use crate::error::{Error, Result};
use crate::model::container::{Container, Role, State};
use crate::services::database::Server;
use crate::services::read_only;
use crate::services::rights::Rights;
use crate::steps::{World, wait};

/// How long a server may take that is put up again: to give up would help nobody, and one that ends is seen
/// at once.
const UP_AGAIN_SECONDS: u64 = 600;

/// The server in a container.
pub fn server<'a>(world: &World<'a>, container: &str) -> Server<'a> {
    Server::in_container(world.engine, container.to_owned())
}

/// Fails if a schema has a table in it.
pub fn check_empty(world: &World<'_>, container: &str, schema: &str) -> Result<()> {
    let tables = server(world, container).tables(schema)?;
    if tables.is_empty() {
        return Ok(());
    }
    Err(Error::refused(format!(
        "the schema {schema} is not empty, and the first set-up would drop all of it"
    ))
    .why(format!("it has {} tables", tables.len()))
    .next("the instance is set up already: `start` it"))
}

/// Leaves a schema empty that was empty before.
pub fn empty(world: &World<'_>, container: &str, schema: &str) -> Result<()> {
    let server = server(world, container);
    server.drop_schema(schema)?;
    server.make_schema(schema)
}

/// Gives the rights back that were taken, as soon as the server answers: an undo may just have put it up
/// again. No limit that was meant for something else cuts that off, for nobody is served before.
pub fn give_back(world: &World<'_>, container: &str, rights: &Rights) -> Result<()> {
    let patient = World {
        timeout: None,
        ..*world
    };
    wait::for_service(&patient, Role::Database, container, UP_AGAIN_SECONDS)?;
    for account in read_only::give_back(&server(world, container), rights)? {
        world.observer.warn(&format!(
            "the database user {account} is gone, so it gets no rights on {} back",
            rights.schema
        ));
    }
    Ok(())
}

/// Gives back what a killed background process had taken, unless one is at work.
pub fn release_work(
    world: &World<'_>,
    worker: &str,
    container: &str,
    schema: &str,
    statement: &str,
) -> Result<()> {
    let runs = |c: Container| matches!(c.state, State::Running | State::Restarting);
    if world.engine.container(worker)?.is_some_and(runs) {
        return Ok(());
    }
    server(world, container).execute(schema, statement)
}
