//! What the tables of a copy of a schema were known by when it was compared. A migration leaves most of
//! them alone, and what it left alone need not be read again while nobody may write.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::host::files;
use crate::model::undo::Table;
use crate::services::database::{Server, at_once};
use crate::services::tables::{self, Listed, Mark};

/// What tables are known by. Where that is wrong, somebody is said to have written to a table who did not;
/// never the other way round.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums(BTreeMap<String, Sum>);

/// What one is known by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Sum {
    /// What the server knows of it.
    mark: Mark,
    /// How it is made: a column can be added without writing to it.
    shape: String,
    /// What is in it.
    state: Table,
}

impl Sums {
    /// Of tables with these `states` and `shapes`; not of those that were written to of late, or of
    /// which only the number of rows is known.
    pub fn of(
        states: BTreeMap<String, Table>,
        listed: &Listed,
        mut shapes: BTreeMap<String, String>,
    ) -> Self {
        let sum = |(name, state): (String, Table)| {
            state.checksum?;
            let sum = Sum {
                mark: listed.get(&name)?.clone()?,
                shape: shapes.remove(&name)?,
                state,
            };
            Some((name, sum))
        };
        Sums(states.into_iter().filter_map(sum).collect())
    }

    /// Writes them down.
    ///
    /// # Errors
    /// Exit 1 or 6 with the path.
    pub fn note(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string(self)
            .map_err(|e| Error::failed("what the copy is known by cannot be written").why(e))?;
        files::write(path, &text, files::PRIVATE)
    }

    /// Those that were written down; none where they cannot be read: all is read then.
    ///
    /// # Errors
    /// Exit 1 with the path.
    pub fn noted(path: &Path) -> Result<Self> {
        let text = files::read_if_there(path)?.unwrap_or_default();
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    /// Those that hold for days: not those whose time the server does not know, which it may have forgotten
    /// since, with what was written before.
    pub fn lasting(mut self) -> Self {
        self.0.retain(|_, sum| !sum.mark.wants_counting());
        self
    }

    /// Whether the server knows of nothing that was done to a table.
    fn is_at_rest(&self, name: &str, listed: &Listed) -> bool {
        let then = self.0.get(name).map(|sum| &sum.mark);
        tables::is_untouched(name, then, listed)
    }

    /// What is in a table that is made so, and has so many rows where they had to be counted, if it is
    /// still the same.
    fn still(&self, name: &str, shape: &str, rows: Option<u64>) -> Option<&Table> {
        let sum = self.0.get(name)?;
        let as_many = rows.is_none_or(|rows| sum.state.rows == rows);
        (sum.shape == shape && as_many).then_some(&sum.state)
    }
}

/// What is in the tables of a schema, but for those, and what they are known by now; only what was done
/// something to since `sums` is read.
///
/// # Errors
/// Exit 1 with what the server says.
pub fn read(
    server: &Server<'_>,
    schema: &str,
    but: &[String],
    sums: &Sums,
) -> Result<(BTreeMap<String, Table>, Sums)> {
    let [listed] = tables::listed(server, [schema])?;
    let names: Vec<String> = listed
        .keys()
        .filter(|name| !but.contains(name))
        .cloned()
        .collect();
    let (at_rest, others): (Vec<String>, Vec<String>) = names
        .iter()
        .cloned()
        .partition(|name| sums.is_at_rest(name, &listed));
    let wants_counting = |name: &&String| {
        let sum = sums.0.get(*name);
        sum.is_some_and(|sum| sum.mark.wants_counting())
    };
    let to_count: Vec<String> = at_rest.iter().filter(wants_counting).cloned().collect();
    // All at once: nobody may write for that time.
    let (shapes, (counted, read)) = at_once(
        || tables::shapes(server, names.iter().map(|name| (schema, name.as_str()))),
        || {
            let counted = || tables::rows(server, schema, &to_count);
            at_once(counted, || tables::states(server, schema, &others))
        },
    );
    let (shapes, counted, mut states) = (shapes?, counted?, read?);
    let shapes: BTreeMap<String, String> = names.into_iter().zip(shapes).collect();
    let mut changed = Vec::new();
    for name in at_rest {
        let shape = shapes.get(&name).map(String::as_str).unwrap_or_default();
        match sums.still(&name, shape, counted.get(&name).copied()) {
            Some(state) => drop(states.insert(name, state.clone())),
            None => changed.push(name),
        }
    }
    states.extend(tables::states(server, schema, &changed)?);
    let sums = Sums::of(states.clone(), &listed, shapes);
    Ok((states, sums))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(of: &[(&str, Option<&str>)]) -> Listed {
        let mark = |time: &str| Mark {
            time: time.to_owned(),
            stored: vec![1],
        };
        of.iter()
            .map(|(name, time)| ((*name).to_owned(), time.map(mark)))
            .collect()
    }

    fn state(rows: u64, checksum: Option<u64>) -> Table {
        Table { rows, checksum }
    }

    #[test]
    fn what_was_known_holds_until_anything_was_done_to_a_table() {
        let then = listed(&[
            ("a", Some("1")),
            ("b", None),
            ("c", Some("-")),
            ("d", Some("1")),
        ]);
        let states = ["a", "b", "c"].map(|name| (name.to_owned(), state(2, Some(7))));
        let mut states = BTreeMap::from(states);
        states.insert("d".to_owned(), state(2, None));
        let shapes = ["a", "b", "c", "d"].map(|name| (name.to_owned(), "made so".to_owned()));
        let sums = Sums::of(states, &then, shapes.into());
        for name in ["a", "c"] {
            assert!(sums.is_at_rest(name, &then), "{name}");
        }
        assert!(!sums.is_at_rest("b", &then), "it was written to of late");
        assert!(!sums.is_at_rest("d", &then), "it was only counted");
        for (now, why) in [(Some("2"), "written to"), (None, "written to of late")] {
            assert!(!sums.is_at_rest("a", &listed(&[("a", now)])), "{why}");
        }
        assert!(!sums.is_at_rest("a", &listed(&[])), "gone");
        for rows in [None, Some(2)] {
            assert_eq!(sums.still("a", "made so", rows), Some(&state(2, Some(7))));
        }
        assert_eq!(sums.still("a", "made so", Some(0)), None, "it was emptied");
        assert_eq!(sums.still("a", "with a column more", None), None);
        let lasting = sums.lasting();
        assert!(lasting.is_at_rest("a", &then));
        assert!(!lasting.is_at_rest("c", &then), "the server may forget");
    }

    #[test]
    fn what_cannot_be_read_is_read_from_the_tables() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("main.sums");
        assert_eq!(Sums::noted(&path).unwrap(), Sums::default());
        let states = BTreeMap::from([("a".to_owned(), state(1, Some(2)))]);
        let shapes = BTreeMap::from([("a".to_owned(), "so".to_owned())]);
        let sums = Sums::of(states, &listed(&[("a", Some("1"))]), shapes);
        sums.note(&path).unwrap();
        assert_eq!(Sums::noted(&path).unwrap(), sums);
        std::fs::write(&path, "{").unwrap();
        assert_eq!(Sums::noted(&path).unwrap(), Sums::default());
    }
}
