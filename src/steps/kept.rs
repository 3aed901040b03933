//! Content that is kept as the way back, and what becomes of what was written to the one that took its
//! place.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::host::crash;
use crate::model::snapshot::Hold;
use crate::model::undo::Place;
use crate::services::search;
use crate::steps::database::server;
use crate::steps::noted::{Noted, written_since};
use crate::steps::{Order, World, snapshot};

/// What is kept of it, should it have to go again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// The content.
    pub noted: Noted,
    /// The snapshot that is taken of it then.
    pub order: Order,
}

/// Whether anybody wrote to new content that serves.
pub fn is_written_to(world: &World<'_>, written: &Written) -> Result<bool> {
    let Some(lines) = lines(world, written)? else {
        return Ok(false);
    };
    if !lines.is_empty() {
        let what = &written.order.instance;
        world.observer.note(&format!(
            "{what} was written to while it served the new content, so that stays: {}",
            lines.join("; ")
        ));
    }
    Ok(!lines.is_empty())
}

/// Before new content goes again that served: what was written to it goes into a snapshot. Nobody serves
/// it any more.
pub fn keep(world: &World<'_>, written: &Written) -> Result<()> {
    let lines = match lines(world, written)? {
        Some(lines) if !lines.is_empty() => lines.join("; "),
        _ => return Ok(()),
    };
    let order = Order {
        // No lock has to be waited for.
        hold: Hold::ReadOnly,
        ..written.order.clone()
    };
    let order = order.from_now()?;
    match snapshot::take(world, &order) {
        Err(error) if world.discard_new && !error.interrupted => {
            world.observer.warn(&format!("{error}; given up: {lines}"));
            snapshot::undo(&order)
        }
        Err(error) => Err(or_give_up(error)),
        Ok(()) => {
            world.observer.warn(&format!(
                "{} was written to while it served the new content ({lines}); that is in {}",
                order.instance,
                order.file.display()
            ));
            Ok(())
        }
    }
}

/// What was written to it; nothing where that cannot be told and is given up.
fn lines(world: &World<'_>, written: &Written) -> Result<Option<Vec<String>>> {
    match written_since(world.engine, &written.noted) {
        Ok(lines) => Ok(Some(lines)),
        Err(error) if world.discard_new => {
            world.observer.warn(&format!("given up: {error}"));
            Ok(None)
        }
        Err(error) => Err(or_give_up(error)),
    }
}

/// Whoever cannot mend it has another way.
fn or_give_up(error: Error) -> Error {
    Error::failed("what was written to the new content cannot be told or kept").why(format!(
        "{error}; where that cannot be mended: `recover --discard-new` gives it up"
    ))
}

/// Removes content: its schema, its user, its index.
pub fn drop_content(world: &World<'_>, database: &str, search: &str, place: &Place) -> Result<()> {
    let server = server(world, database);
    server.drop_schema(&place.schema)?;
    crash::point("after a schema was dropped");
    server.drop_account(&place.user)?;
    match &place.index {
        Some(index) => search::Server::in_container(world.engine, search)?.delete_index(index),
        None => Ok(()),
    }
}
