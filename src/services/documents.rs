//! Documents of a search index that are there already: in a snapshot, in another index, or in that
//! index itself. Those that are of the rows as they are now are put into an index, or left there, by the
//! search server's own means, which is many times faster than the application.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::host::interrupt::Interrupt;
use crate::model::sql;
use crate::services::scroll::{Hit, Scroll};
use crate::services::{database, search};

/// How long reading the rows may take.
const READING: Duration = Duration::from_secs(600);

/// How long the search server may take for one request.
const ANSWER: Duration = Duration::from_secs(120);

/// How much is sent at a time, in bytes.
const BATCH: usize = 4 << 20;

/// How many documents are asked for at a time.
const ASKED: usize = 1000;

/// A longer line is no document.
const LONGEST: u64 = 32 << 20;

/// What a version's documents are known by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Their type.
    pub kind: String,
    /// The field with the time of the row's last change, in seconds since 1970.
    pub changed: String,
}

/// A document as a snapshot has it.
#[derive(Debug, Deserialize)]
struct Line {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    source: Value,
}

/// A row that has a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Row {
    uuid: u128,
    changed: i64,
    met: bool,
}

/// The rows that have documents.
#[derive(Debug)]
pub struct Rows {
    by_uuid: Vec<Row>,
}

impl Rows {
    /// Asks for them: `query` gives each one's UUID, and when it was changed.
    ///
    /// # Errors
    /// Exit 1 where they cannot be read, or are none of the kind that is understood here.
    pub fn read(server: &database::Server<'_>, schema: &str, query: &str) -> Result<Self> {
        let statements = format!("USE {};\n{query};\n", sql::identifier(schema));
        Self::parse(&server.query_within(&statements, READING)?)
    }

    fn parse(answer: &str) -> Result<Self> {
        let row = |line: &str| {
            let (uuid, changed) = line.split_once('\t')?;
            Some(Row {
                uuid: number_of(uuid)?,
                changed: changed.parse().ok()?,
                met: false,
            })
        };
        let rows: Option<Vec<Row>> = answer.lines().map(row).collect();
        let odd = |why| Error::failed("the rows have no documents that can be compared").why(why);
        let mut by_uuid = rows.ok_or_else(|| odd("one has no UUID, or no time"))?;
        by_uuid.sort_unstable_by_key(|row| row.uuid);
        match by_uuid.windows(2).any(|two| two[0].uuid == two[1].uuid) {
            true => Err(odd("two have the same UUID")),
            false => Ok(Rows { by_uuid }),
        }
    }

    /// How many they are.
    pub fn count(&self) -> usize {
        self.by_uuid.len()
    }

    /// Those that no document was met of.
    pub fn missing(&self) -> Vec<String> {
        let missing = self.by_uuid.iter().filter(|row| !row.met);
        missing.map(|row| uuid_of(row.uuid)).collect()
    }

    /// Whether a document is of a row as it is now; that row counts as met then.
    fn meets(&mut self, id: &str, changed: Option<i64>) -> bool {
        let found = number_of(id).and_then(|uuid| {
            self.by_uuid
                .binary_search_by_key(&uuid, |row| row.uuid)
                .ok()
        });
        match found.and_then(|at| self.by_uuid.get_mut(at)) {
            Some(row) if Some(row.changed) == changed => {
                row.met = true;
                true
            }
            _ => false,
        }
    }
}

/// The number that a UUID in its usual form stands for.
fn number_of(uuid: &str) -> Option<u128> {
    let number = u128::from_str_radix(&uuid.replace('-', ""), 16).ok()?;
    (uuid_of(number) == uuid).then_some(number)
}

fn uuid_of(number: u128) -> String {
    let digits = format!("{number:032x}");
    let parts = [
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..],
    ];
    parts.join("-")
}

/// Which documents of an index that was filled before can be good still.
#[derive(Debug)]
pub enum Trust {
    /// Those that have the same versions as in the index that they are from.
    Versions(HashMap<u128, u64>),
    /// Those of rows that were changed before this time, in seconds since 1970.
    ChangedBefore(i64),
}

impl Trust {
    /// Those that another index has still as they were taken.
    ///
    /// # Errors
    /// Exit 1 where they cannot be read, or at an interruption.
    pub fn in_versions_of(other: Scroll<'_>, interrupt: &Interrupt) -> Result<Self> {
        let mut versions = HashMap::new();
        other.each(interrupt, |hit| {
            versions.extend(number_of(&hit.id).map(|uuid| (uuid, hit.version)));
            Ok(())
        })?;
        Ok(Trust::Versions(versions))
    }

    fn covers(&self, hit: &Hit, changed: Option<i64>) -> bool {
        match self {
            Trust::Versions(versions) => {
                number_of(&hit.id).is_some_and(|uuid| versions.get(&uuid) == Some(&hit.version))
            }
            Trust::ChangedBefore(time) => changed.is_some_and(|changed| changed < *time),
        }
    }
}

/// An index that is being filled.
pub struct Filler<'a> {
    server: &'a search::Server<'a>,
    index: &'a str,
    shape: &'a Shape,
    batch: String,
    with_versions: bool,
}

impl<'a> Filler<'a> {
    /// Fills an index that is there.
    pub fn new(server: &'a search::Server<'a>, index: &'a str, shape: &'a Shape) -> Self {
        Filler {
            server,
            index,
            shape,
            batch: String::new(),
            with_versions: false,
        }
    }

    /// What comes of another index keeps its version: that tells later whether it was written anew
    /// there. For an empty index only: what was deleted has a version too.
    pub fn with_versions(mut self) -> Self {
        self.with_versions = true;
        self
    }

    /// Takes the documents of a snapshot.
    ///
    /// # Errors
    /// Exit 1 where one cannot be read, the server refuses one, or at an interruption.
    pub fn take_file(mut self, path: &Path, rows: &mut Rows, interrupt: &Interrupt) -> Result<()> {
        let unreadable = |e| Error::io("read", path, &e);
        let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
        let mut line = Vec::new();
        loop {
            line.clear();
            let mut limited = (&mut file).take(LONGEST);
            if limited.read_until(b'\n', &mut line).map_err(unreadable)? == 0 {
                return self.send();
            }
            let document: Line = serde_json::from_slice(&line)
                .map_err(|e| Error::failed("a line of the snapshot is no document").why(e))?;
            if document.kind == self.shape.kind {
                self.take(&document.id, None, &document.source, rows)?;
            }
            interrupt.check("filling the search index was stopped")?;
        }
    }

    /// Takes the documents of another index.
    ///
    /// # Errors
    /// As [`Filler::take_file`].
    pub fn take_index(mut self, from: &str, rows: &mut Rows, interrupt: &Interrupt) -> Result<()> {
        let path = format!(
            "/{from}/{}/_mget?filter_path=docs._id,docs._version,docs._source",
            self.shape.kind
        );
        let wanted = rows.missing();
        for ids in wanted.chunks(ASKED) {
            interrupt.check("filling the search index was stopped")?;
            let body = json!({"ids": ids}).to_string();
            let answer = self.ask(&path, &body, "give documents of", from)?;
            for document in answer
                .get("docs")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                let id = document.get("_id").and_then(Value::as_str);
                let version = document.get("_version").and_then(Value::as_u64);
                if let (Some(id), Some(source)) = (id, document.get("_source")) {
                    self.take(id, version, source, rows)?;
                }
            }
        }
        self.send()
    }

    fn take(
        &mut self,
        id: &str,
        version: Option<u64>,
        source: &Value,
        rows: &mut Rows,
    ) -> Result<()> {
        let changed = source.get(&self.shape.changed).and_then(Value::as_i64);
        if !rows.meets(id, changed) {
            return Ok(());
        }
        let action = match version.filter(|_| self.with_versions) {
            Some(version) => json!({
                "index": {"_id": id, "version": version, "version_type": "external"}
            }),
            None => json!({"index": {"_id": id}}),
        };
        self.push(&format!("{action}\n{source}\n"))
    }

    /// Leaves what can be trusted and is of rows as they are now, and deletes all else that the index
    /// has.
    ///
    /// # Errors
    /// As [`Filler::take_file`].
    pub fn keep(
        mut self,
        there: Scroll<'_>,
        trust: &Trust,
        rows: &mut Rows,
        interrupt: &Interrupt,
    ) -> Result<()> {
        there.each(interrupt, |hit| {
            let changed = hit.source.get(&self.shape.changed).and_then(Value::as_i64);
            let trusted = hit.kind == self.shape.kind && trust.covers(hit, changed);
            if trusted && rows.meets(&hit.id, changed) {
                return Ok(());
            }
            let action = json!({"delete": {"_id": hit.id, "_type": hit.kind}});
            self.push(&format!("{action}\n"))
        })?;
        self.send()
    }

    fn push(&mut self, lines: &str) -> Result<()> {
        self.batch.push_str(lines);
        match self.batch.len() < BATCH {
            true => Ok(()),
            false => self.send(),
        }
    }

    fn send(&mut self) -> Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let path = format!(
            "/{}/{}/_bulk?filter_path=errors,items.*.error",
            self.index, self.shape.kind
        );
        let batch = std::mem::take(&mut self.batch);
        let answer = self.ask(&path, &batch, "take documents into", self.index)?;
        match answer.get("errors").and_then(Value::as_bool) {
            Some(false) => Ok(()),
            _ => Err(Error::failed("the search server refuses documents")
                .why(answer.to_string().chars().take(300).collect::<String>())),
        }
    }

    fn ask(&self, path: &str, body: &str, doing: &str, index: &str) -> Result<Value> {
        let answer = self.server.request("POST", path, Some(body), ANSWER)?;
        match (answer.status, serde_json::from_str(&answer.body)) {
            (200, Ok(value)) => Ok(value),
            _ => Err(search::refusal(doing, index, &answer)),
        }
    }
}

/// Makes what was written to an index visible, and counts it.
///
/// # Errors
/// Exit 1 with what the server says.
pub fn refreshed_count(server: &search::Server<'_>, index: &str) -> Result<u64> {
    server.request("POST", &format!("/{index}/_refresh"), None, ANSWER)?;
    Ok(server.count(index)?.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "0a000000-0000-4000-8000-00000000000a";
    const B: &str = "ff000000-0000-4000-8000-00000000000b";

    #[test]
    fn a_document_counts_where_its_row_was_not_changed_since() {
        let mut rows = Rows::parse(&format!("{B}\t20\n{A}\t10\n")).unwrap();
        assert_eq!(rows.count(), 2);
        for (id, changed) in [(A, Some(9)), (A, None), ("", Some(10)), (&A[1..], Some(10))] {
            assert!(!rows.meets(id, changed), "{id} {changed:?}");
        }
        assert!(!rows.meets(&A.to_uppercase(), Some(10)));
        assert!(rows.meets(A, Some(10)));
        assert_eq!(rows.missing(), [B]);
    }

    #[test]
    fn rows_that_cannot_be_compared_are_none() {
        for odd in ["", "x", "NULL\t1", "1\t2"] {
            let answer = format!("{A}\t1\n{odd}\n");
            assert!(Rows::parse(&answer).is_err(), "{odd:?}");
        }
        assert!(Rows::parse(&format!("{A}\t1\n{A}\t2\n")).is_err());
        assert_eq!(Rows::parse("").unwrap().count(), 0);
    }
}
