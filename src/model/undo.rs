//! Content that another one took the place of, kept for a while: the way back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::image::ImageRef;
use crate::model::instance::Instance;

/// How long it is kept, in seconds.
pub const KEPT_SECONDS: i64 = 7 * 86_400;

/// The file that describes it.
pub const RECORD: &str = "undo.json";

/// The directory beside it that has the files.
pub const CONTENT: &str = "content";

/// The file beside it that says which files the new content had.
pub const FILES: &str = "files.noted";

/// The file beside it that says what the server knew of the new content's tables.
pub const TABLES: &str = "tables.noted";

/// Where content is, apart from its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The schema.
    pub schema: String,
    /// The database user that reaches it.
    pub user: String,
    /// The search index, where there is one.
    pub index: Option<String>,
}

impl Place {
    /// Where an instance has its content.
    pub fn of(instance: &Instance) -> Self {
        Place {
            schema: instance.schema.clone(),
            user: instance.database_user.clone(),
            index: instance.index.clone(),
        }
    }
}

/// What a table is known by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// How many rows it has.
    pub rows: u64,
    /// The server's checksum of them; nothing for a view.
    pub checksum: Option<u64>,
}

/// Content that was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The verb that took its place.
    pub verb: String,
    /// What took its place: a snapshot's file.
    pub from: String,
    /// When, in seconds since 1970.
    pub since: i64,
    /// The kept content.
    pub old: Place,
    /// The content that took its place.
    pub new: Place,
    /// The image of the search server of before, where that was changed too.
    #[serde(default)]
    pub search: Option<ImageRef>,
    /// What was exchanged in the instance's directory.
    pub entries: Vec<String>,
    /// The tables of the new content, before anybody wrote to it.
    pub tables: BTreeMap<String, Table>,
    /// Whether its tables were not read: the server alone knows then whether they were written to.
    #[serde(default)]
    pub by_marks: bool,
    /// What was in those of its files that are not among others, likewise; nothing in one that there was
    /// not.
    #[serde(default)]
    pub texts: BTreeMap<String, Option<String>>,
}

impl Kept {
    /// When it goes, in seconds since 1970.
    pub fn until(&self) -> i64 {
        self.since + KEPT_SECONDS
    }

    /// What was written since, one line for each table; `now` is how the tables are now.
    pub fn written_since(&self, now: &BTreeMap<String, Table>) -> Vec<String> {
        let mut lines = Vec::new();
        for (name, table) in now {
            match self.tables.get(name) {
                None => lines.push(format!("{name}: new, {} rows", table.rows)),
                Some(then) if then == table => {}
                Some(then) if then.rows == table.rows => {
                    lines.push(format!("{name}: rows were changed"));
                }
                Some(then) => {
                    lines.push(format!("{name}: {} rows, {} before", table.rows, then.rows));
                }
            }
        }
        let gone = self.tables.keys().filter(|name| !now.contains_key(*name));
        lines.extend(gone.map(|name| format!("{name}: gone")));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_since_is_told_by_table() {
        let table = |rows, checksum| Table {
            rows,
            checksum: Some(checksum),
        };
        let place = Place {
            schema: "kor_a".to_owned(),
            user: "kor_a".to_owned(),
            index: None,
        };
        let kept = Kept {
            verb: "import".to_owned(),
            from: "f".to_owned(),
            since: 0,
            old: place.clone(),
            new: place,
            search: None,
            entries: Vec::new(),
            tables: ["a", "b", "c", "d"]
                .map(|name| (name.to_owned(), table(1, 1)))
                .into(),
            by_marks: false,
            texts: BTreeMap::new(),
        };
        let now = BTreeMap::from([
            ("a".to_owned(), table(1, 1)),
            ("b".to_owned(), table(1, 2)),
            ("c".to_owned(), table(3, 4)),
            ("e".to_owned(), table(5, 6)),
        ]);
        assert_eq!(
            kept.written_since(&now),
            [
                "b: rows were changed",
                "c: 3 rows, 1 before",
                "e: new, 5 rows",
                "d: gone"
            ]
        );
    }
}
