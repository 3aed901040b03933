//! Whether a copy of a schema is what its original is: the last guard before anything counts on it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::binary_log::Held;
use crate::model::undo::Table;
use crate::services::database::{Server, at_once};
use crate::services::tables::{self, Listed, Mark};
use crate::steps::SchemaCopy;
use crate::steps::sums::Sums;

/// Tables that were seen to be the same while others wrote. It holds for as long as the binary log has
/// nothing of a table, and what the server itself knows of it, also of what no log has, stays as it is.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen(BTreeMap<String, Same>);

/// A table that is not read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Same {
    /// What it is known by.
    mark: Mark,
    /// What is in it.
    state: Table,
}

impl Seen {
    /// Forgets what a range of the log holds something of.
    pub fn keep(&mut self, held: &Held) {
        self.0.retain(|table, _| held.spares(table));
    }

    fn still(&self, table: &str, now: &Listed) -> bool {
        let then = self.0.get(table).map(|same| &same.mark);
        tables::is_untouched(table, then, now)
    }
}

/// Compares both while others may write: what is the same in both, and was not written to of late.
/// What is written to meanwhile has to be in the log from where the copy stands.
///
/// # Errors
/// Exit 1 where they cannot be read.
pub fn seen(copy: &SchemaCopy, server: &Server<'_>) -> Result<Seen> {
    let [from, to] = tables::listed(server, [&copy.from, &copy.to])?;
    let counts = |name: &&String| {
        from.get(*name).is_some_and(Option::is_some)
            && !copy.but.contains(name)
            && to.contains_key(*name)
    };
    let names: Vec<String> = from.keys().filter(counts).cloned().collect();
    let (in_from, mut in_to) = both(copy, server, &names)?;
    let same = from.into_iter().filter_map(|(name, known)| {
        let (state, mark) = (in_to.remove(&name)?, known?);
        (in_from.get(&name) == Some(&state)).then_some((name, Same { mark, state }))
    });
    Ok(Seen(same.collect()))
}

/// Fails where the copy is not what the original is, to which nobody writes; the rows of what was
/// `seen` to be the same are not read again. What the copy's tables are known by.
///
/// # Errors
/// Exit 1 with what is not the same.
pub fn compare(copy: &SchemaCopy, server: &Server<'_>, seen: &Seen) -> Result<Sums> {
    let [from, to] = tables::listed(server, [&copy.from, &copy.to])?;
    if from.is_empty() {
        return differs(format!("the database shows no tables of {}", copy.from));
    }
    let (still, names): (Vec<String>, Vec<String>) = from
        .keys()
        .filter(|name| !copy.but.contains(name))
        .cloned()
        .partition(|name| seen.still(name, &from));
    let same = still
        .into_iter()
        .filter_map(|name| seen.0.get_key_value(&name));
    let (to_count, same): (Vec<_>, Vec<_>) = same.partition(|(_, same)| same.mark.wants_counting());
    let to_count: Vec<String> = to_count.into_iter().map(|(name, _)| name.clone()).collect();
    // All at once: nobody may write for that time.
    let (shapes, (counted, read)) = at_once(
        || same_shapes(copy, server, (&from, &to)),
        || {
            let counted = || tables::rows(server, &copy.from, &to_count);
            at_once(counted, || both(copy, server, &names))
        },
    );
    let shapes = shapes?;
    let mut states: States = same
        .into_iter()
        .map(|(name, same)| (name.clone(), same.state.clone()))
        .collect();
    for (name, rows) in counted? {
        match seen.0.get(&name).map(|same| &same.state) {
            Some(state) if state.rows == rows => drop(states.insert(name, state.clone())),
            then => {
                let then = then.map_or(0, |state| state.rows);
                return differs(format!("{name} has {rows} rows by now, and had {then}"));
            }
        }
    }
    let (in_from, mut in_to) = read?;
    for (name, state) in in_from {
        match in_to.remove(&name) {
            Some(there) if there == state => drop(states.insert(name, state)),
            Some(there) if there.rows == state.rows => {
                return differs(format!("{name} has as many rows, but others"));
            }
            there => {
                return differs(format!(
                    "{name} has {} rows, in the copy {}",
                    state.rows,
                    there.map_or(0, |there| there.rows)
                ));
            }
        }
    }
    Ok(Sums::of(states, &to, shapes))
}

fn differs<T>(what: String) -> Result<T> {
    Err(Error::failed("the copy is not the same").why(what))
}

/// How each table and view is made, which is the same in both.
fn same_shapes(
    copy: &SchemaCopy,
    server: &Server<'_>,
    (from, to): (&Listed, &Listed),
) -> Result<BTreeMap<String, String>> {
    if let Some(name) = to.keys().find(|name| !from.contains_key(*name)) {
        return differs(format!("the table {name} is too much"));
    }
    if let Some(name) = from.keys().find(|name| !to.contains_key(*name)) {
        return differs(format!("the table {name} is missing"));
    }
    let of = |schema| from.keys().map(move |name| (schema, name.as_str()));
    let both = of(copy.from.as_str()).chain(of(&copy.to));
    let mut shapes = tables::shapes(server, both)?;
    let there = shapes.split_off(from.len());
    let mut made = from.keys().zip(&shapes).zip(&there);
    match made.find(|((_, shape), there)| shape != there) {
        Some(((name, _), _)) => differs(format!("the table {name} is made otherwise")),
        None => Ok(from.keys().cloned().zip(shapes).collect()),
    }
}

type States = BTreeMap<String, Table>;

/// What is in these tables of both.
fn both(copy: &SchemaCopy, server: &Server<'_>, names: &[String]) -> Result<(States, States)> {
    let of = |schema: &str| tables::states(server, schema, names);
    let (from, to) = at_once(|| of(&copy.from), || of(&copy.to));
    Ok((from?, to?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(of: &[(&str, &str)]) -> Listed {
        let mark = |time: &str| Mark {
            time: time.to_owned(),
            stored: vec![1],
        };
        let known = |time: &str| Some(mark(time)).filter(|mark| mark.time != "just now");
        of.iter()
            .map(|(table, time)| ((*table).to_owned(), known(time)))
            .collect()
    }

    fn same(of: &[(&str, &str)]) -> BTreeMap<String, Same> {
        let same = |(table, mark): (String, Option<Mark>)| {
            let mark = mark.unwrap();
            let state = Table {
                rows: 1,
                checksum: Some(1),
            };
            (table, Same { mark, state })
        };
        tables(of).into_iter().map(same).collect()
    }

    #[test]
    fn what_was_seen_holds_until_the_log_or_the_server_says_otherwise() {
        let mut seen = Seen(same(&[("a", "-"), ("b", "1"), ("c", "1")]));
        seen.keep(&Held {
            tables: ["c".to_owned()].into(),
            ..Held::default()
        });
        let still = |now: &[(&str, &str)], table: &str| seen.still(table, &tables(now));
        assert!(still(&[("a", "-")], "a") && still(&[("b", "1")], "b"));
        assert!(!still(&[("b", "2")], "b"), "what no log has");
        assert!(!still(&[("b", "just now")], "b"), "written to of late");
        assert!(!still(&[], "b"), "gone");
        let mut emptied = tables(&[("b", "1")]);
        let mark = emptied.get_mut("b").and_then(Option::as_mut);
        mark.unwrap().stored = vec![2];
        assert!(!seen.still("b", &emptied), "emptied behind the log");
        assert!(!still(&[("c", "1")], "c"), "the log has something of it");
        assert!(!still(&[("d", "1")], "d"), "never seen");
        seen.keep(&Held {
            statements: true,
            ..Held::default()
        });
        assert_eq!(seen, Seen::default());
    }
}
