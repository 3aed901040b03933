//! Whether a copy of a schema is what its original is: the last guard before anything counts on it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::binary_log::Held;
use crate::model::undo::Table;
use crate::services::database::Server;
use crate::services::tables::{self, Known};
use crate::steps::SchemaCopy;

/// Up to this size the rows themselves are compared, and not only their number.
const COMPARED_BYTES: u64 = 1 << 30;

/// Tables that were seen to be the same while others wrote. It holds for as long as the binary log has
/// nothing of a table, and what the server itself knows of it, also of what no log has, stays as it is.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen(BTreeMap<String, Mark>);

/// What a table is known by that is not read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    /// When it was last written to.
    time: String,
    /// How many rows it has: what empties a table does not count as writing to it.
    rows: u64,
}

impl Seen {
    /// Forgets what a range of the log holds something of.
    pub fn keep(&mut self, held: &Held) {
        self.0.retain(|table, _| held.spares(table));
    }

    fn still(&self, table: &str, now: &Tables) -> bool {
        let time = self.0.get(table).map(|mark| &mark.time);
        let written = now.get(table).and_then(|known| known.written.as_ref());
        time.is_some() && time == written
    }
}

/// Compares both while others may write: what is the same in both, and was not written to of late.
/// What is written to meanwhile has to be in the log from where the copy stands.
///
/// # Errors
/// Exit 1 where they cannot be read.
pub fn seen(copy: &SchemaCopy, server: &Server<'_>) -> Result<Seen> {
    let known = tables::known(server, &copy.from)?;
    let there = server.tables(&copy.to)?;
    let counts = |(name, known): &(&String, &Known)| {
        known.written.is_some() && !copy.but.contains(name) && there.contains(name)
    };
    let counted = known.iter().filter(counts);
    let names: Vec<String> = counted.map(|(name, _)| name.clone()).collect();
    let (from, to) = both(copy, server, &names, &known)?;
    let same = known.into_iter().filter_map(|(name, known)| {
        let (state, time) = (from.get(&name)?, known.written?);
        let rows = state.rows;
        (to.get(&name) == Some(state)).then_some((name, Mark { time, rows }))
    });
    Ok(Seen(same.collect()))
}

/// Fails where the copy is not what the original is, to which nobody writes; the rows of what was
/// `seen` to be the same are not read again.
///
/// # Errors
/// Exit 1 with what is not the same.
pub fn compare(copy: &SchemaCopy, server: &Server<'_>, seen: &Seen) -> Result<()> {
    let all = same_shapes(copy, server)?;
    let known = tables::known(server, &copy.from)?;
    let (still, names): (Vec<String>, Vec<String>) = all
        .into_iter()
        .filter(|name| !copy.but.contains(name))
        .partition(|name| seen.still(name, &known));
    // Counting and reading at once: nobody may write for that time.
    let (counted, read) = std::thread::scope(|scope| {
        let counted = scope.spawn(|| tables::rows(server, &copy.from, &still));
        let read = both(copy, server, &names, &known);
        let broke_off = |_| Err(Error::failed("counting rows broke off"));
        (counted.join().unwrap_or_else(broke_off), read)
    });
    if let Some((name, rows)) = counted?
        .iter()
        .find(|(name, rows)| seen.0.get(*name).map(|mark| mark.rows) != Some(**rows))
    {
        return differs(format!("{name} has {rows} rows by now"));
    }
    let (from, to) = read?;
    match from
        .iter()
        .find(|(name, state)| to.get(*name) != Some(state))
    {
        None => Ok(()),
        Some((name, state)) => differs(format!(
            "{name} has {} rows, in the copy {}",
            state.rows,
            to.get(name).map_or(0, |there| there.rows)
        )),
    }
}

fn differs<T>(what: String) -> Result<T> {
    Err(Error::failed("the copy is not the same").why(what))
}

/// The tables and views of the original, which are made as those of the copy.
fn same_shapes(copy: &SchemaCopy, server: &Server<'_>) -> Result<Vec<String>> {
    let (from, to) = tables::shapes(server, (&copy.from, &copy.to))?;
    if let Some((name, _)) = from
        .iter()
        .find(|(name, shape)| to.get(*name) != Some(shape))
    {
        return differs(format!("the table {name} is missing or made otherwise"));
    }
    match to.keys().find(|name| !from.contains_key(*name)) {
        Some(name) => differs(format!("the table {name} is too much")),
        None => Ok(from.into_keys().collect()),
    }
}

type Tables = BTreeMap<String, Known>;
type States = BTreeMap<String, Table>;

/// What is in these tables of both, of those that the original has.
fn both(
    copy: &SchemaCopy,
    server: &Server<'_>,
    names: &[String],
    known: &Tables,
) -> Result<(States, States)> {
    let bytes: u64 = known.values().map(|known| known.bytes).sum();
    let whole = bytes <= COMPARED_BYTES;
    let of = |schema: &str| match whole {
        true => tables::states(server, schema, names),
        false => tables::counts(server, schema, names),
    };
    let (from, to) = std::thread::scope(|scope| {
        let to = scope.spawn(|| of(&copy.to));
        let broke_off = |_| Err(Error::failed("comparing the copy broke off"));
        (of(&copy.from), to.join().unwrap_or_else(broke_off))
    });
    Ok((from?, to?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(of: &[(&str, &str)]) -> Tables {
        let known = |time: &str| Known {
            written: Some(time.to_owned()).filter(|time| time != "just now"),
            bytes: 1,
        };
        of.iter()
            .map(|(table, time)| ((*table).to_owned(), known(time)))
            .collect()
    }

    fn marks(of: &[(&str, &str)]) -> BTreeMap<String, Mark> {
        let mark = |(table, known): (String, Known)| {
            let time = known.written.unwrap();
            (table, Mark { time, rows: 1 })
        };
        tables(of).into_iter().map(mark).collect()
    }

    #[test]
    fn what_was_seen_holds_until_the_log_or_the_server_says_otherwise() {
        let mut seen = Seen(marks(&[("a", "-"), ("b", "1"), ("c", "1")]));
        seen.keep(&Held {
            tables: ["c".to_owned()].into(),
            ..Held::default()
        });
        let still = |now: &[(&str, &str)], table: &str| seen.still(table, &tables(now));
        assert!(still(&[("a", "-")], "a") && still(&[("b", "1")], "b"));
        assert!(!still(&[("b", "2")], "b"), "what no log has");
        assert!(!still(&[("b", "just now")], "b"), "written to of late");
        assert!(!still(&[], "b"), "gone");
        assert!(!still(&[("c", "1")], "c"), "the log has something of it");
        assert!(!still(&[("d", "1")], "d"), "never seen");
        seen.keep(&Held {
            statements: true,
            ..Held::default()
        });
        assert_eq!(seen, Seen::default());
    }
}
