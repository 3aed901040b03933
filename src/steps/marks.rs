//! What the server knows of the tables of a schema without reading them: enough to see that nobody wrote to
//! them within a short time, and cheap.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::host::files;
use crate::services::database::Server;
use crate::services::tables::{self, Listed};

/// What tables are known by. Where that says nothing, somebody is said to have written.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// When the server was started, in seconds since 1970: it forgets then when tables were written to.
    started: Option<i64>,
    tables: Listed,
}

impl Marks {
    /// Those of a schema, now.
    ///
    /// # Errors
    /// Exit 1 with what the server says; 5 where the engine cannot be reached.
    pub fn of(engine: &dyn Engine, container: &str, schema: &str) -> Result<Self> {
        let server = Server::in_container(engine, container.to_owned());
        let [tables] = tables::listed(&server, [schema])?;
        let there = engine.container(container)?;
        Ok(Marks {
            started: there.and_then(|container| container.started_at),
            tables,
        })
    }

    /// Writes them down.
    ///
    /// # Errors
    /// Exit 1 or 6 with the path.
    pub fn note(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string(self)
            .map_err(|e| Error::failed("what tables are known by cannot be written").why(e))?;
        files::write(path, &text, files::PRIVATE)
    }

    /// Those that were written down; none where they cannot be read.
    ///
    /// # Errors
    /// Exit 1 with the path.
    pub fn noted(path: &Path) -> Result<Self> {
        let text = files::read_if_there(path)?.unwrap_or_default();
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    /// One line for each table that may have been written to since `then`, but for those.
    pub fn changed_since(&self, then: &Marks, but: &[String]) -> Vec<String> {
        let same_server = self.started.is_some() && self.started == then.started;
        let names = self.tables.keys().chain(then.tables.keys());
        let names: std::collections::BTreeSet<&String> = names.collect();
        let is_untouched = |name: &str| match (then.tables.get(name), self.tables.get(name)) {
            // One that was written to of late had no mark; a view has none.
            (Some(None), Some(None)) => true,
            (Some(Some(then)), Some(Some(now))) => {
                same_server && then == now && !now.stored.is_empty()
            }
            _ => false,
        };
        let changed = names.into_iter().filter(|name| !but.contains(name));
        changed
            .filter(|name| !is_untouched(name))
            .map(|name| format!("{name}: was perhaps written to"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::tables::Mark;

    fn marks(started: i64, tables: &[(&str, Option<&str>)]) -> Marks {
        let mark = |time: &str| Mark {
            time: time.to_owned(),
            stored: vec![1],
        };
        let tables = tables.iter();
        Marks {
            started: Some(started),
            tables: tables
                .map(|(name, time)| ((*name).to_owned(), time.map(mark)))
                .collect(),
        }
    }

    #[test]
    fn what_the_server_cannot_vouch_for_was_perhaps_written_to() {
        let then = marks(1, &[("a", Some("-")), ("b", Some("7")), ("view", None)]);
        let changed = |now: &Marks| {
            let lines = now.changed_since(&then, &["sessions".to_owned()]);
            let names = lines.iter().map(|line| line.split(':').next().unwrap());
            names.map(str::to_owned).collect::<Vec<_>>()
        };
        assert!(changed(&then).is_empty());
        let written = marks(1, &[("a", None), ("b", Some("8")), ("view", None)]);
        assert_eq!(changed(&written), ["a", "b"]);
        let restarted = marks(2, &[("a", Some("-")), ("b", Some("7")), ("view", None)]);
        assert_eq!(changed(&restarted), ["a", "b"]);
        let others = marks(
            1,
            &[("a", Some("-")), ("new", Some("1")), ("sessions", None)],
        );
        assert_eq!(changed(&others), ["b", "new", "view"]);
        assert_eq!(then.changed_since(&Marks::default(), &[]).len(), 3);
    }
}
